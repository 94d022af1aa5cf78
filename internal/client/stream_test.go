package client

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

func resume(id uint64, lock string, fence uint64) *clientv1.ClientMessage {
	return acquireMessage(&clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT, ResumeFence: fence})
}

// held has a client hold a lock as its first claim.
func (w *network) held(c *Client, st *nodeStream, fence uint64) broadcast.Hold {
	w.t.Helper()
	asked := w.ask(c, "x")
	st.grant(st.acquire().GetId(), fence)
	return asked.granted()
}

func TestHelloSaysWho(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c, err := start(t.Context(), Config{
			Targets: w.targets("a:1"), Clock: w.now, Caller: &clientv1.Client{Host: "h", Pid: 1, User: "u", Command: "make"},
		}, w.dial)
		if err != nil {
			t.Fatal(err)
		}
		hello := n.stream().hello
		if hello.GetVersion() != 1 || len(hello.GetIncarnation()) != 16 || hello.GetClient().GetCommand() != "make" {
			t.Errorf("Hello %v; want version 1, 16 bytes, and who it is", hello)
		}
		other := w.client("a:1")
		if bytes.Equal(hello.GetIncarnation(), n.stream().hello.GetIncarnation()) {
			t.Error("two clients with the same incarnation")
		}
		c.closes(t)
		other.closes(t)
	})
}

// "The client sends a Ping every T/4 for as long as it has a hold or a wait."
func TestPings(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		pass(time.Hour)
		if got := len(st.pings()); got != 0 {
			t.Errorf("%d Pings without a hold or a wait", got)
		}
		asked := w.ask(c, "x") // an idle hour is no silence
		id := st.acquire().GetId()
		if !st.pingFirst() {
			t.Error("the Acquire came before the Ping")
		}
		pass(time.Second + 1)
		if got := len(st.pings()); got != 3 {
			t.Errorf("%d Pings in a wait of 2T/4; want 3", got)
		}
		st.grant(id, 5)
		hold := asked.granted()
		pass(time.Second)
		if got := len(st.pings()); got != 5 {
			t.Errorf("%d Pings; want 5", got)
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(id, "x", 5))
		st.tell(&clientv1.Released{Id: id, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
		sent := len(st.pings())
		pass(time.Hour)
		if got := len(st.pings()); got != sent {
			t.Errorf("%d Pings without a hold or a wait", got-sent)
		}
		c.closes(t)
	})
}

// A hold is taken up by the next stream, on which a Ping comes first.
func TestHoldIsTakenUpAgain(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		first := n.stream()
		hold := w.held(c, first, 5)
		lost := hold.Done()
		for range 3 {
			pass(100 * time.Millisecond)
			n.cut()
			st := n.stream()
			if !bytes.Equal(st.hello.GetIncarnation(), first.hello.GetIncarnation()) {
				t.Error("the stream is of another client")
			}
			st.wants(resume(1, "x", 5))
			if len(st.pings()) != 1 || !st.pingFirst() {
				t.Errorf("%d Pings, the first of all: %v; want one, true", len(st.pings()), st.pingFirst())
			}
			st.grant(1, 5)
			pass(10 * testTTL)
			if hold.Err() != nil || isClosed(lost) {
				t.Fatalf("Err = %v after the stream broke", hold.Err())
			}
		}
		n.cut()
		st := n.stream()
		st.wants(resume(1, "x", 5))
		st.tell(&clientv1.Lost{Ids: []uint64{1}, Reason: clientv1.Reason_REASON_CLIENT_LEASE})
		if !errors.Is(hold.Err(), broadcast.ErrLost) || !isClosed(lost) {
			t.Errorf("Err = %v; want ErrLost", hold.Err())
		}
		st.nothing()
		c.closes(t)
	})
}

// The node ends the stream with DEADLINE_EXCEEDED, say; it is there.
func TestStreamThatTheNodeEndsIsOpenedAgain(t *testing.T) {
	for _, code := range []codes.Code{codes.OK, codes.DeadlineExceeded, codes.Unavailable, codes.Internal} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			hold := w.held(c, st, 5)
			st.finish(status.Error(code, "because"))
			n.stream().wants(resume(1, "x", 5))
			if hold.Err() != nil {
				t.Errorf("%v: Err = %v", code, hold.Err())
			}
			_ = c.Close()
		})
	}
}

