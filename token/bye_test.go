package token

import "testing"

// One test for each rule of leaving on purpose (protocol, section 2, BYE).

// A node that leaves passes an idle token on to any live member.
func TestRetirePassesIdleTokenToLiveMember(t *testing.T) {
	d := withToken(t, 4)
	d.PeerDown(d.at, 1)
	d.take()
	d.Retire(d.at)
	d.want(
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0 1.0, Q nobody",
		"A→C BYE 1",
		"A→D BYE 1",
		"A is gone, session 1",
	)
}

// A token that could be passed on to nobody ends with the session: it does not move after
// BYE.
func TestRetireDropsTokenThatNobodyCanTake(t *testing.T) {
	d := withToken(t, 3)
	d.PeerDown(d.at, 1)
	d.PeerDown(d.at, 2)
	d.Retire(d.at)
	d.want("A drops token 1.B: node leaves", "A is gone, session 1")
	d.PeerUp(d.at, 1)
	d.wantSent(TokenMessage)
}

// A holder keeps the lock until it releases; BYE is said then.
func TestRetireWaitsForHolder(t *testing.T) {
	d := holding(t, 3)
	d.Retire(d.at)
	d.want()
	d.Retire(d.at)
	d.want()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody",
		"A→B BYE 1",
		"A→C BYE 1",
		"A is gone, session 1",
	)
}

// The token goes to a waiting node first.
func TestRetirePassesTokenToWhoWaits(t *testing.T) {
	d := holding(t, 3)
	d.request(2, 1)
	d.Retire(d.at)
	d.take()
	d.release(1)
	d.wantSent(TokenMessage, "A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// BYE waits for all holders; other tokens are passed on at once.
func TestRetireWaitsForAllHolders(t *testing.T) {
	d := holding(t, 3)
	for _, name := range []string{"idle", "held"} {
		d.receive(1, Message{Kind: TokenMessage, Lock: name, Session: 1,
			Token: &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 3)}})
	}
	d.Acquire(d.at, "held", 2)
	d.take()
	d.Retire(d.at)
	d.want("A→B TOKEN 1.B to session 1, hop 1, fence 0:0, LN 1.0 0.0 0.0, Q nobody of idle")
	d.release(1)
	d.wantOnly(Gone)
	d.Release(d.at, "held", 2)
	d.wantOnly(Gone, "A is gone, session 1")
}

// No waiter is served any more, and none rides.
func TestRetiringNodeServesNoWaiter(t *testing.T) {
	d := holding(t, 3)
	d.acquire(2)
	d.Retire(d.at)
	d.take()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody",
		"A→B BYE 1",
		"A→C BYE 1",
		"A is gone, session 1",
	)

	d = holding(t, 3)
	d.Retire(d.at)
	d.Acquire(d.at, "other", 3)
	d.want()

	d = withToken(t, 3)
	d.PeerDown(d.at, 1)
	d.PeerDown(d.at, 2)
	d.Retire(d.at) // with nobody to pass the token on to
	d.acquire(1)
	d.wantOnly(Grant)
}

// A token that comes late goes to a waiting member at once, or else when the node goes. Two
// nodes that leave would otherwise send it to each other until one of them has gone.
func TestRetiringNodePassesOnTokenThatComes(t *testing.T) {
	for _, waits := range []bool{true, false} {
		d := holding(t, 3)
		d.Acquire(d.at, "other", 2)
		d.Retire(d.at)
		if waits {
			d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
		}
		d.take()
		d.receive(2, Message{Kind: TokenMessage, Lock: "other", Session: 1,
			Token: &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 3)}})
		const passedOn = "A→B TOKEN 1.B to session 1, hop 1, fence 0:0, LN 1.1 0.0 0.0, Q nobody of other"
		if waits {
			d.wantSent(TokenMessage, passedOn)
			continue
		}
		d.wantSent(TokenMessage)
		d.release(1)
		d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q nobody", passedOn)
	}
}

