package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/internal/client"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// drainFlags are the flags of conch drain.
type drainFlags struct {
	ask  askFlags
	wait time.Duration
	undo bool
}

func newDrainCommand() *cobra.Command {
	var flags drainFlags
	cmd := &cobra.Command{
		Use:   "drain [flags]",
		Short: "Have a node take no more requests, and wait for its holders",
		Long: `Drains one node, for example before it is stopped: the node takes no more requests, and
those who wait there move to other nodes. Those who hold a lock go on; this command
shows who they are, at first and after each change, until all are done. The node stays
drained until it stops or --undo is used, even if this command ends earlier. A node that
is stopped (SIGTERM) drains by itself; see conch node --drain.

The node is the one that --node or $CONCH_NODE names, or this user's only node here.
Users of the node's socket may drain it, so run this on the node's machine. Over TCP
the node's rules (conch node --allow) have to grant "operate *" to the caller.

Exit codes: 0 nobody holds a lock at the node any more; 75 --wait is over and somebody
does; 69 the node could not be reached, or stopped before all were done; 80 the node's
rules do not let this caller operate it; 64 wrong usage; 1 the drain was undone meanwhile.`,
		Example: `  conch drain
  conch drain --node unix:/run/conch/node.sock
  conch drain --wait 10m && systemctl stop conch
  conch drain --undo`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.run(cmd)
		},
	}
	draining := pflag.NewFlagSet("", pflag.ContinueOnError)
	draining.DurationVar(&flags.wait, "wait", 0, "wait at most `TIME` for holders; 0s only shows who they are (default: until all are done)")
	draining.BoolVar(&flags.undo, "undo", false, "make the node take requests again")
	addGroup(cmd, "Draining", draining)
	flags.ask.addTo(cmd)
	return cmd
}

// run drains a node or undoes a drain.
func (f *drainFlags) run(cmd *cobra.Command) error {
	bounded := cmd.Flags().Changed("wait")
	switch {
	case f.wait < 0:
		return misuse(cmd, "--wait: got %v, want 0s or more", f.wait)
	case f.undo && bounded:
		return misuse(cmd, "--undo does not wait; leave --wait out")
	}
	if nodes, err := client.Find(f.ask.nodes); err == nil && len(nodes.Targets) > 1 {
		return misuse(cmd, "got %d nodes, want the one that is to be drained: name it by --node", len(nodes.Targets))
	}
	node, err := f.ask.ask(cmd)
	if err != nil {
		return err
	}
	defer node.close()
	ctx, end := context.WithCancelCause(cmd.Context())
	defer end(nil)
	stream, err := node.Drain(ctx, &clientv1.DrainRequest{Undo: f.undo, Caller: client.Describe("conch drain")})
	if err != nil {
		return node.failure(ctx, err)
	}
	// The first answer is owed; later ones come when holders are done.
	last, err := within(end, stream.Recv)
	if err != nil {
		return node.failure(ctx, err)
	}
	printer := f.ask.printer(cmd.OutOrStdout())
	if err := printer.Drained(last); err != nil || f.undo || last.GetHolds() == 0 {
		return err
	}
	if bounded {
		timer := time.AfterFunc(f.wait, func() { end(errDrainWaitOver) })
		defer timer.Stop()
	}
	for last.GetHolds() > 0 {
		next, err := stream.Recv()
		switch {
		case errors.Is(context.Cause(ctx), errDrainWaitOver):
			return &exitError{exitNotAcquired, fmt.Errorf("--wait %v is over, and locks are still held by %s; the node stays drained (--undo makes it take requests again)", f.wait, holders(last))}
		case errors.Is(err, io.EOF):
			return node.exit(exitUnreachable, errors.New("it ended its answer before all were done"))
		case err != nil:
			return node.failure(ctx, err)
		}
		if !sameHolds(last, next) {
			if err := printer.Drained(next); err != nil {
				return err
			}
		}
		last = next
	}
	return nil
}

// errDrainWaitOver is the cause of a context that ended with --wait.
var errDrainWaitOver = errors.New("--wait is over")

// holders names the holders of locks, in a few words.
func holders(d *clientv1.DrainResponse) string {
	if d.GetHolds() != 1 || len(d.GetHeld()) != 1 {
		return fmt.Sprintf("%d holders", d.GetHolds())
	}
	h := d.GetHeld()[0]
	return fmt.Sprintf("%s (%s)", render.Describe(h.GetHolder().GetClient()), render.Plain(h.GetLock()))
}

// sameHolds reports whether two answers name the same holds.
func sameHolds(a, b *clientv1.DrainResponse) bool {
	return a.GetHolds() == b.GetHolds() && slices.EqualFunc(a.GetHeld(), b.GetHeld(), func(a, b *clientv1.HeldLock) bool {
		return a.GetLock() == b.GetLock() && a.GetHolder().GetFence() == b.GetHolder().GetFence()
	})
}
