package token

import (
	"fmt"
	"testing"
)

// One test for each rule of looking for the token (protocol, section 3, patience,
// probe, helper).

// probes lists the times, in ms from the first look on, at which a node that lives with
// its peers begins a probe, which they answer as told.
func (d *driven) probes(time Time, answer func(d *driven, probe uint64)) (at []Time) {
	begin := d.at
	for end := d.at + time; d.at < end; {
		d.lives(testTTL/16, d.others()...)
		for _, e := range d.look() {
			if e.Kind == Probed {
				at = append(at, (d.at-begin)/ms)
				answer(d, e.Message.Probe)
			}
		}
	}
	return at
}

func wantTimes(t *testing.T, got []Time, want ...Time) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("probes after %v ms, want after %v ms", got, want)
	}
}

// Patience starts at 3T/8 and doubles up to T, while everybody answers.
func TestPatienceDoublesUpToT(t *testing.T) {
	d := asking(t, 3)
	got := d.probes(9*testTTL/2, func(d *driven, probe uint64) {
		d.none(probe, 1)
		d.receive(2, Message{Kind: ProbeAnswer, Probe: probe, Answer: Recent})
	})
	wantTimes(t, got, 750, 1500, 3000, 5000, 7000, 9000)
}

// But not while a member left the last probe unanswered.
func TestPatienceDoesNotGrowWhileProbeIsUnanswered(t *testing.T) {
	d := asking(t, 3)
	got := d.probes(2*testTTL, func(d *driven, probe uint64) { d.none(probe, 1) })
	wantTimes(t, got, 750, 1500, 2250, 3000, 3750)
}

// Nor while a member is unreachable.
func TestPatienceDoesNotGrowWhileMemberIsUnreachable(t *testing.T) {
	d := asking(t, 3)
	d.PeerDown(d.at, 2)
	got := d.probes(3*testTTL/2, func(d *driven, probe uint64) {
		d.none(probe, 1)
		d.receive(2, Message{Kind: ProbeAnswer, Probe: probe, Answer: Recent})
	})
	wantTimes(t, got, 750, 1500, 2250, 3000)
}

// A node suspects a loss when it has waited for patience without a sign.
func TestSignsOfTokenRenewPatience(t *testing.T) {
	signs := map[string]func(d *driven){
		"BUSY":    func(d *driven) { d.receive(1, Message{Kind: Busy, Locks: []string{"other", cs}}) },
		"HOLD":    func(d *driven) { d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold}) },
		"RECENT":  func(d *driven) { d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Recent}) },
		"PROMISE": func(d *driven) { d.receive(1, Message{Kind: Ballot, Number: Number{1, 0}, Ballot: Epoch{1, 1}}) },
	}
	for name, sign := range signs {
		t.Run(name, func(t *testing.T) {
			d := asking(t, 3)
			d.passes(750 * ms)
			d.wantOnly(Probed, "A begins probe 1")
			d.lives(749*ms, 1, 2)
			sign(d)
			d.lives(749*ms, 1, 2)
			d.wantOnly(Probed)
			d.lives(ms, 1, 2)
			d.wantOnly(Probed, "A begins probe 2")
		})
	}
}

// BUSY about a lock that nobody here waits for means nothing.
func TestBusyOfUnknownLockIsIgnored(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Busy, Locks: []string{cs}})
	d.wantAll()
	if d.locks[cs] != nil {
		t.Error("BUSY made the lock known")
	}
}

// A node suspects a loss at once when it never heard of the lock.
func TestUnknownLockIsProbedAtOnce(t *testing.T) {
	d := inSession(t, 3)
	d.acquire(1)
	d.want(
		"A asks: request 1.1",
		"A→B REQUEST 1.1",
		"A→C REQUEST 1.1",
		"A begins probe 1",
		"A→B PROBE 1 for 1.1, helper nobody",
		"A→C PROBE 1 for 1.1, helper nobody",
	)
}

// And not when a peer has spoken of it, or its token was here.
func TestKnownLockIsNotProbedAtOnce(t *testing.T) {
	d := asking(t, 3)
	d.wantOnly(Probed)

	d = withToken(t, 3)
	d.request(1, 1)
	d.look()
	d.acquire(1)
	d.want("A asks: request 1.1", "A→B REQUEST 1.1", "A→C REQUEST 1.1")
}

// At once, too, when a member comes back in a new incarnation, as soon as there are
// streams both ways.
func TestReturnOfMemberIsProbedAtOnce(t *testing.T) {
	d := asking(t, 3)
	d.PeerDown(d.at, 1)
	d.look()
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 1001})
	d.wantOnly(Probed)
	d.PeerUp(d.at, 1)
	d.wantOnly(Probed, "A begins probe 1")

	d = asking(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 1001})
	d.wantOnly(Probed, "A begins probe 1")
}

