package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// The node's process is gone: nobody answers there any more.
func TestWaitersMoveOnAtOnceWhenTheNodeIsGone(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := a.stream()
		hold := w.held(c, st, 5)
		one, two := w.ask(c, "y"), w.ask(c, "y")
		st.acquire()
		st.acquire()
		began := time.Now()
		a.die()
		st = b.stream()
		ids := []uint64{st.acquire().GetId(), st.acquire().GetId()}
		if after := time.Since(began); after > backoffMin {
			t.Errorf("moved on after %v; want at once", after)
		}
		if got := c.Node(); got != w.targets("b:1")[0] {
			t.Errorf("Node = %q; want b:1", got)
		}
		for _, id := range ids {
			st.grant(id, 9)
		}
		one.granted()
		two.granted()
		if err := hold.Err(); err != nil {
			t.Errorf("Err of the hold of the node that is gone = %v; want nil within its lease", err)
		}
		<-hold.Done()
		if after := time.Since(began); after > testTTL {
			t.Errorf("lost after %v; want within T", after)
		}
		if err := hold.Unlock(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Release = %v; want ErrLost", err)
		}
		a.noStream()
	})
}

// "takes the node for gone when it has heard nothing for T".
func TestWaitersMoveOnWhenTheNodeIsSilent(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := a.stream()
		w.ask(c, "x")
		st.acquire()
		pass(10 * testTTL)
		st.fallSilent()
		a.set(false, true)
		pass(testTTL - 1)
		b.noStream()
		pass(testTTL / 4)
		if id := b.stream().acquire().GetId(); id == 0 {
			t.Error("id 0")
		}
	})
}

// A wait whose connection breaks while the node does not answer stays with it for T
// after it was last heard, since its holds may be taken up again until then.
func TestWaitersMoveOnWhenTheNodeDoesNotComeBack(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := a.stream()
		hold := w.held(c, st, 5)
		w.ask(c, "y")
		st.acquire()
		a.set(false, true)
		a.cut()
		pass(testTTL - testTTL/2)
		b.noStream()
		pass(testTTL)
		b.stream().acquire()
		if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Err = %v; want ErrLost", err)
		}
	})
}

// A node that stops refuses those who wait; it keeps the stream for those who hold.
func TestWaitersMoveOnWhenTheNodeIsLeaving(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := a.stream()
		hold := w.held(c, st, 5)
		one, two := w.ask(c, "y"), w.ask(c, "y")
		st.wants(acquire(2, "y"))
		st.wants(acquire(3, "y"))
		st.tell(&clientv1.Refused{Id: 2, Error: &clientv1.Error{Code: clientv1.Code_CODE_NODE_LEAVING}})
		st.wants(withdraw(3)) // which will be refused as well, and asks elsewhere already
		st.tell(&clientv1.Refused{Id: 3, Error: &clientv1.Error{Code: clientv1.Code_CODE_NODE_LEAVING}})
		other := b.stream()
		ids := []uint64{other.acquire().GetId(), other.acquire().GetId()}
		slices.Sort(ids)
		if !slices.Equal(ids, []uint64{1, 2}) {
			t.Errorf("ids %v at the next node; want 1 and 2", ids)
		}
		other.grant(1, 9)
		other.grant(2, 10)
		one.granted()
		two.granted()

		st.tell(&clientv1.Warned{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_NODE_LEAVING, LeaseRemainingNs: int64(testTTL)})
		if err := hold.Warning(); !errors.Is(err, broadcast.ErrStopped) {
			t.Errorf("Warning = %v; want ErrStopped", err)
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
		if !isClosed(st.ended) {
			t.Error("the stream to the node that is leaving is open, though nothing is left there")
		}
		a.noStream()
	})
}

// A warning that the node is leaving moves those who wait as well.
func TestWarningThatTheNodeIsLeavingMovesWaiters(t *testing.T) {
	for _, m := range []any{
		&clientv1.Warned{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_NODE_LEAVING},
		&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_NODE_LEAVING},
	} {
		overBoth(t, func(t *testing.T, w *network) {
			a, b := w.node("a:1"), w.node("b:1")
			c := w.client("a:1", "b:1")
			st := a.stream()
			w.held(c, st, 5)
			waits := w.ask(c, "y")
			st.wants(acquire(2, "y"))
			begins := w.ask(c, "z")
			st.wants(acquire(3, "z"))
			st.fallSilent()
			st.tell(&clientv1.Granted{Id: 3, Fence: 7, Session: 8})
			st.tell(m)
			other := b.stream()
			other.grant(other.acquire().GetId(), 9)
			other.grant(other.acquire().GetId(), 9)
			waits.granted()
			begins.granted()
			got := []string{st.next().String(), st.next().String()}
			for _, want := range []string{withdraw(2).String(), release(3, "z", 7).String()} {
				if !slices.Contains(got, want) {
					t.Errorf("got %q; want %q among them", got, want)
				}
			}
		})
	}
}

// The only node is gone and comes back in time.
func TestWaitersOfTheOnlyNodeWaitForItsReturn(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		n.die()
		pass(DefaultPatience - time.Second)
		asked.waits()
		n.set(false, false)
		st = n.stream()
		st.grant(st.acquire().GetId(), 6)
		asked.granted()

		// Its next absence has nothing to do with that one.
		pass(time.Minute)
		asked = w.ask(c, "y")
		st.acquire()
		n.die()
		pass(DefaultPatience - time.Second)
		asked.waits()
		n.set(false, false)
		st = n.stream()
		st.grant(st.acquire().GetId(), 7)
		asked.granted()
	})
}