// A ballot under way ends.
func TestRetireEndsBallot(t *testing.T) {
	d := balloting(t, 3)
	d.Retire(d.at)
	d.want(
		"A gives up ballot 1.A: node leaves",
		"A→B ABORT 1.A",
		"A→C ABORT 1.A",
		"A→B BYE 1",
		"A→C BYE 1",
		"A is gone, session 1",
	)
}

// With no ballot under way, none ends.
func TestRetireWhileWaiting(t *testing.T) {
	d := asking(t, 3)
	d.Retire(d.at)
	d.want("A→B BYE 1", "A→C BYE 1", "A is gone, session 1")
}

// Outside a session there is no session to say BYE for.
func TestRetireOutsideSession(t *testing.T) {
	d := started(t, 3)
	d.Retire(d.at)
	d.want("A is gone, session 1")
	d.at += testTTL
	d.receive(1, Message{Kind: KeepAlive})
	d.wantAll() // the wait after the start does not end any more
}

// A lapse ends a node that waits for its holder to release.
func TestLapseWhileRetiring(t *testing.T) {
	d := holding(t, 3)
	d.Retire(d.at)
	d.at, _ = d.InSession()
	d.Tick(d.at)
	d.want(
		"A loses session 1",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A is gone, session 1",
	)
}

// A node that is gone does nothing more.
func TestGoneNodeIsSilent(t *testing.T) {
	d := withToken(t, 3)
	d.Retire(d.at)
	d.take()
	if got := d.NextTick(); got != Never {
		t.Errorf("wants to tick at %d, want never", got)
	}
	d.pinged(1)
	d.ponged(1)
	d.request(1, 1)
	d.token()
	d.receive(1, Message{Kind: Ballot, Ballot: Epoch{9, 1}})
	d.receive(1, Message{Kind: Probe, Probe: 1})
	d.release(1)
	d.Retire(d.at)
	d.Tick(d.at + hour)
	d.wantAll()
	d.PeerUp(d.at+hour, 1)
	d.wantAll("A→B CLEAR B#1", "A→B KEEPALIVE")
}

// For its peers, the guard of a node that said BYE is over.
func TestByeEndsGuard(t *testing.T) {
	d := inSession(t, 3)
	if d.canBury(1) {
		t.Fatal("A can bury B, whose session it guards")
	}
	d.receive(1, Message{Kind: Bye, Session: 1})
	if !d.canBury(1) {
		t.Error("A cannot bury B, which said BYE")
	}
}

// Unless the guard is for a later session.
func TestByeLeavesGuardOfLaterSession(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 1), Session: 2})
	d.receive(1, Message{Kind: Bye, Session: 1})
	if d.canBury(1) {
		t.Error("A can bury B, whose session 2 it guards")
	}
}

// A member that said BYE is sent no token any more.
func TestMemberThatSaidByeIsNotAddressed(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.receive(1, Message{Kind: Bye, Session: 1})
	d.take()
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1", "A passes over B")
}

// Unless it has begun a later session.
func TestByeLeavesLaterSessionAddressable(t *testing.T) {
	d := holding(t, 3)
	d.receive(1, Message{Kind: Request, Number: Number{2, 1}})
	d.receive(1, Message{Kind: Bye, Session: 1})
	d.take()
	d.release(1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 2, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// After a clean leave, a lost token is made anew without any timeout: the member that left
// is buried at once.
func TestMemberThatSaidByeIsBuriedAtOnce(t *testing.T) {
	d := probing(t, 3)
	d.receive(1, Message{Kind: Bye, Session: 1})
	d.PeerDown(d.at, 1)
	d.take()
	d.receive(2, Message{Kind: ProbeAnswer, Probe: 1, Answer: None, Members: []Member{1}})
	d.want(
		"A saves session 1, promised 1",
		"A buries B",
		"A begins ballot 1.A",
		"A→C BALLOT 1.A for 1.1, out of reach B",
	)
}
