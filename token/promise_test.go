package token

import (
	"fmt"
	"testing"
)

// One test for each rule of the voter's side of a round (protocol, section 3).

// ballotFrom is a ballot NUMBER.FROM of a proposer whose request is 1.1.
func (d *driven) ballotFrom(from Member, number uint64, distant ...Member) {
	d.receive(from, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{number, from}, Members: distant})
}

// tokenOf brings a token of an epoch and reports whether it was taken.
func (d *driven) tokenOf(e Epoch) bool {
	d.t.Helper()
	d.tokenWith(func(t *Token) { t.Epoch = e })
	for _, e := range d.take() {
		if e.Kind == Dropped {
			return false
		}
	}
	return true
}

// HOLD, if the token is here. If it is idle, it is passed on after the answer.
func TestHolderAnswersBallotWithHold(t *testing.T) {
	d := holding(t, 3)
	d.ballotFrom(2, 5)
	d.want("A→C BALLOT-ANSWER 5.C HOLD")

	d = withToken(t, 3)
	d.ballotFrom(2, 5)
	d.want(
		"A→C BALLOT-ANSWER 5.C HOLD",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody",
	)
}

// NACK, if another ballot was promised whose number is not lower.
func TestPromiseRefusesBallotsNotAbove(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(2, 5)
	d.take()
	for _, number := range []uint64{1, 4, 5} {
		d.ballotFrom(1, number)
		d.want(fmt.Sprintf("A→B BALLOT-ANSWER %d.B OUTBID under 5.C", number))
	}
	d.ballotFrom(1, 6)
	d.want("A saves session 1, promised 6", "A→B BALLOT-ANSWER 6.B PROMISE, not waiting at 1.0, buries nobody")
	d.ballotFrom(2, 6)
	d.want("A→C BALLOT-ANSWER 6.C OUTBID under 6.B")
}

// NACK, if an epoch is known whose number is not lower.
func TestEpochRefusesBallotsNotAbove(t *testing.T) {
	d := withToken(t, 3)
	d.request(1, 1) // takes the token away
	d.take()
	d.ballotFrom(2, 1)
	d.want("A→C BALLOT-ANSWER 1.C TOO LOW under 1.B")
	d.ballotFrom(2, 2)
	d.wantSent(BallotAnswer, "A→C BALLOT-ANSWER 2.C PROMISE, not waiting at 1.0, buries nobody")
}

// NACK, if there is a floor that is not lower. The floor refuses only ballots, never
// tokens.
func TestFloorRefusesBallotsNotTokens(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.Floor = 1000
	d := inSessionWith(t, cfg)
	d.ballotFrom(2, 1000)
	d.want("A→C BALLOT-ANSWER 1000.C TOO LOW under 1000.A")
	if !d.tokenOf(Epoch{7, 1}) {
		t.Error("a token below the floor was refused")
	}
	d = inSessionWith(t, cfg)
	d.ballotFrom(2, 1001)
	d.wantSent(BallotAnswer, "A→C BALLOT-ANSWER 1001.C PROMISE, not waiting at 1.0, buries nobody")
}

// PROMISE: from now on no token with an epoch below b is taken.
func TestPromiseRefusesTokensBelow(t *testing.T) {
	for _, c := range []struct {
		epoch Epoch
		taken bool
	}{
		{Epoch{4, 2}, false},
		{Epoch{5, 0}, false}, // below 5.B, of the same number
		{Epoch{5, 1}, true},
		{Epoch{5, 2}, true},
		{Epoch{6, 0}, true},
	} {
		d := inSession(t, 3)
		d.ballotFrom(1, 5)
		if got := d.tokenOf(c.epoch); got != c.taken {
			t.Errorf("after a promise to 5.B, the token %s taken: %v, want %v", ballot(c.epoch), got, c.taken)
		}
	}
}

