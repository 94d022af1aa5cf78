package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"conch/internal/verify/processes"
)

// onceCluster is three nodes with data directories, and a witness of the turns of one job.
type onceCluster struct {
	*diskCluster
	file string
}

func startOnceCluster(t *testing.T) *onceCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	t.Cleanup(cancel)
	c := &diskCluster{t: t, ctx: ctx, Cluster: startMembers(ctx, t, 3, "--session-ttl", "1s", "--evidence")}
	return &onceCluster{c, filepath.Join(t.TempDir(), "turns.txt")}
}

// once prepares conch once for a turn at a node, whose command appends a line to the witness's
// file, and then runs a line of the shell.
func (c *onceCluster) once(node, tick int, then string, flags ...string) *exec.Cmd {
	args := append([]string{"once", "--verbose", "job", "--tick", strconv.Itoa(tick), "--node", c.addresses(node)}, flags...)
	script := fmt.Sprintf("echo begin job $CONCH_TICK >>%q; %s", c.file, then)
	return c.conch(append(args, "--", "sh", "-c", script)...)
}

// keep prepares conch lock for a kept hold.
func (c *onceCluster) keep(node int, script string, flags ...string) *exec.Cmd {
	args := append([]string{"lock", "kept", "--on-death", "keep", "--owner", "me", "--node", c.addresses(node)}, flags...)
	return c.conch(append(args, "--", "sh", "-c", script)...)
}

func (c *onceCluster) conch(args ...string) *exec.Cmd {
	return exec.CommandContext(c.ctx, program(c.t), args...)
}

// addresses are those of all nodes, beginning with one.
func (c *onceCluster) addresses(first int) string {
	var all []string
	for i := range c.Nodes() {
		all = append(all, c.Nodes()[(first+i)%len(c.Nodes())].Address())
	}
	return strings.Join(all, ",")
}

// ends runs a command that must end with this exit code, and returns what it said.
func (c *onceCluster) ends(want int, cmd *exec.Cmd) string {
	c.t.Helper()
	said, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != want {
		why, _ := c.conch("why", "job", "--node", c.addresses(0)).CombinedOutput()
		c.t.Fatalf("%v: exit code %d, want %d: %v: %s\n%s", cmd.Args, got, want, err, said, why)
	}
	return string(said)
}

// begun returns how often a turn has begun.
func (c *onceCluster) begun(tick int) int {
	c.t.Helper()
	text, err := os.ReadFile(c.file)
	if err != nil && !os.IsNotExist(err) {
		c.t.Fatal(err)
	}
	return strings.Count(string(text), fmt.Sprintf("begin job %d\n", tick))
}

func (c *onceCluster) wantBegun(tick, want int) {
	c.t.Helper()
	if got := c.begun(tick); got != want {
		c.t.Errorf("the turn %d was begun %d times, want %d", tick, got, want)
	}
}

// TestKilledBetweenEndAndNote kills a program, and then its node, when the command has done
// its work and that is not noted. Who comes later runs the turn again, or nobody does, as they
// say.
func TestKilledBetweenEndAndNote(t *testing.T) {
	c := startOnceCluster(t)
	c.ends(-1, c.once(0, 1, "kill -9 $PPID; wait"))
	c.ends(7, c.once(1, 1, "exit 7", "--wait-done"))
	c.wantBegun(1, 2)

	c.ends(-1, c.once(0, 2, "kill -9 $PPID; wait", "--on-crash", wordSkip))
	said := c.ends(exitFailure, c.once(1, 2, "exit 7", "--on-crash", wordSkip, "--wait-done"))
	if !strings.Contains(said, "nobody runs the turn 2 again (--on-crash skip): ") {
		t.Errorf("it said %q", said)
	}
	c.ends(0, c.once(2, 2, "exit 7", "--on-crash", wordSkip))
	c.wantBegun(2, 1)

	for i, policy := range []string{wordAgain, wordSkip} {
		tick := 3 + i
		kill := fmt.Sprintf("kill -9 %d; exit 7", c.Nodes()[0].Pid())
		said := c.ends(exitLost, c.once(0, tick, kill, "--on-crash", policy))
		if !strings.Contains(said, "lost the lock: ") {
			t.Errorf("it said %q", said)
		}
		check(t, c.Nodes()[0].Kill())
		c.start(0)
		c.ends(7, c.once(1, tick, "exit 7", "--on-crash", policy, "--wait-done"))
		if got := c.begun(tick); got > 2 || policy == wordSkip && got > 1 {
			t.Errorf("the turn %d, %s, was begun %d times", tick, policy, got)
		}
	}
}

