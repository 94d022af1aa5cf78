package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"conch/internal/verify/processes"
	"conch/logs"
)

const (
	// longHold is long enough to kill a node while it is inside, and for several to wait at
	// once.
	longHold = 40 * time.Millisecond
	// minKillNodes is how many nodes still have a majority when one is dead.
	minKillNodes = 3
	// deadEntries is how many entries of others come before the dead node is started again.
	deadEntries = 2
	// maxKills is how often the demonstration tries to kill a node while it is inside.
	maxKills = 5
)

// killing kills a node in the critical section, and starts it again when the others have
// gone on without it.
type killing struct {
	out   io.Writer
	nodes *processes.Cluster
	after int // kill at the first entry after so many

	entries int
	kills   int
	victim  *processes.Node // the node that was killed last, or nil
	fence   uint64          // of its entry
	since   int             // entries of others since then
	over    bool            // it was started again
}

// take is given each line of the shared file.
func (k *killing) take(ctx context.Context, line processes.Line) error {
	switch {
	case k.over:
		return nil
	case k.victim == nil && line.What == "enter":
		if k.entries++; k.entries <= k.after {
			return nil
		}
		return k.kill(line)
	case k.victim != nil && line.What == "leave" && line.Node == k.victim.Address() && line.Fence == k.fence:
		return k.missed(ctx)
	case k.victim != nil && line.What == "enter" && line.Fence > k.fence:
		if k.since++; k.since < deadEntries {
			return nil
		}
		k.over = true
		k.say("%s is started again", k.victim.Address())
		return k.victim.Start(ctx)
	}
	return nil
}

// say tells the user something, below the line of progress on a terminal.
func (k *killing) say(format string, args ...any) {
	if isTerminal(k.out) {
		fmt.Fprintln(k.out)
	}
	fmt.Fprintf(k.out, format+"\n", args...)
}

// kill kills the node that has just entered.
func (k *killing) kill(line processes.Line) error {
	for _, node := range k.nodes.Nodes() {
		if node.Address() == line.Node {
			k.victim, k.fence, k.since = node, line.Fence, 0
		}
	}
	if k.kills++; k.kills > maxKills {
		return fmt.Errorf("no node could be killed inside the critical section, in %d tries", maxKills)
	}
	k.say("%s is killed in the critical section, with fence %d", line.Node, line.Fence)
	return k.victim.Kill()
}

// missed is called when the node had left before it was killed; then another is killed.
func (k *killing) missed(ctx context.Context) error {
	k.say("%s had just left; it is started again, and another is killed", k.victim.Address())
	victim := k.victim
	k.victim, k.entries = nil, 0
	return victim.Start(ctx)
}

// runReportedDemo runs the demonstration without a kill and with one, and reports on both.
func runReportedDemo(ctx context.Context, out io.Writer, flags demoFlags) error {
	dir, err := demoFolder(flags.out)
	if err != nil {
		return err
	}
	nodes, err := runNodes(ctx, out, flags, dir)
	if err != nil {
		return err
	}
	if err := judgeDemo(out, nodes, nodes.WitnessFile(), dir); err != nil {
		return err
	}
	fmt.Fprint(out, "\nOnce more, and one of them is killed\n\n")
	killDir := filepath.Join(dir, "kill")
	if err := os.Mkdir(killDir, 0o755); err != nil {
		return err
	}
	flags.kill = true
	killed, err := runNodes(ctx, out, flags, killDir)
	if err != nil {
		return err
	}
	if err := checkKilled(killed); err != nil {
		return err
	}
	fmt.Fprintln(out)
	flags.identity.out, flags.identity.crash = filepath.Join(dir, "report.pdf"), killed.LogFiles()
	return writeReport(out, nodes.LogFiles(), flags.identity)
}

// checkKilled compares the shared file of the run with a kill with its logs; the report
// does not.
func checkKilled(nodes *processes.Cluster) error {
	report, err := judgeLogs(nodes.LogFiles(), nodes.WitnessFile())
	if err != nil {
		return err
	}
	if report.Verdict() == logs.Holds {
		return nil
	}
	var says []error
	for _, q := range report.Requirements {
		if q.Verdict != logs.Holds {
			says = append(says, fmt.Errorf("%s, %s: %s: %s", q.ID, q.Name, q.Verdict, q.Reason))
		}
	}
	return errors.Join(says...)
}
