package token

import "testing"

// One test for each rule of forgetting, and of fences that are used up (protocol,
// section 3).

// short has tokens and locks forgotten after some idle seconds.
func short() Config {
	cfg := testConfig(0, 3)
	cfg.IdleToken, cfg.IdleLock = 10*second, 20*second
	return cfg
}

func tokenThere(t *testing.T, cfg Config) *driven {
	t.Helper()
	d := inSessionWith(t, cfg)
	d.token()
	d.take()
	return d
}

// A token that lay idle for long is dropped, and the lock is forgotten later.
func TestIdleTokenIsDroppedThenLockForgotten(t *testing.T) {
	d := tokenThere(t, short())
	d.lives(10*second-1, 1, 2)
	d.want()
	d.lives(1, 1, 2)
	d.want("A drops token 1.B: idle for long")
	d.lives(10*second-1, 1, 2)
	d.want()
	d.lives(1, 1, 2)
	d.want("A forgets the lock")
	if len(d.locks) != 0 || len(d.order) != 0 || len(d.timers) != 0 {
		t.Errorf("%d locks, %d in order, %d timers are left, want none", len(d.locks), len(d.order), len(d.timers))
	}
}

// Use restarts the time.
func TestUsedTokenIsNotDropped(t *testing.T) {
	d := tokenThere(t, short())
	for range 5 {
		d.lives(9*second, 1, 2)
		d.acquire(1)
		d.release(1)
	}
	d.wantOnly(Dropped)
	d.acquire(1)
	d.take()
	d.lives(50*second, 1, 2)
	d.want() // in use
	d.release(1)
	d.take()
	d.lives(10*second, 1, 2)
	d.want("A drops token 1.B: idle for long")
}

// A waiter that gave up outside a session does not keep a lock, either.
func TestLockWithdrawnOutsideSessionIsForgotten(t *testing.T) {
	d := startWith(t, short())
	d.acquire(1)
	d.withdraw(1)
	d.passes(20 * second)
	d.wantOnly(Forgot, "A forgets the lock")
}

