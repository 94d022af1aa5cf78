package main

import (
	"github.com/spf13/cobra"
)

func newWhoCommand() *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "who NAME [flags]",
		Short: "Show who holds a lock",
		Long: `Shows who holds a lock: the client and its command, since when, through which node, and
with which fence; or the kept hold that nobody alive has. Members that did not answer are
named on standard error.

Exit codes: 0 someone holds it, or a hold is kept; 4 nobody does; 3 unknown: nobody of those who answered
holds it, and some did not answer; 69 no node could be reached; 80 the node's rules do
not let this caller look; 64 wrong usage.`,
		Example: `  conch who deploy
  conch who deploy --json | jq -r .holder.fence
  conch who deploy >/dev/null; test $? -eq 4 && echo free`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			lock, missing, err := node.lock(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			warnMissing(cmd, missing)
			if err := flags.printer(cmd.OutOrStdout()).Who(lock, missing); err != nil {
				return err
			}
			switch {
			case lock.GetHolder() != nil, lock.GetKept() != nil:
				return nil
			case len(missing) > 0:
				return &exitError{code: exitInsufficient, err: errSaid}
			default:
				return &exitError{code: exitNotHeld, err: errSaid}
			}
		},
	}
	flags.addTo(cmd)
	return cmd
}

func newWhyCommand() *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "why NAME [flags]",
		Short: "Explain what those who wait for a lock wait for",
		Long: `Explains what waiters wait for: who holds the lock, who is ahead, whether the token is
on its way or missing, which members have no session or do not answer. It shows the
first of the queue; AHEAD is how many are served before each, including the holder.
Members that did not answer are also named on standard error.

Exit codes: 0 a node answered, 69 none could be reached, 80 the node's rules
do not let this caller look, 64 wrong usage.`,
		Example: `  conch why deploy
  conch why deploy --json | jq -r '.obstacles[].kind'`,
		Args:              lockArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			lock, missing, err := node.lock(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			warnMissing(cmd, missing)
			return flags.printer(cmd.OutOrStdout()).Why(lock, missing)
		},
	}
	flags.addTo(cmd)
	return cmd
}
