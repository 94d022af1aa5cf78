package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch"
	"conch/broadcast"
	"conch/internal/client"
)

// electionFlags are the flags that conch elect has and conch lock has not.
type electionFlags struct {
	value string
	again bool
}

func newElectCommand() *cobra.Command {
	var election electionFlags
	flags := lockFlags{exits: usualLockExits, election: &election}
	cmd := &cobra.Command{
		Use:   "elect [flags] NAME -- COMMAND [ARGS...]",
		Short: "Run a command while this process leads",
		Long: `Waits until nobody else leads under NAME, tells all members who leads now, and runs a
command for as long as it leads. conch leader NAME shows who does, to anybody who may look.

To lead is to hold the lock NAME alone and to say a value. So all that conch lock does
goes for conch elect too: signals, what becomes of the command when the lock is lost, and
what it finds in its environment; CONCH_FENCE is the term. See conch lock --help.

When the command ends by itself, conch elect ends with the command's exit code, and
somebody else is elected. When leadership is lost, it ends with 76; with --again it waits
for the next election, also while no node can be reached, and starts the command anew.
Then --wait bounds the wait for each election, and a signal ends it all.

A leader that is frozen or cut off may not know yet that another one leads. What it does
must be fenced by its term: see conch fence.

Exit codes: the command's own, or 128+n if signal n ended it, also while it waited, and
   64  wrong usage, too long a value included; or a command around this one holds the lock
   69  no node could be reached, or all drain
   75  not elected: --wait is over, or with --try somebody else leads
   76  leadership is lost, or so nearly that the command was told to end
   77  instead of 75: the node reaches no quorum of the members
   80  the node's rules do not let this caller have the lock
  126  the command cannot be run
  127  there is no such command`,
		Example: `  conch elect scheduler --value http://10.0.0.7:8080 -- ./scheduler --port 8080
  conch elect --again scheduler -- sh -c 'exec ./scheduler --term "$CONCH_FENCE"'
  conch elect --try nightly -- ./backup || test $? -eq 75   # somebody else does it
  conch leader scheduler`,
		Args: cobra.ArbitraryArgs, // checked as those of conch lock are
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("value") {
				election.value = defaultValue()
			}
			return runLock(cmd, &flags, args)
		},
		ValidArgsFunction: completeLocked,
	}
	asking := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.addNode(asking)
	flags.addWait(asking)
	addGroup(cmd, "Asking", asking)
	leading := flags.holding()
	leading.StringVar(&election.value, "value", "", fmt.Sprintf("the `TEXT` that conch leader shows: at most %d bytes (default: this machine's name and this process's number)", conch.MaxValueBytes))
	leading.BoolVar(&election.again, "again", false, "when leadership is lost, wait for the next election and start the command anew")
	addGroup(cmd, "Leading", leading)
	flags.addRest(cmd)
	return cmd
}

// defaultValue names this process among those of all machines.
func defaultValue() string {
	self := client.Describe("")
	return fmt.Sprintf("%s/%d", self.GetHost(), self.GetPid())
}

// checkElection refuses what conch lock allows, and nonsensical values, with a usage error.
func (f *lockFlags) checkElection(cmd *cobra.Command, want lockWanted) error {
	if len(want.command) == 0 {
		return misuse(cmd, "want a command after --; a leader leads for as long as it runs")
	}
	if err := broadcast.CheckValue(f.election.value); err != nil {
		return misuse(cmd, "--value: %w", err)
	}
	switch {
	case f.election.again && f.try:
		return misuse(cmd, "--again waits for the next election; leave --try out, or --again")
	case f.election.again && f.onLost != "kill":
		return misuse(cmd, "--again starts the command anew when leadership is lost, so the one before must have ended; leave --on-lost %s out, or --again", f.onLost)
	}
	return nil
}

// lead tells all members that this process leads, if that is wanted.
func (l *locking) lead(ctx context.Context, hold conch.Hold) error {
	if l.flags.election == nil {
		return nil
	}
	if err := hold.Say(ctx, l.flags.election.value); err != nil {
		return err
	}
	l.led = true
	return nil
}

// campaignsAgain reports whether the command is to be started anew at the next election:
// leadership was lost, and nobody asked the command to end.
func (l *locking) campaignsAgain() bool {
	return l.flags.election != nil && l.flags.election.again && l.end.isLoss && !l.asked
}

// askAgain is how long to wait when no node was reached, before looking for one again.
const askAgain = time.Second

// pause waits, and reports whether the context has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