// Among many locks, those in use stay as they were.
func TestOtherLocksAreSparedByForgetting(t *testing.T) {
	d := inSessionWith(t, short())
	for _, name := range []string{"x", "y", "z"} {
		d.receive(1, Message{Kind: Request, Lock: name, Number: Number{1, 1}})
	}
	d.Acquire(d.at, "y", 1)
	d.Acquire(d.at, "z", 2)
	d.lives(20*second, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock of x")
	d.Withdraw(d.at, "z", 2)
	d.lives(20*second, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock of z")
	d.passes(testTTL) // lapses
	d.ponged(1)
	d.wantOnly(Asked, "A asks: request 2.1 of y")
}

// Other members forget a lock that was idle for twice as long.
func TestLockWithoutTokenIsForgotten(t *testing.T) {
	d := inSessionWith(t, short())
	d.request(1, 1)
	d.lives(20*second-1, 1, 2)
	d.wantOnly(Forgot)
	d.lives(1, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock")
}

// Unless a local waiter is there.
func TestLockWithWaiterIsNotForgotten(t *testing.T) {
	d := inSessionWith(t, short())
	d.request(1, 1)
	d.acquire(1)
	d.lives(50*second, 1, 2)
	d.wantOnly(Forgot)
}

// A request that was withdrawn does not keep a lock.
func TestLockOfWithdrawnRequestIsForgotten(t *testing.T) {
	d := inSessionWith(t, short())
	d.request(1, 1)
	d.acquire(1)
	d.withdraw(1)
	d.lives(21*second, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock")
}

// A lock that was forgotten leaves nothing behind.
func TestForgottenLocksLeaveNothingBehind(t *testing.T) {
	d := inSessionWith(t, short())
	for w := range Waiter(20) {
		d.request(1, 1)
		d.acquire(w + 1)
		d.withdraw(w + 1)
		d.lives(21*second, 1, 2)
		d.take()
	}
	if len(d.locks) != 0 || len(d.active) > 1 {
		t.Errorf("%d locks, %d of them active, are left of one that was forgotten 20 times", len(d.locks), len(d.active))
	}
}

// forgotten is A after it forgot a lock of which it knew the epoch 5.B.
func forgotten(t *testing.T) *driven {
	t.Helper()
	d := inSessionWith(t, short())
	d.tokenOf(Epoch{5, 1})
	d.request(1, 1)
	d.lives(21*second, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock")
	return d
}

// A node that forgets keeps a floor, the highest ballot number known, which refuses
// ballots.
func TestForgottenLocksFloorRefusesBallots(t *testing.T) {
	d := forgotten(t)
	d.ballotFrom(1, 5)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 5.B TOO LOW under 5.A")
	d.ballotFrom(1, 6)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 6.B PROMISE, not waiting at 1.0, buries nobody")
}

// The floor also refuses tokens of locks that are learned anew.
func TestForgottenLocksFloorRefusesTokens(t *testing.T) {
	for number, taken := range map[uint64]bool{1: false, 5: false, 6: true} {
		if d := forgotten(t); d.tokenOf(Epoch{number, 1}) != taken {
			t.Errorf("token %d.B taken: %v, want %v", number, !taken, taken)
		}
	}
}

// One floor serves all locks, and outlasts learning the lock anew.
func TestForgottenLocksFloorIsForAllAndForEver(t *testing.T) {
	d := forgotten(t)
	d.request(1, 2)
	d.request(1, 3)
	d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 4}})
	d.take()
	other := &Token{Epoch: Epoch{5, 1}, LastGranted: make([]Number, 3)}
	d.receive(1, Message{Kind: TokenMessage, Lock: "other", Session: 1, Token: other})
	d.wantOnly(Dropped, "A drops token 5.B: promised to a later token of other")
	if d.tokenOf(Epoch{5, 1}) {
		t.Error("token 5.B of a lock that was learned anew was taken")
	}
}

// Locks that were not forgotten keep their tokens.
func TestFloorOfForgottenSparesLocksThatAreKnown(t *testing.T) {
	d := inSessionWith(t, short())
	d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
	d.tokenOf(Epoch{5, 1})
	d.request(1, 2)
	for range 3 {
		d.lives(9*second, 1, 2)
		d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
	}
	d.wantOnly(Forgot, "A forgets the lock")
	other := &Token{Epoch: Epoch{3, 1}, LastGranted: make([]Number, 3)}
	d.receive(1, Message{Kind: TokenMessage, Lock: "other", Session: 1, Token: other})
	d.wantOnly(Dropped)
}

// Promises given for the lock count, too.
func TestForgottenLocksFloorCoversPromises(t *testing.T) {
	d := inSessionWith(t, short())
	d.ballotFrom(1, 7)
	d.receive(1, Message{Kind: Abort, Ballot: Epoch{7, 1}})
	d.lives(21*second, 1, 2)
	d.take()
	if got := d.Hello(1).Floor; got != 7 {
		t.Errorf("HELLO tells floor %d, want 7", got)
	}
}

// Counts run per node, so a lock that is learned anew does not start over. The node probes
// for it at once, as for a lock never heard of.
func TestForgottenLockIsAskedForAsNew(t *testing.T) {
	d := forgotten(t)
	d.Acquire(d.at, "other", 1)
	d.take()
	d.acquire(2)
	d.want(
		"A asks: request 1.2",
		"A→B REQUEST 1.2",
		"A→C REQUEST 1.2",
		"A begins probe 2",
		"A→B PROBE 2 for 1.2, helper nobody",
		"A→C PROBE 2 for 1.2, helper nobody",
	)
	d.none(2, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 6.A")
}

// A cluster of one that dropped its token has nobody to ask, and makes another at once.
func TestSingleMemberMakesDroppedTokenAtOnce(t *testing.T) {
	cfg := testConfig(0, 1)
	cfg.IdleToken, cfg.FencesPerEpoch = second, 2
	d := startWith(t, cfg)
	d.acquire(1)
	d.release(1)
	d.passes(second)
	d.wantOnly(Dropped, "A drops token 1.A: idle for long")
	for w := Waiter(2); w <= 3; w++ {
		d.acquire(w)
		d.release(w)
	}
	d.wantOnly(Dropped, "A drops token 2.A: fences used up")
	d.acquire(4)
	d.wantOnly(Grant, "A ENTERS: waiter 4, fence 3:1, by request 1.3")
}

// fewFences makes a token good for three grants.
func fewFences(t *testing.T) *driven {
	t.Helper()
	cfg := testConfig(0, 3)
	cfg.FencesPerEpoch = 3
	d := tokenThere(t, cfg)
	for w := Waiter(1); w <= 2; w++ {
		d.acquire(w)
		d.release(w)
	}
	d.wantOnly(Dropped)
	d.acquire(3)
	d.take()
	return d
}

// A token whose fences are used up is dropped at a leave.
func TestTokenWithoutFencesIsDroppedAtLeave(t *testing.T) {
	d := fewFences(t)
	d.release(3)
	d.want("A LEAVES: waiter 3, fence 1:3", "A drops token 1.B: fences used up")
}

// A node that drops it and knows of a waiter starts a ballot at once.
func TestTokenWithoutFencesIsReplacedForWaiters(t *testing.T) {
	d := fewFences(t)
	d.request(2, 1)
	d.take()
	d.release(3)
	d.want(
		"A LEAVES: waiter 3, fence 1:3",
		"A drops token 1.B: fences used up",
		"A saves session 1, promised 2",
		"A begins ballot 2.A",
		"A→B BALLOT 2.A for 1.0, out of reach nobody",
		"A→C BALLOT 2.A for 1.0, out of reach nobody",
	)
	d.promiseTo(Epoch{2, 0}, 1)
	d.passes(testTTL / 2)
	d.take()
	d.receive(2, Message{Kind: BallotAnswer, Ballot: Epoch{2, 0}, Answer: Promise, Number: Number{1, 1}, Waiting: true})
	d.want(
		"A makes token 2.A",
		"A→C TOKEN 2.A to session 1, hop 1, fence 2:0, LN 1.0 1.0 1.0, Q nobody",
	)
}

// A waiter of its own rides on the ballot.
func TestTokenWithoutFencesIsReplacedForOwnWaiter(t *testing.T) {
	d := fewFences(t)
	d.acquire(4)
	d.release(3)
	d.want(
		"A rides: request 1.1",
		"A LEAVES: waiter 3, fence 1:3",
		"A drops token 1.B: fences used up",
		"A saves session 1, promised 2",
		"A begins ballot 2.A",
		"A→B BALLOT 2.A for 1.1, out of reach nobody",
		"A→C BALLOT 2.A for 1.1, out of reach nobody",
	)
	d.promiseTo(Epoch{2, 0}, 1)
	d.promiseTo(Epoch{2, 0}, 2)
	d.want("A makes token 2.A", "A ENTERS: waiter 4, fence 2:1, by request 1.1")
}

// A leaving node drops it and leaves the rest to others.
func TestTokenWithoutFencesIsNotReplacedByRetiringNode(t *testing.T) {
	d := fewFences(t)
	d.request(2, 1)
	d.Retire(d.at)
	d.take()
	d.release(3)
	d.want(
		"A LEAVES: waiter 3, fence 1:3",
		"A drops token 1.B: fences used up",
		"A→B BYE 1",
		"A→C BYE 1",
		"A is gone, session 1",
	)
}

// A lock is not forgotten while a round of the node's own is there.
func TestLockIsNotForgottenDuringOwnBallot(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.FencesPerEpoch, cfg.IdleToken, cfg.IdleLock = 1, 100*ms, 200*ms
	d := tokenThere(t, cfg)
	d.acquire(1)
	d.request(2, 1)
	d.release(1)
	d.wantOnly(Balloted, "A begins ballot 2.A")
	d.lives(testTTL*99/100-1, 1, 2)
	d.wantOnly(Forgot)
	d.lives(1, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock")
}

// Then, too, it asks others about members out of reach: those without a stream, and silent
// ones.
func TestReplacementBuriesSilentMembers(t *testing.T) {
	d := fewFences(t)
	d.request(2, 1)
	d.lives(testTTL, 2)
	d.take()
	d.release(3)
	d.wantSent(Ballot,
		"A→B BALLOT 2.A for 1.0, out of reach B",
		"A→C BALLOT 2.A for 1.0, out of reach B",
	)
}

// A member that asks during such a ballot is served by it.
func TestAskDuringReplacement(t *testing.T) {
	d := fewFences(t)
	d.request(2, 1)
	d.release(3)
	d.take()
	d.acquire(4)
	d.want("A asks: request 1.1", "A→B REQUEST 1.1", "A→C REQUEST 1.1")
	d.promiseTo(Epoch{2, 0}, 1)
	d.receive(2, Message{Kind: BallotAnswer, Ballot: Epoch{2, 0}, Answer: Promise, Number: Number{1, 1}, Waiting: true})
	d.want(
		"A makes token 2.A",
		"A→C TOKEN 2.A to session 1, hop 1, fence 2:0, LN 1.0 1.0 1.0, Q A",
	)
}
