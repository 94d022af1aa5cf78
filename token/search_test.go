package token

import (
	"fmt"
	"testing"
)

// One test for each rule of when a node looks for the token (protocol, section 3,
// patience).

// probes lists the times, in ms from its call on, at which a node that lives with its peers
// begins a probe. The peers answer as told.
func (d *driven) probes(time Time, answer func(d *driven, probe uint64)) (at []Time) {
	begin := d.at
	for end := d.at + time; d.at < end; {
		d.lives(testTTL/16, d.others()...)
		for _, e := range d.take() {
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

// But not while a member has left the last probe unanswered.
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

// A node suspects a loss when it has waited for its patience without a sign.
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
	d.take()
	d.acquire(1)
	d.want("A asks: request 1.1", "A→B REQUEST 1.1", "A→C REQUEST 1.1")
}

// Also at once when a member comes back in a new incarnation, as soon as there are streams
// both ways.
func TestReturnOfMemberIsProbedAtOnce(t *testing.T) {
	d := asking(t, 3)
	d.PeerDown(d.at, 1)
	d.take()
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
		d.take()
		d.up(2, 2)
		for _, e := range d.take() {
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

// Nor is the first incarnation heard of a member: it had no token to lose.
func TestFirstStreamOfMemberIsNotProbed(t *testing.T) {
	d := start(t, 3)
	d.up(1, 1)
	d.passes(testTTL)
	d.request(1, 1)
	d.ponged(1)
	d.acquire(1)
	d.take()
	d.up(2, 1)
	d.want("A→C REQUEST 1.1 (repeated)")
}

// A node that no longer waits does not look for the token.
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

// A node that no longer waits does not go on to a ballot.
func TestNoBallotForWithdrawnRequest(t *testing.T) {
	d := probing(t, 3)
	d.withdraw(1)
	d.take()
	d.none(1, 1, 2)
	d.want()
}
