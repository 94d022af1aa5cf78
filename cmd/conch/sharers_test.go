package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"conch/internal/verify/processes"
)

// holding is a process of conch lock without a command.
type holding struct {
	*exec.Cmd
	t    *testing.T
	end  io.Closer   // closed, it ends in order
	told chan string // the line with the fence; closed at the end of its output
	err  *strings.Builder
}

// hold starts one.
func hold(ctx context.Context, t *testing.T, args ...string) *holding {
	t.Helper()
	h := &holding{Cmd: exec.CommandContext(ctx, program(t), append([]string{"lock"}, args...)...), t: t, told: make(chan string, 1), err: new(strings.Builder)}
	stdin, err := h.StdinPipe()
	check(t, err)
	stdout, err := h.StdoutPipe()
	check(t, err)
	h.Stderr = h.err
	check(t, h.Start())
	h.end = stdin
	go func() {
		defer close(h.told)
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err == nil {
			h.told <- strings.TrimSpace(line)
		}
	}()
	return h
}

// fence waits until it holds the lock.
func (h *holding) fence() uint64 {
	h.t.Helper()
	fence, err := strconv.ParseUint(<-h.told, 10, 64)
	if err != nil {
		h.t.Fatalf("%v: %v: %v; it said %s", h.Args, err, h.Wait(), h.err)
	}
	return fence
}

// waits checks that it does not hold the lock yet.
func (h *holding) waits() {
	h.t.Helper()
	select {
	case line := <-h.told:
		h.t.Fatalf("%v got the lock with %q", h.Args, line)
	default:
	}
}

// ends waits for the process's end, with this exit code.
func (h *holding) ends(want int) {
	h.t.Helper()
	err := h.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Errorf("%v: %v", h.Args, err)
	}
	if got := h.ProcessState.ExitCode(); got != want {
		h.t.Errorf("%v: exit code %d, want %d; it said %s", h.Args, got, want, h.err)
	}
}

// release ends the hold in order.
func (h *holding) release() {
	h.t.Helper()
	check(h.t, h.end.Close())
	h.ends(0)
}

// TestNodesInTroubleUnderReaders: readers are in at three nodes, and a writer waits at one.
// A node is killed, or frozen. Its reader loses the lock, and the others keep it; the writer
// gets in once these are out, also if the token, with the list of shares, was lost.
func TestNodesInTroubleUnderReaders(t *testing.T) {
	for _, test := range []struct {
		name    string
		node    int // in trouble; the writer waits at node 2, and moves on if that is gone
		begin   func(*processes.Node) error
		recover func(context.Context, *processes.Node) error
	}{
		{"a reader's node is killed", 0, (*processes.Node).Kill, func(ctx context.Context, n *processes.Node) error { return n.Start(ctx) }},
		{"a reader's node is frozen", 0, (*processes.Node).Freeze, func(_ context.Context, n *processes.Node) error { return n.Thaw() }},
		{"the writer's node is killed", 2, (*processes.Node).Kill, func(ctx context.Context, n *processes.Node) error { return n.Start(ctx) }},
		{"the writer's node is frozen", 2, (*processes.Node).Freeze, func(_ context.Context, n *processes.Node) error { return n.Thaw() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, err := processes.New(processes.Config{
				Program: program(t), Nodes: 3, Dir: t.TempDir(), Use: processes.ServeClients, Flags: []string{"--session-ttl", "5s"},
			})
			check(t, err)
			defer func() { check(t, c.Kill()) }()
			check(t, c.Start(ctx))
			nodes := c.Nodes()
			for i := range nodes {
				check(t, c.AwaitEvent(ctx, i, "session_started"))
			}
			var readers []*holding
			highest := uint64(0)
			for _, node := range nodes {
				reader := hold(ctx, t, "--shared", "--node", node.Address(), "config")
				highest = max(highest, reader.fence())
				readers = append(readers, reader)
			}
			writer := hold(ctx, t, "--node", nodes[2].Address()+","+nodes[1].Address(), "config")
			awaitWaiters(ctx, t, nodes[1], "config", 1)
			check(t, test.begin(nodes[test.node]))
			readers[test.node].ends(exitLost)
			writer.waits()
			// A writer whose node is in trouble may not stand in line again yet.
			if test.node == 2 {
				awaitWaiters(ctx, t, nodes[1], "config", 1)
			} else if code, stdout, _ := conchRun(t, "lock", "--shared", "--try", "--node", nodes[1].Address(), "config", "--", "true"); code == 0 {
				t.Errorf("a reader got in ahead of a writer that has called the shares in: %s", stdout)
			}
			writer.waits()
			for i, reader := range readers {
				if i != test.node {
					reader.release()
				}
			}
			if fence := writer.fence(); fence <= highest {
				t.Errorf("the writer's fence is %d after the readers' %d", fence, highest)
			}
			check(t, test.recover(ctx, nodes[test.node]))
			last := hold(ctx, t, "--shared", "--node", nodes[test.node].Address(), "config")
			awaitWaiters(ctx, t, nodes[1], "config", 1)
			last.waits()
			writer.release()
			last.fence()
			last.release()
		})
	}
}

// awaitWaiters waits until so many wait for a lock, as a node tells.
func awaitWaiters(ctx context.Context, t *testing.T, node *processes.Node, lock string, n int) {
	t.Helper()
	want := fmt.Sprintf(`"waiting":%d,`, n)
	said := ""
	if !until(func() bool {
		_, said, _ = conchRun(t, "who", "--json", "--node", node.Address(), lock)
		return strings.Contains(said, want) || ctx.Err() != nil
	}) || ctx.Err() != nil {
		t.Fatalf("want %s in %s", want, said)
	}
}
