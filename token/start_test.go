package token

import "testing"

// One test for each rule of the wait after a start (protocol, section 2), and of
// configuration.

// started is A after its start, with streams to all peers, which say nothing more.
func started(t *testing.T, members int) *driven {
	t.Helper()
	d := start(t, members)
	for _, j := range d.others() {
		d.up(j, 1)
	}
	d.take()
	return d
}

// While it waits, a node answers no PING.
func TestNoPongWhileWaitingAfterStart(t *testing.T) {
	d := started(t, 3)
	d.pinged(1)
	d.wantAll()
	d.passes(testTTL - 1)
	d.wantSent(Pong)
}

// The PING is answered when the wait is over, as if it had been on its way until then: the
// guard counts from there.
func TestHeldPingIsAnsweredWhenWaitIsOver(t *testing.T) {
	d := started(t, 3)
	d.pinged(1)
	d.passes(testTTL)
	d.wantSent(Pong, "A→B PONG B#1, stamp 1000000 ms")
	d.passes(testTTL - 1)
	if d.canBury(1) {
		t.Error("A can bury B less than T after the PONG")
	}
}

// Of several PINGs that came meanwhile, only the newest is answered.
func TestNewestHeldPingIsAnswered(t *testing.T) {
	d := started(t, 3)
	d.pinged(1)
	d.passes(testTTL / 2)
	d.pinged(1)
	d.passes(testTTL / 2)
	d.wantSent(Pong, "A→B PONG B#1, stamp 1001000 ms")
}

// A PING of an older incarnation is not answered any more.
func TestHeldPingOfOlderIncarnationIsForgotten(t *testing.T) {
	d := started(t, 3)
	d.pinged(1)
	d.up(1, 2)
	d.passes(testTTL)
	d.wantSent(Pong)
}

// CLEAR does not end the wait before there is a stream to every member: a member that was
// not told CLEAR itself would have to wait for T.
func TestWaitEndsByClearOnlyWithStreamsToAll(t *testing.T) {
	d := started(t, 3)
	d.PeerDown(d.at, 2)
	for _, j := range d.others() {
		d.receive(j, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	}
	d.wantSent(Ping)
	d.take()
	d.PeerUp(d.at, 2)
	if d.waiting {
		t.Error("A waits still, with CLEAR from all and a stream to all")
	}
	d.wantSent(Clear, "A→C CLEAR C#1")
}

// While it waits, a node buries nobody.
func TestNoBurialWhileWaitingAfterStart(t *testing.T) {
	d := started(t, 3)
	d.passes(testTTL - 1)
	d.take()
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{1, 1}, Members: []Member{2}})
	d.want("A saves session 1, promised 1", "A→B BALLOT-ANSWER 1.B PROMISE, not waiting at 1.0, buries nobody")
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 3, Helper: NoMember})
	d.want("A→B PROBE-ANSWER 3 NONE, could bury nobody")

	d.passes(1)
	d.take()
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{2, 1}, Members: []Member{2}})
	d.want("A saves session 1, promised 2", "A buries C", "A→B BALLOT-ANSWER 2.B PROMISE, not waiting at 1.0, buries C")
}

// While it waits, a node begins no session of its own, whatever it is answered.
func TestNoSessionWhileWaitingAfterStart(t *testing.T) {
	d := started(t, 3)
	d.passes(testTTL - 1)
	d.ponged(1, 2)
	d.wantOnly(Began)
	d.passes(1)
	d.wantOnly(Began, "A begins session 1")
}

// While it waits, a node sends an empty frame in place of a PING.
func TestKeepAliveInPlaceOfPingWhileWaiting(t *testing.T) {
	d := started(t, 2)
	d.passes(testTTL - 1)
	d.wantAll("A→B KEEPALIVE", "A→B KEEPALIVE", "A→B KEEPALIVE")
	d.passes(1)
	d.wantSent(Ping,
		"A→B PING A#1 session 1 not begun, stamp 1002000 ms",
		"A→B PING A#1 session 1 not begun, stamp 1002000 ms",
	)
}

