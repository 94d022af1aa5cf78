package main

import (
	"github.com/spf13/cobra"
)

func newLogsShivizCommand() *cobra.Command {
	var lock string
	cmd := &cobra.Command{
		Use:   "shiviz FILE...",
		Short: "Write the logs in a form that ShiViz opens",
		Long: `Writes the logs for ShiViz, a web page that draws message diagrams to click through.
Paste the text there, or open it as a file, unchanged: its first line is the parser
expression. Vector clocks are rebuilt from the messages; each process of a node is a
host of its own.`,
		Example: `  conch logs shiviz node*.log > run.shiviz.log
  conch logs shiviz node*.log --lock cs > cs.shiviz.log`,
		Args:              logFiles,
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			run, err := openLogs(files)
			if err != nil {
				return err
			}
			return run.WriteShiViz(cmd.OutOrStdout(), lock)
		},
	}
	cmd.Flags().StringVar(&lock, "lock", "", "leave out the lines about other locks than `LOCK`")
	return cmd
}
