package token

import (
	"fmt"
	"testing"
)

// One test for each sentence of section 1 of the protocol that goes beyond the
// paper.

// RN > LN stands where the paper has RN = LN + 1: numbers may have gaps, of counts
// and of sessions.
func TestIdleTokenGoesForNumberWithGap(t *testing.T) {
	d := withToken(t, 3)
	d.request(2, 7)
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")

	d = withToken(t, 3)
	d.receive(2, Message{Kind: Request, Number: Number{9, 1}})
	d.want("A→C TOKEN 1.B to session 9, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")
}

// Numbers are ordered by session, then count.
func TestNumbersAreOrderedBySessionThenCount(t *testing.T) {
	rising := []Number{{0, 0}, {1, 0}, {1, 1}, {1, 900}, {2, 0}, {2, 5}, {3, 1}}
	for i, n := range rising {
		for k, m := range rising {
			if got, want := n.Above(m), i > k; got != want {
				t.Errorf("%v above %v: %v, want %v", n, m, got, want)
			}
		}
	}
}

// A node that still has waiters when it leaves appends itself to Q and broadcasts
// nothing: its request rides on the token.
func TestRequestRidesOnToken(t *testing.T) {
	d := holding(t, 3)
	d.acquire(2)
	d.acquire(3)
	d.request(1, 1)
	d.request(2, 1)
	d.take()
	d.release(1)
	d.want(
		"A rides: request 1.1",
		"A LEAVES: waiter 1, fence 1:1",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q C A",
	)
	d.wantState("1.1 1.1 1.1", "", "")
}

// Riding raises the own number, so a node that rides is one of the j with
// RN[j] > LN[j]; the scan from i+1 around ends with it.
func TestRiderComesAfterThoseWhoWaitedBefore(t *testing.T) {
	d := inSessionWith(t, testConfig(1, 3))
	d.token()
	d.acquire(1)
	d.acquire(2)
	d.request(0, 1)
	d.take()
	d.release(1)
	d.want(
		"B rides: request 1.1",
		"B LEAVES: waiter 1, fence 1:1",
		"B→A TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q B",
	)
}

// If nobody else waits, the next waiter of the node enters without a message.
func TestRiderAloneEntersAtOnce(t *testing.T) {
	d := holding(t, 3)
	d.acquire(2)
	d.release(1)
	d.want(
		"A rides: request 1.1",
		"A LEAVES: waiter 1, fence 1:1",
		"A ENTERS: waiter 2, fence 1:2, by request 1.1",
	)
	d.release(2)
	d.want("A LEAVES: waiter 2, fence 1:2")
	d.wantState("1.1 0.0 0.0", "1.1 1.0 1.0", "nobody")
}

// A request whose waiter gave up is not recalled.
func TestWithdrawSendsNothing(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.want("A withdraws: request 1.1")
	d.wantState("1.1 1.1 0.0", "", "")
}

// The token comes and is passed on at once; if nobody waits, it stays.
func TestTokenThatNobodyWantsGoesOnAtOnce(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.take()
	d.tokenWith(func(t *Token) {
		t.LastGranted[1] = Number{1, 1}
		t.Queue = []Member{2}
	})
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.1 1.1 1.0, Q nobody")

	d = asking(t, 3)
	d.withdraw(1)
	d.take()
	d.tokenWith(func(t *Token) { t.LastGranted[1] = Number{1, 1} })
	d.want()
	d.wantState("1.1 1.1 0.0", "1.1 1.1 1.0", "nobody")
}

// While one waiter of a node is left, its request stands.
func TestWithdrawOfOneOfManyChangesNothing(t *testing.T) {
	d := asking(t, 3)
	d.acquire(2)
	d.withdraw(1)
	d.want()
	d.token()
	d.want("A ENTERS: waiter 2, fence 1:1, by request 1.1")
}

