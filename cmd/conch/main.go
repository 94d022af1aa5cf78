package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run executes the command line and returns the exit code.
func run(args []string) int {
	root := newRootCommand()
	root.SetArgs(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		plainFlags(root)
	}
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return 0
	}
	if !errors.Is(err, errSaid) {
		// One line, whatever the error contains.
		text := strings.ReplaceAll(strings.TrimSpace(toldLast(err.Error())), "\n", "; ")
		fmt.Fprintf(os.Stderr, "conch: %s\n", text)
	}
	return exitCode(err)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "conch",
		Short: "A distributed lock without a server",
		Long: `conch is a distributed lock without a server. A few equal nodes pass a token around,
by Suzuki and Kasami's algorithm; whoever has it may enter the critical section.
Nodes can log every message, and conch judges and explains their logs.`,
		Example: `  conch demo                        three nodes on this machine, judged by their logs
  conch node --listen 127.0.0.1:7401 --peers 127.0.0.1:7402,127.0.0.1:7403 --auto-request
  conch logs check *.log            do these logs show what was promised?`,
		Version:       readBuild().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("conch {{.Version}}\n")
	root.AddCommand(newNodeCommand(), newDemoCommand(), newLogsCommand(), newReportCommand(), newVersionCommand(), newManCommand())
	root.AddCommand(newStatusCommand(), newWhoCommand(), newWhyCommand(), newLeaderCommand(), newWatchCommand(), newLsCommand(), newRunsCommand(), newPermitsCommand(), newBreakCommand(), newDrainCommand(), newMembersCommand())
	root.AddCommand(newLockCommand(), newOnceCommand(), newElectCommand(), newFenceCommand(), newCertCommand(), newBenchCommand())
	finishUsage(root)
	return root
}
