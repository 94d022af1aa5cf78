package broadcast

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conch/token"
)

// alone starts a cluster of one, in which every lock is granted at once.
func alone(t testing.TB) *member {
	return newNetwork().startMember(t, "a:1", setup{members: []string{"a:1"}})
}

func TestHoldIsReleasedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := alone(t)
		hold := m.acquire("cs")
		if err := hold.Err(); err != nil {
			t.Errorf("Err of a hold = %v; want nil", err)
		}
		done := hold.Done()
		m.release(hold)
		if err := hold.Unlock(); !errors.Is(err, ErrReleased) {
			t.Errorf("second Release = %v; want ErrReleased", err)
		}
		if err := hold.Err(); !errors.Is(err, ErrReleased) {
			t.Errorf("Err after Release = %v; want ErrReleased", err)
		}
		if hold.Done() != nil {
			t.Error("Done after Release is a channel; want nil")
		}
		// The next hold has the same place in memory; the old one must not touch it.
		next := m.acquire("cs")
		if err := hold.Unlock(); !errors.Is(err, ErrReleased) {
			t.Errorf("Release of the old hold = %v; want ErrReleased", err)
		}
		if err := next.Err(); err != nil {
			t.Errorf("Err of the next hold = %v; want nil", err)
		}
		m.release(next)
		select {
		case <-done:
			t.Error("Done is closed, though nothing was lost")
		default:
		}
		m.stop()
	})
}

func TestAcquireRefusesBadNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := alone(t)
		for _, name := range []string{"", strings.Repeat("x", 256), "\xff"} {
			if _, err := m.driver.Acquire(t.Context(), name, token.Exclusive); !errors.Is(err, ErrName) {
				t.Errorf("Acquire(%.10q) = %v; want ErrName", name, err)
			}
		}
		m.release(m.acquire(strings.Repeat("x", 255)))
		m.stop()
	})
}

func TestWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := alone(t)
		hold := m.acquire("cs")
		var order []int
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				h := m.acquire("cs")
				order = append(order, i) // nobody else is in the critical section
				m.release(h)
			})
			synctest.Wait()
		}
		m.release(hold)
		all.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("served in the order %v; want as they came", order)
			}
		}
		m.stop()
	})
}

func TestWaiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := alone(t)
		hold := m.acquire("cs")
		cause := errors.New("had enough")
		for _, ctx := range []context.Context{
			func() context.Context { c, stop := context.WithCancelCause(t.Context()); stop(cause); return c }(),
			func() context.Context {
				c, stop := context.WithTimeoutCause(t.Context(), time.Second, cause)
				context.AfterFunc(c, stop)
				return c
			}(),
		} {
			if _, err := m.driver.Acquire(ctx, "cs", token.Exclusive); !errors.Is(err, cause) {
				t.Errorf("Acquire = %v; want the cause of the context's end", err)
			}
		}
		m.release(hold)
		m.release(m.acquire("cs"))
		m.stop()
	})
}

// A waiter that gives up while its grant is on the way leaves the lock to the next.
func TestWaiterGivesUpAsItIsGranted(t *testing.T) {
	m := alone(t)
	for range 2000 {
		hold := m.acquire("cs")
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		go func() {
			h, err := m.driver.Acquire(ctx, "cs", token.Exclusive)
			if err == nil {
				err = h.Unlock()
			}
			answered <- err
		}()
		go cancel()
		m.release(hold)
		if err := <-answered; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("Acquire = %v; want a hold or the context's end", err)
		}
		m.release(m.acquire("cs"))
		cancel()
	}
	m.stop()
}

func TestTryDoesNotWaitForAHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		a, b := members[0], members[1]
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hold, err := a.driver.Try(ctx, "cs", token.Exclusive)
		if err != nil {
			t.Fatalf("Try of a free lock: %v", err)
		}
		settled(t, members)
		for _, m := range members {
			if _, err := m.driver.Try(ctx, "cs", token.Exclusive); !errors.Is(err, ErrBusy) {
				t.Errorf("%s: Try of a held lock = %v; want ErrBusy", m.address, err)
			}
		}
		a.release(hold)
		hold, err = b.driver.Try(ctx, "cs", token.Exclusive) // whose token is elsewhere
		if err != nil {
			t.Fatalf("Try of a free lock: %v", err)
		}
		b.release(hold)
		a.release(a.acquire("cs"))
		stopAll(members)
		if _, err := a.driver.Try(ctx, "cs", token.Exclusive); !errors.Is(err, ErrStopped) {
			t.Errorf("Try on a stopped node = %v; want ErrStopped", err)
		}
	})
}