// A promise ends with the token that it was for.
func TestTokenFulfilsPromises(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 4)
	d.ballotFrom(1, 5)
	d.ballotFrom(2, 6)
	d.receive(2, Message{Kind: Abort, Ballot: Epoch{6, 2}})
	d.tokenOf(Epoch{5, 1})
	if left := d.locks[cs].promises; len(left) != 0 {
		t.Errorf("promises %v are left below the token 5.B", left)
	}
}

// A token refused for a promise is destroyed.
func TestTokenBelowPromiseIsDropped(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(2, 5)
	d.take()
	d.token()
	d.want("A drops token 1.B: promised to a later token")
}

// Nor is an older token taken where a later one has been.
func TestOlderTokenIsRefused(t *testing.T) {
	d := inSession(t, 3)
	d.tokenOf(Epoch{3, 1})
	d.request(1, 1)
	d.take()
	if d.tokenOf(Epoch{2, 2}) {
		t.Error("token 2.C was taken after 3.B")
	}
	if !d.tokenOf(Epoch{3, 1}) {
		t.Error("token 3.B was refused when it came again")
	}
}

// A promise is on stable storage before the answer leaves. A number is saved when it is
// above all promised so far, for any lock. Only promised numbers are saved: a start at the
// clock must be above them.
func TestPromiseIsSavedBeforeAnswer(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 5)
	d.want("A saves session 1, promised 5", "A→B BALLOT-ANSWER 5.B PROMISE, not waiting at 1.0, buries nobody")
	d.receive(1, Message{Kind: Ballot, Lock: "other", Ballot: Epoch{5, 1}})
	d.wantOnly(Save)
	d.ballotFrom(1, 6)
	d.want("A saves session 1, promised 6", "A→B BALLOT-ANSWER 6.B PROMISE, not waiting at 1.0, buries nobody")
}

// The save of a new session does not lower the promised number.
func TestSessionIsSavedWithPromise(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 5)
	d.take()
	d.passes(testTTL)
	d.wantOnly(Save, "A saves session 2, promised 5")
}

// The answer carries the voter's own request.
func TestPromiseTellsOwnRequest(t *testing.T) {
	d := asking(t, 3)
	d.ballotFrom(1, 5)
	d.want(
		"A saves session 1, promised 5",
		"A→B BALLOT-ANSWER 5.B PROMISE, waiting at 1.1, buries nobody",
	)
}

// Not waiting: the waiter gave up. The node has no request out any more, and its next
// waiter raises the number.
func TestPromiseOfWithdrawnRequest(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.take()
	d.ballotFrom(1, 5)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 5.B PROMISE, not waiting at 1.1, buries nobody")
	d.acquire(2)
	d.wantOnly(Asked, "A asks: request 1.2")
}

// Not waiting: the node has not asked inside its present session.
func TestPromiseOfWaiterThatHasNotAsked(t *testing.T) {
	d := asking(t, 3)
	d.passes(testTTL)
	d.take()
	d.ballotFrom(1, 5)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 5.B PROMISE, not waiting at 2.0, buries nobody")
}

// A helper counts as waiting.
func TestPromiseOfHelper(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.take()
	d.ballotFrom(1, 5)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 5.B PROMISE, waiting at 1.1, buries nobody")
}

// The voter buries the members of D whose guard is over.
func TestVoterBuriesWhomItDoesNotGuard(t *testing.T) {
	d := inSession(t, 5)
	d.lives(testTTL, 1, 3)
	d.take()
	d.ballotFrom(1, 5, 2, 3, 0)
	d.want(
		"A saves session 1, promised 5",
		"A buries C",
		"A→B BALLOT-ANSWER 5.B PROMISE, not waiting at 1.0, buries C",
	)
}

// For the next T it answers no PING of those it buried, in any session.
func TestBuriedIsNotAnsweredForT(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1)
	d.ballotFrom(1, 5, 2)
	d.take()
	for _, session := range []Session{1, 2, 3} {
		d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: session})
		d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 2), Session: session + 1000})
	}
	d.wantAll()
	d.lives(testTTL-1, 1)
	d.take()
	d.pinged(2)
	d.wantAll()
	d.at++
	d.pinged(2)
	d.wantSent(Pong, "A→C PONG C#1, stamp 1004000 ms")
}

