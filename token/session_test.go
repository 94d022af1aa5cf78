package token

import (
	"fmt"
	"slices"
	"testing"
)

// One test for each rule of section 2 of the protocol: leases, lapses, addresses.

const ms = millisecond

// Every T/4, PING(incarnation, session, begun?, stamp) to each peer.
func TestPingEveryQuarterOfT(t *testing.T) {
	d := inSession(t, 3)
	began := d.at
	for k := Time(1); k <= 3; k++ {
		d.passes(testTTL / 4)
		d.wantSent(Ping,
			fmt.Sprintf("A→B PING A#1 session 1 begun, stamp %d ms", (began+k*testTTL/4)/ms),
			fmt.Sprintf("A→C PING A#1 session 1 begun, stamp %d ms", (began+k*testTTL/4)/ms),
		)
	}
}

// A PING is answered by PONG(incarnation, stamp), the PING's own.
func TestPingIsAnswered(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 5), Session: 1, Begun: true, Stamp: 77 * ms})
	d.wantAll("A→B PONG B#5, stamp 77 ms")
}

// The PONG makes this node guard the sender: for T it will not bury it.
func TestPingIsGuardedForT(t *testing.T) {
	d := inSession(t, 3)
	d.passes(100 * ms)
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 1), Session: 4})
	d.want("A guards B, session 4")
	d.lives(testTTL-1, 2)
	if d.canBury(1) {
		t.Error("A can bury B 1 ns before the guard is over")
	}
	d.passes(1)
	if !d.canBury(1) {
		t.Error("A cannot bury B when the guard is over")
	}
}

// A guard begins when the PONG can be sent; a PING that cannot be answered is none.
func TestPingWithoutStreamBackIsNotGuarded(t *testing.T) {
	d := inSession(t, 3)
	d.PeerDown(d.at, 1)
	d.lives(testTTL, 2)
	d.look()
	d.pinged(1)
	d.want()
	if !d.canBury(1) {
		t.Error("A guards B, though B cannot hear of it")
	}
}

// A PONG for another incarnation is ignored: a reboot sets the clock to 0, and a
// stamp of before it would make a lease without end.
func TestPongForAnotherIncarnationIsIgnored(t *testing.T) {
	d := inSession(t, 3)
	end, _ := d.InSession()
	d.passes(100 * ms)
	for _, j := range d.others() {
		d.receive(j, Message{Kind: Pong, Incarnation: incarnation(0, 2), Stamp: d.at + hour})
	}
	if got, _ := d.InSession(); got != end {
		t.Errorf("the lease ends at %d, want %d as before", got, end)
	}
}

// The lease runs until the q-th newest of the stamps answered, the own being now,
// plus T(1-ρ).
func TestLeaseRunsFromQuorumsNewestStamp(t *testing.T) {
	for members, newest := range map[int]int{2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 3} {
		d := inSession(t, members)
		var stamps []Time
		for _, j := range d.others() {
			d.passes(10 * ms)
			stamps = append(stamps, d.at)
			d.receive(j, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at})
		}
		got, _ := d.InSession()
		if want := stamps[len(stamps)-newest] + testTTL*99/100; got != want {
			t.Errorf("%d members: the lease ends at %d, want %d", members, got, want)
		}
	}
}

// An answer to an older PING does not shorten a lease.
func TestOldPongDoesNotShortenLease(t *testing.T) {
	d := inSession(t, 2)
	end, _ := d.InSession()
	d.receive(1, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at - 300*ms})
	if got, _ := d.InSession(); got != end {
		t.Errorf("the lease ends at %d, want %d as before", got, end)
	}
}

// A session begins with the lease of a quorum, and not with less.
func TestSessionBeginsWithQuorum(t *testing.T) {
	d := start(t, 5)
	for _, j := range d.others() {
		d.up(j, 1)
	}
	d.passes(testTTL)
	d.look()
	d.ponged(1)
	d.want()
	d.ponged(1) // the same member again
	d.want()
	d.ponged(2)
	d.want("A begins session 1")
}

// Outside a session a node asks for nothing; who waits asks when it begins.
func TestWaitersAskWhenSessionBegins(t *testing.T) {
	d := start(t, 3)
	d.up(1, 1)
	d.up(2, 1)
	d.request(1, 1)
	d.look()
	d.acquire(1)
	d.want()
	d.passes(testTTL)
	d.ponged(1)
	d.want("A begins session 1", "A asks: request 1.1", "A→B REQUEST 1.1", "A→C REQUEST 1.1")
	d.passes(750 * ms)
	d.wantOnly(Probed, "A begins probe 1")
}

