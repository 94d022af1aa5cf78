package page

import (
	"fmt"

	"conch/bench/internal/contest"
)

// bound says on which side of a goal it is met.
type bound string

const (
	atLeast bound = "at least"
	atMost  bound = "at most"
	under   bound = "under"
)

// term is one figure of one subject.
type term struct {
	subject string
	figure  contest.Figure
}

// goal is something that the project wants of itself.
type goal struct {
	what string
	of   term
	over term // what of is divided by; zero if it stands for itself
	is   bound
	want float64
	unit string // of a figure that stands for itself
}

// goals are all that can be measured here.
func goals() []goal {
	ring := term{contest.BareRing, contest.Hops}
	clients := func(key string, figure contest.Figure) term { return term{contest.Clients(key), figure} }
	ours := func(figure contest.Figure) term { return term{contest.Clients(contest.Conch), figure} }
	all := []goal{
		{what: "saturated, 3 node processes: grants/s over the bare gRPC ring's hops/s",
			of: term{contest.ConchSaturated, contest.Grants}, over: ring, is: atLeast, want: 0.8},
		{what: "not contended, token elsewhere: lock to grant over a bare request and token",
			of: term{contest.ConchUncontended, contest.Wait}, over: term{contest.BareSwap, contest.Wait}, is: atMost, want: 1.3},
		{what: "token here, in process: lock and unlock",
			of: term{contest.ConchHere, contest.Nanoseconds}, is: under, want: 1000, unit: " ns"},
		{what: "token here, in process: allocations of lock and unlock, the node's own among them",
			of: term{contest.ConchHere, contest.Allocations}, is: under, want: 0.01},
		{what: "token here, a client on the unix socket: lock and unlock over a gRPC stream round trip",
			of: term{contest.Again(contest.Conch), contest.Cycle}, over: term{contest.BareStream, contest.Wait}, is: atMost, want: 1.3},
		{what: "the same over a round trip on a plain unix socket",
			of: term{contest.Again(contest.Conch), contest.Cycle}, over: term{contest.BarePlain, contest.Wait}, is: atMost, want: 2.5},
		{what: "the same over one Redis, SET NX and a script",
			of: term{contest.Again(contest.Conch), contest.Cycle}, over: term{contest.Again(contest.OneRedis), contest.Cycle}, is: atMost, want: 0.5},
		{what: "3 nodes, 3 clients in processes of their own: grants/s over the bare ring's hops/s",
			of: ours(contest.Grants), over: ring, is: atLeast, want: 0.5},
		{what: "the same: hand-offs/s over ZooKeeper's",
			of: ours(contest.HandOffs), over: clients(contest.ZooKeeper, contest.HandOffs), is: atLeast, want: 20},
		{what: "the same: hand-offs/s over Redlock's, retry after 1 ms",
			of: ours(contest.HandOffs), over: clients(contest.Redlock, contest.HandOffs), is: atLeast, want: 13},
		{what: "the same: grants/s over etcd's Mutex",
			of: ours(contest.Grants), over: clients(contest.Etcd, contest.Grants), is: atLeast, want: 200},
		{what: "the same: grants/s over etcd with a standing watch",
			of: ours(contest.Grants), over: clients(contest.EtcdWatch, contest.Grants), is: atLeast, want: 15},
		{what: "an idle token taken over through clients: lock to grant over a bare request and token between nodes",
			of: term{contest.ConchTakenOver, contest.Wait}, over: term{contest.BareSwap, contest.Wait}, is: atMost, want: 1.8},
		{what: "128 waiters that give up within 5 ms: grants/s over those of 128 that do not",
			of: term{contest.ConchGivenUp, contest.Grants}, over: term{contest.ConchWaiters, contest.Grants}, is: atLeast, want: 0.5},
		{what: "very many idle clients of one node: memory of the node for each",
			of: term{contest.ConchAttached, contest.ClientBytes}, is: atMost, want: 60_000, unit: " bytes"},
		{what: "the same: processor time of the node",
			of: term{contest.ConchAttached, contest.Background}, is: under, want: 5, unit: " % of a core"},
		{what: "the same: lock and unlock by one more client, over that among 10 clients",
			of: term{contest.ConchAttached, contest.Cycle}, over: term{contest.ConchFew, contest.Cycle}, is: atMost, want: 1.1},
	}
	for _, n := range contest.Counted {
		all = append(all, goal{what: fmt.Sprintf("messages per grant at saturation, %d nodes", n),
			of: term{contest.ConchMessages(n), contest.Messages}, is: atMost, want: 1.1})
	}
	readers, permits := contest.ReaderPairs()[0], contest.PermitPairs()
	all = append(all,
		goal{what: "3 nodes, of 10 callers in their processes 9 read: reads/s over grants/s where all 10 want the lock alone",
			of: term{readers.Shared, contest.Shared}, over: term{readers.Alone, contest.Grants}, is: atLeast, want: 10},
		goal{what: "4 permits, 9 callers in the processes of 3 nodes: grants/s over those of four exclusive locks",
			of: term{permits[0].Shared, contest.Grants}, over: term{permits[0].Alone, contest.Grants}, is: atLeast, want: 0.25},
		goal{what: "the same, each stays in for 1 ms",
			of: term{permits[1].Shared, contest.Grants}, over: term{permits[1].Alone, contest.Grants}, is: atLeast, want: 0.25},
		goal{what: "the same: messages per grant",
			of: term{permits[1].Counted, contest.Messages}, is: atMost, want: 3.9},
	)
	return append(all,
		goal{what: "processor time per grant at saturation, over the bare ring's per hop",
			of: term{contest.ConchSaturated, contest.CPU}, over: term{contest.BareRing, contest.CPU}, is: atMost, want: 1.3},
		goal{what: "saturated with logs at info to a file, over the same without",
			of: term{contest.ConchLogged, contest.Grants}, over: term{contest.ConchSaturated, contest.Grants}, is: atLeast, want: 0.8},
		goal{what: "the same: bytes of the logs of all nodes, per grant",
			of: term{contest.ConchLogged, contest.Logged}, is: atMost, want: 900, unit: " bytes"},
		goal{what: "memory of an idle lock that is known, per node, 5 members",
			of: term{contest.ConchWeight, contest.LockBytes}, is: atMost, want: 300, unit: " bytes"},
		goal{what: "a million of them, all memory of a node",
			of: term{contest.ConchWeight, contest.Settled}, is: atMost, want: 0.5, unit: " GB"},
		goal{what: "processor time of 5 idle nodes, the busiest of them",
			of: term{contest.ConchIdle, contest.Background}, is: under, want: 0.5, unit: " % of a core"},
		goal{what: "the same with 100,000 locks known",
			of: term{contest.ConchKnowing, contest.Background}, is: under, want: 0.5, unit: " % of a core"},
	)
}

// batchGain is what local batches gain; how much it is to be, nobody has said.
func batchGain() goal {
	return goal{of: term{contest.ConchBatch, contest.Grants}, over: term{contest.ConchCrowd, contest.Grants}}
}

// met says whether a value reaches the goal.
func (g goal) met(value float64) bool {
	switch g.is {
	case atLeast:
		return value >= g.want
	case atMost:
		return value <= g.want
	default:
		return value < g.want
	}
}

// measured is the goal's value over the rounds: each round's ratio is of two figures
// of that round.
func (g goal) measured(results map[string]*contest.Result, rounds int) contest.Spread {
	var values []float64
	for round := range rounds {
		value, ok := g.of.in(results, round)
		if !ok {
			continue
		}
		if g.over != (term{}) {
			base, ok := g.over.in(results, round)
			if !ok || base == 0 {
				continue
			}
			value /= base
		}
		values = append(values, value)
	}
	return contest.SpreadOf(values)
}

func (t term) in(results map[string]*contest.Result, round int) (float64, bool) {
	result := results[t.subject]
	if result == nil {
		return 0, false
	}
	return result.In(round, t.figure)
}