// A refused ballot buries nobody.
func TestRefusedBallotBuriesNobody(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1)
	d.ballotFrom(1, 5)
	d.take()
	d.ballotFrom(1, 4, 2)
	d.want("A→B BALLOT-ANSWER 4.B OUTBID under 5.B")
}

// ABORT takes the promise back; the number stays used.
func TestAbortTakesPromiseBack(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 5)
	d.receive(1, Message{Kind: Abort, Ballot: Epoch{5, 1}})
	d.take()
	if !d.tokenOf(Epoch{2, 1}) {
		t.Error("a token was refused for a promise that was taken back")
	}
	d = inSession(t, 3)
	d.ballotFrom(1, 5)
	d.receive(1, Message{Kind: Abort, Ballot: Epoch{5, 1}})
	d.take()
	d.acquire(1)
	d.passes(750 * ms)
	d.none(d.locks[cs].search.probe, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 6.A")
}

// Promises to others stand.
func TestAbortLeavesOtherPromises(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 5)
	d.ballotFrom(2, 6)
	d.receive(2, Message{Kind: Abort, Ballot: Epoch{6, 2}})
	d.receive(2, Message{Kind: Abort, Ballot: Epoch{7, 2}})
	d.take()
	if d.tokenOf(Epoch{4, 1}) {
		t.Error("token 4.B was taken after a promise to 5.B")
	}
	if !d.tokenOf(Epoch{5, 1}) {
		t.Error("token 5.B was refused, though the promise to 6.C was taken back")
	}
}

// A lock remembers at most N promises; beyond that the lowest becomes a floor that
// no ABORT lifts.
func TestLowestPromiseBecomesFloor(t *testing.T) {
	d := inSession(t, 2)
	for number := uint64(4); number <= 7; number++ {
		d.ballotFrom(1, number)
	}
	for number := uint64(4); number <= 7; number++ {
		d.receive(1, Message{Kind: Abort, Ballot: Epoch{number, 1}})
	}
	d.take()
	d.ballotFrom(1, 5)
	d.want("A→B BALLOT-ANSWER 5.B TOO LOW under 5.B")
	if d.tokenOf(Epoch{4, 1}) {
		t.Error("token 4.B was taken below the floor 5.B")
	}
	if !d.tokenOf(Epoch{5, 1}) {
		t.Error("token 5.B was refused, though the promises to 6.B and 7.B were taken back")
	}
}

// A promise ends a ballot of one's own.
func TestPromiseEndsOwnBallot(t *testing.T) {
	d := balloting(t, 3)
	d.ballotFrom(1, 2)
	d.want(
		"A gives up ballot 1.A: outbid by another ballot",
		"A→B ABORT 1.A",
		"A→C ABORT 1.A",
		"A saves session 1, promised 2",
		"A→B BALLOT-ANSWER 2.B PROMISE, waiting at 1.1, buries nobody",
	)
}

// A node's promise to its own ballot refuses others of the same number.
func TestOwnBallotIsPromisedToo(t *testing.T) {
	d := balloting(t, 3)
	d.ballotFrom(1, 1)
	d.want("A→B BALLOT-ANSWER 1.B OUTBID under 1.A")
}

// A node that restarts begins with a floor not lower than all that it promised.
func TestFloorAfterRestartCoversPromises(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 5)
	var saved Effect
	for _, e := range d.take() {
		if e.Kind == Save {
			saved = e
		}
	}
	cfg := testConfig(0, 3)
	cfg.Floor, cfg.Session = saved.Promised, saved.Session+1
	d = startWith(t, cfg)
	d.up(1, 1)
	d.take()
	d.ballotFrom(1, 5)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 5.B TOO LOW under 5.A")
}
