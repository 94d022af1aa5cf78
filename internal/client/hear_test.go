package client

import (
	"errors"
	"testing"
	"time"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// A node that knows no frames without gRPC is spoken to over gRPC.
func TestOlderNodeIsSpokenToOverGRPC(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		n.framed = false
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		st.grant(1, 5)
		asked.granted()
		if c.node.stream.link.CanInterrupt() {
			t.Error("the stream does without gRPC; want it over gRPC")
		}
	})
}

// again has a client take and release a lock until its callers hear the node themselves.
func (w *network) again(c *Client, st *nodeStream) {
	w.t.Helper()
	for i := range uint64(2) {
		asked := w.ask(c, "x")
		st.acquire()
		st.grant(i+1, i+1)
		if err := asked.granted().Unlock(); err != nil {
			w.t.Fatal(err)
		}
		id, fence := i+1, i+1
		st.wants(release(id, "x", fence))
		st.tell(&clientv1.Released{Id: id, Lock: "x", Fence: fence, Outcome: clientv1.Released_OUTCOME_RELEASED})
	}
}

// Whoever hears the node for itself gives up when its context ends, and then the listener
// hears it again.
func TestCallerThatHearsTheNodeGivesUp(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		w.again(c, st)
		cause := errors.New("had enough")
		asked := w.ask(c, "x")
		if got := st.acquire(); got.GetId() != 3 {
			t.Fatalf("got %v; want the id 3", got)
		}
		asked.cancel(cause)
		asked.fails(cause)
		st.wants(withdraw(3))
		next := w.ask(c, "x")
		st.acquire()
		st.grant(4, 9)
		next.granted()
	})
}

// A caller that waits while another hears the node is heard for when that one is done.
func TestCallersAreHeardForInTurn(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		w.again(c, st)
		first, second := w.ask(c, "y"), w.ask(c, "z")
		st.acquire()
		st.acquire()
		began := time.Now()
		st.grant(3, 10)
		first.granted()
		st.grant(4, 11)
		second.granted()
		if after := time.Since(began); after != 0 {
			t.Errorf("granted after %v; want at once", after)
		}
		if turns := c.node.stream.turns.Load(); (turns > 0) != w.framed {
			t.Errorf("callers have heard the node %d times; want some without gRPC, and none over it", turns)
		}
	})
}

// The end of the client, and that of the stream, reach a caller that hears the node itself.
func TestCallerThatHearsTheNodeIsTold(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		w.again(c, st)
		asked := w.ask(c, "x")
		st.acquire()
		n.cut()
		next := n.stream()
		next.wants(withdraw(3))
		next.wants(acquire(4, "x"))
		asked.waits()
		began := time.Now()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = c.Close()
		}()
		asked.fails(broadcast.ErrStopped)
		if after := time.Since(began); after != 0 {
			t.Errorf("told after %v; want at once", after)
		}
		next.wants(withdraw(4))
		next.tell(&clientv1.Withdrawn{Id: 4})
		<-closed
	})
}

// What the node says while no caller asks is heard soon, also after callers that came one
// after the other; and a release is sent that no request takes along.
func TestNodeIsHeardWhenNobodyAsks(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		w.again(c, st)
		asked := w.ask(c, "x")
		st.acquire()
		st.grant(3, 3)
		hold := asked.granted()
		c.node.mu.Lock()
		c.node.rode = true // as if the request had taken a release along
		c.node.mu.Unlock()
		if err := hold.Unlock(); err != nil {
			t.Fatal(err)
		}
		st.wants(release(3, "x", 3))
		asked = w.ask(c, "x")
		st.acquire()
		st.grant(4, 4)
		hold = asked.granted()
		st.tell(&clientv1.Lost{Ids: []uint64{4}, Reason: clientv1.Reason_REASON_BREAK})
		pass(2 * quiet)
		if !isClosed(hold.Done()) {
			t.Error("the loss of a hold is not told")
		}
	})
}