// A lapse is final: the token is lost, the holder is told, the next session has a
// higher number, and is on stable storage before anything is said of it.
func TestLapseEndsSession(t *testing.T) {
	d := holding(t, 3)
	end, _ := d.InSession()
	d.passes(end - d.at - 1)
	d.look()
	d.passes(1)
	d.wantAll(
		"A loses session 1",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A saves session 2, promised 0",
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
		fmt.Sprintf("A→B PING A#1 session 2 not begun, stamp %d ms", end/ms),
		fmt.Sprintf("A→C PING A#1 session 2 not begun, stamp %d ms", end/ms),
	)
	d.release(1)
	d.want()
}

// Every token is lost, also those that lie idle.
func TestLapseDropsIdleTokens(t *testing.T) {
	d := withToken(t, 3)
	d.passes(testTTL)
	d.wantOnly(Dropped, "A drops token 1.B: session lapsed")
}

// A lapse is noticed before any further PONG is read.
func TestLapseIsNoticedBeforePongIsRead(t *testing.T) {
	d := holding(t, 3)
	end, _ := d.InSession()
	d.at = end
	d.receive(1, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: end - 1})
	d.wantOnly(Lapsed, "A loses session 1")
}

// Each input looks at the time first.
func TestEveryInputNoticesLapse(t *testing.T) {
	inputs := map[string]func(d *driven){
		"Acquire":      func(d *driven) { d.acquire(2) },
		"Withdraw":     func(d *driven) { d.withdraw(2) },
		"Release":      func(d *driven) { d.release(1) },
		"Tick":         func(d *driven) { d.Tick(d.at) },
		"PeerUp":       func(d *driven) { d.PeerUp(d.at, 1) },
		"PeerDown":     func(d *driven) { d.PeerDown(d.at, 1) },
		"ReceiveHello": func(d *driven) { d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 9}) },
		"Receive":      func(d *driven) { d.receive(1, Message{Kind: KeepAlive}) },
		"Retire":       func(d *driven) { d.Retire(d.at) },
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			d := holding(t, 3)
			d.at, _ = d.InSession()
			input(d)
			for _, e := range d.look() {
				switch e.Kind {
				case Revoke:
					return
				case Left, Grant:
					t.Fatalf("%s, before the lapse was noticed", describe(0, e))
				}
			}
			t.Error("the holder was not told that its lock is lost")
		})
	}
}

// A lapse voids the node's rounds.
func TestLapseVoidsBallot(t *testing.T) {
	d := balloting(t, 3)
	d.at, _ = d.InSession()
	d.Tick(d.at)
	d.wantOnly(Ended, "A gives up ballot 1.A: session lapsed")
}

// Waiters stay queued and ask again under the new session.
func TestWaitersAskAgainAfterLapse(t *testing.T) {
	d := asking(t, 3)
	d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
	d.look()
	d.passes(testTTL)
	d.want(
		"A begins probe 1", "A→B PROBE 1 for 1.1, helper nobody", "A→C PROBE 1 for 1.1, helper nobody",
		"A begins probe 2", "A→B PROBE 2 for 1.1, helper B", "A→C PROBE 2 for 1.1, helper B",
		"A warns: session 1 ends at 1001980 ms",
		"A loses session 1",
		"A saves session 2, promised 0",
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
	)
	d.ponged(2)
	d.want("A begins session 2", "A asks: request 2.1", "A→B REQUEST 2.1", "A→C REQUEST 2.1")
}

// A holder is warned T/10 ahead of the lapse, once; renewal lifts the warning.
func TestHolderIsWarnedAheadOfLapse(t *testing.T) {
	d := holding(t, 3)
	end, _ := d.InSession()
	d.passes(end - testTTL/10 - 1 - d.at)
	d.wantOnly(Warn)
	d.passes(1)
	line := fmt.Sprintf("A warns: session 1 ends at %d ms", end/ms)
	d.wantOnly(Warn, line)
	d.passes(testTTL/10 - 1)
	d.wantOnly(Warn)

	d.receive(1, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: end - testTTL})
	d.Tick(d.at)
	d.wantOnly(Warn) // an old answer renews nothing

	d.ponged(1)
	end, _ = d.InSession()
	d.passes(end - 1 - d.at)
	d.wantOnly(Warn, fmt.Sprintf("A warns: session 1 ends at %d ms", end/ms))
}

