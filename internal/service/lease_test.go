package service

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// in runs a test with a node in a bubble.
func in(t *testing.T, test func(t *testing.T, n *node)) {
	for name, isFramed := range map[string]bool{"gRPC": false, "framed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := startNode(t)
				n.framed = isFramed
				test(t, n)
				n.stop()
			})
		})
	}
}

func TestGrantAndRelease(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		w.ping(7)
		g := w.lock(1, "cs")
		if g.GetFence() == 0 || g.GetStamp() != 7 || !g.GetHadPing() || g.GetSession() == 0 || g.GetLeaseRemainingNs() != int64(testTTL) {
			t.Errorf("Granted %v; want a fence, the stamp 7, and a lease of one time to live", g)
		}
		if got := w.release(1, "cs", g.GetFence()); got != clientv1.Released_OUTCOME_RELEASED {
			t.Errorf("release: %v", got)
		}
		for _, id := range []uint64{1, 0, 9} {
			if got := w.release(id, "cs", g.GetFence()); got != clientv1.Released_OUTCOME_ENDED_BEFORE {
				t.Errorf("release again as %d: %v", id, got)
			}
		}
		if got := w.release(1, "cs", g.GetFence()+1); got != clientv1.Released_OUTCOME_NOT_HELD {
			t.Errorf("release of what was never granted: %v", got)
		}
		if n.marks != 1 {
			t.Errorf("%d marks that there are clients; want one", n.marks)
		}
		w.end()
	})
}

// A late release is never somebody else's.
func TestLateReleaseLeavesTheNextHoldAlone(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		first := w.lock(1, "cs")
		w.release(1, "cs", first.GetFence())
		second := w.lock(1, "cs")
		if got := w.release(1, "cs", first.GetFence()); got != clientv1.Released_OUTCOME_ENDED_BEFORE {
			t.Errorf("late release: %v", got)
		}
		if got := w.release(1, "cs", second.GetFence()); got != clientv1.Released_OUTCOME_RELEASED {
			t.Errorf("release of the second: %v", got)
		}
		w.end()
	})
}

// A client that vanishes keeps its hold until its lease is over, and not longer.
func TestVanishedClientKeepsItsHoldForItsLease(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		w.ping(1)
		w.lock(1, "cs")
		time.Sleep(testTTL / 2)
		w.ping(2)
		told := time.Now()
		w.cancel() // without a word
		other := n.attach(2)
		other.send(&clientv1.Acquire{Id: 1, Lock: "cs", Mode: clientv1.Acquire_MODE_WAIT})
		var pings sync.WaitGroup
		pings.Go(func() {
			for range 20 {
				time.Sleep(testTTL / 4)
				_ = other.rpc.Send(&clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{other.message(&clientv1.Ping{Stamp: 1})}})
			}
		})
		for other.next().GetGranted() == nil {
			continue // a Pong
		}
		if took := time.Since(told); took != testTTL {
			t.Errorf("the next one got in after %v; want the lease of %v", took, testTTL)
		}
		pings.Wait()
		other.end()
	})
}

// A client that is attached but says nothing loses its hold.
func TestSilentClientLosesItsHold(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		g := w.lock(1, "cs")
		began := time.Now()
		// Both ends come in the same moment: if that of the hold is first, the client wants
		// nothing any more, and its stream may stay.
		m, err := w.read()
		if l := m.GetLost(); l.GetReason() != clientv1.Reason_REASON_CLIENT_LEASE && status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, %v; want the loss of the lease, or DEADLINE_EXCEEDED", m, err)
		}
		other := n.attach(2)
		other.lock(1, "cs")
		if took := time.Since(began); took != testTTL {
			t.Errorf("the next one got in after %v; want %v", took, testTTL)
		}
		again := n.attach(1)
		if got := again.release(1, "cs", g.GetFence()); got != clientv1.Released_OUTCOME_ENDED_BEFORE {
			t.Errorf("release after the loss: %v", got)
		}
		again.end()
		other.end()
		w.cancel()
	})
}

// Pings extend a hold for as long as they come.
func TestPingsExtendTheLease(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		g := w.lock(1, "cs")
		for stamp := range int64(50) {
			time.Sleep(testTTL / 4)
			if p := w.ping(stamp); p.GetLeaseRemainingNs() != int64(testTTL) || p.GetSession() != g.GetSession() {
				t.Fatalf("Pong %v; want a lease of one time to live", p)
			}
		}
		if got := w.release(1, "cs", g.GetFence()); got != clientv1.Released_OUTCOME_RELEASED {
			t.Errorf("release: %v", got)
		}
		w.end()
	})
}

// A hold whose stream broke is not extended by what the client says on another, unless
// that takes it up.
func TestHoldIsExtendedOnlyWhereItIsTakenUp(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		w.ping(1)
		kept, left := w.lock(1, "kept"), w.lock(2, "left")
		unheard := n.attach(2)
		unheard.send(&clientv1.Acquire{Id: 1, Lock: "third", Mode: clientv1.Acquire_MODE_WAIT})
		synctest.Wait()
		w.cancel()
		unheard.cancel() // its grant is on the way
		synctest.Wait()

		again := n.attach(1)
		again.ping(2)
		again.send(&clientv1.Acquire{Id: 1, Lock: "kept", ResumeFence: kept.GetFence()})
		if g := again.granted(1); g.GetFence() != kept.GetFence() || !g.GetHadPing() || g.GetStamp() != 2 {
			t.Errorf("taken up: %v; want the same fence", g)
		}
		heard := n.attach(2)
		if g := heard.lock(1, "third"); g.GetFence() == 0 {
			t.Errorf("asked for again: %v; want the hold that it has", g)
		}
		heard.end()
		for stamp := range int64(8) {
			time.Sleep(testTTL / 4)
			again.ping(3 + stamp)
		}
		other := n.attach(3)
		other.lock(1, "left")
		again.send(&clientv1.Acquire{Id: 2, Lock: "left", ResumeFence: left.GetFence()})
		if m := again.next(); len(m.GetLost().GetIds()) != 1 {
			t.Errorf("got %v; want the loss of 2", m)
		}
		if got := again.release(1, "kept", kept.GetFence()); got != clientv1.Released_OUTCOME_RELEASED {
			t.Errorf("release of what was taken up: %v", got)
		}
		again.end()
		other.end()
	})
}

// The log tells that a hold has expired before it tells of the next grant of the lock, so
// that no reader takes the two for two holders.
func TestExpiryIsLoggedBeforeTheNextGrant(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		silent := n.attach(1)
		silent.ping(1)
		silent.lock(1, "cs")
		next := n.attach(2)
		next.send(&clientv1.Acquire{Id: 1, Lock: "cs", Mode: clientv1.Acquire_MODE_WAIT})
		for stamp := int64(1); ; stamp++ { // it is heard of while it waits, and the first one is not
			next.send(&clientv1.Ping{Stamp: stamp})
			if next.next().GetGranted() != nil {
				break
			}
			time.Sleep(testTTL / 4)
		}
		synctest.Wait()
		var told []string
		for line := range bytes.Lines(n.log.Bytes()) {
			for _, event := range []string{"enter", "hold_expired"} {
				if bytes.Contains(line, []byte(`"event":"`+event+`"`)) {
					told = append(told, event)
				}
			}
		}
		if want := []string{"enter", "hold_expired", "enter"}; !slices.Equal(told, want) {
			t.Errorf("the log tells %v, want %v", told, want)
		}
	})
}