// A node that lets the client in and throws it out is not asked all the time.
func TestStreamsThatEndSoonAreOpenedSeldom(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.held(c, st, 5)
		lost := hold.Done()
		n.fallSilent()
		began := time.Now()
		streams := 0
		for !isClosed(lost) {
			select {
			case st.end <- status.Error(codes.Internal, "because"):
			case st = <-n.streams:
				streams++
			case <-lost:
			}
		}
		if after := time.Since(began); after > testTTL || streams > 20 {
			t.Errorf("%d streams, and lost after %v; want at most 20, and T", streams, after)
		}
		_ = c.Close()
	})
}

// The node's process is gone, so nothing can be taken up; the hold ends with its lease.
func TestHoldOfANodeThatIsGoneEndsWithItsLease(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		hold := w.held(c, n.stream(), 5)
		n.die()
		pass(testTTL*99/100 - 1)
		if err := hold.Err(); err != nil {
			t.Errorf("Err = %v within the lease", err)
		}
		<-hold.Done()
		if err := hold.Err(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Err = %v; want ErrLost", err)
		}
		c.closes(t)
	})
}

// A wait whose stream broke may have become a hold that the client has not heard of.
func TestWaitOfABrokenStreamIsWithdrawnAndAskedForAnew(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		one := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		two := w.ask(c, "y")
		st.wants(acquire(2, "y"))
		pass(time.Second)
		n.cut()
		st = n.stream()
		st.wants(withdraw(1))
		st.wants(acquire(3, "x"))
		st.wants(withdraw(2))
		st.wants(acquire(4, "y"))
		st.tell(&clientv1.Withdrawn{Id: 1})
		st.tell(&clientv1.Withdrawn{Id: 2})
		st.grant(4, 9)
		two.granted()
		one.waits()
		st.grant(3, 8)
		if hold := one.granted(); hold.Fence() != 8 {
			t.Errorf("fence %d; want 8", hold.Fence())
		}
		_ = c.Close()
	})
}

// A release is said again on the next stream if it was not answered.
func TestReleaseIsRepeatedOnTheNextStream(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.held(c, st, 5)
		pass(time.Second)
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		st.wants(release(1, "x", 5))
		n.cut()
		st = n.stream()
		st.wants(release(1, "x", 5))
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			c.closes(t)
		}()
		if isClosed(closed) {
			t.Error("closed before the release was answered")
		}
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_ENDED_BEFORE})
		<-closed
	})
}

// A withdrawal of a wait that the node may have granted is said again as well.
func TestWithdrawalIsRepeatedOnTheNextStream(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		asked.cancel(nil)
		asked.fails(context.Canceled)
		st.wants(withdraw(1))
		n.cut()
		st = n.stream()
		st.wants(withdraw(1))
		st.tell(&clientv1.Withdrawn{Id: 1})
		st.nothing()
		c.closes(t)
	})
}

// A grant crosses with the withdrawal: the node reads of that, and the lock is free.
func TestWithdrawalRacesAGrant(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		cause := errors.New("had enough")

		asked := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		asked.cancel(cause)
		asked.fails(cause)
		st.wants(withdraw(1))
		st.grant(1, 5) // sent before the node read the Withdraw
		st.nothing()
		st.tell(&clientv1.Withdrawn{Id: 1})
		st.grant(1, 5) // a node that forgot is told once more
		st.wants(withdraw(1))
		st.tell(&clientv1.Withdrawn{Id: 1})

		// The grant was read, but its caller had gone before it looked.
		asked = w.ask(c, "w")
		st.wants(acquire(2, "w"))
		st.grant(2, 6)
		asked.granted()
		if err := c.node.claims[2].giveUp(cause); !errors.Is(err, cause) {
			t.Errorf("giveUp = %v; want the cause", err)
		}
		st.wants(release(2, "w", 6))
		st.tell(&clientv1.Released{Id: 2, Lock: "w", Fence: 6, Outcome: clientv1.Released_OUTCOME_RELEASED})

		// Granted without a lease so far: the fence is known.
		st.fallSilent()
		asked = w.ask(c, "x")
		st.wants(acquire(3, "x"))
		st.tell(&clientv1.Granted{Id: 3, Fence: 7, Session: 9})
		asked.cancel(cause)
		asked.fails(cause)
		st.wants(release(3, "x", 7))
		st.tell(&clientv1.Released{Id: 3, Lock: "x", Fence: 7, Outcome: clientv1.Released_OUTCOME_RELEASED})

		// Refused in the same moment: there will be no Withdrawn.
		asked = w.ask(c, "x")
		st.wants(acquire(4, "x"))
		asked.cancel(cause)
		asked.fails(cause)
		st.wants(withdraw(4))
		st.tell(&clientv1.Refused{Id: 4, Error: &clientv1.Error{Code: clientv1.Code_CODE_BUSY}})
		c.closes(t)
	})
}

