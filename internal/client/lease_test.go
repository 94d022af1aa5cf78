package client

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// closes closes a client and checks that nothing was left undelivered.
func (c *Client) closes(t *testing.T) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// left is what is left of a hold.
func left(h broadcast.Hold) time.Duration { return time.Until(h.Deadline()) }

// "The client counts from when it sent its Ping", and a hundredth is kept back.
func TestLeaseOfAGrantCountsFromItsPing(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		if len(st.pings()) != 1 {
			t.Fatalf("%d Pings; want one with the Acquire", len(st.pings()))
		}
		pass(300 * time.Millisecond)
		st.answer(7, time.Second)
		st.grant(1, 5)
		hold := asked.granted()
		if hold.Fence() != 5 || hold.Err() != nil {
			t.Errorf("fence %d, Err %v; want 5, nil", hold.Fence(), hold.Err())
		}
		if got, want := left(hold), 990*time.Millisecond-300*time.Millisecond; got != want {
			t.Errorf("%v left; want %v", got, want)
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
		c.closes(t)
	})
}

// "A client has one lease for all its holds; it is the latest end that a Pong or a
// Granted has told".
func TestLeaseIsOneForAllHolds(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		st.grant(1, 5)
		first := asked.granted()
		if got, want := left(first), testTTL*99/100; got != want {
			t.Errorf("%v left; want %v", got, want)
		}
		pass(600 * time.Millisecond) // a Pong after 500 ms
		if got, want := left(first), testTTL*99/100-100*time.Millisecond; got != want {
			t.Errorf("%v left after a Pong; want %v", got, want)
		}
		asked = w.ask(c, "y")
		id := st.acquire().GetId()
		st.tell(&clientv1.Granted{Id: id, Fence: 1, Session: 1, HadPing: true, Stamp: st.pings()[0], LeaseRemainingNs: 1})
		second := asked.granted()
		if left(first) != left(second) {
			t.Errorf("a later grant with an earlier end: %v and %v left; want the same", left(first), left(second))
		}
		st.fallSilent()
		pass(time.Second)
		asked = w.ask(c, "z")
		id = st.acquire().GetId()
		st.grant(id, 1)
		third := asked.granted()
		if left(third) != left(first) || left(third) < time.Second {
			t.Errorf("a later grant with a later end: %v and %v left; want the same", left(first), left(third))
		}
		stamps := st.pings()
		for i := 1; i < len(stamps); i++ {
			if stamps[i] <= stamps[i-1] {
				t.Errorf("stamps %v; want rising ones", stamps)
			}
		}
		_ = c.Close()
	})
}

// "Without one, which had_ping tells, there is no lease yet."
func TestGrantWithoutAPingWaitsForAPong(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.acquire()
		st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 3, LeaseRemainingNs: int64(testTTL)})
		asked.waits()
		st.tell(pong(st.pings()[0], 3, testTTL))
		if hold := asked.granted(); hold.Fence() != 5 {
			t.Errorf("fence %d; want 5", hold.Fence())
		}
		_ = c.Close()
	})
}

// "Where this lease is over by the client's clock already, since its last Ping was long
// ago, the hold begins with the next Pong of the same session."
func TestGrantWhoseLeaseIsOverWaitsForAPong(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.acquire()
		first := st.pings()[0]
		pass(400 * time.Millisecond)
		st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 3, HadPing: true, Stamp: first, LeaseRemainingNs: int64(400 * time.Millisecond)})
		asked.waits()
		if got := len(st.pings()); got != 2 {
			t.Errorf("%d Pings; want another at once", got)
		}
		st.tell(pong(first, 3, 300*time.Millisecond)) // late: it is over as well
		asked.waits()
		st.tell(pong(st.pings()[1], 3, testTTL))
		asked.granted()
		_ = c.Close()
	})
}

// The session in which it was granted is over before the hold has begun.
func TestGrantOfAnEarlierSessionIsAskedForAnew(t *testing.T) {
	for _, session := range []uint64{0, 4} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			st.fallSilent()
			asked := w.ask(c, "x")
			st.acquire()
			st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 3})
			st.tell(pong(st.pings()[0], session, testTTL))
			asked.waits()
			st.wants(release(1, "x", 5))
			st.wants(acquire(2, "x"))
			st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 3}) // once more
			st.answer(5, testTTL)
			st.grant(2, 6)
			if hold := asked.granted(); hold.Fence() != 6 {
				t.Errorf("fence %d; want 6", hold.Fence())
			}
			_ = c.Close()
		})
	}
}

