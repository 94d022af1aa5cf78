package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"conch"
	"conch/internal/loadgen"
)

// runBench measures nodes of its own, or nodes that already run.
func runBench(cmd *cobra.Command, flags *benchFlags, plan loadgen.Plan) error {
	if !flags.drives() {
		return benchOwn(cmd, flags, plan)
	}
	ctx, stop := untilSignal(cmd.Context(), func() {})
	defer stop()
	nodes, err := reachRunning(ctx, cmd, flags)
	if err == nil {
		err = flags.choose(cmd, &plan, len(nodes.nodes))
	}
	if err == nil {
		err = nodes.bench(ctx, cmd, flags, plan)
	}
	return benchFailure(ctx, firstOf(err, nodes.close()))
}

// benchOwn starts nodes, measures them, and leaves nothing behind.
func benchOwn(cmd *cobra.Command, flags *benchFlags, plan loadgen.Plan) (err error) {
	if err := flags.choose(cmd, &plan, flags.start); err != nil {
		return err
	}
	own, dir, err := newOwnNodes(flags)
	if err != nil {
		return err
	}
	abandon := func() error { return errors.Join(own.Kill(), os.RemoveAll(dir)) }
	ctx, stop := untilSignal(cmd.Context(), func() { _ = abandon() }) // nobody is left to be told
	defer stop()
	defer func() { err = firstOf(benchFailure(ctx, err), abandon()) }()
	defer showProgress(cmd.ErrOrStderr(), "")
	showProgress(cmd.ErrOrStderr(), "the nodes start")
	if err := own.Start(ctx); err != nil {
		return err
	}
	nodes, err := reachOwn(ctx, cmd, own)
	if err == nil {
		err = nodes.bench(ctx, cmd, flags, plan)
	}
	err = firstOf(err, nodes.close())
	// If a node is gone, this tells what became of it.
	return errors.Join(err, own.Stop(context.WithoutCancel(ctx)))
}

// firstOf returns the first error: the cause tells more than its consequences.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// bench drives the nodes by clients and shows the results.
func (b *benchNodes) bench(ctx context.Context, cmd *cobra.Command, flags *benchFlags, plan loadgen.Plan) error {
	told := cmd.ErrOrStderr()
	report := &loadgen.Report{
		Version: readBuild().Version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(),
		Nodes: b.Nodes, Clients: flags.clients, Plan: plan, Unmetered: b.unmetered,
	}
	failed := b.watched(ctx, func(ctx context.Context) (err error) {
		if err := b.dial(ctx, flags.clients); err != nil {
			return err
		}
		report.Results, err = loadgen.Run(ctx, plan, b.clients, b.meter, func(text string) { showProgress(told, text) })
		return err
	})
	showProgress(told, "")
	if failed != nil {
		report.Incomplete = strings.ReplaceAll(failed.Error(), "\n", "; ")
	}
	write := report.WriteText
	if flags.asJSON {
		write = report.WriteJSON
	}
	if flags.asJSON || report.Judged() > 0 {
		if err := write(cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	return failed
}

// benchFailure gives a failure its exit code.
func benchFailure(ctx context.Context, err error) error {
	var signal *interruption
	var known *exitError
	switch {
	case err == nil, errors.Is(err, loadgen.ErrOverlap), errors.Is(err, loadgen.ErrFence):
		return err // whatever came after
	case errors.As(context.Cause(ctx), &signal):
		return &exitError{code: signalExit + int(signal.number), err: errInterrupted}
	case errors.As(err, &known):
		return err
	case errors.Is(err, loadgen.ErrInUse):
		return &exitError{code: exitNotAcquired, err: fmt.Errorf("%w; name another by --lock, or wait until it is free", err)}
	case errors.Is(err, errGone), errors.Is(err, conch.ErrUnreachable), errors.Is(err, conch.ErrNoSession), errors.Is(err, loadgen.ErrMetrics):
		return &exitError{code: exitUnreachable, err: err}
	}
	return err
}

// showProgress shows what is being done, in a line that changes; an empty text removes it.
// Without a terminal it shows nothing.
func showProgress(out io.Writer, text string) {
	if isTerminal(out) {
		fmt.Fprintf(out, "\r\x1b[K%s", text)
	}
}
