package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

func say(fence, number uint64, value string) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Say{Say: &clientv1.Say{Id: 1, Lock: "x", Fence: fence, Number: number, Value: value}}}
}

// sayingOf calls Say and returns what it returns, once it does.
func sayingOf(ctx context.Context, hold broadcast.Hold, value string) <-chan error {
	said := make(chan error, 1)
	go func() { said <- hold.Say(ctx, value) }()
	synctest.Wait()
	return said
}

// pending checks that a call has not returned.
func pending(t *testing.T, what string, said <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-said:
		t.Fatalf("%s returned %v before it was answered", what, err)
	default:
	}
}

// Say returns when the node has the value, or a later one; also when the stream breaks
// between, and is opened anew.
func TestSayIsAnswered(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		st.grant(1, 5)
		hold := asked.granted()
		one := sayingOf(t.Context(), hold, "one")
		st.wants(say(5, 1, "one"))
		pending(t, "Say", one)
		st.tell(&clientv1.Said{Id: 1, Number: 1})
		if err := <-one; err != nil {
			t.Error(err)
		}

		two := sayingOf(t.Context(), hold, "two")
		st.wants(say(5, 2, "two"))
		n.cut()
		three := sayingOf(t.Context(), hold, "three")
		st = n.stream()
		if m := st.acquire(); m.GetResumeFence() != 5 {
			t.Errorf("got %v; want the hold taken up", m)
		}
		st.nothing()
		st.grant(1, 5)
		st.wants(say(5, 3, "three"))
		pending(t, "Say", two)
		st.tell(&clientv1.Said{Id: 1, Number: 3})
		if err := errors.Join(<-two, <-three); err != nil {
			t.Error(err)
		}

		four := sayingOf(t.Context(), hold, "four")
		st.wants(say(5, 4, "four"))
		st.tell(&clientv1.Said{Id: 1, Number: 4, Error: &clientv1.Error{Code: clientv1.Code_CODE_TOO_MANY_VALUES, Message: "full"}})
		if err := <-four; !errors.Is(err, broadcast.ErrTooManyValues) {
			t.Errorf("Say = %v; want ErrTooManyValues", err)
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
	})
}

// Say returns with the hold, and with its context.
func TestSayEndsWithTheHold(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		st.grant(1, 5)
		hold := asked.granted()
		cause := errors.New("had enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		impatient, patient := sayingOf(ctx, hold, "one"), sayingOf(t.Context(), hold, "two")
		cancel(cause)
		if err := <-impatient; !errors.Is(err, cause) {
			t.Errorf("Say = %v; want the cause of the context's end", err)
		}
		pending(t, "Say", patient)
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_BREAK, Text: "test"})
		if err := <-patient; !errors.Is(err, broadcast.ErrLost) || !errors.Is(err, broadcast.ErrBroken) {
			t.Errorf("Say = %v; want ErrLost and ErrBroken", err)
		}
		if err := hold.Say(t.Context(), "three"); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Say of a lost hold = %v; want ErrLost", err)
		}
		_ = hold.Unlock()
		if err := hold.Say(t.Context(), "four"); !errors.Is(err, broadcast.ErrReleased) {
			t.Errorf("Say after Unlock = %v; want ErrReleased", err)
		}
	})
}

// A node of an earlier version would end the stream. It is not told.
func TestSayAtANodeOfAnEarlierVersion(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		n.values = false
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		st.grant(1, 5)
		hold := asked.granted()
		if err := hold.Say(t.Context(), "one"); !errors.Is(err, ErrRefused) {
			t.Errorf("Say = %v; want ErrRefused", err)
		}
		st.nothing()
		if !w.framed { // such a fake speaks no gRPC
			if _, err := c.Leader(t.Context(), "x"); !errors.Is(err, ErrRefused) {
				t.Errorf("Leader = %v; want ErrRefused", err)
			}
		}
		pass(100 * time.Millisecond)
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
	})
}