// A node wants to hear what time it is whenever something is due.
func TestNextTick(t *testing.T) {
	d := started(t, 3)
	begun := d.at
	d.at += 40 * ms
	for d.at+testTTL/4 < begun+testTTL {
		d.Tick(d.at)
		d.at += testTTL / 4
	}
	d.Tick(d.at)
	if got := d.NextTick(); got != begun+testTTL {
		t.Errorf("next tick at %d, want the end of the wait after the start, %d", got, begun+testTTL)
	}

	d = inSession(t, 3)
	end, _ := d.InSession()
	d.passes(testTTL * 3 / 4)
	if got, want := d.NextTick(), end-testTTL/10; got != want {
		t.Errorf("next tick at %d, want the time to warn, %d", got, want)
	}
	d.passes(d.NextTick() - d.at)
	if got := d.NextTick(); got != end {
		t.Errorf("next tick at %d, want the end of the lease, %d", got, end)
	}
}

// A cluster of one has a session at once, and it never lapses.
func TestSingleMemberNeverLapses(t *testing.T) {
	n, err := New(0, testConfig(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if end, ok := n.InSession(); end != Never || !ok {
		t.Fatalf("lease until %d, begun %v, want for ever", end, ok)
	}
	d := start(t, 1)
	d.acquire(1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.passes(hour / 2)
	d.wantOnly(Lapsed)
	d.release(1)
	d.wantOnly(Left, "A LEAVES: waiter 1, fence 1:1")
}

// A cluster of two survives no crash.
func TestTwoMembersLapseTogether(t *testing.T) {
	d := inSession(t, 2)
	d.passes(testTTL)
	d.wantOnly(Lapsed, "A loses session 1")
}

// Who has never answered is silent, whatever the clock reads.
func TestMemberThatNeverAnsweredIsSilent(t *testing.T) {
	n, err := New(0, testConfig(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	if !n.silent(1) {
		t.Error("B, which never answered, is not silent at clock 0")
	}
}

// A token is addressed to the newest session that is known to have begun, by a
// REQUEST or a PING with begun set.
func TestTokenIsAddressedToNewestBegunSession(t *testing.T) {
	ping := func(s Session, begun bool) Message {
		return Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: s, Begun: begun}
	}
	for _, c := range []struct {
		name string
		said []Message
		want Session
	}{
		{"a PING with begun set", []Message{ping(4, true)}, 4},
		{"a REQUEST", []Message{{Kind: Request, Lock: "other", Number: Number{6, 1}}}, 6},
		{"an older REQUEST", []Message{ping(4, true), {Kind: Request, Lock: "other", Number: Number{3, 1}}}, 4},
	} {
		d := withToken(t, 3)
		for _, m := range c.said {
			d.receive(2, m)
		}
		d.look()
		d.request(2, 1)
		d.wantSent(TokenMessage, fmt.Sprintf("A→C TOKEN 1.B to session %d, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody", c.want))
	}
}

// Why: a session that was announced but not begun can be buried, begin later, and
// then take a token that should be extinct.
func TestTokenIsNotAddressedToAnnouncedSession(t *testing.T) {
	d := holding(t, 3)
	d.request(2, 1)
	d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 4})
	d.look()
	d.release(1)
	d.wantSent(TokenMessage)
	d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 4, Begun: true})
	d.receive(2, Message{Kind: Request, Number: Number{4, 1}})
	d.wantSent(TokenMessage, "A→C TOKEN 1.B to session 4, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// The newest session is that of the newest incarnation: one of which nothing is
// known but its HELLO cannot be addressed.
func TestNewIncarnationIsNotAddressedBeforeItsSessionBegins(t *testing.T) {
	d := withToken(t, 3)
	d.up(2, 2)
	d.look()
	d.request(1, 1) // of which B knows; A must not give B's token to C
	d.want("A→B TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")

	d = holding(t, 3)
	d.request(2, 1)
	d.up(2, 2)
	d.look()
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1", "A passes over C")
	d.receive(2, Message{Kind: Request, Number: Number{1001, 1}})
	d.want("A→C TOKEN 1.B to session 1001, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// A member that has answered no PING for T cannot be addressed.
func TestSilentMemberIsNotAddressed(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.request(2, 1)
	d.lives(testTTL-1, 2)
	d.pinged(1) // which is no answer
	d.passes(1)
	d.look()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A passes over B",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody",
	)
}

// A token addressed to another session than the present one is dropped.
func TestTokenForAnotherSessionIsDropped(t *testing.T) {
	for _, session := range []Session{1, 3} {
		d := asking(t, 3)
		d.passes(testTTL)
		d.ponged(1) // session 2
		d.look()
		lost := &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 3)}
		d.receive(1, Message{Kind: TokenMessage, Session: session, Token: lost})
		d.want("A drops token 1.B: addressed to another session")
	}
}

// So is one that reaches a node outside a session.
func TestTokenOutsideSessionIsDropped(t *testing.T) {
	d := asking(t, 3)
	d.passes(testTTL)
	d.look()
	d.token() // addressed to session 2, which is the next
	d.want("A drops token 1.B: addressed to another session")
}

// HELLO tells the highest session known of the peer, begun or not.
func TestHelloTellsKnownSession(t *testing.T) {
	d := inSession(t, 3)
	if got := d.Hello(2).KnownSession; got != 1 {
		t.Errorf("known session of C: %d, want 1", got)
	}
	d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 9})
	if got := d.Hello(2).KnownSession; got != 9 {
		t.Errorf("known session of C: %d, want 9, which it announced", got)
	}
}