func TestWaitersAreToldWhenNoNodeComesBack(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := a.stream()
		asked := w.ask(c, "x")
		st.acquire()
		began := time.Now()
		b.die()
		a.die()
		asked.fails(ErrUnreachable, errRefused)
		if after := time.Since(began); after < DefaultPatience-backoffMax || after > DefaultPatience+backoffMax {
			t.Errorf("told after %v; want about %v", after, DefaultPatience)
		}
		for _, address := range []string{"a:1", "b:1"} {
			if !strings.Contains(asked.err.Error(), address+": ") {
				t.Errorf("%v; want the reason of %s in it", asked.err, address)
			}
		}
		// Whoever comes now is told at once, until one is back.
		began = time.Now()
		w.ask(c, "x").fails(ErrUnreachable)
		if after := time.Since(began); after != 0 {
			t.Errorf("told after %v; want at once", after)
		}
		b.set(false, false)
		w.ask(c, "x")
		b.stream().acquire()
	})
}

// The wait ends while no node answers.
func TestWaitThatEndsWithoutANodeSaysSo(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		n.die()
		pass(time.Second)
		cause := errors.New("had enough")
		asked.cancel(cause)
		asked.fails(cause, ErrUnreachable)
	})
}

// A node that lets the client in and sends it away again does not keep it for ever.
func TestWaitersDoNotStayWithANodeThatSendsThemAway(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		asked := w.ask(c, "x")
		streams := 0
		began := time.Now()
		for !isClosed(asked.done) {
			select {
			case st := <-n.streams:
				streams++
				id := st.acquire().GetId()
				st.tell(&clientv1.Refused{Id: id, Error: &clientv1.Error{Code: clientv1.Code_CODE_NODE_LEAVING}})
			case <-asked.done:
			}
		}
		asked.fails(ErrUnreachable, broadcast.ErrStopped)
		if after := time.Since(began); after > DefaultPatience+testTTL || streams > 40 {
			t.Errorf("told after %v and %d streams; want about %v, and at most 40", after, streams, DefaultPatience)
		}
	})
}

// Whoever does not wait is told at once that no node takes requests, in their own words.
func TestTryAtNodesThatTakeNoRequests(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		asked := w.asking(func(ctx context.Context) (broadcast.Hold, error) { return c.Try(ctx, "x", token.Exclusive) })
		began := time.Now()
		for !isClosed(asked.done) {
			var st *nodeStream
			select {
			case st = <-a.streams:
			case st = <-b.streams:
			case <-asked.done:
				continue
			}
			id := st.acquire().GetId()
			st.tell(&clientv1.Refused{Id: id, Error: &clientv1.Error{Code: clientv1.Code_CODE_NODE_LEAVING, Message: "it drains"}})
		}
		asked.fails(ErrUnreachable, broadcast.ErrStopped)
		if want := "no node can be reached: a:1: it drains; b:1: it drains"; strings.ReplaceAll(asked.err.Error(), "unix:", "") != want {
			t.Errorf("got %q, want %q", asked.err, want)
		}
		if after := time.Since(began); after >= time.Second {
			t.Errorf("told after %v; want at once", after)
		}
	})
}

// An idle client does not reconnect; it does when it is asked, and to the same node.
func TestIdleClientReconnectsWhenItIsAsked(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		a.stream().finish(status.Error(codes.Unavailable, "the node is stopping"))
		pass(time.Hour)
		a.noStream()
		w.ask(c, "x")
		a.stream().acquire()
		b.noStream()
	})
}

func TestDialGoesOnToTheNext(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		w.node("old:1").version = 2
		n := w.node("a:1")
		c := w.client("none:1", "old:1", "a:1")
		n.stream()
		if got := c.Node(); got != w.targets("a:1")[0] {
			t.Errorf("Node = %q; want a:1", got)
		}
	})
}

func TestDialFails(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		w.node("old:1").version = 2
		w.node("odd:1").ttl = 0
		silent := w.node("silent:1")
		silent.set(false, true)
		for _, test := range []struct {
			addresses []string
			after     time.Duration
			says      string
		}{
			{[]string{"none:1"}, 0, "none:1: connection refused"},
			{[]string{"old:1"}, 0, "old:1: it does not keep to the protocol: it speaks version 2, this client version 1"},
			{[]string{"odd:1"}, 0, "Welcome.ttl_ns is 0"},
			{[]string{"old:1", "none:1"}, 0, "none:1: connection refused"},
			{[]string{"silent:1"}, DefaultPatience, "silent:1: no answer within 5s"},
			{nil, 0, ""},
		} {
			began := time.Now()
			_, err := start(t.Context(), Config{Targets: w.targets(test.addresses...), Clock: w.now}, w.dial)
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v: %v; want ErrUnreachable, with %q in one line", test.addresses, err, test.says)
			}
			if after := time.Since(began); after != test.after {
				t.Errorf("%v: after %v; want %v", test.addresses, after, test.after)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := start(ctx, Config{Targets: w.targets("silent:1"), Clock: w.now}, w.dial); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
			t.Errorf("%v; want DeadlineExceeded and ErrUnreachable", err)
		}
	})
}
