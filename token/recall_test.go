package token

import "testing"

// One test for each rule of RECALL, and of what ends a share (protocol, section 5).

// recalled is RECALL of a share of A's, from C.
func (d *driven) recalled(id Fence, permits uint32) {
	d.receive(2, Message{Kind: Recall, Recaller: 2, Share: Share{Member: 0, Session: 1, ID: id, Permits: permits}})
}

// done is DONE of C's share.
func (d *driven) done(id Fence, permits, kept uint32) {
	d.receive(2, Message{Kind: Done, Recaller: 0, Share: Share{Member: 2, Session: 1, ID: id, Permits: permits}, Kept: kept})
}

// The ID of the first share that is opened in a test.
const firstID = 1<<FenceBits + 1

// sharingReaders starts A with readers 1 and 2 in under its share, and the token at B.
func sharingReaders(t *testing.T) *driven {
	t.Helper()
	d := withToken(t, 3)
	d.share(1, Unlimited)
	d.share(2, Unlimited)
	d.request(1, 1)
	d.take()
	return d
}

// A waiter that wants the lock alone keeps the token, and calls in the shares: at once, every
// T/4, and on a stream that comes up. It enters when the last share is struck.
func TestOneAloneCallsInShares(t *testing.T) {
	d := readersElsewhere(t, 3)
	d.acquire(1)
	d.want(
		"A rides: request 1.1",
		"A→C RECALL of C 1@1:1×1 for A",
	)
	d.lives(testTTL/4, 1, 2)
	d.wantSent(Recall, "A→C RECALL of C 1@1:1×1 for A")
	d.up(2, 1)
	d.wantSent(Recall, "A→C RECALL of C 1@1:1×1 for A")
	d.request(1, 1) // is noted
	d.done(firstID, 1, 0)
	d.want("A ENTERS: waiter 1, fence 1:2, by request 1.1")
}

// A token that waits counts as in use.
func TestTokenThatWaitsIsInUse(t *testing.T) {
	d := readersElsewhere(t, 3)
	d.acquire(1)
	d.take()
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: NoMember})
	d.want("A→B PROBE-ANSWER 4 HOLD in use, could bury nobody")
	d.lives(testTTL/4, 1, 2)
	d.wantSent(Busy, "A→B BUSY cs")
}

