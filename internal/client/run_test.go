package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"conch/broadcast"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
)

func acquireRun(id uint64, tick int64) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireRun{AcquireRun: &clientv1.AcquireRun{
		Acquire: &clientv1.Acquire{Id: id, Lock: "x", Mode: clientv1.Acquire_MODE_WAIT}, Run: &clientv1.RunRequest{Tick: tick},
	}}}
}

func endRun(id, fence uint64, ran time.Duration) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_EndRun{EndRun: &clientv1.EndRun{
		Id: id, Lock: "x", Fence: fence, Run: &clientv1.RunRequest{Tick: 7}, ExitCode: 3, Text: "no", RanNs: int64(ran),
	}}}
}

// run has a client hold x for a run, and the node of it.
func (w *network) run(c *Client, st *nodeStream) broadcast.Hold {
	asked := w.asking(func(ctx context.Context) (broadcast.Hold, error) {
		return c.AcquireRun(ctx, "x", runs.Request{Tick: 7})
	})
	st.wants(acquireRun(1, 7))
	st.grant(1, 5)
	return asked.granted()
}

// ending calls EndRun and returns what it returns, once it does.
func ending(ctx context.Context, hold broadcast.Hold) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- hold.EndRun(ctx, runs.End{ExitCode: 3, Text: "no"}) }()
	synctest.Wait()
	return ended
}

func TestEndRunIsAnswered(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		for outcome, want := range map[clientv1.RunEnded_Outcome]error{
			clientv1.RunEnded_OUTCOME_NOTED: nil, clientv1.RunEnded_OUTCOME_NOT_NOTED: broadcast.ErrNotNoted, clientv1.RunEnded_OUTCOME_LOST: broadcast.ErrLost,
		} {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			hold := w.run(c, st)
			pass(time.Second)
			ctx := hold.Context(t.Context())
			ended := ending(t.Context(), hold)
			st.wants(endRun(1, 5, time.Second))
			pending(t, "EndRun", ended)
			if err := context.Cause(ctx); !errors.Is(err, broadcast.ErrReleased) {
				t.Errorf("the hold's context ends by %v, want ErrReleased", err)
			}
			if err := hold.Unlock(); !errors.Is(err, broadcast.ErrReleased) {
				t.Errorf("Unlock after EndRun = %v, want ErrReleased", err)
			}
			st.tell(&clientv1.RunEnded{Id: 1, Fence: 5, Outcome: outcome})
			if err := <-ended; !errors.Is(err, want) {
				t.Errorf("%v: EndRun = %v, want %v", outcome, err, want)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// The stream breaks before the answer: the node is told again.
func TestEndRunIsSaidAgain(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.run(c, st)
		ended := ending(t.Context(), hold)
		st.wants(endRun(1, 5, 0))
		n.cut()
		st = n.stream()
		st.wants(endRun(1, 5, 0))
		pending(t, "EndRun", ended)
		st.tell(&clientv1.RunEnded{Id: 1, Fence: 5, Outcome: clientv1.RunEnded_OUTCOME_NOTED})
		if err := <-ended; err != nil {
			t.Error(err)
		}
		st.nothing()
	})
}

// The node dies before the answer: another is told, and the caller that the hold was lost.
func TestEndRunMovesToAnotherNode(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n, other := w.node("a:1"), w.node("b:1")
		c := w.client("a:1", "b:1")
		st := n.stream()
		hold := w.run(c, st)
		ended := ending(t.Context(), hold)
		st.wants(endRun(1, 5, 0))
		n.die()
		st = other.stream()
		st.wants(endRun(1, 5, 0))
		pending(t, "EndRun", ended)
		st.tell(&clientv1.RunEnded{Id: 1, Fence: 5, Outcome: clientv1.RunEnded_OUTCOME_LOST})
		if err := <-ended; !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("EndRun = %v, want ErrLost", err)
		}
	})
}

// The hold is lost before EndRun is called.
func TestEndRunOfALostHold(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.run(c, st)
		pass(time.Second)
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_BREAK, Text: "test"})
		<-hold.Done()
		ended := ending(t.Context(), hold)
		st.wants(endRun(2, 5, time.Second))
		pending(t, "EndRun", ended)
		st.tell(&clientv1.RunEnded{Id: 2, Fence: 5, Outcome: clientv1.RunEnded_OUTCOME_LOST})
		if err := <-ended; !errors.Is(err, broadcast.ErrLost) || !errors.Is(err, broadcast.ErrBroken) {
			t.Errorf("EndRun = %v, want ErrLost and ErrBroken", err)
		}
	})
}