// The wait is over when each other member has said that it has no session.
func TestWaitEndsWhenAllAreClear(t *testing.T) {
	d := started(t, 3)
	d.pinged(1)
	d.receive(1, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.receive(1, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.wantAll()
	d.receive(2, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.wantAll(
		"A guards B, session 1",
		"A→B PONG B#1, stamp 1000000 ms",
		"A→B PING A#1 session 1 not begun, stamp 1000000 ms",
		"A→C PING A#1 session 1 not begun, stamp 1000000 ms",
	)
	d.ponged(1)
	d.want("A begins session 1")
}

// After it has seen this incarnation's HELLO, that is.
func TestClearForAnotherIncarnationIsIgnored(t *testing.T) {
	d := started(t, 2)
	d.receive(1, Message{Kind: Clear, Incarnation: incarnation(0, 9)})
	d.wantAll()
}

// CLEAR from a member's older incarnation no longer counts.
func TestClearOfOlderIncarnationIsForgotten(t *testing.T) {
	d := started(t, 3)
	d.receive(1, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.up(1, 2)
	d.take()
	d.receive(2, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.wantAll()
}

// A node that has no session says CLEAR on a HELLO.
func TestClearIsSaidOnHello(t *testing.T) {
	d := start(t, 3)
	d.PeerUp(d.at, 1)
	d.wantAll("A→B KEEPALIVE") // of whose incarnation nothing is known yet
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1})
	d.wantAll("A→B CLEAR B#1")

	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1})
	d.wantAll() // there is no stream to C yet
	d.PeerUp(d.at, 2)
	d.wantAll("A→C CLEAR C#1", "A→C KEEPALIVE")
}

// A node that has a session does not.
func TestClearIsNotSaidInsideSession(t *testing.T) {
	d := inSession(t, 3)
	d.up(1, 2)
	d.wantSent(Clear)
}

// CLEAR is said at a lapse; the older incarnation's stamps are forgotten then.
func TestSayerOfClearForgetsStampsOfOlderIncarnation(t *testing.T) {
	d := inSession(t, 5)
	d.passes(testTTL / 2)
	d.ponged(1) // by the first incarnation of B
	d.up(1, 2)
	d.at, _ = d.InSession()
	d.Tick(d.at)
	d.wantSent(Clear, "A→B CLEAR B#2", "A→C CLEAR C#1", "A→D CLEAR D#1", "A→E CLEAR E#1")
	d.ponged(2)
	d.wantOnly(Began) // B's answer no longer makes a quorum with A's and C's
	d.ponged(3)
	d.wantOnly(Began, "A begins session 2")
}

// It keeps the stamps of the present incarnation.
func TestSayerOfClearKeepsStampsOfPresentIncarnation(t *testing.T) {
	d := inSession(t, 5)
	d.passes(testTTL / 2)
	d.ponged(1)
	d.at, _ = d.InSession()
	d.Tick(d.at)
	d.take()
	d.ponged(2)
	d.wantOnly(Began, "A begins session 2")
}

// Inside a session, a guard of the older incarnation still counts: the newer one
// waits it out.
func TestStampsOfOlderIncarnationCountInsideSession(t *testing.T) {
	d := inSession(t, 3)
	d.passes(100 * ms)
	d.ponged(1)
	want, _ := d.InSession()
	d.up(1, 2)
	d.receive(2, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at - 1})
	if got, _ := d.InSession(); got != want {
		t.Errorf("the lease ends at %d, want %d", got, want)
	}
}

// A node gives promises from the first moment, since it holds nothing.
func TestPromisesFromFirstMoment(t *testing.T) {
	d := started(t, 3)
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{1, 1}})
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 1.B PROMISE, not waiting at 1.0, buries nobody")
}

// Outside a session a node still notes REQUESTs and answers probes.
func TestRequestsAreNotedOutsideSession(t *testing.T) {
	d := started(t, 3)
	d.request(1, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 2}, Probe: 4, Helper: NoMember})
	d.want("A→C PROBE-ANSWER 4 NONE, could bury nobody")
	d.wantState("0.0 1.3 1.2", "", "")
}
