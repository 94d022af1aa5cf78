package token

import "testing"

// One test for each rule of the proposer's side of a round (protocol, section 3).

// promiseTo lets a peer promise a ballot. The peer does not wait, and buries the members
// given.
func (d *driven) promiseTo(b Epoch, from Member, buried ...Member) {
	d.receive(from, Message{Kind: BallotAnswer, Ballot: b, Answer: Promise, Number: Number{1, 0}, Members: buried})
}

// first is the ballot that balloting leaves under way.
var first = Epoch{1, 0}

// A ballot's number is higher than any that the proposer knows for this lock.
func TestBallotNumberIsAboveAllKnownForLock(t *testing.T) {
	for name, learn := range map[string]func(d *driven){
		"an epoch":             func(d *driven) { d.tokenOf(Epoch{6, 1}); d.request(1, 9) },
		"a promise":            func(d *driven) { d.ballotFrom(1, 6) },
		"a promise taken back": func(d *driven) { d.ballotFrom(1, 6); d.receive(1, Message{Kind: Abort, Ballot: Epoch{6, 1}}) },
	} {
		t.Run(name, func(t *testing.T) {
			d := inSession(t, 3)
			learn(d)
			d.acquire(1)
			d.passes(750 * ms)
			d.take()
			d.none(1, 1, 2)
			d.wantOnly(Balloted, "A begins ballot 7.A")
		})
	}
}

// It is above the node's own floor.
func TestBallotNumberIsAboveOwnFloor(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.Floor = 50
	d := inSessionWith(t, cfg)
	d.acquire(1)
	d.none(1, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 51.A")
}

// It is above every floor that HELLOs told.
func TestBallotNumberIsAboveFloorsOfHellos(t *testing.T) {
	d := inSession(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 9, Floor: 90})
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Counter: 9, Floor: 80})
	d.acquire(1)
	d.none(1, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 91.A")
}

// A proposer first promises to itself, on disk.
func TestProposerPromisesToItselfFirst(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1, 2)
	d.want(
		"A saves session 1, promised 1",
		"A begins ballot 1.A",
		"A→B BALLOT 1.A for 1.1, out of reach nobody",
		"A→C BALLOT 1.A for 1.1, out of reach nobody",
	)
}

// D has the members without a stream.
func TestMembersWithoutStreamAreOutOfReach(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 2)
	d.PeerDown(d.at, 2)
	d.take()
	d.none(1, 1)
	d.wantSent(Ballot, "A→B BALLOT 1.A for 1.1, out of reach C")
}

// D has the members that did not answer the probe. The proposer buries those it can.
func TestMembersThatDidNotAnswerAreOutOfReach(t *testing.T) {
	d := silentD(t)
	d.want(
		"A saves session 1, promised 1",
		"A buries D",
		"A begins ballot 1.A",
		"A→B BALLOT 1.A for 1.1, out of reach D",
		"A→C BALLOT 1.A for 1.1, out of reach D",
		"A→D BALLOT 1.A for 1.1, out of reach D",
		"A→E BALLOT 1.A for 1.1, out of reach D",
	)
}

// A member that has answered the probe is not out of reach, even if it has answered no PING for long.
func TestSilentMemberThatAnsweredProbeIsInReach(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1)
	d.acquire(1)
	d.take()
	d.none(1, 1, 2)
	d.wantSent(Ballot,
		"A→B BALLOT 1.A for 1.1, out of reach nobody",
		"A→C BALLOT 1.A for 1.1, out of reach nobody",
	)
}

// silentD is A of five whose ballot 1.A has just begun. D has answered neither of two
// probes, and A, B and C could bury it. E has answered, and will not be asked to bury it.
func silentD(t *testing.T) *driven {
	t.Helper()
	d := inSession(t, 5)
	d.lives(testTTL-800*ms, 1, 2, 4)
	d.acquire(1)
	d.lives(800*ms, 1, 2, 4)
	d.take()
	for _, j := range []Member{1, 2} {
		d.receive(j, Message{Kind: ProbeAnswer, Probe: 2, Answer: None, Members: []Member{3}})
	}
	d.none(2, 4)
	return d
}

