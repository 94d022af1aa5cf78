package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"conch"
	"conch/token"
)

// sharers are clients of the nodes that share two locks, as readers and writers and by
// permits, while the nodes are in trouble.
type sharers struct {
	locks  []sharedBy
	number int
	end    context.CancelFunc
	all    sync.WaitGroup

	mu  sync.Mutex
	err error // the first that no trouble explains
}

// sharedBy is a lock that is shared in one way, and who was in.
type sharedBy struct {
	name  string
	limit token.Limit
	*stays
}

// share starts clients of all nodes. They go on until finish.
func (o *trial) share(ctx context.Context) *sharers {
	ctx, end := context.WithCancel(ctx)
	s := &sharers{end: end, locks: []sharedBy{
		{"config", token.Unlimited, newStays()}, {"gpu", 2, newStays()},
	}}
	addresses := o.listens()
	for i := range o.Sharers * len(addresses) {
		random := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		// Its own node first; the others when that one is gone.
		nodes := from(addresses, i%len(addresses))
		s.number++
		s.all.Go(func() {
			if err := s.run(ctx, i, nodes, random); err != nil && ctx.Err() == nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.err = errors.Join(s.err, fmt.Errorf("sharer %d: %w", i, err))
			}
		})
	}
	return s
}

// run enters again and again, until the context ends.
func (s *sharers) run(ctx context.Context, client int, nodes []string, random *rand.Rand) error {
	locks, err := dialFirst(ctx, nodes)
	if err != nil {
		return err
	}
	defer func() { _ = locks.Close() }() // its node may be gone
	for ctx.Err() == nil {
		lock := s.locks[random.IntN(len(s.locks))]
		if err := s.enter(ctx, locks, client, lock, random); err != nil {
			return err
		}
	}
	return nil
}

// enter enters once, in some mode, and stays for a while.
func (s *sharers) enter(ctx context.Context, locks *conch.Client, client int, lock sharedBy, random *rand.Rand) error {
	limit := lock.limit
	if random.IntN(4) == 0 {
		limit = token.Exclusive
	}
	from := lock.now()
	hold, err := acquireIn(ctx, locks, lock.name, limit)
	switch {
	case errors.Is(err, conch.ErrUnreachable) || errors.Is(err, conch.ErrNoSession) || errors.Is(err, conch.ErrStopped):
		return nil // all that it tried are in trouble
	case err != nil:
		return err
	}
	stay := lock.entered(client, limit, hold.Fence(), from, lock.now())
	// It looks at its hold again and again, so that a loss is known to the moment.
	for range 1 + random.IntN(5) {
		certain := lock.now()
		if err := hold.Err(); err != nil {
			lock.left(stay, from, lock.now())
			break
		}
		from = certain
		pause(ctx, time.Duration(random.Int64N(int64(4*time.Millisecond))))
	}
	released := lock.now()
	switch err := hold.Unlock(); {
	case err == nil:
		lock.left(stay, released, lock.now())
	case errors.Is(err, conch.ErrLost):
		lock.left(stay, from, lock.now())
	default:
		return err
	}
	return nil
}

// acquireIn acquires a lock in a mode.
func acquireIn(ctx context.Context, locks *conch.Client, name string, limit token.Limit) (conch.Hold, error) {
	switch limit {
	case token.Exclusive:
		return locks.Lock(ctx, name)
	case token.Unlimited:
		return locks.RLock(ctx, name)
	default:
		return locks.Acquire(ctx, name, int(limit))
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// await waits until each client has entered once more, now that no node is in trouble.
func (s *sharers) await(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before := make([]int, s.number)
	for i := range before {
		before[i] = s.count(i)
	}
	for i := range before {
		for s.count(i) <= before[i] {
			if s.failed() != nil {
				return s.failed()
			}
			if ctx.Err() != nil {
				return fmt.Errorf("sharer %d did not enter again within %v", i, patience)
			}
			pause(ctx, 10*time.Millisecond)
		}
	}
	return nil
}

// count returns how often a client has entered.
func (s *sharers) count(client int) int {
	n := 0
	for _, lock := range s.locks {
		n += lock.count(client)
	}
	return n
}

func (s *sharers) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// stop ends the clients.
func (s *sharers) stop() {
	s.end()
	s.all.Wait()
}

// finish ends the clients, and judges what they did.
func (s *sharers) finish(patience time.Duration) error {
	s.stop()
	err := s.failed()
	for _, lock := range s.locks {
		err = errors.Join(err, lock.check(lock.name, patience))
	}
	return err
}