// But only for locks that are waited for, where the token is elsewhere, and while no
// ballot is under way.
func TestReturnOfMemberIsProbedForWhoWaitsOnly(t *testing.T) {
	for name, d := range map[string]*driven{
		"in use here, with a waiter": holding(t, 3),
		"withdrawn":                  asking(t, 3),
		"under ballot":               balloting(t, 3),
		"outside a session":          started(t, 3),
	} {
		switch name {
		case "withdrawn":
			d.withdraw(1)
		default:
			d.acquire(2)
		}
		d.look()
		d.up(2, 2)
		for _, e := range d.look() {
			if e.Kind == Probed {
				t.Errorf("%s: %s", name, describe(0, e))
			}
		}
	}
}

// A new stream of the same incarnation is no return.
func TestNewStreamOfSameIncarnationIsNotProbed(t *testing.T) {
	d := asking(t, 3)
	d.PeerDown(d.at, 1)
	d.up(1, 1)
	d.wantOnly(Probed)
	d.PeerDown(d.at, 1)
	d.up(1, 2)
	d.wantOnly(Probed, "A begins probe 1")
	d.PeerDown(d.at, 1)
	d.up(1, 2)
	d.wantOnly(Probed)
}

// Nor is the first that is heard of a member: it had no token to lose.
func TestFirstStreamOfMemberIsNotProbed(t *testing.T) {
	d := start(t, 3)
	d.up(1, 1)
	d.passes(testTTL)
	d.request(1, 1)
	d.ponged(1)
	d.acquire(1)
	d.look()
	d.up(2, 1)
	d.want("A→C REQUEST 1.1 (repeated)")
}

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

// RECENT: passed on less than 3T/8 ago. NONE: else.
func TestProbeIsAnsweredRecentThenNone(t *testing.T) {
	d := withToken(t, 3)
	d.request(1, 1)
	d.passes(testTTL*3/8 - 1)
	d.look()
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 6, Helper: NoMember})
	d.want("A→C PROBE-ANSWER 6 RECENT, could bury nobody")
	d.passes(1)
	d.look()
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 7, Helper: NoMember})
	d.want("A→C PROBE-ANSWER 7 NONE, could bury nobody")
}

// Each answer tells whom the answerer could bury now; it buries nobody.
func TestProbeAnswerTellsWhoIsBuriable(t *testing.T) {
	d := inSession(t, 5)
	d.lives(testTTL, 1, 3)
	d.look()
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
		"A saves session 1, promised 1024",
		"A begins ballot 1.A",
		"A→B BALLOT 1.A for 1.1, out of reach nobody",
		"A→C BALLOT 1.A for 1.1, out of reach nobody",
	)
}

// Or is buriable by a quorum, itself counted.
func TestBallotWhenSilentMemberIsBuriableByQuorum(t *testing.T) {
	d := asking(t, 5)
	d.lives(testTTL-100*ms, 1, 2, 3)
	d.PeerDown(d.at, 4)
	d.look()
	d.passes(200 * ms) // A's guard of E is over; the latest probe is open still
	probe := d.locks[cs].search.probe
	d.look()
	d.none(probe, 1, 2)
	d.wantOnly(Balloted)
	d.receive(3, Message{Kind: ProbeAnswer, Probe: probe, Answer: None, Members: []Member{4}})
	d.wantOnly(Balloted) // A and D only
	d.receive(2, Message{Kind: ProbeAnswer, Probe: probe, Answer: None, Members: []Member{4}})
	d.wantOnly(Balloted, "A begins ballot 1.A")
}

// A member with a stream is waited for, even if a quorum could bury it: its answer may
// be on its way. If it owes an answer to the probe before, too, it is not.
func TestMemberWithStreamIsWaitedForOnce(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1) // A and B guard C no more
	d.acquire(1)
	d.look()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: None, Members: []Member{2}})
	d.wantOnly(Balloted)
	d.lives(750*ms, 1)
	d.look()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 2, Answer: None, Members: []Member{2}})
	d.wantOnly(Balloted, "A begins ballot 1.A")
}

// A quorum: the asker counts itself only if its own guard is over.
func TestAskerThatGuardsIsNotCountedAmongBuriers(t *testing.T) {
	d := probing(t, 5)
	for _, j := range []Member{1, 2} {
		d.receive(j, Message{Kind: ProbeAnswer, Probe: 1, Answer: None, Members: []Member{4}})
	}
	d.none(1, 3)
	d.want()
}

// One RECENT or HOLD is enough to wait on, however much NONE there is.
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

// Nor to the probe of a request that was granted since.
func TestAnswersToProbeOfGrantedRequestDoNotCount(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1)
	d.token()
	d.acquire(2)
	d.look()
	d.none(1, 2) // the token is here
	d.want()

	d.withdraw(2)
	d.release(1)
	d.request(1, 1)
	d.acquire(3)
	d.look()
	d.none(1, 2)
	d.want()
}

