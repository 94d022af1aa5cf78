package token

import "testing"

// One test for each rule of a probe and its answers (protocol, section 3).

// A probe also counts as a REQUEST. HOLD is answered before the token goes.
func TestProbeCountsAsRequest(t *testing.T) {
	d := withToken(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 6, Helper: NoMember})
	d.want(
		"A→C PROBE-ANSWER 6 HOLD, could bury nobody",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody",
	)
}

// HOLD: the token is here, and perhaps in use.
func TestHolderAnswersHold(t *testing.T) {
	d := holding(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 6, Helper: 0})
	d.want("A→C PROBE-ANSWER 6 HOLD in use, could bury nobody")
}

// RECENT: passed on less than 3T/8 ago. NONE: otherwise.
func TestProbeIsAnsweredRecentThenNone(t *testing.T) {
	d := withToken(t, 3)
	d.request(1, 1)
	d.passes(testTTL*3/8 - 1)
	d.take()
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 6, Helper: NoMember})
	d.want("A→C PROBE-ANSWER 6 RECENT, could bury nobody")
	d.passes(1)
	d.take()
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 7, Helper: NoMember})
	d.want("A→C PROBE-ANSWER 7 NONE, could bury nobody")
}

// Each answer names the members that the answerer could bury now; it buries nobody.
func TestProbeAnswerTellsWhoIsBuriable(t *testing.T) {
	d := inSession(t, 5)
	d.lives(testTTL, 1, 3)
	d.take()
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 7, Helper: NoMember})
	d.want("A→B PROBE-ANSWER 7 NONE, could bury C E")
	d.pinged(2)
	d.wantSent(Pong, "A→C PONG C#1, stamp 1002000 ms")
}

// The waiter goes on to a ballot when every member answered NONE.
func TestBallotWhenAllAnswerNone(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1)
	d.want()
	d.none(1, 2)
	d.want(
		"A saves session 1, promised 1",
		"A begins ballot 1.A",
		"A→B BALLOT 1.A for 1.1, out of reach nobody",
		"A→C BALLOT 1.A for 1.1, out of reach nobody",
	)
}

// Or is buriable by a quorum, this node included.
func TestBallotWhenSilentMemberIsBuriableByQuorum(t *testing.T) {
	d := asking(t, 5)
	d.lives(testTTL-100*ms, 1, 2, 3)
	d.PeerDown(d.at, 4)
	d.take()
	d.passes(200 * ms) // A's guard of E is over; the latest probe is still open
	probe := d.locks[cs].search.probe
	d.take()
	d.none(probe, 1, 2)
	d.wantOnly(Balloted)
	d.receive(3, Message{Kind: ProbeAnswer, Probe: probe, Answer: None, Members: []Member{4}})
	d.wantOnly(Balloted) // A and D only
	d.receive(2, Message{Kind: ProbeAnswer, Probe: probe, Answer: None, Members: []Member{4}})
	d.wantOnly(Balloted, "A begins ballot 1.A")
}

// A member with a stream is waited for, even if a quorum could bury it: its answer may be
// on its way. It is not if it left the probe before unanswered, too.
func TestMemberWithStreamIsWaitedForOnce(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1) // A and B no longer guard C
	d.acquire(1)
	d.take()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: None, Members: []Member{2}})
	d.wantOnly(Balloted)
	d.lives(750*ms, 1)
	d.take()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 2, Answer: None, Members: []Member{2}})
	d.wantOnly(Balloted, "A begins ballot 1.A")
}

// In the quorum, the asker counts itself only if its own guard is over.
func TestAskerThatGuardsIsNotCountedAmongBuriers(t *testing.T) {
	d := probing(t, 5)
	d.PeerDown(d.at, 4)
	for _, j := range []Member{1, 2} {
		d.receive(j, Message{Kind: ProbeAnswer, Probe: 1, Answer: None, Members: []Member{4}})
	}
	d.none(1, 3)
	d.want()
}

// One RECENT or HOLD is reason to wait, however many NONE there are.
func TestNoBallotWhenOneSawToken(t *testing.T) {
	for _, answer := range []Answer{Hold, Recent} {
		d := probing(t, 3)
		d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: answer})
		d.none(1, 2)
		d.none(1, 1)
		d.want()
	}
}

// Answers to an older probe do not count.
func TestAnswersToOlderProbeDoNotCount(t *testing.T) {
	d := probing(t, 3)
	d.passes(750 * ms)
	d.wantOnly(Probed, "A begins probe 2")
	d.none(1, 1, 2)
	d.want()
	d.none(2, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 1.A")
}

// Nor do answers to the probe of a request that was granted since.
func TestAnswersToProbeOfGrantedRequestDoNotCount(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1)
	d.token()
	d.acquire(2)
	d.take()
	d.none(1, 2) // the token is here
	d.want()

	d.withdraw(2)
	d.release(1)
	d.request(1, 1)
	d.acquire(3)
	d.take()
	d.none(1, 2)
	d.want()
	d.passes(750 * ms)
	d.wantOnly(Probed, "A begins probe 2")
	d.none(2, 2)
	d.want() // B has answered probe 1 only
}
