package token

import "testing"

// One test for each sentence of the algorithm of Suzuki and Kasami (ACM TOCS 3(4), 1985),
// as section 1 of the protocol states it. departure_test.go tests the departures from the
// paper.

// A node that wants to enter and does not have the token raises RN[i] and sends REQUEST(i,
// RN[i]) to all others.
func TestAskRaisesRequestNumberAndBroadcasts(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 1)
	d.wantState("0.0 1.1 0.0", "", "")
	d.take()
	d.acquire(1)
	d.want(
		"A asks: request 1.1",
		"A→B REQUEST 1.1",
		"A→C REQUEST 1.1",
	)
	d.wantState("1.1 1.1 0.0", "", "")
}

// A node that has the idle token enters without a message.
func TestAskWhereTokenIsIdleCostsNothing(t *testing.T) {
	d := withToken(t, 3)
	d.acquire(1)
	d.want("A ENTERS: waiter 1, fence 1:1, by no request")
}

// At most one request of a node is outstanding; its waiters queue at the node.
func TestManyWaitersAskOnce(t *testing.T) {
	d := asking(t, 3)
	d.acquire(2)
	d.acquire(3)
	d.want()
	d.wantState("1.1 1.1 0.0", "", "")
}

func TestWaitersOfANodeAreServedFirstComeFirstServed(t *testing.T) {
	d := asking(t, 3)
	d.acquire(2)
	d.acquire(3)
	d.tokenWith(func(t *Token) { t.LastGranted[1] = Number{1, 1} })
	d.want("A ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.release(1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:2, by request 1.2")
	d.release(2)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:3, by request 1.3")
}

// On REQUEST(j, n): RN[j] := max(RN[j], n).
func TestRequestTakesMaximum(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 3)
	d.wantState("0.0 1.3 0.0", "", "")
	d.request(1, 2)
	d.wantState("0.0 1.3 0.0", "", "")
	d.request(2, 1)
	d.wantState("0.0 1.3 1.1", "", "")
	d.want()
}

// If the token is here and idle and RN[j] > LN[j], it is sent to j.
func TestIdleTokenGoesToWhoeverAsks(t *testing.T) {
	d := withToken(t, 3)
	d.request(2, 1)
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")
	d.request(1, 1)
	d.want() // the token is no longer here
}

// RN[j] <= LN[j]: the request was granted already.
func TestIdleTokenStaysForOldRequest(t *testing.T) {
	d := inSession(t, 3)
	d.tokenWith(func(t *Token) { t.LastGranted[2] = Number{1, 4} })
	d.want()
	d.request(2, 3)
	d.request(2, 4)
	d.want()
	d.wantState("1.0 0.0 1.4", "1.0 1.0 1.4", "nobody")
	d.request(2, 5)
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.4, Q nobody")
}

// A REQUEST that comes twice attracts the token once.
func TestDuplicateRequestIsIgnored(t *testing.T) {
	d := withToken(t, 3)
	d.acquire(1)
	d.request(2, 1)
	d.request(2, 1)
	d.wantState("1.0 0.0 1.1", "1.0 1.0 1.0", "nobody")
	d.release(1)
	d.take()
	// C enters and leaves, and the token comes back for B's sake.
	d.tokenWith(func(t *Token) { t.LastGranted[2] = Number{1, 1} })
	d.take()
	d.request(2, 1)
	d.want()
}

// A token that comes to a node finds the requests that came before it.
func TestTokenThatComesMeetsRequestsThatWait(t *testing.T) {
	d := inSession(t, 3)
	d.request(2, 1)
	d.take()
	d.token()
	d.want("A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")
}

func TestTokenInUseStays(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.request(2, 1)
	d.want()
	d.wantState("1.0 1.1 1.1", "1.0 1.0 1.0", "nobody")
}

func TestRequestWithoutTokenIsOnlyNoted(t *testing.T) {
	d := asking(t, 3)
	d.request(2, 1)
	d.want()
	d.wantState("1.1 1.1 1.1", "", "")
}

// A waiting node enters when the token has come.
func TestTokenComesAndWaiterEnters(t *testing.T) {
	d := asking(t, 3)
	d.token()
	d.want("A ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.wantState("1.1 1.1 0.0", "1.0 1.0 1.0", "nobody")
}

// On leaving: LN[i] := RN[i].
func TestLeaveSetsLastGranted(t *testing.T) {
	d := asking(t, 3)
	d.tokenWith(func(t *Token) { t.LastGranted[1] = Number{1, 1} })
	d.take()
	d.wantState("1.1 1.1 0.0", "1.0 1.1 1.0", "nobody")
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
	d.wantState("1.1 1.1 0.0", "1.1 1.1 1.0", "nobody")
}

// On leaving: every j with RN[j] > LN[j] that is not in Q is appended, scanning
// from i+1 around; the head of Q gets the token.
func TestLeaveAppendsInRingOrder(t *testing.T) {
	cfg := testConfig(2, 5)
	d := inSessionWith(t, cfg)
	d.token()
	d.acquire(1)
	for _, j := range []Member{1, 0, 4, 3} {
		d.request(j, 1)
	}
	d.take()
	d.release(1)
	d.want(
		"C LEAVES: waiter 1, fence 1:1",
		"C→D TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0 1.0 1.0, Q E A B",
	)
}

// A member with nothing outstanding is not appended.
func TestLeaveAppendsOnlyWhoWaits(t *testing.T) {
	d := inSession(t, 5)
	d.request(1, 1)
	d.request(2, 1)
	d.request(3, 1)
	d.acquire(1)
	d.tokenWith(func(t *Token) { t.LastGranted[1] = Number{1, 1} })
	d.take()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.1 1.0 1.0 1.0, Q D",
	)
}

// A member in Q keeps its position, and is in Q once.
func TestLeaveKeepsOrderOfQueue(t *testing.T) {
	d := asking(t, 5)
	d.tokenWith(func(t *Token) {
		t.LastGranted[1] = Number{1, 1}
		t.Queue = []Member{4, 2}
	})
	for j := Member(2); j < 5; j++ {
		d.request(j, 1)
	}
	d.take()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A→E TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.1 1.0 1.0 1.0, Q C D",
	)
}

// The head of Q gets the token even if its request has not been heard here.
func TestLeaveTrustsQueue(t *testing.T) {
	d := asking(t, 3)
	d.tokenWith(func(t *Token) {
		t.LastGranted[1] = Number{1, 1}
		t.Queue = []Member{2}
	})
	d.take()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.1 1.0, Q nobody",
	)
}

// With Q empty, the token stays, and the next entry costs nothing.
func TestLeaveWithNobodyWaitingKeepsToken(t *testing.T) {
	d := holding(t, 3)
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
	d.acquire(2)
	d.want("A ENTERS: waiter 2, fence 1:2, by no request")
}

// The paper's cost: N-1 REQUEST and 1 TOKEN.
func TestEntryCostsNMessages(t *testing.T) {
	for members := 2; members <= 9; members++ {
		d := inSession(t, members)
		d.request(1, 1)
		d.take()
		d.acquire(1)
		requests := 0
		for _, e := range d.take() {
			if e.Kind == Send {
				requests++
			}
		}
		if requests != members-1 {
			t.Errorf("%d members: %d messages to ask, want %d", members, requests, members-1)
		}
	}
}
