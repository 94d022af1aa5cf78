package service

import (
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// Whoever gives a lock back and asks for it again in one frame is in line when the token
// leaves; whoever does so in two is not.
func TestReleaseAndAcquireInOneFrameRide(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		g := w.lock(1, "cs")
		acquire := func(id uint64) *clientv1.Acquire {
			return &clientv1.Acquire{Id: id, Lock: "cs", Mode: clientv1.Acquire_MODE_WAIT}
		}
		release := func(g *clientv1.Granted) *clientv1.Release {
			return &clientv1.Release{Id: g.GetId(), Lock: "cs", Fence: g.GetFence()}
		}
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			together := []any{release(g), acquire(2)}
			before := n.riders.Load()
			w.send(together[order[0]], together[order[1]])
			if m := w.next().GetReleased(); m.GetId() != g.GetId() || m.GetOutcome() != clientv1.Released_OUTCOME_RELEASED {
				t.Fatalf("got %v; want Released for %d", m, g.GetId())
			}
			g = w.granted(2)
			if rode := n.riders.Load() - before; rode != 1 {
				t.Errorf("%d requests rode on the token, want 1", rode)
			}
			w.send(release(g), acquire(1))
			w.next()
			g = w.granted(1)
		}
		before := n.riders.Load()
		w.send(release(g))
		synctest.Wait()
		w.send(acquire(2))
		w.next()
		w.granted(2)
		if rode := n.riders.Load() - before; rode != 0 {
			t.Errorf("%d requests rode on the token, want none", rode)
		}
		w.end()
	})
}

// A try does not find the lock in use that the same frame gives back before it.
func TestTryBehindAReleaseInOneFrame(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		g := w.lock(1, "cs")
		w.send(
			&clientv1.Release{Id: 1, Lock: "cs", Fence: g.GetFence()},
			&clientv1.Acquire{Id: 2, Lock: "cs", Mode: clientv1.Acquire_MODE_TRY},
		)
		w.next()
		w.granted(2)
		w.end()
	})
}

// What was read of a frame before a message that makes no sense is done.
func TestReleaseAheadOfNonsenseCounts(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		g := w.lock(1, "cs")
		w.send(&clientv1.Release{Id: 1, Lock: "cs", Fence: g.GetFence()}, nil)
		var err error
		for err == nil {
			_, err = w.read()
		}
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("the stream ends with %v; want INVALID_ARGUMENT", err)
		}
		other := n.attach(2)
		other.lock(1, "cs")
		other.end()
		w.cancel()
	})
}

// Nothing is sent for a release alone, until there is something else to say.
func TestReleaseIsAnsweredWithTheNextMessage(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		g := w.lock(1, "cs")
		w.send(&clientv1.Release{Id: 1, Lock: "cs", Fence: g.GetFence()})
		synctest.Wait()
		w.send(&clientv1.Ping{Stamp: 7})
		frame, err := w.rpc.Recv()
		if err != nil || len(frame.GetMessages()) != 2 {
			t.Fatalf("got %v, %v; want a frame of Released and Pong", frame, err)
		}
		w.end()
	})
}

// A client that releases more than it ever reads the answers to is answered anyway.
func TestReleasesBeyondTheOutboxAreAnswered(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		const releases = 2*outboxLength + 1
		for range releases {
			w.send(&clientv1.Release{Id: 1, Lock: "cs", Fence: 1})
		}
		for range 2 * outboxLength {
			if m := w.next(); m.GetReleased() == nil {
				t.Fatalf("got %v; want Released", m)
			}
		}
		w.end()
	})
}

// A frame cannot ask for more answers than a node keeps.
func TestFrameOfTooManyMessagesIsRefused(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		w.send(slices.Repeat([]any{&clientv1.Ping{}}, mostInFrame)...)
		if m := w.next(); m.GetPong() == nil {
			t.Errorf("got %v; want Pong", m)
		}
		w.send(slices.Repeat([]any{&clientv1.Ping{}}, mostInFrame+1)...)
		want := codes.InvalidArgument
		if n.framed {
			want = codes.ResourceExhausted // so many messages are too many bytes, too, which gRPC sees to in package node
		}
		if m, err := w.read(); status.Code(err) != want {
			t.Errorf("got %v, %v; want %v", m, err, want)
		}
		w.cancel()
	})
}