// When the waiter gives up, the token goes on.
func TestWaitEndsWithWaiter(t *testing.T) {
	d := readersElsewhere(t, 3)
	d.acquire(1)
	d.request(1, 1)
	d.take()
	d.withdraw(1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q nobody, readers by C, C 1@1:1×1")
}

// DONE counts for the very share that it names, and does not give it more permits.
func TestDoneCountsForItsShare(t *testing.T) {
	d := permitsElsewhere(t, 2, 2)
	d.share(1, 2)
	d.take()
	d.done(firstID-1, 2, 0) // an earlier share's
	d.done(firstID, 2, 5)
	d.want()
	d.done(firstID, 2, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1, 2 permits")
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:2, LN 1.1 1.0 1.0, Q nobody, 2 permits by C, C 1@1:1×1, A 1@1:2×1")
}

// A recalled share lets in nobody more, and ends with the last that is in.
func TestRecalledShareLetsInNobody(t *testing.T) {
	d := sharingReaders(t)
	d.recalled(firstID, 1)
	d.share(3, Unlimited)
	d.wantOnly(Grant)
	d.release(1)
	d.wantSent(Done)
	d.release(2)
	d.wantSent(Done, "A→C DONE of A 1@1:1×1 for C, kept 0")
	d.recalled(firstID, 1) // the first answer was lost
	d.wantSent(Done, "A→C DONE of A 1@1:1×1 for C, kept 0")
}

// DONE is said each time that fewer permits are used than the RECALL names.
func TestDoneTellsPermitsAsTheyComeBack(t *testing.T) {
	d := withToken(t, 3)
	for w := range Waiter(3) {
		d.share(w+1, 3)
	}
	d.request(1, 1)
	d.take()
	const last = firstID + 2
	d.recalled(last, 3)
	d.wantSent(Done)
	d.release(1)
	d.wantSent(Done, "A→C DONE of A 1@1:3×3 for C, kept 2")
	d.recalled(last, 3)
	d.wantSent(Done, "A→C DONE of A 1@1:3×3 for C, kept 2")
	d.recalled(last, 2)
	d.wantSent(Done)
	d.release(2)
	d.release(3)
	d.wantSent(Done, "A→C DONE of A 1@1:3×3 for C, kept 1", "A→C DONE of A 1@1:3×3 for C, kept 0")
}

// After a visit of the token, a share lets others in again. It has a new ID once it does so
// with the token here.
func TestTokensVisitOpensShareAgain(t *testing.T) {
	d := sharingReaders(t)
	d.recalled(firstID, 1)
	d.share(3, Unlimited)
	d.take()
	d.tokenWith(func(t *Token) {
		t.Hop, t.Fence, t.Limit, t.Shares = 3, t.Fence+1, Unlimited, []Share{{0, 1, firstID, 1}}
	})
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:2, by request 1.1, readers")
	d.request(1, 2)
	d.take()
	d.recalled(firstID, 1) // comes late
	d.share(4, Unlimited)
	d.wantOnly(Grant, "A ENTERS: waiter 4, fence 1:2, by no request, readers")
}

// An empty share is struck when the token comes.
func TestTokensVisitStrikesEmptyShare(t *testing.T) {
	d := sharingReaders(t)
	d.release(1)
	d.release(2)
	d.request(1, 2)
	d.tokenWith(func(t *Token) {
		t.Hop, t.Limit, t.Shares = 3, Unlimited, []Share{{0, 1, firstID, 1}}
	})
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 4, fence 1:0, LN 1.0 1.0 1.0, Q nobody, readers by A")
}

// An encumbered node does not answer: clients of its earlier process may be in.
func TestEncumberedNodeAnswersNoRecall(t *testing.T) {
	for _, encumbered := range []bool{true, false} {
		cfg := testConfig(0, 3)
		cfg.Encumbered = encumbered
		d := startWith(t, cfg)
		d.up(2, 1)
		d.take()
		d.recalled(firstID, 1)
		if encumbered {
			d.wantSent(Done)
		} else {
			d.wantSent(Done, "A→C DONE of A 1@1:1×1 for C, kept 0")
		}
	}
}

// A member out of reach is recalled through all others, who pass on the RECALL and the DONE.
func TestRecallIsRelayed(t *testing.T) {
	d := readersElsewhere(t, 4)
	d.PeerDown(d.at, 2)
	d.acquire(1)
	d.wantSent(Recall,
		"A→B RECALL of C 1@1:1×1 for A",
		"A→D RECALL of C 1@1:1×1 for A",
	)

	d = inSession(t, 4)
	d.receive(1, Message{Kind: Recall, Recaller: 1, Share: shareOfC(1)})
	d.want("A→C RECALL of C 1@1:1×1 for B")
	d.receive(3, Message{Kind: Recall, Recaller: 1, Share: shareOfC(1)}) // one hop only
	d.want()
	d.receive(2, Message{Kind: Done, Recaller: 1, Share: shareOfC(1)})
	d.want("A→B DONE of C 1@1:1×1 for B, kept 0")
	d.receive(3, Message{Kind: Done, Recaller: 1, Share: shareOfC(1)})
	d.want()
}

// A share is struck when a REQUEST or PING of a higher session comes, or BYE, and in a token
// that comes later.
func TestShareOfEndedSessionIsStruck(t *testing.T) {
	for name, over := range map[string]func(d *driven){
		"request": func(d *driven) { d.receive(2, Message{Kind: Request, Number: Number{2, 1}}) },
		"ping": func(d *driven) {
			d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 2, Stamp: d.at})
		},
		"bye": func(d *driven) { d.receive(2, Message{Kind: Bye, Session: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			d := readersElsewhere(t, 3)
			d.acquire(1)
			d.take()
			over(d)
			d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1")

			d = inSession(t, 3)
			over(d)
			d.acquire(1)
			d.tokenWith(func(t *Token) { t.Fence, t.Limit, t.Shares = firstID, Unlimited, []Share{shareOfC(1)} })
			d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1")
		})
	}
}

// HELLO and CLEAR of a later process, and silence, strike no share.
func TestShareOutlivesHelloClearAndSilence(t *testing.T) {
	d := readersElsewhere(t, 3)
	d.acquire(1)
	d.up(2, 2)
	d.receive(2, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.lives(3*testTTL, 1)
	d.wantOnly(Grant)
}

// A token that waits for a member that is gone is dropped, and a ballot begins at once.
func TestLostShareCostsTheToken(t *testing.T) {
	d := readersElsewhere(t, 3)
	d.acquire(1)
	d.PeerDown(d.at, 2)
	d.lives(testTTL, 1) // the guard of C is over
	d.take()
	d.lives(testTTL, 1)
	probe := d.locks[cs].search.probe
	d.take()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: probe, Answer: None, Members: []Member{2}})
	d.want(
		"A drops token 1.B: member with a share is gone",
		"A saves session 1, promised 2",
		"A buries C",
		"A begins ballot 2.A",
		"A→B BALLOT 2.A for 1.1, out of reach C",
	)
	d.receive(1, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{2, 0}, Number: Number{1, 0}, Members: []Member{2}})
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 2:1, by request 1.1")
}

