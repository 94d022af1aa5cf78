package client

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// A node that says what it may not say is not believed any more: its stream ends, those
// who wait are moved on, and what was held there lasts as long as the lease that was
// told before.
func TestNonsenseEndsTheStream(t *testing.T) {
	ttl := int64(testTTL)
	for _, m := range []any{
		&clientv1.NodeMessage{},
		&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Welcome{Welcome: &clientv1.Welcome{Version: 1, TtlNs: ttl}}},
		&clientv1.Granted{Id: 0, Fence: 9, Session: 1},
		&clientv1.Granted{Id: 99, Fence: 9, Session: 1},
		&clientv1.Granted{Id: 2, Fence: 0, Session: 1},
		&clientv1.Granted{Id: 2, Fence: math.MaxInt64 + 1, Session: 1},
		&clientv1.Granted{Id: 2, Fence: 9, Session: 0},
		&clientv1.Granted{Id: 2, Fence: 9, Session: 1, HadPing: true, Stamp: 0, LeaseRemainingNs: ttl},
		&clientv1.Granted{Id: 2, Fence: 9, Session: 1, HadPing: true, Stamp: math.MaxInt64, LeaseRemainingNs: ttl},
		&clientv1.Granted{Id: 2, Fence: 9, Session: 1, HadPing: true, Stamp: 1, LeaseRemainingNs: -1},
		&clientv1.Granted{Id: 1, Fence: 6, Session: 1},
		&clientv1.Granted{Id: 1, Fence: 5, Session: 2},
		pong(0, 1, testTTL),
		pong(math.MaxInt64, 1, testTTL),
		pong(1, 1, -1),
		&clientv1.Refused{Id: 99},
		&clientv1.Withdrawn{Id: 99},
		&clientv1.Withdrawn{Id: 1},
		&clientv1.Withdrawn{Id: 2},
		&clientv1.Warned{Ids: []uint64{1}},
		&clientv1.Warned{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_CLIENT_LEASE},
		&clientv1.Warned{Ids: []uint64{99}, Reason: clientv1.Reason_REASON_LAPSE},
		&clientv1.Lost{Ids: []uint64{1}},
		&clientv1.Lost{Ids: []uint64{99}, Reason: clientv1.Reason_REASON_LAPSE},
		&clientv1.Released{Id: 99, Fence: 5},
		&clientv1.Released{Id: 1, Fence: 5},
	} {
		overBoth(t, func(t *testing.T, w *network) {
			a, b := w.node("a:1"), w.node("b:1")
			c := w.client("a:1", "b:1")
			st := a.stream()
			hold := w.held(c, st, 5)
			deadline := left(hold)
			asked := w.ask(c, "y")
			st.wants(acquire(2, "y"))
			st.fallSilent()
			st.tell(m)
			name := fmt.Sprintf("%T{%v}", m, m)
			if len(b.streams) == 0 {
				t.Fatalf("%s: believed", name)
			}
			other := b.stream()
			other.grant(other.acquire().GetId(), 9)
			asked.granted()
			a.noStream()
			if got := left(hold); hold.Err() != nil || got != deadline {
				t.Errorf("%s: Err %v, %v left; want nil, %v", name, hold.Err(), got, deadline)
			}
			pass(deadline)
			if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) {
				t.Errorf("%s: Err = %v; want ErrLost", name, err)
			}
		})
	}
}

// What comes late or twice changes nothing.
func TestLateAndRepeatedMessages(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.held(c, st, 5)
		st.grant(1, 5)
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		st.grant(1, 5) // crossing with the release
		st.tell(&clientv1.Warned{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_BREAK})
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_BREAK})
		st.tell(&clientv1.Refused{Id: 1})
		if err := hold.Err(); !errors.Is(err, broadcast.ErrReleased) {
			t.Errorf("Err = %v; want ErrReleased", err)
		}
		if hold.Done() != nil || hold.Warned() != nil || hold.Warning() != nil || !hold.Deadline().IsZero() {
			t.Error("a hold that was released has a channel, a warning or a deadline")
		}
		for range 2 {
			st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_NOT_HELD})
		}
		next := w.ask(c, "y")
		st.wants(acquire(2, "y"))
		for range 2 {
			st.tell(&clientv1.Refused{Id: 2, Error: &clientv1.Error{Code: clientv1.Code_CODE_BUSY}})
		}
		next.fails(broadcast.ErrBusy)
		for _, id := range []uint64{1, 2} {
			st.tell(&clientv1.Withdrawn{Id: id})
			st.tell(&clientv1.Warned{Ids: []uint64{id}, Reason: clientv1.Reason_REASON_BREAK})
			st.tell(&clientv1.Lost{Ids: []uint64{id}, Reason: clientv1.Reason_REASON_LAPSE})
		}
		st.nothing()
		if st.hello == nil || isClosed(st.ended) {
			t.Error("the stream has ended")
		}
		c.closes(t)
	})
}

// Warned and Lost say nothing of one who waits.
func TestWarningsOfAWait(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		st.tell(&clientv1.Warned{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_LAPSE})
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_LAPSE})
		asked.waits()
		st.nothing()
		st.grant(1, 5)
		if hold := asked.granted(); hold.Warning() != nil {
			t.Errorf("Warning = %v; want nil", hold.Warning())
		}
	})
}
