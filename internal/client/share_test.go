package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"conch/broadcast"
	"conch/internal/fence"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

func (w *network) share(c *Client, lock string, limit token.Limit) *asking {
	return w.asking(func(ctx context.Context) (broadcast.Hold, error) { return c.Acquire(ctx, lock, limit) })
}

func acquireShare(id uint64, lock string, limit token.Limit) *clientv1.ClientMessage {
	return acquireMessage(&clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT, Limit: uint32(limit)})
}

// Readers of one client have the same fence under ids of their own. Each is taken up again,
// and released, by itself.
func TestReadersOfOneFenceAreHoldsOfTheirOwn(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		var holds []broadcast.Hold
		for id := uint64(1); id <= 3; id++ {
			asked := w.share(c, "x", token.Unlimited)
			st.wants(acquireShare(id, "x", token.Unlimited))
			st.grant(id, 5)
			holds = append(holds, asked.granted())
		}
		if err := holds[1].Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(2, "x", 5))
		pass(100 * time.Millisecond)
		n.cut()
		st = n.stream()
		for _, id := range []uint64{1, 3} {
			m := st.acquire()
			if m.GetId() != id || m.GetResumeFence() != 5 || token.Limit(m.GetLimit()) != token.Unlimited {
				t.Errorf("got %v; want the id %d taken up with the fence 5 as a reader", m, id)
			}
			if id == 1 {
				st.wants(release(2, "x", 5)) // which was not answered
			}
			st.grant(id, 5)
		}
		st.tell(&clientv1.Released{Id: 2, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
		st.tell(&clientv1.Lost{Ids: []uint64{3}, Reason: clientv1.Reason_REASON_BREAK, Text: "test"})
		if err := holds[2].Err(); !errors.Is(err, broadcast.ErrBroken) {
			t.Errorf("the broken reader's Err = %v; want ErrBroken", err)
		}
		pass(10 * testTTL)
		if err := holds[0].Err(); err != nil {
			t.Errorf("the other reader's Err = %v; want nil", err)
		}
		if err := holds[0].Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
		st.nothing()
		c.closes(t)
	})
}

// The mode goes along when a wait is asked for anew: on the next stream, of another session,
// or at another node.
func TestAWaitKeepsItsMode(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := a.stream()
		asked := w.share(c, "x", 3)
		st.wants(acquireShare(1, "x", 3))
		a.cut()
		st = a.stream()
		st.wants(withdraw(1))
		st.wants(acquireShare(2, "x", 3))
		st.answer(2, testTTL)
		st.tell(&clientv1.Granted{Id: 2, Fence: 7, Session: 1}) // without a lease, which the next Pong gives to others
		st.wants(release(2, "x", 7))
		st.wants(acquireShare(3, "x", 3))
		a.die()
		st = b.stream()
		st.wants(acquireShare(1, "x", 3))
		st.grant(1, 9)
		if hold := asked.granted(); hold.Fence() != 9 {
			t.Errorf("fence %d; want 9", hold.Fence())
		}
		_ = c.Close()
	})
}

// TestARefusalNamesBothLimits, in the words of the node.
func TestARefusalNamesBothLimits(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.share(c, "x", 3)
		const text = `"x" is a semaphore of 4 permits, said at b:1; want 3`
		st.tell(&clientv1.Refused{Id: st.acquire().GetId(), Error: &clientv1.Error{Code: clientv1.Code_CODE_OTHER_LIMIT, Message: text}})
		asked.fails(broadcast.ErrLimit)
		if want := fmt.Sprintf("%v: %v says: %s", broadcast.ErrLimit, w.targets("a:1")[0], text); asked.err.Error() != want {
			t.Errorf("got %q; want %q", asked.err, want)
		}
		c.closes(t)
	})
}

func TestFencesSeen(t *testing.T) {
	var seen FencesSeen
	for _, step := range []struct {
		fence uint64
		limit token.Limit
		stale bool
	}{
		{5, token.Unlimited, false},
		{5, token.Unlimited, false}, // of the same phase
		{3, token.Unlimited, false}, // of the same phase, at another node
		{5, token.Exclusive, true},
		{4, token.Exclusive, true},
		{6, token.Exclusive, false},
		{6, token.Exclusive, true},
		{6, token.Unlimited, true},
		{5, 3, true},
		{8, 3, false},
		{7, 3, false},
		{8, token.Exclusive, true},
		{9, token.Exclusive, false},
	} {
		err := seen.See("x", step.fence, step.limit)
		if step.stale != errors.Is(err, fence.ErrStale) || !step.stale && err != nil {
			t.Errorf("%+v: %v", step, err)
		}
	}
	if err := seen.See("y", 1, token.Exclusive); err != nil {
		t.Errorf("another lock: %v", err)
	}
}
