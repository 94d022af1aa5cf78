package loadgen

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trip is how long a grant takes on its way to a client.
const trip = time.Millisecond

// fakeCluster has locks that are served first come, first served, in the virtual time of
// a bubble of testing/synctest. Its fields say how it fails.
type fakeCluster struct {
	// overlaps: a lock is granted to whoever asks.
	overlaps bool
	// repeats: all fences are the same.
	repeats bool
	// loses: the first hold in the critical section is lost, and somebody else gets in.
	loses bool
	// refuses is the error of each Lock after this many grants; 0 is never.
	refuses int
	// noSession is how often TryLock says that there is no session.
	noSession int

	mu     sync.Mutex
	grants int
	locks  map[string]*fakeLock
	asked  map[string]int
}

type fakeLock struct {
	taken bool // held, or on its way to the head of the queue
	queue []chan struct{}
}

type fakeHold struct {
	cluster *fakeCluster
	lock    *fakeLock
	fence   uint64
	over    error // guarded by cluster.mu
}

func (h *fakeHold) Fence() uint64 { return h.fence }

func (h *fakeHold) Err() error {
	h.cluster.mu.Lock()
	defer h.cluster.mu.Unlock()
	return h.over
}

func (h *fakeHold) Unlock() error {
	h.cluster.mu.Lock()
	defer h.cluster.mu.Unlock()
	if h.over != nil {
		return h.over
	}
	h.over = conch.ErrUnlocked
	h.lock.pass()
	return nil
}

// pass lets the next one in; the cluster's mutex is held.
func (l *fakeLock) pass() {
	if l.taken = len(l.queue) > 0; l.taken {
		close(l.queue[0])
		l.queue = l.queue[1:]
	}
}

// withdraw ends a wait; the cluster's mutex is held.
func (l *fakeLock) withdraw(turn chan struct{}) {
	if i := slices.Index(l.queue, turn); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		return
	}
	l.pass() // its turn came in this moment
}

// of returns the lock of a name; the mutex is held.
func (c *fakeCluster) of(name string) *fakeLock {
	if c.locks == nil {
		c.locks, c.asked = map[string]*fakeLock{}, map[string]int{}
	}
	if c.locks[name] == nil {
		c.locks[name] = &fakeLock{}
	}
	c.asked[name]++
	return c.locks[name]
}

var errRefused = fmt.Errorf("refused: %w", conch.ErrRefused)

func (c *fakeCluster) lock(ctx context.Context, name string) (Hold, error) {
	c.mu.Lock()
	if c.refuses > 0 && c.grants >= c.refuses {
		defer c.mu.Unlock()
		return nil, errRefused
	}
	l := c.of(name)
	if l.taken && !c.overlaps {
		turn := make(chan struct{})
		l.queue = append(l.queue, turn)
		c.mu.Unlock()
		select {
		case <-turn:
			c.mu.Lock()
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			l.withdraw(turn)
			return nil, context.Cause(ctx)
		}
	}
	return c.grant(l), nil
}

// grant takes a trip's time; it unlocks the mutex.
func (c *fakeCluster) grant(l *fakeLock) *fakeHold {
	c.grants++
	h := &fakeHold{cluster: c, lock: l, fence: uint64(c.grants)}
	if c.repeats {
		h.fence = 7
	}
	l.taken = true
	c.mu.Unlock()
	<-time.After(trip)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loses && c.grants > 10 {
		c.loses = false
		time.AfterFunc(trip/2, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if h.over == nil {
				h.over = fmt.Errorf("%w: the lease is over", conch.ErrLost)
				l.pass()
			}
		})
	}
	return h
}

func (c *fakeCluster) tryLock(_ context.Context, name string) (Hold, error) {
	c.mu.Lock()
	if c.noSession > 0 {
		c.noSession--
		defer c.mu.Unlock()
		return nil, conch.ErrNoSession
	}
	l := c.of(name)
	if l.taken {
		defer c.mu.Unlock()
		return nil, conch.ErrBusy
	}
	return c.grant(l), nil
}

// clients are so many at each of some nodes.
func (c *fakeCluster) clients(nodes, each int) []Client {
	var all []Client
	for node := range nodes {
		for i := range each {
			all = append(all, Client{
				Name: fmt.Sprintf("client %d of node %d", i+1, node+1), Node: node,
				Lock: c.lock, TryLock: c.tryLock,
			})
		}
	}
	return all
}
