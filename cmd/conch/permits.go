package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/internal/client"
	clientv1 "conch/proto/conch/client/v1"
)

func newPermitsCommand() *cobra.Command {
	var flags askFlags
	var permits int
	cmd := &cobra.Command{
		Use:   "permits NAME [flags]",
		Short: "Show, or change, how many may hold a lock at once",
		Long: `Shows a lock's limit, which the first conch lock --permits or --shared says, through
which node it was said, and who holds the lock. Members that did not answer are named on
standard error. The limit is forgotten with the lock, two hours after its last use.

With --set it changes the number of permits. A higher number counts at once. A lower one
waits for its turn in the queue, as one who wants the lock would, and counts as permits
come back: nobody loses one. Whoever asks with another --permits from then on is told.

Exit codes: 0 a node answered, or the limit is changed; 69 no node could be reached; 80
the node's rules do not let this caller look, or lock, which --set needs; 64 wrong usage,
or readers share the lock.`,
		Example: `  conch permits gpu
  conch permits gpu --set 8
  conch permits gpu --json | jq '.limit - .holding'`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			sets := cmd.Flags().Changed("set")
			if sets {
				if err := checkPermits(cmd, "set", permits); err != nil {
					return err
				}
			}
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			if sets {
				return setLimit(cmd, &flags, node, args[0], uint32(permits)) //nolint:gosec // checked above
			}
			lock, missing, err := node.lock(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			warnMissing(cmd, missing)
			return flags.printer(cmd.OutOrStdout()).Permits(lock, missing)
		},
	}
	changing := pflag.NewFlagSet("", pflag.ContinueOnError)
	changing.IntVar(&permits, "set", 0, "change the limit to `M` permits: 1 to 65535")
	addGroup(cmd, "Changing", changing)
	flags.addTo(cmd)
	return cmd
}

// setLimit changes a lock's limit when its turn comes. A signal ends the wait.
func setLimit(cmd *cobra.Command, flags *askFlags, node *asked, lock string, limit uint32) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	request := &clientv1.SetLimitRequest{Lock: lock, Limit: limit, Caller: client.Describe("conch permits")}
	if _, err := node.SetLimit(ctx, request); err != nil {
		return node.failure(ctx, err)
	}
	return flags.printer(cmd.OutOrStdout()).LimitSet(lock, limit)
}
