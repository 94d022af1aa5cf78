package main

import (
	"context"
	"io"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
)

// countingProxy passes connections on to an address, and counts them.
func countingProxy(ctx context.Context, t *testing.T, to string) (address string, count *atomic.Int32) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	check(t, err)
	count = new(atomic.Int32)
	var passing sync.WaitGroup
	pass := func(from net.Conn) {
		defer from.Close()
		node, err := new(net.Dialer).DialContext(ctx, "tcp", to)
		if err != nil {
			return
		}
		defer node.Close()
		go func() {
			_, _ = io.Copy(node, from)
			_ = node.Close()
		}()
		_, _ = io.Copy(from, node)
	}
	passing.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			passing.Go(func() { pass(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		passing.Wait()
	})
	return listener.Addr().String(), count
}

// conch lock and conch elect need one connection: what they have to know of the node, the
// node says on it.
func TestLockOpensOneConnection(t *testing.T) {
	c := startMembers(t.Context(), t, 1)
	for _, command := range []string{"lock", "elect"} {
		address, count := countingProxy(t.Context(), t, c.Nodes()[0].Address())
		out, err := exec.CommandContext(t.Context(), program(t), command, "--node", address, "cs", "--", "true").CombinedOutput()
		if err != nil {
			t.Fatalf("conch %s: %v\n%s", command, err, out)
		}
		if got := count.Load(); got != 1 {
			t.Errorf("conch %s: %d connections; want 1", command, got)
		}
	}
}
