package token

import "testing"

// A waiter that tries for a lock does not want to wait.

func (d *driven) try(w Waiter) { d.Try(d.at, cs, w) }

// wantRefused compares who was refused.
func (d *driven) wantRefused(lines ...string) {
	d.t.Helper()
	d.wantOnly(Refuse, lines...)
}

func TestTryEntersWhereTokenIsIdle(t *testing.T) {
	d := withToken(t, 3)
	d.try(1)
	d.want("A ENTERS: waiter 1, fence 1:1, by no request")
}

// If the lock is held here, or others are ahead, nothing is asked.
func TestTryIsRefusedWhereOthersAreAhead(t *testing.T) {
	d := holding(t, 3)
	d.try(2)
	d.want("A refuses waiter 2")

	d = asking(t, 3)
	d.try(2)
	d.want("A refuses waiter 2")
}

// Otherwise the node asks, by a probe.
func TestTryAsksByProbe(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 1)
	d.take()
	d.try(1)
	d.want(
		"A asks: request 1.1",
		"A→B REQUEST 1.1",
		"A→C REQUEST 1.1",
		"A begins probe 1",
		"A→B PROBE 1 for 1.1, helper nobody",
		"A→C PROBE 1 for 1.1, helper nobody",
	)
	d.passes(750 * ms)
	d.wantOnly(Probed, "A begins probe 2")
	d.token()
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1")

	d = inSession(t, 3)
	d.try(1) // for a lock that is unknown, and probed for anyhow
	d.wantOnly(Probed, "A begins probe 1")
}

// HOLD in use: the lock is in use, and the waiter is refused. Plain HOLD: the token is on
// its way.
func TestTryIsRefusedWhenHolderIsBusy(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 1)
	d.try(1)
	d.take()
	d.receive(2, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold})
	d.want()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true})
	d.want("A refuses waiter 1", "A withdraws: request 1.1")
	d.acquire(2)
	d.token()
	d.want("A ENTERS: waiter 2, fence 1:1, by request 1.1")
}

// A waiter behind a refused try goes on waiting.
func TestRefusedTryLeavesOthersWaiting(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 1)
	d.try(1)
	d.acquire(2)
	d.take()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true})
	d.want("A refuses waiter 1")
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true})
	d.want()
	d.token()
	d.want("A ENTERS: waiter 2, fence 1:1, by request 1.1")
}

// A try that inherits a request still asks where the token is.
func TestTryInheritsRequest(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.take()
	d.try(2)
	d.wantSent(Request)
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true})
	d.wantRefused("A refuses waiter 2")
}

// A node that leaves serves nobody any more.
func TestTryIsRefusedByRetiringNode(t *testing.T) {
	d := holding(t, 3)
	d.Retire(d.at)
	d.take()
	d.Try(d.at, "other", 2)
	d.want("A refuses waiter 2 of other")
}

// A waiter's name is free once it has given up; the next waiter with that name may want to
// wait.
func TestWithdrawnTryIsForgotten(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 1)
	d.try(1)
	d.withdraw(1)
	d.acquire(1)
	d.take()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true})
	d.want()
	d.token()
	d.want("A ENTERS: waiter 1, fence 1:1, by request 1.1")
}