// TestNodeKilledBetweenNoteAndEntry kills a node that has noted a run and a kept hold, while
// no other has. Nobody enters then. Later the run is run once at most, and the hold is kept
// until it is freed, if anybody has heard of it.
func TestNodeKilledBetweenNoteAndEntry(t *testing.T) {
	c := startOnceCluster(t)
	c.ends(0, c.once(0, 1, "true")) // so node 0 has the tokens
	c.ends(0, c.keep(0, "true"))
	for _, i := range []int{1, 2} {
		check(t, c.Nodes()[i].Freeze())
		awaitFrozen(c.ctx, t, c.Nodes()[i].Pid())
	}
	asked := c.once(0, 2, "true", "--on-crash", wordSkip, "--wait-done")
	kept := c.keep(0, "echo begin job 3 >>"+c.file)
	check(t, asked.Start())
	check(t, kept.Start())
	awaitNoted(t, c.Nodes()[0], `"event":"witnessing","lock":"job"`, `"event":"witnessing","lock":"kept"`)
	check(t, c.Nodes()[0].Kill())
	check(t, kept.Process.Kill())
	_ = kept.Wait() // it was killed
	c.wantBegun(2, 0)
	for _, i := range []int{1, 2} {
		check(t, c.Nodes()[i].Thaw())
	}
	c.start(0)
	_ = asked.Wait() // the turn may be over for it
	_ = c.once(1, 2, "true", "--on-crash", wordSkip, "--wait-done").Run()
	_ = c.once(2, 2, "true", "--on-crash", wordSkip, "--wait-done").Run()
	if got := c.begun(2); got > 1 {
		t.Errorf("the turn 2 was begun %d times", got)
	}
	c.ends(0, c.keep(1, "true", "--adopt"))
	c.ends(0, c.conch("lock", "kept", "--node", c.addresses(2), "--", "true"))
	c.wantBegun(3, 0)
}

// awaitNoted waits until a node's log has all texts, and after the last that notes are on disk.
func awaitNoted(t *testing.T, node *processes.Node, texts ...string) {
	t.Helper()
	if !until(func() bool {
		log, err := os.ReadFile(node.LogFile())
		check(t, err)
		last := 0
		for _, text := range texts {
			at := strings.LastIndex(string(log), text)
			if at < 0 {
				return false
			}
			last = max(last, at)
		}
		return strings.Contains(string(log[last:]), `"event":"notes_stored"`)
	}) {
		t.Fatalf("node %s has noted nothing", node.Address())
	}
}

// TestMajorityRestartedAtOnce: what a majority has noted outlives the death of two of three
// nodes, and of all, at the same moment.
func TestMajorityRestartedAtOnce(t *testing.T) {
	c := startOnceCluster(t)
	for i, victims := range [][]int{{0, 1}, {1, 2}, {0, 1, 2}} {
		tick := 1 + i
		c.ends(7, c.once(0, tick, "exit 7", "--on-crash", wordSkip))
		for _, i := range victims {
			check(t, c.Nodes()[i].Kill())
		}
		c.start(victims...)
		c.ends(7, c.once(2, tick, "exit 9", "--wait-done"))
		c.ends(0, c.once(1, tick, "exit 9", "--on-crash", wordSkip))
		c.wantBegun(tick, 1)
	}
	c.ends(137, c.keep(1, "kill -9 $$"))
	for i := range c.Nodes() {
		check(t, c.Nodes()[i].Kill())
	}
	c.start(0, 1, 2)
	c.ends(exitNotAcquired, c.conch("lock", "kept", "--wait", "3s", "--node", c.addresses(0), "--", "true"))
	c.ends(5, c.keep(2, "exit 5", "--adopt"))
	c.ends(0, c.conch("lock", "kept", "--node", c.addresses(0), "--", "true"))
}