// A promise carries the share, and the new token all shares and the limit.
func TestPromiseCarriesShare(t *testing.T) {
	d := sharingReaders(t)
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 2}, Ballot: Epoch{9, 1}})
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 9.B PROMISE, not waiting at 1.0, buries nobody, has A 1@1:1×1, readers of age 16777216")

	d = balloting(t, 3)
	d.receive(1, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{1, 0}, Number: Number{1, 1}, Waiting: true, Limit: 2, LimitAt: 6})
	d.receive(2, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{1, 0}, Share: Share{2, 1, 7, 1}, Limit: Unlimited, LimitBy: 2, LimitAt: 7})
	var v LockView
	d.InspectLock(cs, &v)
	if v.Token.Limit != Unlimited || v.Token.LimitBy != 2 || len(v.Token.Shares) != 1 || !v.Waits {
		t.Errorf("the token is %+v, want one that waits for a readers' share of C", v.Token)
	}
}

// Who tries for a lock alone is refused at the first DONE that keeps something.
func TestTryOfSharedLockIsRefused(t *testing.T) {
	d := readersElsewhere(t, 3)
	d.Try(d.at, cs, 1)
	d.wantOnly(Refuse)
	d.done(firstID, 1, 1)
	d.wantOnly(Refuse, "A refuses waiter 1")

	d = withToken(t, 3) // readers are in here
	d.share(1, Unlimited)
	d.Try(d.at, cs, 2)
	d.wantOnly(Refuse, "A refuses waiter 2")
	d.TryShare(d.at, cs, 3, Unlimited)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:1, by no request, readers")
}

// Who tries for a permit is refused when every member has answered, and none is free.
func TestTryOfPermitIsRefused(t *testing.T) {
	d := permitsElsewhere(t, 2, 2)
	d.TryShare(d.at, cs, 1, 2)
	d.wantOnly(Refuse)
	d.done(firstID, 2, 2)
	d.wantOnly(Refuse, "A refuses waiter 1")
}

// A RECALL for one that tries asks for an answer in any case.
func TestRecallForTryIsAnsweredAnyhow(t *testing.T) {
	d := sharingReaders(t)
	d.receive(2, Message{Kind: Recall, Recaller: 2, Anyhow: true, Share: Share{Session: 1, ID: firstID, Permits: 1}})
	d.wantSent(Done, "A→C DONE of A 1@1:1×1 for C, kept 1")
}

// A higher limit counts at once. A lower one is granted when every share was recalled.
func TestLimitIsChanged(t *testing.T) {
	d := permitsElsewhere(t, 2, 2)
	d.share(1, 2)
	d.withdraw(1)
	d.take()
	d.SetLimit(d.at, cs, 2, 3)
	d.wantOnly(Grant, "A sets the limit: waiter 2, 3 permits, by no request")
	d.share(3, 3)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:2, by no request, 3 permits")

	d.SetLimit(d.at, cs, 4, 1)
	d.want("A rides: request 1.2", "A→C RECALL of C 1@1:1×2 for A, answer anyhow")
	d.done(firstID, 2, 2)
	d.wantOnly(Grant, "A sets the limit: waiter 4, 1 permits, by request 1.2")
	d.share(5, 1)
	d.request(1, 1) // is noted
	d.done(firstID, 2, 0)
	d.wantOnly(Grant)
	d.release(3)
	d.wantOnly(Grant, "A ENTERS: waiter 5, fence 1:3, by request 1.3, 1 permits")
}

// heard is A with a permit of 2 that C uses, and which B, which waits, has taken the token from.
func heard(t *testing.T) *driven {
	t.Helper()
	d := permitsElsewhere(t, 1, 2)
	d.request(1, 1)
	d.take()
	return d
}

// Who sets a limit, and does not have the token, probes at once. A HOLD with that limit ends
// the wait. If the limit differs from the one that the node knew, it asks the answerer again.
func TestLimitIsRaisedElsewhere(t *testing.T) {
	d := heard(t)
	d.SetLimit(d.at, cs, 1, 3)
	d.want(
		"A asks: request 1.1", "A→B REQUEST 1.1", "A→C REQUEST 1.1",
		"A begins probe 1", "A→B PROBE 1 for 1.1, helper nobody, sets 3 permits for age 5", "A→C PROBE 1 for 1.1, helper nobody, sets 3 permits for age 5",
	)
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true, Limit: 2, LimitAt: 6})
	d.want("A→B PROBE 1 for 1.1, helper nobody, sets 3 permits for age 6")
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true, Limit: 2, LimitAt: 6})
	d.want()
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: Hold, InUse: true, Limit: 3, LimitAt: 7})
	d.want("A sets the limit: waiter 1, 3 permits, by no request", "A withdraws: request 1.1")
}

