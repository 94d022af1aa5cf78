package token

import (
	"errors"
	"testing"
)

// Protocol, section 2, a number of one's own. A is the member whose disk was set back, or
// the one that knows B's number.

// another is an incarnation of A that ran before this one.
var another = incarnation(0, 9)

// HELLO tells the peer's highest session known, begun or not, and whose it was.
func TestHelloTellsKnownSession(t *testing.T) {
	d := inSession(t, 3)
	want := func(session Session, of Incarnation) {
		t.Helper()
		if h := d.Hello(2); h.KnownSession != session || h.KnownOf != of {
			t.Errorf("known of C: session %d of %v, want %d of %v", h.KnownSession, h.KnownOf, session, of)
		}
	}
	want(1, incarnation(2, 1))
	d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 9})
	want(9, incarnation(2, 1))
	d.hello(2, Hello{Incarnation: incarnation(2, 2), Boot: 9, Counter: 5})
	want(9, incarnation(2, 1)) // who had it first
	d.hello(2, Hello{Incarnation: incarnation(2, 2), Boot: 10})
	want(10, incarnation(2, 2))
}

// A node that has begun no session counts above a number, higher or the same, that another
// incarnation had. Its streams then come after those of that incarnation. HELLO and KNOWN
// do the same.
func TestNodeCountsAboveAnotherIncarnation(t *testing.T) {
	for name, tell := range map[string]func(d *driven, known Session, of Incarnation){
		"HELLO": func(d *driven, known Session, of Incarnation) {
			d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: d.peers[1].hello.Counter + 1, KnownSession: known, KnownOf: of})
		},
		"KNOWN": func(d *driven, known Session, of Incarnation) {
			d.receive(1, Message{Kind: Known, Session: known, Incarnation: of})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, 3)
			if got := d.Hello(1).Boot; got != 1 {
				t.Fatalf("boot %d, want 1", got)
			}
			tell(d, 1, another)
			d.wantOnly(Save, "A saves session 2, promised 0")
			tell(d, 7, another)
			d.wantOnly(Save, "A saves session 8, promised 0")
			tell(d, 7, another)
			d.wantOnly(Save) // it is above already
			tell(d, 8, incarnation(0, 1))
			d.wantOnly(Save) // that is its own
			if h := d.Hello(1); h.Boot != 8 {
				t.Errorf("boot %d, want 8: streams with a lower one are refused", h.Boot)
			}
		})
	}
}

// A lapse raises the session, not the boot: streams are still those of one process.
func TestLapseKeepsTheBoot(t *testing.T) {
	d := inSession(t, 3)
	d.passes(testTTL)
	d.take()
	if h := d.Hello(1); h.Boot != 1 {
		t.Errorf("boot %d after a lapse, want 1", h.Boot)
	}
}

// A process whose session lapsed is above a number of another incarnation by itself; its
// streams are not.
func TestStreamsComeAfterTheOtherIncarnations(t *testing.T) {
	d := inSession(t, 3)
	d.passes(testTTL)
	d.take()
	d.receive(1, Message{Kind: Known, Session: 1, Incarnation: another})
	if h, s := d.Hello(1), d.InspectSession().Session; h.Boot != s || s != 2 {
		t.Errorf("boot %d in session %d, want 2 in 2", h.Boot, s)
	}
}

// A session that has begun is over before the node counts above it: whatever bears its
// number is lost.
func TestNodeInSessionLosesItFirst(t *testing.T) {
	d := inSession(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 9, KnownSession: 1, KnownOf: incarnation(0, 1)})
	d.want() // that is its own
	d.acquire(1)
	d.token()
	d.take()
	d.receive(1, Message{Kind: Known, Session: 7, Incarnation: another})
	d.want(
		"A loses session 1: session number was used, up to 7, says B",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A saves session 8, promised 0",
	)
	if h := d.Hello(2); h.Boot != 8 {
		t.Errorf("boot %d, want 8", h.Boot)
	}
	d.receive(2, Message{Kind: Known, Session: 7, Incarnation: another})
	d.want()
}

// Its lease has not ended, and nor have those of clients that do not hear of it. So the
// node is encumbered: for T it answers no ballot and no probe, and begins no session.
func TestEarlyEndLeavesClientsBehind(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Known, Session: 7, Incarnation: another})
	d.passes(testTTL - 1)
	d.take()
	d.receive(1, Message{Kind: Probe, Lock: cs, Number: Number{1, 1}, Probe: 1, Helper: NoMember})
	d.ballotFrom(1, 9)
	d.allSayClear()
	d.ponged(1, 2)
	d.want()
	d.passes(1)
	d.want("A→B CLEAR B#1", "A→C CLEAR C#1", "A begins session 8")
}

// Nobody guards a session whose number another incarnation had; its member is told.
func TestNobodyGuardsAUsedNumber(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 1), Session: 4, Begun: true})
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 3})
	d.take()
	for _, session := range []Session{3, 4} {
		d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 2), Session: session, Begun: true})
		d.wantSent(Pong)
		if d.peers[1].session != 0 {
			t.Errorf("session %d of B is addressed", session)
		}
	}
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 2), Session: 3})
	d.wantAll("A→B KNOWN session 4 of B#1")
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 2), Session: 5})
	d.wantSent(Pong, "A→B PONG B#2, stamp 0 ms")
}

// A stream of another incarnation whose boot is not higher is refused, and its sender told:
// it may be the later process. A stream that was only late gets no answer.
func TestStreamWithAUsedBootIsRefusedAndTold(t *testing.T) {
	d := inSession(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 5})
	d.take()
	for _, test := range []struct {
		h     Hello
		tells []string
	}{
		{Hello{Incarnation: incarnation(1, 3), Boot: 5, Counter: 7}, []string{"A→B KNOWN session 5 of B#2"}},
		{Hello{Incarnation: incarnation(1, 3), Boot: 4}, []string{"A→B KNOWN session 5 of B#2"}},
		{Hello{Incarnation: incarnation(1, 2), Boot: 5}, nil},
	} {
		if err := d.ReceiveHello(d.now, 1, test.h); !errors.Is(err, ErrOldStream) {
			t.Errorf("%+v: %v, want ErrOldStream", test.h, err)
		}
		d.wantAll(test.tells...)
	}
	if err := d.ReceiveHello(d.now, 1, Hello{Incarnation: incarnation(1, 3), Boot: 6}); err != nil {
		t.Error(err)
	}
}

// The whole case: B comes back with a copy of its disk that is K starts old, and still gets
// a session.
func TestMemberWithAnOlderDiskHasASession(t *testing.T) {
	for _, boot := range []Session{5, 4, 3} {
		d := inSession(t, 3)
		d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 1), Session: 5, Begun: true})
		back, err := New(0, Config{
			Self: 1, Members: 3, Incarnation: incarnation(1, 2), Session: boot, TTL: testTTL,
			IdleToken: DefaultIdleToken, IdleLock: DefaultIdleLock, FencesPerEpoch: MaxFencesPerEpoch,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := back.ReceiveHello(0, 0, d.Hello(1)); err != nil {
			t.Fatal(err)
		}
		if h := back.Hello(0); h.Boot != 6 {
			t.Errorf("boot %d: counted to %d, want 6", boot, h.Boot)
		} else if err := d.ReceiveHello(d.now, 1, h); err != nil {
			t.Errorf("boot %d: %v", boot, err)
		}
		d.take()
		d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 2), Session: back.InspectSession().Session})
		d.wantSent(Pong, "A→B PONG B#2, stamp 0 ms")
	}
}
