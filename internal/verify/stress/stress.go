package stress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch"
	"conch/internal/verify/exclusion"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// Scenario is one run.
type Scenario struct {
	// Nodes are the configurations of the nodes, TTL the time to live of their sessions.
	Nodes []conch.Config
	TTL   time.Duration
	// Seed determines the actions.
	Seed uint64
	// Clients is how many clients of the protocol there are, Callers how many of the Go
	// package at each node, and Locks how many locks all of them want.
	Clients, Callers, Locks int
	// Pace is the longest pause of a client of the protocol between two frames.
	Pace time.Duration
	// Patience bounds the wait for anything that must happen.
	Patience time.Duration
	// Log is given the figures.
	Log func(format string, args ...any)

	begun time.Time

	mu       sync.Mutex
	nodes    []*conch.Node
	held     []exclusion.Interval
	grants   int
	restarts int
	endings  map[codes.Code]int
	errs     []error
}

// Run runs the scenario for a time and judges it.
func (s *Scenario) Run(ctx context.Context, last time.Duration) (err error) {
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	running, cancel := context.WithTimeout(ctx, last+s.Patience)
	defer cancel()
	time.AfterFunc(last, func() {
		defer cancel()
		for running.Err() == nil && !s.hasShown() { // on a slow machine it goes on
			pause(running, 100*time.Millisecond)
		}
	})
	refused := s.runAll(running)
	s.Log("seed %d: %d grants to clients of the protocol, %d intervals held, %d of them shared, %d restarts of nodes; refused %v; streams ended with %v",
		s.Seed, s.grants, len(s.held), s.countShared(), s.restarts, refused, s.endings)
	return errors.Join(append(s.errs, exclusion.Check(s.held), s.awaitCalm(ctx))...)
}

// start starts the nodes.
func (s *Scenario) start(ctx context.Context) error {
	s.begun, s.endings = time.Now(), make(map[codes.Code]int)
	for _, cfg := range s.Nodes {
		node, err := conch.Start(ctx, cfg)
		if err != nil {
			return errors.Join(err, s.stop())
		}
		s.nodes = append(s.nodes, node)
	}
	return nil
}

// stop stops the nodes.
func (s *Scenario) stop() error {
	var errs []error
	for _, node := range s.nodes {
		errs = append(errs, node.Stop(context.Background()))
	}
	return errors.Join(errs...)
}

// runAll lets all act until ctx ends, and counts the refusals to clients.
func (s *Scenario) runAll(ctx context.Context) map[clientv1.Code]int {
	var all sync.WaitGroup
	refused := make(map[clientv1.Code]int)
	var clients []*client
	for i := range s.Clients {
		c := s.client(i)
		clients = append(clients, c)
		all.Go(func() { c.run(ctx) })
	}
	for node := range s.Nodes {
		for i := range s.Callers {
			random := rand.New(rand.NewPCG(s.Seed, uint64(1000+100*node+i)))
			all.Go(func() { s.call(ctx, fmt.Sprintf("caller %d of node %d", i, node), random, node) })
		}
	}
	all.Go(func() { s.restart(ctx, rand.New(rand.NewPCG(s.Seed, 999))) })
	all.Wait()
	for _, c := range clients {
		for code, times := range c.refused {
			refused[code] += times
		}
	}
	return refused
}

// client makes a client.
func (s *Scenario) client(i int) *client {
	return &client{
		scenario: s, name: fmt.Sprintf("raw %d", i), random: rand.New(rand.NewPCG(s.Seed, uint64(i))),
		requests: make(map[uint64]*request), returned: make(map[grant]bool), refused: make(map[clientv1.Code]int),
	}
}

// call asks in a loop through the Go package, as a client or as a caller in the node's own
// process, and soon gives up.
func (s *Scenario) call(ctx context.Context, name string, random *rand.Rand, node int) {
	for ctx.Err() == nil {
		var locker conch.Locker = s.node(node)
		done := func() error { return nil }
		if random.IntN(2) == 0 {
			client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{s.address(random)}})
			if err != nil {
				continue // a node that is stopped, or the end
			}
			locker, done = client, client.Close
		}
		for range random.IntN(50) {
			pause(ctx, time.Duration(random.Int64N(int64(s.Pace))))
			within, cancel := context.WithTimeout(ctx, time.Duration(random.Int64N(int64(10*s.Pace))))
			i := random.IntN(s.Locks)
			s.attempt(within, locker, name, lockName(i), drawLimit(random, i))
			cancel()
		}
		_ = done() // a stopped node does not hear of it
	}
}

// attempt takes a lock and gives it back.
func (s *Scenario) attempt(ctx context.Context, locker conch.Locker, name, lock string, limit token.Limit) {
	hold, err := acquireIn(ctx, locker, lock, limit)
	if err != nil {
		return
	}
	interval := exclusion.Interval{Lock: lock, Fence: hold.Fence(), Holder: name, Limit: limit}
	interval.From = s.now()
	held := hold.Err() == nil
	pause(ctx, 100*time.Microsecond)
	interval.To = s.now()
	if held && hold.Err() == nil {
		s.record(interval)
	}
	_ = hold.Unlock() // it may be lost
}

// acquireIn acquires a lock in a mode.
func acquireIn(ctx context.Context, locker conch.Locker, lock string, limit token.Limit) (conch.Hold, error) {
	switch limit {
	case token.Exclusive:
		return locker.Lock(ctx, lock)
	case token.Unlimited:
		return locker.RLock(ctx, lock)
	default:
		return locker.Acquire(ctx, lock, int(limit))
	}
}

// restart stops a node and starts it again, now and then.
func (s *Scenario) restart(ctx context.Context, random *rand.Rand) {
	for {
		pause(ctx, s.TTL+time.Duration(random.Int64N(int64(6*s.TTL))))
		if ctx.Err() != nil {
			return
		}
		i := random.IntN(len(s.Nodes))
		grace, cancel := context.WithTimeout(context.Background(), time.Duration(random.Int64N(int64(s.TTL/4))))
		err := s.node(i).Stop(grace)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.fail(err)
		}
		pause(ctx, time.Duration(random.Int64N(int64(s.TTL))))
		node, err := conch.Start(context.Background(), s.Nodes[i])
		if err != nil {
			s.fail(err)
			return
		}
		s.mu.Lock()
		s.nodes[i], s.restarts = node, s.restarts+1
		s.mu.Unlock()
	}
}

// hasShown reports whether enough has happened for the judges.
func (s *Scenario) hasShown() bool {
	const enough = 20
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants >= enough && len(s.held) >= enough && s.countShared() >= enough
}

// countShared counts the intervals in which a lock was shared.
func (s *Scenario) countShared() (n int) {
	for _, interval := range s.held {
		if interval.Limit != token.Exclusive {
			n++
		}
	}
	return n
}

func (s *Scenario) node(i int) *conch.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[i]
}

// address draws the address of a node.
func (s *Scenario) address(random *rand.Rand) string {
	return s.node(random.IntN(len(s.Nodes))).Address()
}

// record keeps an interval for the judge.
func (s *Scenario) record(interval exclusion.Interval) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, interval)
}

func (s *Scenario) granted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants++
}

// ending counts how streams end.
func (s *Scenario) ending(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, io.EOF) {
		err = nil // the node ended the stream with OK
	}
	s.endings[status.Code(err)]++
}

// fail notes a violation.
func (s *Scenario) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}
