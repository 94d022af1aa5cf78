package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"conch/bench/internal/command"
	"conch/bench/internal/contest"
	"conch/bench/internal/page"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

// run does what the arguments say: a role in a measurement, or the whole of it.
func run(args []string, out, told io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if played, err := command.Play(ctx, args, out); played {
		return err
	}
	var file string
	o, err := command.Parse("bench-peers", args, told, func(flags *flag.FlagSet, o *command.Options) {
		flags.StringVar(&o.Conch, "conch", "bin/conch", "the conch `PROGRAM`")
		flags.StringVar(&file, "page", "", "write the page to `FILE` as well as to standard output")
	})
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	measured, err := o.Measure(ctx, contest.Subjects(), told)
	if err != nil {
		return err
	}
	measured.Facts = append(measured.Facts, page.Peers(ctx)...)
	var text bytes.Buffer
	page.Write(&text, measured)
	if _, err := out.Write(text.Bytes()); err != nil || file == "" {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}
