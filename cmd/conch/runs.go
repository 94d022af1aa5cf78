package main

import (
	"context"

	"github.com/spf13/cobra"

	clientv1 "conch/proto/conch/client/v1"
)

func newRunsCommand() *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "runs NAME [flags]",
		Short: "Show the last runs of a job, as conch once runs it",
		Long: `Shows the last runs under NAME that members remember, at most 50, by their turns: when
and where each began, how long it took, and how it ended. A run that is begun is under
way, or has ended without a word. One that is void was about to begin, and did not. Times
are in UTC, by the clock of the run's node. The last run is the one that counts: no
earlier turn is run any more. Members that did not answer are named on standard error.

Exit codes: 0 a node answered, with runs or without; 69 none could be reached; 80 the
node's rules do not let this caller look; 64 wrong usage, or no member that answered has
a data directory.`,
		Example: `  conch runs nightly
  conch runs nightly --json | jq -r 'select(.exit_code != 0) | .time'`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			answer, err := askOnce(cmd.Context(), node, func(ctx context.Context) (*clientv1.ListRunsResponse, error) {
				return node.ListRuns(ctx, &clientv1.ListRunsRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: args[0]})
			})
			if err != nil {
				return err
			}
			warnMissing(cmd, answer.GetMissing())
			return flags.printer(cmd.OutOrStdout()).Runs(args[0], answer.GetRuns())
		},
	}
	flags.addTo(cmd)
	return cmd
}