// Nobody can be told that the run is done.
func TestEndRunWithoutANode(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.run(c, st)
		n.die()
		synctest.Wait()
		err := hold.EndRun(t.Context(), runs.End{})
		if !errors.Is(err, broadcast.ErrLost) || !errors.Is(err, ErrUnreachable) {
			t.Errorf("EndRun = %v, want ErrLost and ErrUnreachable", err)
		}
	})
}

func TestEndRunThatIsRefused(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.run(c, st)
		ended := ending(t.Context(), hold)
		st.wants(endRun(1, 5, 0))
		st.tell(&clientv1.RunEnded{Id: 1, Fence: 5, Error: &clientv1.Error{Code: clientv1.Code_CODE_FORBIDDEN, Message: "no"}})
		if err := <-ended; !errors.Is(err, ErrForbidden) {
			t.Errorf("EndRun = %v, want ErrForbidden", err)
		}
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
	})
}

// Whoever has no more time leaves the rest to the client.
func TestEndRunOutlivesItsContext(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.run(c, st)
		cause := errors.New("had enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := hold.EndRun(ctx, runs.End{ExitCode: 3, Text: "no"}); !errors.Is(err, cause) {
			t.Errorf("EndRun = %v, want the cause of the context's end", err)
		}
		st.wants(endRun(1, 5, 0))
		st.tell(&clientv1.RunEnded{Id: 1, Fence: 5, Outcome: clientv1.RunEnded_OUTCOME_NOTED})
	})
}

func TestRunThatIsNotNeeded(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		for i, later := range []bool{false, true} {
			id := uint64(i + 1)
			asked := w.asking(func(ctx context.Context) (broadcast.Hold, error) {
				return c.AcquireRun(ctx, "x", runs.Request{Tick: 7})
			})
			st.wants(acquireRun(id, 7))
			tick := int64(7)
			if later {
				tick = 8
			}
			st.tell(&clientv1.Refused{Id: id, Error: &clientv1.Error{Code: clientv1.Code_CODE_RAN}, Run: &clientv1.RunRecord{Tick: tick, Text: "done"}})
			<-asked.done
			var ran *broadcast.RanError
			if !errors.As(asked.err, &ran) || ran.Run.Text != "done" || ran.PassedOver != later {
				t.Errorf("AcquireRun = %v, %+v", asked.err, ran)
			}
		}
	})
}

func TestRefusedNotes(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		id := uint64(0)
		for code, want := range map[clientv1.Code]error{
			clientv1.Code_CODE_INVALID_TICK: runs.ErrTick, clientv1.Code_CODE_NOTES_FULL: broadcast.ErrNotesFull, clientv1.Code_CODE_NO_NOTES: broadcast.ErrNoNotes,
		} {
			id++
			asked := w.asking(func(ctx context.Context) (broadcast.Hold, error) {
				return c.TryKept(ctx, "x", runs.Keep{Owner: "o", Adopt: true})
			})
			st.wants(&clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireKept{AcquireKept: &clientv1.AcquireKept{
				Acquire: &clientv1.Acquire{Id: id, Lock: "x", Mode: clientv1.Acquire_MODE_TRY}, Owner: "o", Adopt: true,
			}}})
			st.tell(&clientv1.Refused{Id: id, Error: &clientv1.Error{Code: code, Message: "no"}})
			asked.fails(want)
		}
	})
}

// A node of an earlier version would take the request for a plain one, or end the stream. It
// is not asked.
func TestRunsAndKeptHoldsAtANodeOfAnEarlierVersion(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		n.notes = false
		c := w.client("a:1")
		st := n.stream()
		_, one := c.AcquireRun(t.Context(), "x", runs.Request{Tick: 7})
		_, two := c.AcquireKept(t.Context(), "x", runs.Keep{})
		all := []error{one, two}
		if !w.framed { // such a fake speaks no gRPC
			_, three := c.Runs(t.Context(), "x")
			all = append(all, three)
		}
		for i, err := range all {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%d: %v, want ErrRefused", i, err)
			}
		}
		st.nothing()
	})
}
