package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

func newWatchCommand() *cobra.Command {
	var flags askFlags
	var count int
	cmd := &cobra.Command{
		Use:   "watch NAME [flags]",
		Short: "Write a line whenever something about a lock changes",
		Long: `Writes the state of a lock, and then a line at each change: when it was heard of, and
what is new about the holder, the waiters, the token, and the members that do not
answer. It goes on until SIGINT or SIGTERM, or until nobody reads its output. If changes
come faster than they are read, some are left out, but never the last.

Exit codes: 0 a signal came, or as many lines as asked for; 69 no node could be reached,
or the node stopped; 80 the node's rules do not let this caller look; 64 wrong usage.`,
		Example: `  conch watch deploy
  conch watch deploy --json | jq -r 'select(.held | not) | .time'
  conch watch deploy --count 1`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 0 {
				return misuse(cmd, "--count: got %d, want 1 or more, or 0 for no end", count)
			}
			return untilInterrupted(cmd, func() error { return runWatch(cmd, &flags, args[0], count) })
		},
	}
	flags.addTo(cmd)
	cmd.Flags().IntVar(&count, "count", 0, "end after `N` lines; 0 is never")
	return cmd
}

// untilInterrupted runs f, which writes until its command's context ends, until a signal
// comes or its output has no reader.
func untilInterrupted(cmd *cobra.Command, f func() error) error {
	// Repeated signals, as timeout(1) sends them, mean the same.
	ctx, _ := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	cmd.SetContext(ctx)
	go endUnread(cmd.OutOrStdout())
	ended := make(chan error, 1)
	// After a signal it is not waited for: nobody may read what it writes.
	go func() { ended <- f() }()
	select {
	case err := <-ended:
		if ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
	}
	return nil
}

// runWatch asks a node, and prints the changes of a lock.
func runWatch(cmd *cobra.Command, flags *askFlags, name string, count int) error {
	node, err := flags.ask(cmd)
	if err != nil {
		return err
	}
	defer node.close()
	return node.watch(cmd.Context(), name, count, flags.printer(cmd.OutOrStdout()))
}

// watch prints the changes of a lock until ctx ends, or until it has printed count of them,
// if count is not 0.
func (a *asked) watch(ctx context.Context, name string, count int, printer render.Printer) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stream, err := a.Watch(ctx, &clientv1.WatchRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: name})
	if err != nil {
		return a.failure(ctx, err)
	}
	var watch render.Watch
	message, err := within(end, stream.Recv)
	for printed := 0; ; message, err = stream.Recv() { // no change, no message: silence is no fault
		if errors.Is(err, io.EOF) {
			return a.exit(exitUnreachable, errors.New("it ended the watch"))
		}
		if err != nil {
			return a.failure(ctx, err)
		}
		change := watch.Next(message)
		if change == nil {
			continue
		}
		if err := printer.Changed(time.Now(), change); err != nil {
			return err
		}
		if printed++; printed == count {
			return nil
		}
	}
}
