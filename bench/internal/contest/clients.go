package contest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sys/unix"

	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// Names of the subjects in which conch has clients in processes of their own, beside those
// that it has in common with its peers.
const (
	ConchTakenOver = "conch/clients, token elsewhere"
	ConchManyLocks = "conch/clients, 1,000 locks"
	ConchApart     = "conch/300 clients, 1,000 locks"
	ConchWaiters   = "conch/clients, 128 waiters"
	ConchGivenUp   = "conch/clients, 128 waiters that give up"
	ConchFew       = "conch/10 clients attached"
	ConchAttached  = "conch/very many clients attached"
)

const (
	// waiters is how many callers all clients have together, and longestWait for how long
	// each waits at most where they give up.
	waiters     = 128
	longestWait = 5 * time.Millisecond
	// manyCallers is how many callers each client has that wants one of many locks.
	manyCallers = 100
	// few is how many clients are attached where that is to make no difference.
	few = 10
	// lockCount is how many locks there are where one of many is wanted.
	lockCount = 1000
	// crowdWindow is how long clients that want nothing are watched.
	crowdWindow = 10 * time.Second
)

// clientSubjects are conch's clients under work that the peers do not have.
func clientSubjects() []*Subject {
	on := func(workers func(turn *play, endpoints []string) error, grants uint64) func(context.Context, *Stage) (*Sample, error) {
		return served("conch", conch(servers.Settings{}), workers, grants)
	}
	attached := mostAttached()
	return []*Subject{
		{Name: ConchTakenOver, Label: "a client at each of 2 nodes, nobody competes, and the token is always at the other's", round: on(takenOver, warmGrants)},
		{Name: ConchManyLocks, Label: "3 clients with 100 callers each, which take one of 1,000 locks at random", round: on(someOfMany(0), 4*lockCount)},
		{Name: ConchApart, Label: "the same, each caller a client with a connection of its own", round: on(someOfMany(manyCallers+1), 4*lockCount)},
		{Name: ConchWaiters, Label: "3 clients with 128 callers in all that want one lock", round: on(waiting(0), warmGrants)},
		{Name: ConchGivenUp, Label: "the same, where each waits for 5 ms at most, mostly less, and then asks anew", round: on(waiting(longestWait), warmGrants)},
		{Name: ConchFew, Label: fmt.Sprintf("one node, %d clients", few), Once: true, round: attachedTo(few)},
		{Name: ConchAttached, Label: fmt.Sprintf("one node, %d clients", attached), Once: true, round: attachedTo(attached)},
	}
}

// takenOver has two clients use the lock in turns, each at a node of its own.
func takenOver(turn *play, endpoints []string) error {
	for i := range 2 {
		spec := locks.Spec{Kind: locks.ConchClient, Endpoints: nearest(endpoints, i)}
		job := worker.Job{Mode: worker.Turns, Lock: spec, Turn: turn.socket(i), NextTurn: turn.socket(1 - i)}
		if err := turn.start(job); err != nil {
			return err
		}
	}
	return nil
}

// someOfMany has callers at all nodes take one of many locks each time. A process with
// callers at a node has so many connections to it.
func someOfMany(connections int) func(turn *play, endpoints []string) error {
	return func(turn *play, endpoints []string) error {
		for i := range endpoints {
			spec := locks.Spec{Kind: locks.ConchClient, Endpoints: nearest(endpoints, i), Connections: connections}
			if err := turn.start(worker.Job{Mode: worker.Any, Lock: spec, Locks: lockCount, Users: manyCallers}); err != nil {
				return err
			}
		}
		return nil
	}
}

// waiting has a client of each node with many callers, who want one lock all the time.
func waiting(patience time.Duration) func(turn *play, endpoints []string) error {
	return func(turn *play, endpoints []string) error {
		n := len(endpoints)
		for i := range n {
			job := worker.Job{
				Mode:  worker.Loop,
				Lock:  locks.Spec{Kind: locks.ConchClient, Endpoints: nearest(endpoints, i)},
				Users: (waiters - i + n - 1) / n, Stride: n, Patience: patience,
			}
			if err := turn.start(job); err != nil {
				return err
			}
		}
		return nil
	}
}

// mostAttached is how many clients a node can have, by how many files a process may open
// here: as many as conch lets in, if it may be.
func mostAttached() int {
	const most, filesPerClient, step = 10_000 - few, 2.8, 500
	var limit unix.Rlimit // which Go has raised as far as it may
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return few
	}
	fit := int(float64(min(limit.Cur, 1<<30))/filesPerClient) / step * step
	return max(few, min(most, fit))
}

// attachedTo has so many clients be attached to one node, first when they want nothing, and
// then while one more locks and unlocks again and again.
func attachedTo(n int) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (sample *Sample, err error) {
		fleet, err := s.freshFleet(ctx, "attached", func(ctx context.Context, s *Stage, dir string) (*servers.Fleet, error) {
			flags := []string{"--max-clients", fmt.Sprint(max(n+few, 1024))}
			return servers.StartConch(ctx, s.Conch, dir, 1, TTL, servers.Settings{Flags: flags})
		})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, fleet.Close()) }()
		p, err := newPlay(s)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		p.servers = fleet.Processes
		spec := locks.Spec{Kind: locks.ConchClient, Endpoints: fleet.Endpoints}
		figures, err := p.crowd(ctx, spec, n)
		if err != nil {
			return nil, err
		}
		if err := p.start(worker.Job{Mode: worker.Loop, Lock: spec}); err != nil {
			return nil, err
		}
		if err := p.await(ctx, 2, warmGrants); err != nil {
			return nil, err
		}
		w, err := p.measure(ctx)
		if err != nil {
			return nil, err
		}
		reports, err := p.reports(ctx, startPatience)
		if err != nil {
			return nil, err
		}
		if sample, err = w.sample(reports); err != nil {
			return nil, err
		}
		maps.Copy(sample.Figures, figures)
		return sample, nil
	}
}

// crowd attaches so many clients that want nothing, and says what the node takes for them.
func (p *play) crowd(ctx context.Context, spec locks.Spec, n int) (map[Figure]float64, error) {
	node := p.servers[0]
	before, err := node.Resident()
	if err != nil {
		return nil, err
	}
	if err := p.start(worker.Job{Mode: worker.Crowd, Lock: spec, Users: n}); err != nil {
		return nil, err
	}
	if err := p.await(ctx, 1, 0); err != nil {
		return nil, err
	}
	if err := p.pause(ctx, TTL); err != nil {
		return nil, err
	}
	busy, err := p.busiest(ctx, crowdWindow)
	if err != nil {
		return nil, err
	}
	after, err := node.Resident()
	if err != nil {
		return nil, err
	}
	figures := map[Figure]float64{Background: 100 * busy}
	if n > few { // what a process takes anyway would count for most of it
		figures[ClientBytes] = float64(max(after, before)-before) / float64(n)
	}
	return figures, nil
}