func TestLostBeforeItBeganIsAskedForAnew(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.acquire()
		st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 3})
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_LAPSE})
		asked.waits()
		st.wants(acquire(2, "x"))
		st.tell(&clientv1.Granted{Id: 2, Fence: 6, Session: 4})
		st.tell(&clientv1.Warned{Ids: []uint64{2}, Reason: clientv1.Reason_REASON_BREAK, Text: "stuck"})
		st.wants(release(2, "x", 6))
		st.wants(acquire(3, "x"))
		asked.waits()
		asked.cancel(nil)
		asked.fails(context.Canceled)
		_ = c.Close()
	})
}

// "It extends a hold only if its session is the one that the hold was granted in".
func TestPongOfAnotherSessionDoesNotExtend(t *testing.T) {
	for _, session := range []uint64{0, 1, 3} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			st.answer(2, testTTL)
			asked := w.ask(c, "x")
			st.acquire()
			st.grant(1, 5)
			hold := asked.granted()
			st.answer(session, testTTL)
			pass(testTTL*99/100 - 1)
			if err := hold.Err(); err != nil {
				t.Errorf("session %d: Err = %v within the lease", session, err)
			}
			lost := hold.Done()
			pass(time.Nanosecond)
			if !isClosed(lost) || !errors.Is(hold.Err(), broadcast.ErrLost) {
				t.Errorf("session %d: Err = %v at the lease's end; want ErrLost", session, hold.Err())
			}
			_ = c.Close()
		})
	}
}

// A Pong that comes late is worth what its stamp says, and nothing once the client has
// found its clock past the end.
func TestDelayedPong(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		st.grant(1, 5)
		hold := asked.granted()
		st.fallSilent()
		pass(1500 * time.Millisecond)
		stamps := st.pings()
		if len(stamps) != 4 {
			t.Fatalf("%d Pings in 1.5 s; want one each T/4", len(stamps))
		}
		st.tell(pong(stamps[1], 1, testTTL))
		if got, want := left(hold), testTTL*99/100-time.Second; got != want {
			t.Errorf("%v left; want %v: it counts from the Ping", got, want)
		}
		pass(testTTL*99/100 - time.Second)
		if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Err = %v; want ErrLost", err)
		}
		st.wants(release(1, "x", 5)) // the node may not know
		st.tell(pong(stamps[3], 1, testTTL))
		if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Err after another Pong = %v; want ErrLost: a loss is final", err)
		}
		if err := hold.Unlock(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Release = %v; want ErrLost", err)
		}
		if err := hold.Unlock(); !errors.Is(err, broadcast.ErrReleased) {
			t.Errorf("second Release = %v; want ErrReleased", err)
		}
		st.nothing()
		_ = c.Close()
	})
}

// "With REASON_BREAK and REASON_NODE_LEAVING the end is settled."
func TestPongAfterASettledWarningDoesNotExtend(t *testing.T) {
	for reason, want := range map[clientv1.Reason]error{
		clientv1.Reason_REASON_BREAK:        broadcast.ErrBroken,
		clientv1.Reason_REASON_NODE_LEAVING: broadcast.ErrStopped,
	} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			asked := w.ask(c, "x")
			st.acquire()
			st.grant(1, 5)
			hold := asked.granted()
			warned, lost := hold.Warned(), hold.Done()
			if isClosed(warned) || hold.Warning() != nil {
				t.Errorf("warned at the start: %v", hold.Warning())
			}
			st.tell(&clientv1.Warned{Ids: []uint64{1}, Reason: reason, LeaseRemainingNs: int64(testTTL), Text: "stuck"})
			if !isClosed(warned) || !errors.Is(hold.Warning(), want) || hold.Err() != nil {
				t.Errorf("%v: Warning %v, Err %v; want %v, nil", reason, hold.Warning(), hold.Err(), want)
			}
			pass(testTTL*99/100 - 1)
			if hold.Err() != nil || isClosed(lost) {
				t.Errorf("%v: lost before its end: %v", reason, hold.Err())
			}
			pass(time.Nanosecond)
			if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) || !errors.Is(err, want) || !isClosed(lost) {
				t.Errorf("%v: Err = %v; want ErrLost and %v", reason, err, want)
			}
			if err := hold.Unlock(); !errors.Is(err, broadcast.ErrLost) {
				t.Errorf("%v: Release = %v; want ErrLost", reason, err)
			}
			_ = c.Close()
		})
	}
}

