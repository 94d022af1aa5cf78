package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"conch/logs"
)

func newLogsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Merge, check and explain the logs of nodes",
		Long: `These commands put the logs of the nodes, one file each, together by what caused what: a
line comes after its node's earlier lines, and a receipt after its sending. The nodes'
clocks need not agree. Stop the nodes before you collect their files, and give the files
of all members; "-" is standard input. Nodes write these lines with --evidence, which
--auto-request implies.

Files may be compressed by gzip, and may be what docker, kubectl or journalctl give.
docs/LOGFORMAT.md says what another implementation has to log to be judged here.`,
		Example: `  conch logs check node1.log node2.log node3.log
  conch logs explain node*.log --lock cs --fence 17`,
	}
	cmd.AddCommand(newLogsMergeCommand(), newLogsCheckCommand(), newLogsExplainCommand(),
		newLogsDrawCommand(), newLogsShivizCommand())
	return cmd
}

func newLogsMergeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "merge FILE...",
		Short: "Write the lines of all nodes in one causal order",
		Long: `Writes the lines of all nodes, as they are, in one order that agrees with causality.
Where causality leaves a choice, the earlier time goes first. Standard error says what
is wrong with the files.`,
		Example: `  conch logs merge node*.log > merged.log
  conch logs merge node*.log | grep '"lock":"cs"'`,
		Args:              logFiles,
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			run, err := openLogs(files)
			if err != nil {
				return err
			}
			if err := writeMerged(cmd.OutOrStdout(), run); err != nil {
				return err
			}
			for _, finding := range run.Findings {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s\n", finding)
			}
			return nil
		},
	}
}

func writeMerged(w io.Writer, run *logs.Run) error {
	out := bufio.NewWriter(w)
	for _, e := range run.Merge() {
		if _, err := out.Write(e.Raw); err != nil {
			return err
		}
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	return out.Flush()
}

func newLogsCheckCommand() *cobra.Command {
	var asJSON bool
	var witness string
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Tell whether the logs show what was promised",
		Long: `Judges from the logs that several nodes entered, that only one was in the critical
section at a time, or only those who share the lock and no more than it has permits, that
there was one token, that fences rose, that every request was granted and how many others
went ahead of it, and what each entry cost in messages.

The exit code is 0 if the logs show all of it, 1 if they show a violation, with the
lines that do, and 3 if they do not suffice: a member's file was not given or is cut, or
was edited, or is of another run, or its node ran without --evidence. It is 64 if a file
that is named does not exist.

Put the parts of a rotated log together first, oldest first:
zcat -f node1.log.2.gz node1.log.1 node1.log > whole.log`,
		Example: `  conch logs check node*.log
  conch logs check node*.log --cs-file cs.txt
  conch logs check node*.log --json | jq .verdict`,
		Args:              logFiles,
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			report, err := judgeLogs(files, witness)
			if err != nil {
				return err
			}
			write := report.WriteTable
			if asJSON {
				write = report.WriteJSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			return verdictError(report.Verdict())
		},
	}
	cmd.Flags().StringVar(&witness, "cs-file", "", "also judge the `FILE` that the nodes' critical sections shared (conch node --cs-file)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON, for scripts")
	return cmd
}

// judgeLogs judges the logs and, if there is one, the witness file.
func judgeLogs(files []string, witness string) (*logs.Report, error) {
	run, err := openLogs(files)
	if err != nil {
		return nil, err
	}
	report := logs.Check(run)
	if witness == "" {
		return report, nil
	}
	in, err := os.Open(witness)
	if err != nil {
		return nil, unread(fmt.Errorf("--cs-file: %w", err))
	}
	defer in.Close()
	if err := report.CheckCriticalSectionFile(run, witness, in); err != nil {
		return nil, insufficient(fmt.Errorf("--cs-file: %w", err))
	}
	return report, nil
}

// verdictError is the error that ends the program for a verdict.
func verdictError(verdict logs.Verdict) error {
	switch verdict {
	case logs.Violated:
		return &exitError{code: exitFailure, err: errors.New("the logs show a violation, see above")}
	case logs.Insufficient:
		return insufficient(errors.New("the logs do not suffice for a verdict, see above"))
	}
	return nil
}

func insufficient(err error) error { return &exitError{code: exitInsufficient, err: err} }

func newLogsExplainCommand() *cobra.Command {
	var lock string
	var fence, membership uint64
	var full bool
	cmd := &cobra.Command{
		Use:   "explain FILE...",
		Short: "Tell, message by message, how a node got the lock, or how the members changed",
		Long: `Tells the messages that led to one entry, step by step in causal order, each with the
log lines that show it and the values of RN, LN and Q. If the token was lost on the way,
the story tells how it was made anew.

A terminal gets a short form, of one line a step; --full gives the whole.

Without --fence, the story is of an entry for which the node had to ask, and others went
first. With --membership, it is of a change of the members: how the list was chosen, who
went over to it when, and when it was complete.`,
		Example: `  conch logs explain node*.log
  conch logs explain node*.log --lock cs --fence 17
  conch logs explain node*.log --membership 2`,
		Args:              logFiles,
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			if f := cmd.Flags(); f.Changed("membership") && (f.Changed("fence") || f.Changed("lock")) {
				return misuse(cmd, "--membership tells of the members, and --lock and --fence of an entry: give one or the other")
			}
			run, err := openLogs(files)
			if err != nil {
				return err
			}
			tell := logs.Explain
			if isTerminal(cmd.OutOrStdout()) && !full {
				tell = logs.Brief
			}
			if cmd.Flags().Changed("membership") {
				change := logs.ExplainChange
				if isTerminal(cmd.OutOrStdout()) && !full {
					change = logs.BriefChange
				}
				err = change(run, membership, cmd.OutOrStdout())
			} else {
				err = tell(run, lock, fence, cmd.OutOrStdout())
			}
			if errors.Is(err, logs.ErrNoEntry) || errors.Is(err, logs.ErrNoChange) {
				return insufficient(err)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&lock, "lock", "", "explain this `LOCK` (default: any)")
	cmd.Flags().BoolVar(&full, "full", false, "tell it in sentences, with the lines of the logs, also at a terminal")
	cmd.Flags().Uint64Var(&fence, "fence", 0, "explain the entry with this `FENCE` (default: one that shows much)")
	cmd.Flags().Uint64Var(&membership, "membership", 0, "explain how the members changed to membership `N` (0: the first change)")
	return cmd
}

// unread is the error for unreadable logs: they are missing evidence; but the name of a file
// that does not exist is a usage error.
func unread(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usageError(err)
	}
	return insufficient(err)
}

// openLogs opens log files.
func openLogs(files []string) (*logs.Run, error) {
	run, err := logs.Open(files...)
	if err != nil {
		return nil, unread(err)
	}
	return run, nil
}

// logFiles requires at least one file.
func logFiles(cmd *cobra.Command, files []string) error {
	if len(files) == 0 {
		return errors.New("want the log files of the nodes, one or more")
	}
	return nil
}

// completeLogFiles completes any file: logs have no particular name.
func completeLogFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