// A probe raises the limit of a token that waits, and the first waiter has another turn.
func TestProbeRaisesLimit(t *testing.T) {
	d := permitsElsewhere(t, 2, 2)
	d.share(1, 2)
	d.share(2, 3)
	d.take()
	probe := Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: NoMember, Limit: 3}
	for _, other := range []Message{
		{Limit: 3, LimitAt: 4}, // the limit has changed since
		{Limit: 2, LimitAt: 5}, {Limit: 1, LimitAt: 5},
	} {
		probe.Limit, probe.LimitAt = other.Limit, other.LimitAt
		d.receive(1, probe)
		d.want("A→B PROBE-ANSWER 4 HOLD in use, could bury nobody, 2 permits of age 5")
	}
	probe.Limit, probe.LimitAt = 3, 5
	d.receive(1, probe)
	d.wantSent(ProbeAnswer, "A→B PROBE-ANSWER 4 HOLD in use, could bury nobody, 3 permits of age 16777217")
	d.wantInside(2) // 1 wants the old limit
}

// A probe changes no limit of readers, or of nobody.
func TestProbeRaisesOnlyPermits(t *testing.T) {
	for limit, d := range map[Limit]*driven{Unlimited: readersElsewhere(t, 3), Exclusive: withToken(t, 3)} {
		d.acquire(1)
		d.take()
		d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: NoMember, Limit: 3})
		var v LockView
		if d.InspectLock(cs, &v); v.Token.Limit != limit {
			t.Errorf("the limit is %s, want %s", describeLimit(v.Token.Limit), describeLimit(limit))
		}
	}
}

// Where the token waits, or somebody has the lock alone, a higher limit counts at once, too,
// and a lower one waits.
func TestLimitIsRaisedBehindWaiters(t *testing.T) {
	d := permitsElsewhere(t, 2, 2)
	d.acquire(1)
	d.SetLimit(d.at, cs, 2, 3)
	d.wantOnly(Grant, "A sets the limit: waiter 2, 3 permits, by no request")
	d.SetLimit(d.at, cs, 3, 2)
	d.wantOnly(Grant)
	d.done(firstID, 2, 0)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1")
	d.SetLimit(d.at, cs, 4, 5)
	d.wantOnly(Grant, "A sets the limit: waiter 4, 5 permits, by no request")
	d.release(1)
	d.wantOnly(Grant, "A sets the limit: waiter 3, 2 permits, by request 1.2")
}

// A token that is made anew has the latest limit, not the highest.
func TestNewTokenHasLatestLimit(t *testing.T) {
	d := balloting(t, 3)
	d.receive(1, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{1, 0}, Limit: 3, LimitBy: 1, LimitAt: 6})
	d.receive(2, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{1, 0}, Limit: 2, LimitBy: 2, LimitAt: 7})
	var v LockView
	if d.InspectLock(cs, &v); v.Token.Limit != 2 || v.Token.LimitBy != 2 || v.Token.LimitAt != 7 {
		t.Errorf("the token is %+v, want one of 2 permits, as C said", v.Token)
	}
}

// A share that is too large for a lowered limit lets in nobody more when the token has gone.
func TestLoweredLimitHoldsUnderShare(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, 2)
	d.share(2, 2)
	d.SetLimit(d.at, cs, 3, 1)
	d.request(1, 1)
	d.share(4, 1)
	d.take()
	d.release(1)
	d.wantOnly(Grant)
}

// Only a lock of permits has a limit that can be changed.
func TestLimitOfOtherLocksIsNotChanged(t *testing.T) {
	d := withToken(t, 3)
	d.SetLimit(d.at, cs, 1, 3)
	d.want("A refuses waiter 1")
	d = readersElsewhere(t, 3)
	d.SetLimit(d.at, cs, 1, 3)
	d.want("A refuses waiter 1: readers, as C said")
}

// A lock is not forgotten while somebody is in under its share.
func TestSharedLockIsNotForgotten(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.IdleToken, cfg.IdleLock = testTTL, 2*testTTL
	d := inSessionWith(t, cfg)
	d.token()
	d.share(1, Unlimited)
	d.request(1, 1)
	d.take()
	d.lives(5*testTTL, 1, 2)
	d.wantOnly(Forgot)
	d.release(1)
	d.lives(5*testTTL, 1, 2)
	d.wantOnly(Forgot, "A forgets the lock")
}

// The same holds if the token is dropped.
func TestLoweredLimitHoldsWithoutToken(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.FencesPerEpoch = 1
	d := inSessionWith(t, cfg)
	d.share(1, 2)
	d.share(2, 2)
	d.SetLimit(d.at, cs, 3, 1)
	d.share(4, 1)
	d.token()
	d.wantOnly(Dropped, "A drops token 1.B: fences used up")
	d.wantInside(1, 2)
	d.release(1)
	d.wantInside(2)
}
