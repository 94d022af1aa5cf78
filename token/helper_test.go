package token

import "testing"

// One test for each rule of helpers (protocol, section 3).

// When someone is out of the asker's reach, its probe names a helper, another at
// each probe.
func TestProbeNamesHelpersInTurn(t *testing.T) {
	d := asking(t, 4)
	d.PeerDown(d.at, 2)
	for _, helper := range []string{"B", "C", "D", "B"} {
		for probed := false; !probed; {
			d.lives(testTTL/16, 1, 2, 3)
			for _, e := range d.take() {
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
	d.take()
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

// Answers to an earlier request's probe do not matter for this one's.
func TestProbeOfNewRequestNamesNoHelperForOldAnswers(t *testing.T) {
	d := probing(t, 3)
	d.none(1, 1) // C has not answered
	d.token()
	d.release(1)
	d.request(1, 1)
	d.acquire(2)
	d.take()
	d.passes(750 * ms)
	d.wantSent(Probe,
		"A→B PROBE 2 for 1.2, helper nobody",
		"A→C PROBE 2 for 1.2, helper nobody",
	)
}

// Unless it has the token, the helper asks for the lock itself, as if it had a
// waiter, naming no helper, for at most T.
func TestHelperAsks(t *testing.T) {
	d := inSession(t, 3)
	d.PeerDown(d.at, 2)
	d.take()
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

// Only the helper asks.
func TestOthersDoNotHelp(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 2})
	d.wantOnly(Asked)
}

// When the token comes, that waiter is gone, and the token is passed on at once.
func TestHelperPassesTokenOnAtOnce(t *testing.T) {
	d := inSession(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.take()
	d.token()
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.1 1.0 1.0, Q nobody")
	d.passes(750 * ms)
	d.wantOnly(Probed)
}

// Nothing of it is left that would ask again in the next session or ride at a leave.
func TestHelpEndsWithToken(t *testing.T) {
	d := inSession(t, 3)
	d.lives(testTTL, 1, 2)
	d.passes(testTTL * 9 / 10)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.token()
	d.passes(testTTL / 10) // lapses
	d.take()
	d.ponged(1)
	d.want("A begins session 2")

	d = inSession(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.acquire(1)
	d.tokenWith(func(t *Token) { t.LastGranted[2] = Number{1, 1} })
	d.take()
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
}

// A helper with an outstanding request need not ask again.
func TestHelperThatWaitsHasAskedAlready(t *testing.T) {
	d := asking(t, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: 0})
	d.want("A→C PROBE-ANSWER 4 NONE, could bury nobody")
}