// The token is made when every member has promised.
func TestTokenIsMadeWhenAllHavePromised(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(first, 1)
	d.want()
	d.promiseTo(first, 2)
	d.want("A makes token 1.A", "A ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.lives(2*testTTL, 1, 2)
	d.want() // the round is over
}

// A burial by a quorum, the proposer included, stands in for a promise; fewer do not.
func TestTokenIsMadeWhenSilentMemberIsBuriedByQuorum(t *testing.T) {
	d := silentD(t)
	d.take()
	d.promiseTo(first, 1, 3)
	d.promiseTo(first, 4)
	d.promiseTo(first, 4) // again
	d.want()
	d.promiseTo(first, 2, 3)
	d.want("A makes token 1.A", "A ENTERS: waiter 1, fence 1:1, by request 1.1")

	d = silentD(t)
	d.take()
	d.promiseTo(first, 1, 3)
	d.promiseTo(first, 2)
	d.promiseTo(first, 4)
	d.want()
}

// The buried member's own burial does not count, and a quorum of burials does not stand in
// for the promises of others.
func TestBurialOfOneDoesNotStandInForAnother(t *testing.T) {
	d := silentD(t)
	d.take()
	d.promiseTo(first, 1, 3, 4)
	d.promiseTo(first, 2, 3)
	d.want() // E has not promised, and A and B alone bury it
}

// The round must complete within T(1-ρ) of sending the ballot.
func TestBallotEndsWithTime(t *testing.T) {
	d := balloting(t, 3)
	d.lives(testTTL*99/100-1, 1, 2)
	d.promiseTo(first, 1)
	d.take()
	d.at++
	d.promiseTo(first, 2)
	d.want(
		"A gives up ballot 1.A: out of time",
		"A→B ABORT 1.A",
		"A→C ABORT 1.A",
		"A begins probe 2",
		"A→B PROBE 2 for 1.1, helper nobody",
		"A→C PROBE 2 for 1.1, helper nobody",
	)

	d = balloting(t, 3)
	d.lives(testTTL*99/100-1, 1, 2)
	d.promiseTo(first, 1)
	d.promiseTo(first, 2)
	d.wantOnly(Made, "A makes token 1.A")
}

// If no answer comes, the clock ends the round.
func TestBallotEndsByTick(t *testing.T) {
	d := balloting(t, 3)
	d.lives(testTTL*99/100-1, 1, 2)
	d.want()
	d.lives(1, 1, 2)
	d.want(
		"A gives up ballot 1.A: out of time",
		"A→B ABORT 1.A",
		"A→C ABORT 1.A",
		"A begins probe 2",
		"A→B PROBE 2 for 1.1, helper nobody",
		"A→C PROBE 2 for 1.1, helper nobody",
	)
}

// A round belongs to one unbroken session.
func TestPromisesAfterLapseDoNotCount(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(first, 1)
	d.at, _ = d.InSession()
	d.ponged(1, 2)
	d.take()
	d.promiseTo(first, 2)
	d.wantOnly(Made)
}

// A higher promise of its own ends a round; later promises to that round do not count.
func TestPromisesAfterHigherPromiseDoNotCount(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(first, 1)
	d.ballotFrom(1, 2)
	d.take()
	d.promiseTo(first, 2)
	d.want()
}

// HOLD ends the round, and is a sign of the token.
func TestHoldEndsBallot(t *testing.T) {
	d := balloting(t, 3)
	d.passes(300 * ms)
	d.take()
	d.receive(2, Message{Kind: BallotAnswer, Ballot: first, Answer: Hold})
	d.want("A gives up ballot 1.A: token is held", "A→B ABORT 1.A", "A→C ABORT 1.A")
	d.passes(750*ms - 1)
	d.want()
	d.passes(1)
	d.wantOnly(Probed, "A begins probe 2")
}

// After a NACK for a floor or an epoch, the proposer tries again at once, above it.
func TestTooLowBallotIsRaisedAtOnce(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(first, 1)
	d.receive(2, Message{Kind: BallotAnswer, Ballot: first, Answer: TooLow, Highest: Epoch{40, 1}})
	d.want(
		"A gives up ballot 1.A: number too low",
		"A→B ABORT 1.A",
		"A→C ABORT 1.A",
		"A saves session 1, promised 41",
		"A begins ballot 41.A",
		"A→B BALLOT 41.A for 1.1, out of reach nobody",
		"A→C BALLOT 41.A for 1.1, out of reach nobody",
	)
	d.promiseTo(first, 1)
	d.promiseTo(Epoch{41, 0}, 2)
	d.want()
	d.promiseTo(Epoch{41, 0}, 1)
	d.wantOnly(Made, "A makes token 41.A")
}

// After a NACK for another's ballot, it pauses for T/64 to 5T/64, then tries above it.
func TestOutbidBallotIsRepeatedAfterPause(t *testing.T) {
	d := balloting(t, 3)
	d.receive(2, Message{Kind: BallotAnswer, Ballot: first, Answer: Outbid, Highest: Epoch{7, 1}})
	d.want("A gives up ballot 1.A: outbid by another ballot", "A→B ABORT 1.A", "A→C ABORT 1.A")
	d.passes(testTTL/64 - 1)
	d.want()
	d.passes(testTTL/16 + 1)
	d.wantOnly(Probed, "A begins probe 2")
	d.none(2, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 8.A")
}

// The pause is kept even if a buried member answers the probe after all.
func TestLateProbeAnswerDoesNotCutPauseShort(t *testing.T) {
	d := silentD(t)
	d.take()
	d.none(2, 3)
	d.want() // a ballot is under way

	d = silentD(t)
	d.receive(1, Message{Kind: BallotAnswer, Ballot: first, Answer: Outbid, Highest: Epoch{7, 1}})
	d.take()
	d.none(2, 3)
	d.want()
}

// Two proposers pause for different times, and each pauses for a different time every time.
func TestPausesDiffer(t *testing.T) {
	seen := map[Time]bool{}
	for member := range Member(3) {
		d := inSessionWith(t, testConfig(member, 3))
		for d.Node.probes = range 10 {
			p := d.pause()
			if p < testTTL/64 || p > testTTL*5/64 {
				t.Errorf("pause of %d ns, want T/64 to 5T/64", p)
			}
			seen[p] = true
		}
	}
	if len(seen) < 30 {
		t.Errorf("%d different pauses in 30", len(seen))
	}
}

// The old token may reach the proposer after all.
func TestOldTokenEndsBallot(t *testing.T) {
	d := inSession(t, 3)
	d.tokenOf(Epoch{3, 1})
	d.request(1, 1)
	d.acquire(1)
	d.passes(750 * ms)
	d.none(1, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 4.A")
	d.tokenWith(func(t *Token) { t.Epoch, t.LastGranted[1] = Epoch{3, 1}, Number{1, 1} })
	d.want(
		"A gives up ballot 4.A: token came",
		"A→B ABORT 4.A",
		"A→C ABORT 4.A",
		"A ENTERS: waiter 1, fence 1:1, by request 1.1",
	)
	d.promiseTo(Epoch{4, 0}, 1)
	d.promiseTo(Epoch{4, 0}, 2)
	d.want()
}

// So does the old token that comes after a failed round.
func TestOldTokenIsTakenAfterOwnBallot(t *testing.T) {
	d := inSession(t, 3)
	d.tokenOf(Epoch{3, 1})
	d.request(1, 1)
	d.acquire(1)
	d.passes(750 * ms)
	d.none(1, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 4.A")
	d.receive(2, Message{Kind: BallotAnswer, Ballot: Epoch{4, 0}, Answer: Hold})
	d.take()
	if !d.tokenOf(Epoch{3, 1}) {
		t.Error("a token was refused for a ballot of A's own that it gave up")
	}
}

// Unless a promise to another ballot forbids it.
func TestOldTokenDoesNotEndBallotAgainstPromise(t *testing.T) {
	d := inSession(t, 3)
	d.ballotFrom(1, 5)
	d.acquire(1)
	d.passes(750 * ms)
	d.none(1, 1, 2)
	d.take()
	d.tokenWith(func(t *Token) { t.Epoch = Epoch{4, 2} })
	d.want("A drops token 4.C: promised to a later token")
	d.promiseTo(Epoch{6, 0}, 1)
	d.promiseTo(Epoch{6, 0}, 2)
	d.wantOnly(Made, "A makes token 6.A")
}

// A promise binds a member's next incarnation too, so it counts even if the proposer has
// not heard of that one.
func TestVotesOutliveARestart(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(first, 1)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 1001})
	d.promiseTo(first, 2)
	d.wantOnly(Made, "A makes token 1.A")
}

// Answers to another ballot do not count.
func TestVotesForAnotherBallotDoNotCount(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(Epoch{2, 0}, 1)
	d.promiseTo(Epoch{2, 0}, 2)
	d.receive(1, Message{Kind: BallotAnswer, Ballot: Epoch{2, 0}, Answer: Hold})
	d.want()
	d = inSession(t, 3)
	d.promiseTo(first, 1) // where no ballot ever was
	d.none(1, 1)
	d.want()
}

// The new token: epoch = b, fence = b.number·2^24, LN[j] = what j reported, less one
// if it waits; Q = those waiting, from the proposer on around the ring.
func TestNewTokenIsMadeOfReports(t *testing.T) {
	cfg := testConfig(2, 5)
	d := inSessionWith(t, cfg)
	d.acquire(1)
	d.none(1, d.others()...)
	d.take()
	for from, m := range map[Member]Message{
		0: {Number: Number{3, 7}, Waiting: true},
		1: {Number: Number{1, 0}},
		3: {Number: Number{2, 2}},
		4: {Number: Number{1, 9}, Waiting: true},
	} {
		m.Kind, m.Ballot, m.Answer = BallotAnswer, Epoch{1, 2}, Promise
		d.receive(from, m)
	}
	d.want("C makes token 1.C", "C ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.wantState("3.7 1.0 1.1 2.2 1.9", "3.6 1.0 1.0 2.2 1.8", "E A")
	d.release(1)
	d.wantSent(TokenMessage, "C→E TOKEN 1.C to session 1, hop 1, fence 1:1, LN 3.6 1.0 1.1 2.2 1.8, Q A")
}

// For buried members, LN is the highest number known: their requests are over.
func TestNewTokenOwesNothingToBuried(t *testing.T) {
	d := silentD(t)
	d.request(3, 8)
	d.take()
	d.promiseTo(first, 1, 3)
	d.promiseTo(first, 4)
	d.promiseTo(first, 2, 3)
	d.wantState("1.1 1.0 1.0 1.8 1.0", "1.0 1.0 1.0 1.8 1.0", "nobody")
}

// A proposer whose waiter has given up meanwhile passes the new token on.
func TestNewTokenThatProposerWantsNoMoreGoesOn(t *testing.T) {
	d := balloting(t, 3)
	d.withdraw(1)
	d.promiseTo(first, 1)
	d.take()
	d.receive(2, Message{Kind: BallotAnswer, Ballot: first, Answer: Promise, Number: Number{1, 3}, Waiting: true})
	d.want(
		"A makes token 1.A",
		"A→C TOKEN 1.A to session 1, hop 1, fence 1:0, LN 1.1 1.0 1.2, Q nobody",
	)
}

// A request that came after its sender's promise is served like any other.
func TestRequestAfterPromiseIsServed(t *testing.T) {
	d := balloting(t, 3)
	d.promiseTo(first, 1)
	d.request(1, 1)
	d.promiseTo(first, 2)
	d.take()
	d.wantState("1.1 1.1 1.0", "1.0 1.0 1.0", "B")
}
