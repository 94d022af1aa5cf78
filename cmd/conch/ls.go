package main

import (
	"github.com/spf13/cobra"

	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

func newLsCommand() *cobra.Command {
	var flags askFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "ls [flags]",
		Short: "List the locks that are held, kept or waited for",
		Long: `Lists the locks that are held or waited for, or that a kept hold bars, by name, a line
each, as they come: how long each has been held, how many wait for it, and the holder's
node. Members that did
not answer are named on standard error; the list lacks what is held or waited for there.

Exit codes: 0 a node answered, 69 none could be reached, 80 the node's rules
do not let this caller look, 64 wrong usage.`,
		Example: `  conch ls
  conch ls --json | jq -r 'select(.waiting > 10) | .lock'`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			printer := flags.printer(cmd.OutOrStdout())
			request := &clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_CLUSTER}
			missing, err := node.eachLock(cmd.Context(), request, func(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
				if render.IsIdle(lock) && !all {
					return nil
				}
				return printer.Listed(lock, missing)
			})
			if err != nil {
				return err
			}
			warnMissing(cmd, missing) // below the list, where it is seen
			return printer.ListEnd(missing)
		},
	}
	flags.addTo(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also those that the members know, but that nobody holds, keeps or waits for")
	return cmd
}