// What has not been sent yet need not be withdrawn.
func TestWithdrawalOfWhatWasNotSent(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.held(c, st, 5)
		n.set(false, true)
		n.cut()
		asked := w.ask(c, "y")
		asked.cancel(nil)
		asked.fails(context.Canceled)
		n.set(false, false)
		if err := hold.Err(); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	})
}

func TestRefusals(t *testing.T) {
	for code, want := range map[clientv1.Code]error{
		clientv1.Code_CODE_INVALID_NAME:   broadcast.ErrName,
		clientv1.Code_CODE_BUSY:           broadcast.ErrBusy,
		clientv1.Code_CODE_NO_SESSION:     ErrNoSession,
		clientv1.Code_CODE_FORBIDDEN:      ErrForbidden,
		clientv1.Code_CODE_TOO_MANY_NAMES: broadcast.ErrTooManyLocks,
		clientv1.Code_CODE_OTHER_LIMIT:    broadcast.ErrLimit,
		clientv1.Code_CODE_TOO_MANY_WAITS: ErrRefused,
		clientv1.Code_CODE_INVALID_ID:     ErrRefused,
		clientv1.Code_CODE_UNSPECIFIED:    ErrRefused,
	} {
		overBoth(t, func(t *testing.T, w *network) {
			n := w.node("a:1")
			c := w.client("a:1")
			st := n.stream()
			asked := w.asking(func(ctx context.Context) (broadcast.Hold, error) { return c.Try(ctx, "x", token.Exclusive) })
			a := st.acquire()
			if a.GetMode() != clientv1.Acquire_MODE_TRY {
				t.Errorf("mode %v; want MODE_TRY", a.GetMode())
			}
			st.tell(&clientv1.Refused{Id: a.GetId(), Error: &clientv1.Error{Code: code, Message: "in its words"}})
			asked.fails(want)
			c.closes(t)
		})
	}
}

func TestBadNamesAreNotSent(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		for _, name := range []string{"", "\xff", string(make([]byte, 256))} {
			w.ask(c, name).fails(broadcast.ErrName)
		}
		st.nothing()
		c.closes(t)
	})
}

// The wait ends while the node has no session.
func TestWaitThatEndsWithoutASessionSaysSo(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		cause := errors.New("had enough")
		for session := range uint64(2) {
			st.answer(session, testTTL)
			asked := w.ask(c, "x")
			pass(time.Second)
			asked.cancel(cause)
			asked.fails(cause)
			if got, want := errors.Is(asked.err, ErrNoSession), session == 0; got != want {
				t.Errorf("session %d: %v; ErrNoSession: %v, want %v", session, asked.err, got, want)
			}
		}
		_ = c.Close()
	})
}

// Of two callers that wait for a lock, the first gives up: the second has its place, and the
// node hears of that with the release at the latest.
func TestWhoGivesUpLeavesItsPlace(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		first := w.ask(c, "x")
		st.wants(acquire(1, "x"))
		second := w.ask(c, "x")
		st.wants(acquire(2, "x"))
		cause := errors.New("had enough")
		first.cancel(cause)
		first.fails(cause)
		st.grant(1, 5)
		if err := second.granted().Unlock(); err != nil {
			t.Fatal(err)
		}
		st.wants(withdraw(2))
		st.wants(release(1, "x", 5))
		st.tell(&clientv1.Withdrawn{Id: 2})
	})
}
