package main

import (
	"context"
	"testing"

	"conch"
	"conch/internal/verify/processes"
)

// observing observes who leads under a lock, as the first of some nodes that answers tells.
func observing(ctx context.Context, t *testing.T, lock string, nodes ...*processes.Node) <-chan conch.Leader {
	t.Helper()
	var addresses []string
	for _, n := range nodes {
		addresses = append(addresses, n.Address())
	}
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: addresses})
	check(t, err)
	t.Cleanup(func() { _ = client.Close() }) // it held nothing
	leaders, err := client.Observe(ctx, lock)
	check(t, err)
	return leaders
}

// awaitLeader receives until it is told of a leader that is right.
func awaitLeader(ctx context.Context, t *testing.T, what string, leaders <-chan conch.Leader, right func(conch.Leader) bool) {
	t.Helper()
	var last conch.Leader
	for {
		select {
		case l := <-leaders:
			if last = l; right(l) {
				return
			}
		case <-ctx.Done():
			t.Fatalf("%s: told last that %v", what, last)
		}
	}
}

// TestObserversLeaveAFrozenNode freezes the node that two observers asked. The one that knows
// another node hears of the next value there; the other is in doubt until its node goes on.
func TestObserversLeaveAFrozenNode(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := processes.New(processes.Config{
		Program: program(t), Nodes: 3, Dir: t.TempDir(), Use: processes.ServeClients, Flags: []string{"--session-ttl", "1s"},
	})
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	check(t, c.Start(ctx))
	nodes := c.Nodes()
	for i := range nodes {
		check(t, c.AwaitEvent(ctx, i, "session_started"))
	}
	locks, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{nodes[2].Address()}})
	check(t, err)
	defer func() { check(t, locks.Close()) }()
	hold, err := locks.Lock(ctx, "db")
	check(t, err)
	defer func() { check(t, hold.Unlock()) }()
	check(t, hold.Say(ctx, "one"))
	alone, moving := observing(ctx, t, "db", nodes[0]), observing(ctx, t, "db", nodes[0], nodes[1])
	says := func(value string) func(conch.Leader) bool {
		return func(l conch.Leader) bool { return l.Value == value && !l.InDoubt }
	}
	awaitLeader(ctx, t, "before", alone, says("one"))
	awaitLeader(ctx, t, "before", moving, says("one"))
	check(t, nodes[0].Freeze())
	awaitLeader(ctx, t, "with a frozen node only", alone, func(l conch.Leader) bool { return l.Value == "one" && l.InDoubt })
	check(t, hold.Say(ctx, "two"))
	awaitLeader(ctx, t, "with another node", moving, says("two"))
	check(t, nodes[0].Thaw())
	awaitLeader(ctx, t, "when the node goes on", alone, says("two"))
}
