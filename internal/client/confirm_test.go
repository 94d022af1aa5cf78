package client

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// A client with many holds takes them up in several frames. The Ping is in the first, and
// the network stalls behind it: the node keeps the others only until their old end, so
// the Pong does not extend them.
func TestPongExtendsNoHoldThatTheNodeHasNotTakenUpAgain(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		var holds []broadcast.Hold
		for i := range 60 {
			asked := w.ask(c, fmt.Sprint(i))
			st.grant(st.acquire().GetId(), 5)
			holds = append(holds, asked.granted())
		}
		pass(testTTL / 8)
		n.cut()
		st = n.stream() // which answers the Ping, and grants nothing so far
		for range holds {
			st.acquire()
		}
		if len(st.pings()) != 1 {
			t.Errorf("%d Pings; want 1", len(st.pings()))
		}
		st.grant(1, 5) // it has read of this one
		st.fallSilent()
		pass(testTTL*99/100 - testTTL/8)
		if err := holds[0].Err(); err != nil {
			t.Errorf("Err of the hold that was taken up = %v", err)
		}
		if err := holds[59].Err(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Err of a hold that the node has not taken up = %v; want ErrLost: another may have the lock", err)
		}
		_ = c.Close()
	})
}

// A grant that was not heard in time, on a stream that broke: the next stream's Pong does
// not begin it, and Lost has it asked for anew.
func TestGrantOfABrokenStreamDoesNotBeginWithAPong(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		asked := w.ask(c, "x")
		st.acquire()
		st.tell(&clientv1.Granted{Id: 1, Fence: 5, Session: 1}) // no lease yet
		asked.waits()
		n.cut()
		st = n.stream() // which answers the Ping
		st.wants(resume(1, "x", 5))
		asked.waits()
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_CLIENT_LEASE})
		asked.waits()
		st.grant(st.acquire().GetId(), 9)
		if hold := asked.granted(); hold.Fence() != 9 {
			t.Errorf("fence %d; want 9: the first grant is over", hold.Fence())
		}
		_ = c.Close()
	})
}

// Whoever is warned or loses a lock is told the times that tell how it came to that.
func TestWarningsAndLossesTellTheTimes(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.held(c, st, 5)
		pass(testTTL / 2)
		st.fallSilent()
		<-hold.Warned()
		for _, want := range []string{"200ms of the lease left", "the last Pong came 1.78s ago, to a Ping of 1.78s ago", "a Ping of 280ms ago has no answer"} {
			if got := hold.Warning().Error(); !strings.Contains(got, want) {
				t.Errorf("Warning = %q; want %q in it", got, want)
			}
		}
		<-hold.Done()
		for _, want := range []string{"0s of the lease left", "the last Pong came 1.98s ago"} {
			if got := hold.Err().Error(); !strings.Contains(got, want) {
				t.Errorf("Err = %q; want %q in it", got, want)
			}
		}
		_ = c.Close()
	})
}
