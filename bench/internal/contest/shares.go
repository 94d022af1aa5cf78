package contest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"conch/bench/internal/locks"
	"conch/bench/internal/worker"
	"conch/token"
)

const (
	// readers is how many callers read where one more writes, and sharers how many want one
	// of permits.
	readers = 9
	sharers = 9
	permits = 4
	// shareStay is how long callers stay in the critical section where they stay at all.
	shareStay = time.Millisecond
)

// SharePair are two subjects of as many callers: those of the first share one lock. In the
// other all of them want that lock alone, or one of as many locks as there are permits.
type SharePair struct {
	Label         string
	Shared, Alone string // names of subjects; Alone is empty if there is nothing to compare with
	Counted       string // the first with its messages counted; empty if that is not done
}

// ReaderPairs are those with readers, the callers in the nodes' processes first.
func ReaderPairs() []SharePair {
	return []SharePair{
		{Label: "conch 3 node processes, callers in them", Shared: "conch/readers", Alone: "conch/readers, each alone"},
		{Label: "the same, each stays for 1 ms", Shared: "conch/readers, 1 ms", Alone: "conch/readers, 1 ms, each alone"},
		clientReaders(Conch, "conch 3 nodes, clients on unix sockets"),
		clientReaders(ZooKeeper, "ZooKeeper 3 nodes, its recipe for shared locks"),
	}
}

func clientReaders(key, label string) SharePair {
	return SharePair{Label: label, Shared: key + "/client readers", Alone: key + "/client readers, each alone"}
}

// PermitPairs are those with permits, the callers in the nodes' processes first.
func PermitPairs() []SharePair {
	return []SharePair{
		{Label: "conch 3 node processes, callers in them", Shared: "conch/permits", Alone: "conch/permits, four locks", Counted: "conch/permits, messages counted"},
		{Label: "the same, each stays for 1 ms", Shared: "conch/permits, 1 ms", Alone: "conch/permits, 1 ms, four locks", Counted: "conch/permits, 1 ms, messages counted"},
		{Label: "conch 3 nodes, clients on unix sockets", Shared: "conch/client permits", Alone: "conch/client permits, four locks"},
		{Label: "one Redis, a sorted set and a script, retry after 1 ms", Shared: "one redis/client permits"},
	}
}

// shareSubjects are the locks that several may hold at once.
func shareSubjects() []*Subject {
	var all []*Subject
	add := func(pair SharePair, needs func() error, shared, alone, counted func(ctx context.Context, s *Stage) (*Sample, error)) {
		all = append(all, &Subject{Name: pair.Shared, Label: pair.Label, Needs: needs, round: shared})
		if pair.Alone != "" {
			all = append(all, &Subject{Name: pair.Alone, Label: pair.Label, Needs: needs, round: alone})
		}
		if pair.Counted != "" {
			all = append(all, &Subject{Name: pair.Counted, Label: pair.Label, Needs: needs, round: counted})
		}
	}
	for i, stay := range []time.Duration{0, shareStay} {
		add(ReaderPairs()[i], nil, played(readIn(token.Unlimited, stay), warmGrants), played(readIn(token.Exclusive, stay), warmGrants), nil)
		add(PermitPairs()[i], nil, played(permitsIn(locks.Spec{}, stay), warmGrants), played(locksIn(stay), warmGrants),
			played(permitsIn(locks.Spec{Log: locks.LogCount}, stay), warmGrants))
	}
	ours, zoo, slots := peerWith(Conch), peerWith(ZooKeeper), peerWith(OneRedis)
	zoo.kind, slots.kind = locks.ZooReaders, locks.RedisSlots
	for i, p := range []Peer{ours, zoo} {
		add(ReaderPairs()[2+i], p.needs, served(p.servers, p.start, p.read(token.Unlimited), warmGrants), served(p.servers, p.start, p.read(token.Exclusive), warmGrants), nil)
	}
	for i, p := range []Peer{ours, slots} {
		add(PermitPairs()[2+i], p.needs, served(p.servers, p.start, p.acquire(), warmGrants), served(p.servers, p.start, p.pick(), warmGrants), nil)
	}
	return all
}

// peerWith is the peer with a key.
func peerWith(key string) Peer {
	all := Peers()
	i := slices.IndexFunc(all, func(p Peer) bool { return p.Key == key })
	if i < 0 {
		panic(fmt.Sprintf("contest: there is no peer %q", key))
	}
	return all[i]
}

// readIn is three members whose callers share a lock in a mode, but for one of the first
// member's, which writes.
func readIn(mode token.Limit, stay time.Duration) cast {
	return members(nodes, locks.Spec{Kind: locks.ConchNode}, func(i int) worker.Job {
		job := worker.Job{Mode: worker.Loop, Share: mode, Stay: stay, Users: readers / nodes, Stride: nodes}
		if i == 0 {
			job.Users++
			job.Alone = 1
		}
		return job
	})
}

// permitsIn is three members whose callers want permits.
func permitsIn(spec locks.Spec, stay time.Duration) cast {
	spec.Kind = locks.ConchNode
	return members(nodes, spec, func(int) worker.Job {
		return worker.Job{Mode: worker.Loop, Share: permits, Stay: stay, Users: sharers / nodes, Stride: nodes}
	})
}

// locksIn is three members whose callers want one of as many locks as there are permits,
// drawn anew each time.
func locksIn(stay time.Duration) cast {
	return members(nodes, locks.Spec{Kind: locks.ConchNode}, func(int) worker.Job {
		return worker.Job{Mode: worker.Any, Locks: permits, Stay: stay, Users: sharers / nodes}
	})
}

// clients starts so many clients, whose jobs are of the peer's lock of a name and beyond that
// their own. Whoever shares one lock in two ways is refused, so names differ.
func (p Peer) clients(n int, name string, job func(i int) worker.Job) func(turn *play, endpoints []string) error {
	return func(turn *play, endpoints []string) error {
		for i := range n {
			j := job(i)
			j.Lock = locks.Spec{Kind: p.kind, Endpoints: nearest(endpoints, i), Name: name, TTL: TTL}
			if err := turn.start(j); err != nil {
				return err
			}
		}
		return nil
	}
}

// read has clients that share a lock in a mode, and one more that writes.
func (p Peer) read(mode token.Limit) func(turn *play, endpoints []string) error {
	return p.clients(readers+1, "bench-readers", func(i int) worker.Job {
		job := worker.Job{Mode: worker.Loop, Share: mode}
		if i == readers {
			job.Alone = 1
		}
		return job
	})
}

// acquire has clients that want permits.
func (p Peer) acquire() func(turn *play, endpoints []string) error {
	return p.clients(sharers, "bench-permits", func(int) worker.Job { return worker.Job{Mode: worker.Loop, Share: permits} })
}

// pick has clients that want one of as many locks as there are permits.
func (p Peer) pick() func(turn *play, endpoints []string) error {
	return p.clients(sharers, locks.Name, func(int) worker.Job { return worker.Job{Mode: worker.Any, Locks: permits, Users: 1} })
}
