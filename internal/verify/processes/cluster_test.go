package processes

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is far longer than anything here takes.
const patience = 20 * time.Second

// prepare returns a cluster of fake nodes that will not outlive the test.
func prepare(t *testing.T, nodes int, flags ...string) (context.Context, *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	c, err := New(Config{Program: os.Args[0], Nodes: nodes, Dir: t.TempDir(), Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	})
	return ctx, c
}

// check fails the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkGone checks that a process no longer exists. It was waited for, so it is not even a
// zombie.
func checkGone(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d: signal 0 gives %v, want %v", pid, err, syscall.ESRCH)
	}
}

func TestNodesRunUntilTheyAreStopped(t *testing.T) {
	ctx, c := prepare(t, 5)
	check(t, c.Start(ctx, 3, 0, 4, 2, 1))
	seen := map[string]int{}
	check(t, c.Follow(ctx, func(line Line) bool {
		if line.Fence != 7 || line.What != "enter" && line.What != "leave" {
			t.Errorf("witness: got %+v", line)
		}
		seen[line.Node]++
		return len(seen) == 5 && slices.Min(slices.Collect(maps.Values(seen))) == 2
	}))
	for _, node := range c.Nodes() {
		if seen[node.Address()] != 2 {
			t.Errorf("node %s: %d lines in the witness, want 2", node.Address(), seen[node.Address()])
		}
	}
	check(t, c.Stop(ctx))
	for _, node := range c.Nodes() {
		checkGone(t, node.Pid())
	}
	check(t, c.Stop(ctx)) // again, which changes nothing
}

// Nodes for clients have started when they accept clients.
func TestNodesServeClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := New(Config{Program: os.Args[0], Nodes: 3, Use: ServeClients, Dir: t.TempDir()})
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	// If a page's port is taken, another is found.
	taken, err := net.Listen("tcp", c.Nodes()[2].Page())
	check(t, err)
	defer taken.Close()
	check(t, c.Start(ctx))
	check(t, c.Nodes()[1].Kill())
	check(t, c.Nodes()[1].Start(ctx))
	for _, node := range c.Nodes() {
		for network, address := range map[string]string{"unix": node.Socket(), "tcp": node.Page()} {
			conn, err := net.Dial(network, address)
			check(t, err)
			check(t, conn.Close())
		}
	}
	if _, err := os.Stat(c.WitnessFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the witness: %v; want none", err)
	}
	check(t, c.Stop(ctx))
}

func TestKilledNodeCanBeStartedAgain(t *testing.T) {
	ctx, c := prepare(t, 2)
	check(t, c.Start(ctx))
	node := c.Nodes()[1]
	first := node.Pid()
	if err := node.Start(ctx); err == nil {
		t.Error("start of a node that runs: no error")
	}
	check(t, node.Kill())
	checkGone(t, first)
	check(t, node.Start(ctx))
	if node.Pid() == first {
		t.Errorf("the second process has the first one's id, %d", first)
	}
	data, err := os.ReadFile(node.LogFile())
	check(t, err)
	if got := bytes.Count(data, []byte("node_started")); got != 2 {
		t.Errorf("node_started stands %d times in the log, want 2", got)
	}
	check(t, c.Stop(ctx))
}

func TestFrozenNodeCanBeStopped(t *testing.T) {
	ctx, c := prepare(t, 1)
	check(t, c.Start(ctx))
	node := c.Nodes()[0]
	check(t, node.Freeze())
	check(t, node.Thaw())
	check(t, node.Freeze())
	check(t, c.Stop(ctx))
	checkGone(t, node.Pid())
	if err := node.Freeze(); err == nil {
		t.Error("freeze of a node that has ended: no error")
	}
}

func TestNodeThatIgnoresSIGTERMIsKilled(t *testing.T) {
	ctx, c := prepare(t, 1, "--ignores-sigterm")
	check(t, c.Start(ctx))
	hurry, cancel := context.WithCancel(ctx)
	cancel()
	err := c.Stop(hurry)
	if err == nil || !strings.Contains(err.Error(), "did not stop on SIGTERM and was killed") {
		t.Errorf("stop: %v, want that it was killed", err)
	}
	checkGone(t, c.Nodes()[0].Pid())
}

func TestNodeThatEndsByItselfIsReported(t *testing.T) {
	ctx, c := prepare(t, 2)
	check(t, c.Start(ctx, 0))
	c.Nodes()[1].command = append(c.Nodes()[1].command, "--dies")
	wants := []string{c.Nodes()[1].Address(), "exit status 1", "died as it was told to"}
	if err := c.Start(ctx, 1); err != nil {
		checkSays(t, err, wants) // it may end before it was seen to have started
	}
	checkSays(t, c.Follow(ctx, func(Line) bool { return false }), wants)
	checkSays(t, c.Stop(ctx), wants)
}

func checkSays(t *testing.T, err error, wants []string) {
	t.Helper()
	for _, want := range wants {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}

func TestOtherPortsIfOneIsTaken(t *testing.T) {
	ctx, c := prepare(t, 3)
	var taken []string
	for _, node := range c.Nodes() {
		taken = append(taken, node.Address())
	}
	listener, err := net.Listen("tcp", taken[1])
	check(t, err)
	defer listener.Close()
	check(t, c.Start(ctx))
	for _, node := range c.Nodes() {
		if slices.Contains(taken, node.Address()) {
			t.Errorf("node %s has an address of the attempt that failed", node.Address())
		}
	}
	entered := 0
	check(t, c.Follow(ctx, func(line Line) bool {
		if slices.Contains(taken, line.Node) {
			t.Errorf("the witness still has a line of the attempt that failed: %+v", line)
		}
		entered++
		return entered == 6
	}))
	check(t, c.Stop(ctx))
}

func TestWaitEndsWithTheContext(t *testing.T) {
	ctx, c := prepare(t, 1)
	check(t, c.Start(ctx))
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(os.ErrDeadlineExceeded)
	if err := c.Follow(ctx, func(Line) bool { return false }); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("follow: %v, want the context's cause", err)
	}
}

func TestParseLine(t *testing.T) {
	if line, err := parseLine("lost node1:7400 18446744073709551615"); err != nil || line != (Line{"lost", "node1:7400", 1<<64 - 1}) {
		t.Errorf("got %+v, %v", line, err)
	}
	for _, text := range []string{"", "enter node1:7400", "enter node1:7400 x", "enter node1:7400 1 1", "enter node1:7400 -1"} {
		if _, err := parseLine(text); err == nil {
			t.Errorf("line %q: no error", text)
		}
	}
}

// The wanted ports are used if all are free, otherwise none of them.
func TestWantedPorts(t *testing.T) {
	free, err := freeAddresses(1)
	check(t, err)
	_, text, err := net.SplitHostPort(free[0])
	check(t, err)
	port, err := strconv.Atoi(text)
	check(t, err)
	wanted := inARow(port, 1)
	if wanted[0] != free[0] {
		t.Fatalf("%v, want %v", wanted, free)
	}
	addressOf := func() string {
		c, err := New(Config{Program: os.Args[0], Nodes: 1, Port: port, Dir: t.TempDir()})
		check(t, err)
		return c.Nodes()[0].Address()
	}
	if got := addressOf(); got != wanted[0] {
		t.Errorf("the node is at %s, though %s is free", got, wanted[0])
	}
	taken, err := net.Listen("tcp", wanted[0])
	check(t, err)
	defer taken.Close()
	if got := addressOf(); got == wanted[0] {
		t.Errorf("the node is at %s, which is taken", got)
	}
}
