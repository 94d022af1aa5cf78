package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

func newLeaderCommand() *cobra.Command {
	var flags askFlags
	var watch bool
	cmd := &cobra.Command{
		Use:   "leader NAME [flags]",
		Short: "Show who leads, as conch elect decides",
		Long: `Shows who leads under NAME, as the node that is asked has heard: the value that the
leader says, its term, and the node at which it leads. With --watch it writes that, and
then a line at each change, until SIGINT or SIGTERM, or until nobody reads its output; when
its node is gone, frozen or cut off, it goes on at the next. If changes come faster than
they are read, some are left out, but never the last. Terms never go back.

The leader may lead no more by the time that you read this. It is in doubt when nothing
was heard of its node for a session's time to live, or with --watch of the node that is
asked; then another may lead already.

Exit codes: 0 somebody leads, in doubt or not, or with --watch a signal came; 1 nobody
does; 69 no node could be reached; 80 the node's rules do not let this caller look; 64
wrong usage.`,
		Example: `  conch leader scheduler
  conch leader scheduler --json | jq -r .value
  conch leader scheduler --watch --json | jq -r 'select(.term != null) | .value'`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if watch {
				return untilInterrupted(cmd, func() error { return watchLeader(cmd, &flags, args[0]) })
			}
			return showLeader(cmd, &flags, args[0])
		},
	}
	flags.addTo(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "write a line whenever that changes")
	return cmd
}

// showLeader shows who leads now.
func showLeader(cmd *cobra.Command, flags *askFlags, name string) error {
	locks, err := flags.dial(cmd)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(cmd.Context())
	leader, err := within(end, func() (conch.Leader, error) { return locks.Leader(ctx, name) })
	end(nil)
	switch {
	case errors.Is(err, conch.ErrNoLeader):
		if err = flags.printer(cmd.OutOrStdout()).Leader(name, nil); err == nil {
			err = &exitError{code: exitFailure, err: errSaid}
		}
	case err != nil:
		err = lookFailure(locks, err)
	default:
		err = flags.printer(cmd.OutOrStdout()).Leader(name, asLeader(leader))
	}
	_ = locks.Close() // it held nothing
	return err
}

// watchLeader shows who leads, and each change.
func watchLeader(cmd *cobra.Command, flags *askFlags, name string) error {
	locks, err := flags.dial(cmd)
	if err != nil {
		return err
	}
	defer locks.Close()
	ctx, end := context.WithCancelCause(cmd.Context())
	defer end(nil)
	observed, err := within(end, func() (<-chan conch.Leader, error) { return locks.Observe(ctx, name) })
	if err != nil {
		return lookFailure(locks, err)
	}
	printer := flags.printer(cmd.OutOrStdout())
	for l := range observed { // until the context ends
		if err := printer.LeaderChanged(time.Now(), name, asLeader(l)); err != nil {
			return err
		}
	}
	return nil
}

// dial connects with a node for as long as the command runs.
func (f *askFlags) dial(cmd *cobra.Command) (*conch.Client, error) {
	nodes, err := f.find(cmd)
	if err != nil {
		return nil, err
	}
	f.tls.fromEnvironment()
	if err := f.tls.check(cmd); err != nil {
		return nil, err
	}
	locks, err := conch.Dial(cmd.Context(), conch.DialConfig{Nodes: f.nodes, Command: cmd.CommandPath(), TLS: f.tls.TLSFiles})
	if err != nil {
		return nil, lookFailure(nil, err)
	}
	cautionGuess(cmd, nodes)
	return locks, nil
}

// lookFailure gives an error of a client that looks, and locks nothing, its exit code. A
// client that could not be dialled is nil.
func lookFailure(locks *conch.Client, err error) error {
	switch {
	case errors.Is(err, conch.ErrForbidden):
		return &exitError{code: exitForbidden, err: err}
	case errors.Is(err, errSilent):
		return &exitError{code: exitUnreachable, err: fmt.Errorf("the node at %s: %w", locks.Node(), err)}
	case errors.Is(err, conch.ErrUnreachable), errors.Is(err, conch.ErrStopped):
		return &exitError{code: exitUnreachable, err: err}
	}
	return err
}

// asLeader is a leader as nodes tell of it; nil if nobody leads.
func asLeader(l conch.Leader) *clientv1.Leader {
	if l.Term == 0 {
		return nil
	}
	return &clientv1.Leader{Member: l.Node, Fence: l.Term, Value: l.Value, InDoubt: l.InDoubt}
}