// A process that stood still may reach its timers before its owner checks the time: the
// clock decides what its hold says.
func TestHoldIsLostByTheClockBeforeTheOwnerNotices(t *testing.T) {
	now := token.Time(99)
	d := &Driver{inbox: inbox{limit: 1, working: true}, clock: func() token.Time { return now }}
	d.lease.Store(&Lease{Session: 1, End: 100})
	c := &localClaim{driver: d, ready: make(chan struct{}, 1)}
	c.begin(1)
	c.reply(1, answer{fence: 1}, 1)
	a, _ := c.poll()
	hold, err := c.hold(1, a)
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Err(); err != nil {
		t.Errorf("Err inside the lease = %v; want nil", err)
	}
	now = 100
	if err := hold.Err(); !errors.Is(err, ErrLost) {
		t.Errorf("Err at the lease's end = %v; want ErrLost", err)
	}
	if err := hold.Unlock(); !errors.Is(err, ErrLost) {
		t.Errorf("Release at the lease's end = %v; want ErrLost", err)
	}
	if in := d.inbox.take(nil); len(in) != 1 || in[0].kind != inputRelease || in[0].id != 1 {
		t.Errorf("the owner was told %+v; want the release", in)
	}
}

// A hold of an ended session stays lost when the node has another session.
func TestHoldOfAnEarlierSessionStaysLost(t *testing.T) {
	now := token.Time(99)
	d := &Driver{inbox: inbox{limit: 1, working: true}, clock: func() token.Time { return now }}
	d.lease.Store(&Lease{Session: 1, End: 100})
	c := &localClaim{driver: d, ready: make(chan struct{}, 1)}
	c.begin(1)
	c.reply(1, answer{fence: 1}, 1)
	a, _ := c.poll()
	hold, err := c.hold(1, a)
	if err != nil {
		t.Fatal(err)
	}
	now = 150
	d.lease.Store(&Lease{Session: 2, End: 200})
	if err := hold.Err(); !errors.Is(err, ErrLost) {
		t.Errorf("Err in the next session, before the owner has told of the loss = %v; want ErrLost", err)
	}
}

// A node that is cut off from all others loses its holds after the time to live, and the
// others go on.
func TestHoldIsLostWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		a := members[0]
		eventually(t, "all connected", func() bool { return connected(members...) })
		early, late := a.acquire("cs"), a.acquire("other")
		lost := early.Done()
		for _, other := range members[1:] {
			w.block("a:1", other.address)
			w.block(other.address, "a:1")
		}
		cut := time.Now()
		next := members[1].acquire("cs")
		<-lost
		if took := time.Since(cut); took > 2*testTTL {
			t.Errorf("granted elsewhere after %v; want the lease to end within %v", took, 2*testTTL)
		}
		if next.Fence() <= early.Fence() {
			t.Errorf("fence %d after %d; want a higher one", next.Fence(), early.Fence())
		}
		<-late.Done() // asked for after the loss
		for _, hold := range []Hold{early, late} {
			if err := hold.Err(); !errors.Is(err, ErrLost) {
				t.Errorf("Err of a lost hold = %v; want ErrLost", err)
			}
			if err := hold.Unlock(); !errors.Is(err, ErrLost) {
				t.Errorf("Release of a lost hold = %v; want ErrLost", err)
			}
			if err := hold.Unlock(); !errors.Is(err, ErrReleased) {
				t.Errorf("second Release of a lost hold = %v; want ErrReleased", err)
			}
		}
		if got := a.lines("lost"); len(got) != 2 {
			t.Errorf("lines %v; want two losses", got)
		}
		if got := a.lines("session_warned"); len(got) != 1 {
			t.Errorf("lines %v; want one warning", got)
		}
		members[1].release(next)
		for _, other := range members[1:] {
			w.unblock("a:1", other.address)
			w.unblock(other.address, "a:1")
		}
		a.release(a.acquire("cs"))
		stopAll(members)
	})
}