// A warning of a lapse may come to nothing.
func TestPongAfterALapseWarningExtends(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		st.grant(1, 5)
		hold := asked.granted()
		st.tell(&clientv1.Warned{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_LAPSE, LeaseRemainingNs: int64(testTTL / 10)})
		if !isClosed(hold.Warned()) || !errors.Is(hold.Warning(), broadcast.ErrLapsing) {
			t.Errorf("Warning = %v; want ErrLapsing", hold.Warning())
		}
		pass(5 * testTTL)
		if hold.Warning() != nil || hold.Err() != nil {
			t.Errorf("Warning %v, Err %v; want nil, nil", hold.Warning(), hold.Err())
		}
		_ = c.Close()
	})
}

// A client whose node says nothing any more is warned and loses its hold by its own
// timer.
func TestHoldIsLostByTheClientsOwnClock(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		st.grant(1, 5)
		hold := asked.granted()
		st.fallSilent()
		began := time.Now()
		<-hold.Warned()
		if after, want := time.Since(began), testTTL*99/100-testTTL/10; after != want {
			t.Errorf("warned after %v; want %v", after, want)
		}
		if err := hold.Warning(); !errors.Is(err, broadcast.ErrLapsing) {
			t.Errorf("Warning = %v; want ErrLapsing", err)
		}
		<-hold.Done()
		if after, want := time.Since(began), testTTL*99/100; after != want {
			t.Errorf("lost after %v; want %v", after, want)
		}
		if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Err = %v; want ErrLost", err)
		}
		_ = c.Close()
	})
}

// A process that stood still asks the clock before its timers, and before it reads what
// the node has said meanwhile.
func TestHoldIsLostByTheClockBeforeTheTimer(t *testing.T) {
	for name, find := range map[string]func(*nodeStream, broadcast.Hold) error{
		"Err":     func(_ *nodeStream, h broadcast.Hold) error { return h.Err() },
		"Release": func(_ *nodeStream, h broadcast.Hold) error { return h.Unlock() },
		"Pong": func(st *nodeStream, h broadcast.Hold) error {
			lost := h.Done()
			st.tell(pong(st.pings()[0], 1, testTTL))
			if !isClosed(lost) {
				return nil
			}
			return h.Err()
		},
	} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			var slept atomic.Int64
			c, err := start(t.Context(), Config{
				Targets: w.targets("a:1"), Clock: func() token.Time { return w.now() + token.Time(slept.Load()) },
			}, w.dial)
			if err != nil {
				t.Fatal(err)
			}
			st := n.stream()
			hold := w.held(c, st, 5)
			slept.Store(int64(testTTL*99/100 - 1))
			if err := hold.Err(); err != nil {
				t.Errorf("Err = %v within the lease", err)
			}
			slept.Add(1)
			if err := find(st, hold); !errors.Is(err, broadcast.ErrLost) {
				t.Errorf("%s: %v; want ErrLost", name, err)
			}
			_ = c.Close()
		})
	}
}

// The end of a short lease is found when it comes, and not when the next Ping is due.
func TestShortLeaseEndsInTime(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.acquire()
		st.answer(1, 100*time.Millisecond)
		st.grant(1, 5)
		hold := asked.granted()
		began := time.Now()
		<-hold.Done()
		if after, want := time.Since(began), 99*time.Millisecond; after != want {
			t.Errorf("lost after %v; want %v", after, want)
		}
	})
}

// What was told for an earlier session is no lease of the present one.
func TestLeaseOfAnEarlierSessionCountsForNothing(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.acquire()
		st.tell(pong(st.pings()[0], 2, time.Millisecond))
		st.tell(pong(st.pings()[0], 1, testTTL))
		pass(100 * time.Millisecond)
		st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 2})
		asked.waits()
	})
}

func TestHoldIsLostAsTheNodeSays(t *testing.T) {
	for reason, want := range map[clientv1.Reason]error{
		clientv1.Reason_REASON_LAPSE:        errLapse,
		clientv1.Reason_REASON_BREAK:        broadcast.ErrBroken,
		clientv1.Reason_REASON_NODE_LEAVING: broadcast.ErrStopped,
		clientv1.Reason_REASON_CLIENT_LEASE: errClientLease,
	} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			asked := w.ask(c, "x")
			st.acquire()
			st.grant(1, 5)
			hold := asked.granted()
			lost := hold.Done()
			st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: reason, Text: "stuck"})
			if err := hold.Err(); !isClosed(lost) || !errors.Is(err, broadcast.ErrLost) || !errors.Is(err, want) {
				t.Errorf("Err = %v; want ErrLost and %v", err, want)
			}
			if err := hold.Unlock(); !errors.Is(err, want) {
				t.Errorf("Release = %v; want %v", err, want)
			}
			st.nothing() // it is not to be released
			c.closes(t)
		})
	}
}
