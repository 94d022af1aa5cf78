package client

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// observer is a call of Observe as the node has it.
type observer struct {
	t       *testing.T
	request *clientv1.ObserveRequest
	answers chan *clientv1.ObserveResponse
	end     chan error
	ended   chan struct{} // closed when the client has ended it
}

// Observe is the service's call.
func (n *fakeNode) Observe(r *clientv1.ObserveRequest, rpc grpc.ServerStreamingServer[clientv1.ObserveResponse]) error {
	if !n.values {
		return n.UnimplementedLockServiceServer.Observe(r, rpc)
	}
	o := &observer{t: n.t, request: r, answers: make(chan *clientv1.ObserveResponse), end: make(chan error), ended: make(chan struct{})}
	defer close(o.ended)
	n.observed <- o
	for {
		select {
		case m := <-o.answers:
			if err := rpc.Send(m); err != nil {
				return err
			}
		case err := <-o.end:
			return err
		case <-rpc.Context().Done():
			return nil
		}
	}
}

// observer waits for the client to observe.
func (n *fakeNode) observer() *observer {
	n.t.Helper()
	select {
	case o := <-n.observed:
		if o.request.GetLock() != "x" || !o.request.GetHeartbeats() {
			n.t.Errorf("%s: asked for %v; want x, and heartbeats", n.address, o.request)
		}
		return o
	case <-time.After(time.Minute):
		n.t.Fatalf("%s: nobody observes within a minute", n.address)
		return nil
	}
}

// says answers with who leads.
func (o *observer) says(heartbeat time.Duration, fence uint64) {
	o.answers <- &clientv1.ObserveResponse{Leader: &clientv1.Leader{Member: "m:1", Fence: fence, Count: 1}, HeartbeatNs: int64(heartbeat)}
	synctest.Wait()
}

// observed is what Observe tells.
type observed struct {
	t    *testing.T
	told chan broadcast.Leader
}

// observing observes x. The test's end ends that.
func (w *network) observing(c *Client) *observed {
	w.t.Helper()
	o := &observed{w.t, make(chan broadcast.Leader, 100)}
	go func() {
		observation, err := c.Observe(w.t.Context(), "x")
		if err != nil {
			w.t.Errorf("Observe: %v", err)
			return
		}
		observation.Follow(w.t.Context(), func(l broadcast.Leader) error {
			o.told <- l
			return nil
		})
	}()
	return o
}

// wants checks what was told since the last call.
func (o *observed) wants(want ...broadcast.Leader) {
	o.t.Helper()
	synctest.Wait()
	for i, l := range want {
		select {
		case got := <-o.told:
			if got != l {
				o.t.Errorf("told %+v as number %d; want %+v", got, i+1, l)
			}
		default:
			o.t.Errorf("told %d times; want also %+v", i, l)
		}
	}
	for len(o.told) > 0 {
		o.t.Errorf("also told %+v", <-o.told)
	}
}

// inBubble runs a test in a bubble, over gRPC.
func inBubble(t *testing.T, test func(t *testing.T, w *network)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, &network{t: t, began: time.Now(), nodes: make(map[string]*fakeNode)})
	})
}

func led(term uint64) broadcast.Leader {
	return leaderOf(&clientv1.ObserveResponse{Leader: &clientv1.Leader{Member: "m:1", Fence: term, Count: 1}})
}

func doubted(term uint64) broadcast.Leader {
	l := led(term)
	l.InDoubt = true
	return l
}

// A node that falls silent on a connection that still works is missed after four heartbeats,
// and so is one that lets the client in and never answers.
func TestObserverLeavesASilentNode(t *testing.T) {
	inBubble(t, func(t *testing.T, w *network) {
		const heartbeat = testTTL / 4
		a, b := w.node("a:1"), w.node("b:1")
		seen := w.observing(w.client("a:1", "b:1"))
		atA := a.observer()
		atA.says(heartbeat, 5)
		seen.wants(led(5))
		for range 100 {
			pass(heartbeat)
			atA.answers <- &clientv1.ObserveResponse{Unchanged: true}
		}
		pass(4*heartbeat - time.Millisecond)
		seen.wants()
		pass(time.Millisecond)
		seen.wants(doubted(5))
		atB := b.observer()
		<-atA.ended
		atB.says(heartbeat, 5)
		seen.wants(led(5))
		pass(4 * heartbeat)
		seen.wants(doubted(5))
		a.observer() // and no answer
		pass(DefaultPatience)
		atB = b.observer()
		atB.says(heartbeat, 6)
		seen.wants(led(6))
		a.die()
		b.die()
		seen.wants(doubted(6))
		a.set(false, false)
		atA = a.observer()
		atA.says(heartbeat, 5) // it has yet to hear of the later leader
		seen.wants(doubted(6))
		atA.says(0, 7)
		seen.wants(led(7))
	})
}

// A node of an earlier version says nothing while nothing changes, and is believed.
func TestObserverOfANodeOfAnEarlierVersion(t *testing.T) {
	for name, heartbeat := range map[string]time.Duration{"none": 0, "negative": -1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *network) {
				a := w.node("a:1")
				seen := w.observing(w.client("a:1", "b:1"))
				atA := a.observer()
				atA.says(heartbeat, 5)
				pass(time.Hour)
				seen.wants(led(5))
				atA.says(0, 6)
				seen.wants(led(6))
			})
		})
	}
}

// A node may ask for no more patience than an hour.
func TestObserversPatienceIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *network) {
		a, b := w.node("a:1"), w.node("b:1")
		seen := w.observing(w.client("a:1", "b:1"))
		a.observer().says(1<<63-1, 5)
		pass(maxPatience)
		seen.wants(led(5), doubted(5))
		b.observer()
	})
}

// A node that cannot tell who leads is passed over. What one forbids is not asked of others.
func TestObserverAsksTheNextNode(t *testing.T) {
	inBubble(t, func(t *testing.T, w *network) {
		a, b, c := w.node("a:1"), w.node("b:1"), w.node("c:1")
		a.values = false
		client := w.client("a:1", "b:1", "c:1")
		seen := w.observing(client)
		b.observer().end <- status.Error(codes.ResourceExhausted, "full")
		c.observer().says(0, 5)
		seen.wants(led(5))
		go func() { b.observer().end <- status.Error(codes.PermissionDenied, "may not look") }()
		if _, err := client.Leader(t.Context(), "x"); !errors.Is(err, ErrForbidden) {
			t.Errorf("Leader = %v; want ErrForbidden", err)
		}
		synctest.Wait()
		if len(c.observed) > 0 {
			t.Error("the next node was asked, although one forbids it")
		}
	})
}