// Whether that probe was answered says nothing of the next request's either.
func TestProbeOfNewRequestNamesNoHelperForOldAnswers(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1) // C has not answered
	d.token()
	d.release(1)
	d.request(1, 1)
	d.acquire(2)
	d.look()
	d.passes(750 * ms)
	d.wantSent(Probe,
		"A→B PROBE 2 for 1.2, helper nobody",
		"A→C PROBE 2 for 1.2, helper nobody",
	)
}

// Nor do those of an older incarnation.
func TestProbeAnswersOfOlderIncarnationDoNotCount(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1)
	d.PeerDown(d.at, 1)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 1001})
	d.none(1, 2)
	d.wantOnly(Balloted)
}

// Who waits no more does not look for the token.
func TestWithdrawnRequestIsNotProbedFor(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.passes(testTTL - 100*ms)
	d.wantOnly(Probed)
	// Patience belongs to the request, not the waiter.
	d.acquire(2)
	d.passes(0)
	d.wantOnly(Probed, "A begins probe 1")
}

// A holder's node looks for nothing, however long it holds.
func TestHolderDoesNotProbe(t *testing.T) {
	d := asking(t, 3)
	d.token()
	d.acquire(2)
	d.lives(2*testTTL, 1, 2)
	d.wantOnly(Probed)
}

// Who waits no more does not go on to a ballot.
func TestNoBallotForWithdrawnRequest(t *testing.T) {
	d := probing(t, 3)
	d.withdraw(1)
	d.look()
	d.none(1, 1, 2)
	d.want()
}

// When someone is out of the asker's reach, its probe names a helper, another at
// each probe.
func TestProbeNamesHelpersInTurn(t *testing.T) {
	d := asking(t, 4)
	d.PeerDown(d.at, 2)
	for _, helper := range []string{"B", "C", "D", "B"} {
		for probed := false; !probed; {
			d.lives(testTTL/16, 1, 2, 3)
			for _, e := range d.look() {
				if e.Kind != Probed {
					continue
				}
				probed = true
				if got := letter(e.Message.Helper); got != helper {
					t.Errorf("probe %d names helper %s, want %s", e.Message.Probe, got, helper)
				}
			}
		}
	}
}

// Out of reach: no PONG for T.
func TestProbeNamesHelperWhenMemberIsSilent(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1)
	d.look()
	d.acquire(1)
	d.wantSent(Probe,
		"A→B PROBE 1 for 1.1, helper B",
		"A→C PROBE 1 for 1.1, helper B",
	)
}

// Out of reach: the last probe is unanswered.
func TestProbeNamesHelperWhenProbeIsUnanswered(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1)
	d.passes(750 * ms)
	d.wantSent(Probe,
		"A→B PROBE 2 for 1.1, helper B",
		"A→C PROBE 2 for 1.1, helper B",
	)
}

// Unless it has the token, the helper asks for the lock itself, as if it had a
// waiter, naming no helper, for at most T.
func TestHelperAsks(t *testing.T) {
	d := inSession(t, 3)
	d.PeerDown(d.at, 2)
	d.look()
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.want(
		"A→B PROBE-ANSWER 4 NONE, could bury nobody",
		"A asks: request 1.1",
		"A→B REQUEST 1.1",
	)
	d.lives(testTTL*3/4, 1, 2)
	d.wantSent(Probe,
		"A→B PROBE 1 for 1.1, helper nobody",
		"A→B PROBE 2 for 1.1, helper nobody",
	)
	d.lives(2*testTTL, 1, 2)
	d.wantSent(Probe)
}

// Who is not the helper does not ask.
func TestOthersDoNotHelp(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 2})
	d.wantOnly(Asked)
}

// When the token comes, that waiter is gone, and the token goes on at once.
func TestHelperPassesTokenOnAtOnce(t *testing.T) {
	d := inSession(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.look()
	d.token()
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.1 1.0 1.0, Q nobody")
	d.passes(750 * ms)
	d.wantOnly(Probed)
}

// And nothing of it is left, to ask again in a next session or to ride at a leave.
func TestHelpEndsWithToken(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1, 2)
	d.passes(testTTL * 9 / 10)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.token()
	d.passes(testTTL / 10) // lapses
	d.look()
	d.ponged(1)
	d.want("A begins session 2")

	d = inSession(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.acquire(1)
	d.tokenWith(func(t *Token) { t.LastGranted[2] = Number{1, 1} })
	d.look()
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
}

// A helper with an outstanding request has asked already.
func TestHelperThatWaitsHasAskedAlready(t *testing.T) {
	d := asking(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.want("A→C PROBE-ANSWER 4 NONE, could bury nobody")
}