// A waiter that gives up leaves the others' order as it was.
func TestWithdrawTakesOutOneWaiter(t *testing.T) {
	d := asking(t, 3)
	for w := Waiter(2); w <= 5; w++ {
		d.acquire(w)
	}
	d.withdraw(3)
	d.withdraw(5)
	d.withdraw(6) // never waited
	d.tokenWith(func(t *Token) { t.LastGranted[1] = Number{1, 1} })
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.release(1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:2, by request 1.2")
	d.release(2)
	d.wantOnly(Grant, "A ENTERS: waiter 4, fence 1:3, by request 1.3")
	d.release(4)
	d.wantOnly(Grant)
}

// A waiter that never waited, or has the lock, cannot be withdrawn.
func TestWithdrawOfHolderDoesNothing(t *testing.T) {
	d := holding(t, 3)
	d.withdraw(1)
	d.withdraw(7)
	d.want()
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
}

// A new waiter inherits the request that a waiter left behind.
func TestNewWaiterInheritsRequest(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.take()
	d.acquire(2)
	d.want()
	d.token()
	d.want("A ENTERS: waiter 2, fence 1:1, by request 1.1")
}

// Once the token has come and gone, a new waiter needs a request of its own.
func TestWithdrawnRequestIsInheritedOnlyUntilTokenComes(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.tokenWith(func(t *Token) { t.Queue = []Member{2} })
	d.take()
	d.acquire(2)
	d.want(
		"A asks: request 1.2",
		"A→B REQUEST 1.2",
		"A→C REQUEST 1.2",
	)
}

// If a rider's waiter gives up, the token is passed on at once.
func TestRiderMayWithdraw(t *testing.T) {
	d := holding(t, 3)
	d.acquire(2)
	d.request(1, 1)
	d.release(1)
	d.withdraw(2)
	d.take()
	d.tokenWith(func(t *Token) {
		t.LastGranted[1] = Number{1, 1}
		t.Queue = []Member{2}
	})
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.1 1.1 1.0, Q nobody")
}

// The fence rises at every grant, wherever it is, by one within an epoch.
func TestFenceRisesAtEveryGrant(t *testing.T) {
	d := withToken(t, 3)
	for w := Waiter(1); w <= 3; w++ {
		d.acquire(w)
		d.wantOnly(Grant, fmt.Sprintf("A ENTERS: waiter %d, fence 1:%d, by no request", w, w))
		d.release(w)
	}
	d.take()
	d.request(1, 1)
	d.want("A→B TOKEN 1.B to session 1, hop 2, fence 1:3, LN 1.0 1.0 1.0, Q nobody")
}

// The token counts how often it moved.
func TestHopCountsMoves(t *testing.T) {
	d := inSession(t, 3)
	d.tokenWith(func(t *Token) { t.Hop = 41 })
	d.take()
	d.acquire(1)
	d.release(1)
	d.take()
	d.request(1, 1)
	d.want("A→B TOKEN 1.B to session 1, hop 42, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// A head that cannot be addressed is taken off Q and passed over.
func TestHeadThatCannotBeAddressedIsPassedOver(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.request(2, 1)
	d.PeerDown(d.at, 1)
	d.take()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A passes over B",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody",
	)
}

// passOver notes that a member waits: its request may have ridden on the token, unheard of
// here. A higher number that was heard stays.
func TestPassedOverIsNotedToWait(t *testing.T) {
	d := inSession(t, 3)
	d.PeerDown(d.at, 1)
	d.PeerDown(d.at, 2)
	d.request(1, 5)
	d.tokenWith(func(t *Token) { t.Queue = []Member{1, 2} })
	d.want("A passes over B", "A passes over C")
	d.wantState("1.0 1.5 1.1", "1.0 1.0 1.0", "nobody")
}

// RN > LN brings the member back: an idle token is offered again when a stream opens.
func TestIdleTokenIsLookedAtAgainWhenStreamComesUp(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.PeerDown(d.at, 1)
	d.release(1)
	d.take()
	d.wantState("1.0 1.1 0.0", "1.0 1.0 1.0", "nobody")
	d.PeerUp(d.at, 1)
	d.want("A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// Even if the member's request rode on the token, and this node heard nothing of it.
func TestHeadWhoseRequestRodeComesBack(t *testing.T) {
	d := inSession(t, 3)
	d.acquire(1)
	d.tokenWith(func(t *Token) { t.Queue = []Member{1} })
	d.PeerDown(d.at, 1)
	d.release(1)
	d.take()
	d.wantState("1.1 1.1 0.0", "1.1 1.0 1.0", "nobody")
	d.PeerUp(d.at, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q nobody")
}

// And when a silent member answers.
func TestIdleTokenIsLookedAtAgainWhenSilentMemberAnswers(t *testing.T) {
	d := withToken(t, 3)
	d.lives(testTTL+1, 2)
	d.take()
	d.request(1, 1)
	d.want("A passes over B") // it has answered no PING for T
	d.ponged(1)
	d.want("A→B TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")
}

// A head that was passed over enters Q again at the next leave, wherever that is.
func TestHeadThatWasPassedOverComesBack(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.PeerDown(d.at, 1)
	d.release(1)
	d.acquire(2)
	d.take()
	d.PeerUp(d.at, 1)
	d.want() // in use
	d.release(2)
	d.want(
		"A LEAVES: waiter 2, fence 1:2",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:2, LN 1.0 1.0 1.0, Q nobody",
	)
}

// Numbers run per node, not per lock.
func TestNumbersRunPerNode(t *testing.T) {
	d := inSession(t, 2)
	for _, name := range []string{"x", "y", "x"} {
		d.receive(1, Message{Kind: Request, Lock: name, Number: Number{1, 1}})
	}
	d.take()
	d.Acquire(d.at, "x", 1)
	d.want("A asks: request 1.1 of x", "A→B REQUEST 1.1 of x")
	d.Acquire(d.at, "y", 2)
	d.want("A asks: request 1.2 of y", "A→B REQUEST 1.2 of y")
}

// While a node does not wait, its own number is the highest that it used for any lock, at
// least (its session, 0).
func TestOwnNumberOfWhoDoesNotWait(t *testing.T) {
	d := inSession(t, 3)
	d.token()
	d.take()
	d.wantState("1.0 0.0 0.0", "1.0 1.0 1.0", "nobody")

	d = inSession(t, 3)
	d.Acquire(d.at, "x", 1)
	d.Acquire(d.at, "y", 2)
	d.take()
	d.token()
	d.wantState("1.2 0.0 0.0", "1.2 1.0 1.0", "nobody")
}

// Why: an old request of a restarted node must not attract the token after every grant.
// Here A asked 1.5 in a session that is over; the others still know of it.
func TestOldRequestDrawsTokenOnce(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.Session = 8
	d := inSessionWith(t, cfg)
	d.tokenWith(func(t *Token) { t.LastGranted[0] = Number{1, 4} })
	d.take()
	d.wantState("8.0 0.0 0.0", "8.0 1.0 1.0", "nobody")
}

// Locks are independent of each other.
func TestLocksAreIndependent(t *testing.T) {
	d := holding(t, 3)
	d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
	d.take()
	d.Acquire(d.at, "other", 2)
	d.want("A asks: request 1.1 of other", "A→B REQUEST 1.1 of other", "A→C REQUEST 1.1 of other")
	d.Release(d.at, "other", 1) // which holds cs
	d.Withdraw(d.at, "other", 2)
	d.want("A withdraws: request 1.1 of other")
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
}

// Only the holder can release.
func TestReleaseByAnotherDoesNothing(t *testing.T) {
	d := holding(t, 3)
	d.acquire(2)
	d.release(2)
	d.release(0)
	d.want()
	d.release(1)
	d.release(1)
	d.want(
		"A rides: request 1.1",
		"A LEAVES: waiter 1, fence 1:1",
		"A ENTERS: waiter 2, fence 1:2, by request 1.1",
	)
	d.release(2)
	d.take()
	d.release(0) // nobody
	d.want()
}

// A node that asked outside a session made no request, and waits for no token.
func TestWithdrawOutsideSession(t *testing.T) {
	d := started(t, 3)
	d.acquire(1)
	d.withdraw(1)
	d.want()
}

// A node that has a token takes no second one, whatever its epoch.
func TestSecondTokenIsRefused(t *testing.T) {
	d := holding(t, 3)
	d.token()
	d.want("A drops token 1.B: promised to a later token")
	d.release(1)
	d.wantOnly(Left, "A LEAVES: waiter 1, fence 1:1")
}

// The log is told of each message about a lock, and of BYE, with what was known then.
func TestReceivedMessagesAreNoted(t *testing.T) {
	lost := &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 3)}
	for _, m := range []Message{
		{Kind: Request, Number: Number{1, 1}},
		{Kind: TokenMessage, Session: 1, Token: lost},
		{Kind: Probe, Number: Number{1, 1}, Probe: 1},
		{Kind: ProbeAnswer, Probe: 1, Answer: None},
		{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{4, 1}},
		{Kind: BallotAnswer, Ballot: Epoch{4, 0}, Answer: Promise},
		{Kind: Abort, Ballot: Epoch{4, 1}},
		{Kind: Bye, Session: 1},
	} {
		d := inSession(t, 3)
		d.request(1, 1)
		d.take()
		d.receive(1, m)
		received := d.take()[0]
		if got, want := describe(0, received), "A←B "+describeMessage(m); got != want {
			t.Errorf("noted first: %s, want %s", got, want)
		}
		if m.Kind != Bye && (received.Lock != cs || len(received.State.RequestNumbers) != 3) {
			t.Errorf("%s: of lock %q, RN %v", describe(0, received), received.Lock, received.State.RequestNumbers)
		}
	}
	d := inSession(t, 3)
	d.pinged(1)
	d.ponged(1)
	for _, kind := range []MessageKind{Busy, Clear, KeepAlive} {
		d.receive(1, Message{Kind: kind})
	}
	d.wantOnly(Received)
}
