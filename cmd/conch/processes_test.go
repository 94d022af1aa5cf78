package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"conch/internal/verify/processes"
	"conch/logs"
)

// program returns the path of the conch program, which TestMain put into PATH.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("conch")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestProcessesTakeTurns starts real processes in random order; one asks before another
// exists. The shared file and the logs must both show that they took turns, and each line
// must follow the schema.
func TestProcessesTakeTurns(t *testing.T) {
	const entries = 5
	for _, nodes := range []int{3, 5, 9} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, err := processes.New(processes.Config{
				Program: program(t), Nodes: nodes, Dir: t.TempDir(),
				Flags: []string{"--auto-count", fmt.Sprint(entries), "--auto-think", "10ms", "--auto-hold", "2ms"},
			})
			check(t, err)
			defer func() { check(t, c.Kill()) }()
			order := rand.Perm(nodes)
			t.Logf("order of start: %v", order)
			check(t, c.Start(ctx, order[0]))
			check(t, c.AwaitEvent(ctx, order[0], "node_started"))
			check(t, c.Start(ctx, order[1:]...))
			judge := witnessJudge{t: t, left: map[string]int{}}
			check(t, c.Follow(ctx, func(line processes.Line) bool {
				judge.take(line)
				return judge.total == nodes*entries
			}))
			check(t, c.Stop(ctx))
			for _, node := range c.Nodes() {
				if judge.left[node.Address()] != entries {
					t.Errorf("node %s: left %d times, want %d", node.Address(), judge.left[node.Address()], entries)
				}
			}
			checkLogs(t, c.LogFiles()...)
		})
	}
}

// TestFrozenHolderLosesTheLock freezes the node in the critical section. Another enters
// with a higher fence, and the first says that it lost the lock when it goes on.
func TestFrozenHolderLosesTheLock(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := processes.New(processes.Config{
		Program: program(t), Nodes: 3, Dir: t.TempDir(),
		Flags: []string{"--auto-think", "0s", "--auto-hold", "1h", "--session-ttl", "500ms"},
	})
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	check(t, c.Start(ctx))
	var first, second processes.Line
	check(t, c.Follow(ctx, func(line processes.Line) bool { first = line; return true }))
	holder := c.Nodes()[slices.IndexFunc(c.Nodes(), func(n *processes.Node) bool { return n.Address() == first.Node })]
	check(t, holder.Freeze())
	check(t, c.Follow(ctx, func(line processes.Line) bool { second = line; return true }))
	if second.What != "enter" || second.Node == first.Node || second.Fence <= first.Fence {
		t.Errorf("after %+v: %+v, want another to enter with a higher fence", first, second)
	}
	check(t, holder.Thaw())
	want := processes.Line{What: "lost", Node: first.Node, Fence: first.Fence}
	check(t, c.Follow(ctx, func(line processes.Line) bool { return line == want }))
	check(t, c.Stop(ctx))
}

// TestSecondSignalEndsANodeAtOnce: a node that cannot say goodbye, since a peer does not
// listen, ends without it at a second signal, but not at one right after the first.
func TestSecondSignalEndsANodeAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := processes.New(processes.Config{Program: program(t), Nodes: 2, Dir: t.TempDir()})
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	check(t, c.Start(ctx))
	for i := range c.Nodes() {
		check(t, c.AwaitEvent(ctx, i, "enter"))
	}
	leaver, err := os.FindProcess(c.Nodes()[0].Pid())
	check(t, err)
	check(t, c.Nodes()[1].Freeze())
	awaitFrozen(ctx, t, c.Nodes()[1].Pid())
	check(t, leaver.Signal(os.Interrupt))
	check(t, leaver.Signal(syscall.SIGTERM))
	check(t, c.AwaitEvent(ctx, 0, "session_ended"))
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	go func() {
		for range again.C {
			if leaver.Signal(os.Interrupt) != nil {
				return
			}
		}
	}()
	err = c.Follow(ctx, func(processes.Line) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "exit status 1, and said: ") || !strings.HasSuffix(err.Error(), "conch: ended at once by another signal") {
		t.Errorf("node 1: %v, want that a second signal ended it", err)
	}
}

// witnessJudge judges the shared file as it grows: one is inside at a time, and fences
// rise.
type witnessJudge struct {
	t      *testing.T
	inside processes.Line // the latest enter; zero when nobody is in
	fence  uint64         // the highest
	left   map[string]int
	total  int
}

func (j *witnessJudge) take(line processes.Line) {
	switch line.What {
	case "enter":
		if j.inside.Node != "" {
			j.t.Errorf("%+v while %+v is in", line, j.inside)
		}
		if line.Fence <= j.fence {
			j.t.Errorf("%+v: want a fence above %d", line, j.fence)
		}
		j.inside, j.fence = line, line.Fence
	case "leave":
		if line.Node != j.inside.Node || line.Fence != j.inside.Fence {
			j.t.Errorf("%+v, but who is in is %+v", line, j.inside)
		}
		j.inside = processes.Line{}
		j.left[line.Node]++
		j.total++
	default:
		j.t.Errorf("%+v: nothing was to be lost", line)
	}
}

// checkLogs checks each line of the logs against the schema, and judges the logs.
func checkLogs(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		check(t, err)
		check(t, validateLines(file, data))
	}
	run, err := logs.Open(files...)
	check(t, err)
	report := logs.Check(run)
	if report.Verdict() != logs.Holds {
		var table strings.Builder
		check(t, report.WriteTable(&table))
		t.Errorf("the logs do not show what was promised:\n%s", table.String())
	}
}

// check fails the test on an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