// Who is outside a session jumps above the highest that is known of it.
func TestNodeOutsideSessionJumpsAboveKnown(t *testing.T) {
	d := start(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, KnownSession: 7})
	d.want("A saves session 8, promised 0")
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, KnownSession: 8})
	d.want()
}

// A session that has begun stays.
func TestNodeInSessionDoesNotJump(t *testing.T) {
	d := inSession(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 9, KnownSession: 7})
	d.want()
	d.acquire(1)
	d.wantOnly(Asked, "A asks: request 1.1")
}

// With the PINGs, BUSY names the locks that the receiver waits for and that are in
// use here.
func TestBusyNamesLocksInUse(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	for range 5 {
		d.ponged(1, 2)
		d.look()
		d.passes(testTTL / 4)
		d.wantSent(Busy, "A→B BUSY cs")
	}
	d.tokenBack(func() { d.release(1) })
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// Or that were passed on less than T/4 ago, to those who stood in Q then.
func TestBusyNamesLocksPassedOn(t *testing.T) {
	d := holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.passes(testTTL/4 - 1)
	d.release(1)
	d.look()
	d.passes(1)
	d.wantSent(Busy, "A→C BUSY cs")
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// T/4 ago is too long ago; and a token that is back is not on its way.
func TestBusyLeavesOutTokensPassedOnBefore(t *testing.T) {
	d := holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.passes(testTTL / 4)
	d.release(1)
	d.look()
	d.passes(testTTL / 4)
	d.wantSent(Busy)

	d = holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.passes(testTTL / 8)
	d.tokenBack(func() { d.release(1) })
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// tokenBack brings the token that an input sends away back, after all who asked have
// had it.
func (d *driven) tokenBack(input func()) {
	d.t.Helper()
	d.look()
	input()
	for _, e := range d.look() {
		if e.Kind != Send || e.Message.Kind != TokenMessage {
			continue
		}
		sent := e.Message.Token
		sent.Queue, sent.LastGranted = nil, e.State.RequestNumbers
		d.receive(e.Peer, Message{Kind: TokenMessage, Session: d.session, Token: sent})
		d.look()
		return
	}
	d.t.Fatal("no token was sent")
}

// However long it lay idle before.
func TestBusyNamesTokenThatWasIdleForLong(t *testing.T) {
	d := holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.PeerDown(d.at, 1)
	d.PeerDown(d.at, 2)
	d.release(1)
	d.lives(testTTL+testTTL/16, 1, 2, 3)
	d.PeerUp(d.at, 1) // B gets the token, and C stands in its queue
	d.PeerUp(d.at, 2)
	d.look()
	d.passes(testTTL / 4)
	d.wantSent(Busy, "A→C BUSY cs")
}

// An idle token is not in use.
func TestBusyLeavesIdleTokenOut(t *testing.T) {
	d := withToken(t, 3)
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// A BUSY is split when long.
func TestBusyIsSplit(t *testing.T) {
	d := inSession(t, 2)
	const locks = 2*busyLocksPerMessage + 1
	for i := range locks {
		name := fmt.Sprintf("lock%d", i)
		d.receive(1, Message{Kind: TokenMessage, Lock: name, Session: 1,
			Token: &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 2)}})
		d.Acquire(d.at, name, 1)
		d.receive(1, Message{Kind: Request, Lock: name, Number: Number{1, uint64(i) + 1}})
	}
	d.look()
	d.passes(testTTL / 4)
	var sizes []int
	for _, e := range d.look() {
		if e.Kind == Send && e.Message.Kind == Busy {
			sizes = append(sizes, len(e.Message.Locks))
		}
	}
	if !slices.Equal(sizes, []int{busyLocksPerMessage, busyLocksPerMessage, 1}) {
		t.Errorf("BUSY of %v locks, want %d twice and 1", sizes, busyLocksPerMessage)
	}
}
