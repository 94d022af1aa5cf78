package main

import (
	"context"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/internal/client"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

func newBreakCommand() *cobra.Command {
	var flags askFlags
	var fence uint64
	var reason, host string
	var pid int64
	cmd := &cobra.Command{
		Use:   "break NAME --fence F --reason TEXT [flags]",
		Short: "Take a lock from whoever holds it",
		Long: `Takes a lock from its holder, at once and without asking back, if its fence is still the
given one. The holder is told the reason; the next waiter gets the lock when the holder
has released it or its lease is over, not before. The node's log keeps the reason and
who broke the lock.

A kept hold (conch lock --on-death keep) that nobody alive has is freed: the next waiter
gets the lock. One that somebody has is broken as above; it is kept then, unless the
holder releases it in time.

Those who share a lock may have the same fence. All of them lose it, unless --pid and
--host name one; others who share it under another fence do not.

Exit codes: 0 the holders have been told, or the kept hold is over; 4 nobody holds the
lock, and no hold is kept; 5 nothing was done, since neither a holder nor the kept hold
has the fence F, or no holder with it is the process; 69 no node could be reached, or the
holder's did not answer, or no majority is known to have noted that the kept hold is over;
80 the node's rules do not let this caller break it; 64 wrong usage.`,
		Example: `  conch who deploy
  conch break deploy --fence 17179869185 --reason 'the job hangs'
  conch break config --fence 17179869185 --pid 4711 --host web1 --reason 'it only reads'`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case fence == 0:
				return misuse(cmd, "--fence: want the fence of the hold that is to end; 'conch who NAME' shows it")
			case reason == "" || !utf8.ValidString(reason):
				return misuse(cmd, "--reason: got %d bytes, %.40q, want why the hold is to end, in UTF-8", len(reason), reason)
			case (pid != 0) != (host != ""):
				return misuse(cmd, "--pid and --host name a process together; give both or neither")
			case pid < 0:
				return misuse(cmd, "--pid: got %d, want the number of a process, as 'conch who NAME' shows it", pid)
			}
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			answer, err := askOnce(cmd.Context(), node, func(ctx context.Context) (*clientv1.BreakResponse, error) {
				return node.Break(ctx, &clientv1.BreakRequest{
					Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: args[0], Fence: fence, Pid: pid, Host: host,
					Reason: reason, Caller: client.Describe("conch break"),
				})
			})
			if err != nil {
				return err
			}
			if kept := answer.GetFreed(); kept != nil {
				return flags.printer(cmd.OutOrStdout()).Freed(args[0], kept)
			}
			return flags.printer(cmd.OutOrStdout()).Broken(args[0], render.BrokenHolders(answer))
		},
	}
	breaking := pflag.NewFlagSet("", pflag.ContinueOnError)
	breaking.Uint64Var(&fence, "fence", 0, "only if the holder's fence is `F`")
	breaking.Int64Var(&pid, "pid", 0, "of those with that fence, only the process `P`")
	breaking.StringVar(&host, "host", "", "on the machine `H`")
	breaking.StringVar(&reason, "reason", "", "why, in a `TEXT` for the holder and for the log")
	addGroup(cmd, "Breaking", breaking)
	flags.addTo(cmd)
	return cmd
}
