package main

import (
	"fmt"
	"testing"

	"google.golang.org/grpc"

	"conch"
	"conch/internal/verify/processes"
	clientv1 "conch/proto/conch/client/v1"
)

// BenchmarkSpentOnLeaders measures the most memory that any of some nodes has had while they
// had values of 1 KiB and observers, up to each limit. Run it once, as BenchmarkSpent.
func BenchmarkSpentOnLeaders(b *testing.B) {
	for _, use := range []struct {
		name  string
		nodes int
		make  func(b *testing.B, nodes []*processes.Node)
	}{
		{"NobodyAt3Nodes", 3, func(*testing.B, []*processes.Node) {}},
		{"1024ValuesOfEachOf3Nodes", 3, func(b *testing.B, nodes []*processes.Node) { manyValues(b, nodes, 1024, 1) }},
		{"1024ValuesOfEachOf3NodesThatChange", 3, func(b *testing.B, nodes []*processes.Node) { manyValues(b, nodes, 1024, 10) }},
		{"256ObserversAtOneNode", 1, func(b *testing.B, nodes []*processes.Node) { manyObservers(b, nodes, 256, true) }},
		{"256ObserversThatDoNotRead", 1, func(b *testing.B, nodes []*processes.Node) { manyObservers(b, nodes, 256, false) }},
		{"1000ObserversAt4Nodes", 4, func(b *testing.B, nodes []*processes.Node) { manyObservers(b, nodes, 250, true) }},
	} {
		b.Run(use.name, func(b *testing.B) {
			for range b.N {
				c, err := processes.New(processes.Config{
					Program: program(b), Nodes: use.nodes, Dir: b.TempDir(), Use: processes.ServeClients,
					Flags: []string{"--log-level", "warn", "--session-ttl", "10s"},
				})
				check(b, err)
				b.Cleanup(func() { check(b, c.Kill()) })
				check(b, c.Start(b.Context()))
				use.make(b, c.Nodes())
				most := 0
				for _, node := range c.Nodes() {
					most = max(most, peakMegabytes(b, node.Pid()))
				}
				b.ReportMetric(float64(most), "MB")
			}
		})
	}
}

// longValue is a value of 1 KiB; each number has another one.
func longValue(number int) string {
	return fmt.Sprintf("%0*d", conch.MaxValueBytes, number)
}

// manyValues has a client of each node hold so many locks, and say a value of each so many
// times. It waits until all nodes have the last.
func manyValues(b *testing.B, nodes []*processes.Node, many, times int) {
	b.Helper()
	for _, node := range nodes {
		locks, err := conch.Dial(b.Context(), conch.DialConfig{Nodes: []string{node.Address()}})
		check(b, err)
		b.Cleanup(func() { _ = locks.Close() }) // its node is gone
		name := func(i int) string { return fmt.Sprintf("%s/%d", node.Address(), i) }
		holds := make([]conch.Hold, many)
		for i := range holds {
			holds[i], err = locks.Lock(b.Context(), name(i))
			check(b, err)
		}
		for time := range times {
			for _, hold := range holds {
				check(b, hold.Say(b.Context(), longValue(time)))
			}
		}
		for _, other := range nodes {
			check(b, untilValue(observed(b, other.Address(), "127.0.0.1", name(many-1)), longValue(times-1)))
		}
	}
}

// manyObservers has so many clients of each node, on a connection of its own each and as many
// from each host as the node allows, observe a lock while its leader says 1,000 values; or
// read only the first, who leads before.
func manyObservers(b *testing.B, nodes []*processes.Node, many int, read bool) {
	b.Helper()
	const ofEach, values = 64, 1_000
	var observers []observation
	for _, node := range nodes {
		for i := range many {
			rpc := observed(b, node.Address(), fmt.Sprintf("127.0.1.%d", 1+i/ofEach), "db")
			_, err := rpc.Recv()
			check(b, err)
			observers = append(observers, rpc)
		}
	}
	locks, err := conch.Dial(b.Context(), conch.DialConfig{Nodes: []string{nodes[0].Address()}})
	check(b, err)
	b.Cleanup(func() { _ = locks.Close() }) // its node is gone
	hold, err := locks.Lock(b.Context(), "db")
	check(b, err)
	if !read {
		observers = nil
	}
	seen := make(chan error, len(observers))
	for _, rpc := range observers {
		go func() { seen <- untilValue(rpc, longValue(values-1)) }()
	}
	for i := range values {
		check(b, hold.Say(b.Context(), longValue(i)))
	}
	for range observers {
		check(b, <-seen)
	}
}

type observation = grpc.ServerStreamingClient[clientv1.ObserveResponse]

// observed observes a lock at a node, from a host.
func observed(b *testing.B, address, from, lock string) observation {
	b.Helper()
	rpc, err := caller(b, address, from).Observe(b.Context(), &clientv1.ObserveRequest{Lock: lock, Heartbeats: true})
	check(b, err)
	return rpc
}

// untilValue reads until a leader says a value.
func untilValue(rpc observation, value string) error {
	for {
		r, err := rpc.Recv()
		if err != nil || r.GetLeader().GetValue() == value {
			return err
		}
	}
}
