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
	"path/filepath"
	"syscall"

	"conch/bench/internal/chart"
	"conch/bench/internal/command"
	"conch/bench/internal/contest"
	"conch/bench/internal/growth"
	"conch/bench/internal/page"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-growth:", err)
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
	var file, charts string
	o, err := command.Parse("bench-growth", args, told, func(flags *flag.FlagSet, _ *command.Options) {
		flags.StringVar(&file, "page", "", "write the page to `FILE` as well as to standard output")
		flags.StringVar(&charts, "charts", "", "write the charts into `FOLDER`, relative to the page")
	})
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	measured, err := o.Measure(ctx, contest.GrowthSubjects(), told)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	page.WriteGrowth(&text, measured, charts)
	if _, err := out.Write(text.Bytes()); err != nil || file == "" {
		return err
	}
	if err := draw(filepath.Join(filepath.Dir(file), charts), growth.Of(measured.Outcome).Charts()); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// draw draws the charts that there is anything for, in all formats.
func draw(folder string, charts []growth.Chart) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, c := range charts {
		if len(c.Series) == 0 {
			continue
		}
		for _, format := range chart.Formats {
			var picture bytes.Buffer
			if err := chart.Write(&picture, format, c); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, c.Name+"."+format), picture.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
