package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"conch/internal/lab"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "runlab: got", len(os.Args)-1, "arguments, want one: the lab's file, such as docs/labs/lab-1.txt (run it in the checkout's folder)")
		os.Exit(64)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "runlab:", err)
		stop()
		os.Exit(1)
	}
	stop()
}

func run(ctx context.Context, file string) error {
	sheet, err := lab.Read(file)
	if err != nil {
		return err
	}
	dir := filepath.Join("bin", strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	return sheet.Run(ctx, lab.Config{Root: ".", Program: filepath.Join("bin", "conch"), Dir: dir, Out: os.Stdout})
}
