package token

import "testing"

// One test for each rule of kept holds (protocol, section 8).

func (d *driven) keep(w Waiter, owner string) {
	d.AcquireKept(d.at, cs, w, KeepRequest{Owner: owner})
}

func (d *driven) adopt(w Waiter, owner string) {
	d.AcquireKept(d.at, cs, w, KeepRequest{Owner: owner, Adopt: true})
}

// notedKept lets peers answer the WITNESS of a kept hold for the token 1.B.
func (d *driven) notedKept(f Fence, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: WitnessAnswer, Answer: Noted, Note: &Note{Epoch: Epoch{1, 1}, About: NoteID{KeptFence: f}}})
	}
}

// knows lets a peer answer, to the WITNESS of a kept hold, that it knows of another.
func (d *driven) knows(from Member, f Fence, k KeptHold) {
	d.receive(from, Message{Kind: WitnessAnswer, Answer: Noted, Note: &Note{
		Epoch: Epoch{1, 1}, About: NoteID{KeptFence: f}, Kept: &k,
	}})
}

// notedFree lets peers answer that a kept hold is over.
func (d *driven) notedFree(f Fence, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: WitnessAnswer, Answer: Noted, Note: &Note{About: NoteID{KeptFence: f, Over: true}}})
	}
}

// overOf is WITNESS from a peer that a kept hold is over.
func (d *driven) overOf(from Member, f Fence) {
	d.tells(from, Note{Kept: &KeptHold{Fence: f, Over: true}})
}

// holdingKept starts A with waiter 1, whose hold is o's, and kept.
func holdingKept(t *testing.T, members int) *driven {
	t.Helper()
	d := withNotesToken(t, members)
	d.keep(1, "o")
	d.stored()
	d.notedKept(firstID, d.others()...)
	d.take()
	return d
}

// keptToken starts A with the token, which carries a kept hold of o that nobody has any more.
func keptToken(t *testing.T, members int) *driven {
	t.Helper()
	d := holdingKept(t, members)
	d.Abandon(d.at, cs, 1)
	d.take()
	return d
}

// A kept hold is noted by a quorum before its entry, and over at its release, for which
// nobody waits.
func TestKeptHoldIsWitnessed(t *testing.T) {
	d := withNotesToken(t, 3)
	d.keep(1, "o")
	d.want(
		"A stores 1: kept 1:1 of o",
		"A witnesses for waiter 1: kept 1:1 of o",
		"A→B WITNESS kept 1:1 of o for 1.B",
		"A→C WITNESS kept 1:1 of o for 1.B",
		"A rides: request 1.1",
	)
	d.stored()
	d.want()
	d.notedKept(firstID, 2)
	d.want("A ENTERS: waiter 1, fence 1:1, by request 1.1, kept 1:1 of o")
	d.release(1)
	d.want(
		"A stores 2: kept 1:1 of o over",
		"A witnesses for waiter 1: kept 1:1 of o over",
		"A→B WITNESS kept 1:1 of o over for 1.B",
		"A→C WITNESS kept 1:1 of o over for 1.B",
		"A LEAVES: waiter 1, fence 1:1",
	)
	d.stored()
	d.lives(testTTL, 1, 2)
	d.want()
}

// That a released hold is over is noted, and not answered.
func TestReleaseOfKeptHoldIsNotAnswered(t *testing.T) {
	d := remembering(t, 3)
	d.witness(1, Note{Kept: &KeptHold{Fence: 7}})
	d.witness(1, Note{Kept: &KeptHold{Fence: 7, Over: true}})
	d.stored()
	d.want("A stores 1: kept 0:7", "A stores 2: kept 0:7 over", "A→B WITNESS-ANSWER kept 0:7 NOTED, knows kept 0:7 over")
	d.witness(1, Note{Kept: &KeptHold{Fence: 7}}) // late
	d.wantOnly(Store)
}

// If the waiter gives up before its entry, the hold is over, and its fence is not used.
func TestKeptHoldThatDoesNotBeginIsOver(t *testing.T) {
	d := withNotesToken(t, 3)
	d.keep(1, "o")
	d.acquire(2)
	d.take()
	d.withdraw(1)
	d.want(
		"A stores 2: kept 1:1 of o over",
		"A witnesses for waiter 1: kept 1:1 of o over",
		"A→B WITNESS kept 1:1 of o over for 1.B",
		"A→C WITNESS kept 1:1 of o over for 1.B",
		"A ENTERS: waiter 2, fence 1:2, by request 1.1",
	)
}

// A hold whose holder is gone goes on in the token. Nobody is told: a quorum knows already.
func TestAbandonedHoldStaysInToken(t *testing.T) {
	d := holdingKept(t, 3)
	d.request(1, 1)
	d.Abandon(d.at, cs, 1)
	d.want(
		"A keeps the lock for kept 1:1 of o",
		"A LEAVES: waiter 1, fence 1:1",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q nobody, kept 1:1 of o",
	)
	d.Abandon(d.at, cs, 1)
	d.want()
	d = holding(t, 3) // any other hold is released
	d.Abandon(d.at, cs, 1)
	d.want("A LEAVES: waiter 1, fence 1:1")
}

// A token with a kept hold lets nobody in, in no mode, and refuses tries. It counts as in
// use once somebody waits.
func TestKeptHoldBarsEverybody(t *testing.T) {
	d := keptToken(t, 3)
	d.receive(1, Message{Kind: Probe, Number: Number{}, Probe: 4, Helper: NoMember})
	d.want("A→B PROBE-ANSWER 4 HOLD, could bury nobody")
	d.Try(d.at, cs, 2)
	d.TryShare(d.at, cs, 3, Unlimited)
	d.TryKept(d.at, cs, 4, KeepRequest{Owner: "o"})
	d.wantOnly(Refuse, "A refuses waiter 2", "A refuses waiter 3", "A refuses waiter 4")
	d.acquire(5)
	d.share(6, Unlimited)
	d.share(7, 3)
	d.keep(8, "o")
	d.again(9, 5)
	d.SetLimit(d.at, cs, 10, 4)
	d.lives(3*testTTL, 1, 2)
	d.wantOnly(Grant)
	d.receive(1, Message{Kind: Probe, Number: Number{}, Probe: 5, Helper: NoMember})
	d.wantSent(ProbeAnswer, "A→B PROBE-ANSWER 5 HOLD in use, could bury nobody")
	d.overOf(2, firstID)
	d.wantOnly(Grant, "A ENTERS: waiter 5, fence 1:2, by request 1.5")
}

// A run that is not needed is told so all the same.
func TestKeptHoldDoesNotHideRan(t *testing.T) {
	d := keptToken(t, 3)
	d.locks[cs].token.Run = &RunMark{5, 1 << FenceBits, RunDone}
	d.again(2, 5)
	d.wantOnly(Ran, "A RAN: waiter 2, #5@1:0 done")
}

// While the kept hold bars the lock, all are asked whether it is over: at once, after T/4,
// and then twice as long after each time, up to T. Nobody is asked while nobody waits.
func TestKeptHoldIsAskedAbout(t *testing.T) {
	d := keptToken(t, 3)
	d.lives(testTTL, 1, 2)
	d.want()
	d.acquire(2)
	d.want(
		"A rides: request 1.2",
		"A→B WITNESS kept 1:1 of o for 1.B",
		"A→C WITNESS kept 1:1 of o for 1.B",
	)
	d.acquire(3)
	d.lives(testTTL/4-1, 1, 2)
	d.want()
	d.lives(1, 1, 2)
	d.want("A→B WITNESS kept 1:1 of o for 1.B", "A→C WITNESS kept 1:1 of o for 1.B")
	d.notedKept(firstID, 1, 2)
	for _, pause := range []Time{testTTL / 2, testTTL, testTTL} {
		d.lives(pause-1, 1, 2)
		d.want()
		d.lives(1, 1, 2)
		d.want("A→B WITNESS kept 1:1 of o for 1.B", "A→C WITNESS kept 1:1 of o for 1.B")
	}
	d.knows(2, firstID, KeptHold{Fence: firstID, Owner: "o", Over: true})
	d.want(
		"A stores 2: kept 1:1 of o over",
		"A no longer keeps 1:1",
		"A ENTERS: waiter 2, fence 1:2, by request 1.2",
	)
}

// If a later hold is known, that one bars the lock, or it is over.
func TestLaterKeptHoldCounts(t *testing.T) {
	d := keptToken(t, 3)
	d.acquire(2)
	d.take()
	d.knows(2, firstID, KeptHold{Fence: firstID + 5, Owner: "p"})
	d.want("A keeps the lock for kept 1:6 of p")
	d.knows(1, firstID, KeptHold{Fence: firstID, Over: true})
	d.knows(1, firstID, KeptHold{Fence: firstID + 4, Over: true})
	d.wantOnly(Grant)
	d.knows(1, firstID, KeptHold{Fence: firstID + 6, Over: true})
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:2, by request 1.2")
}

// A node that knows that the hold is over lets in its waiter when the token comes.
func TestTokenComesWithHoldThatIsOver(t *testing.T) {
	d := remembering(t, 3)
	d.overOf(2, 7)
	d.acquire(1)
	d.take()
	d.tokenWith(func(t *Token) { t.Kept = &KeptHold{Fence: 7} })
	d.want("A keeps the lock for kept 0:7", "A no longer keeps 0:7", "A ENTERS: waiter 1, fence 1:1, by request 1.1")
}

// The new token carries the latest kept hold that a promiser knows of, unless it is over.
func TestNewTokenKeepsHold(t *testing.T) {
	d := remembering(t, 3)
	d.acquire(1)
	d.none(1, 1, 2)
	d.take()
	for _, j := range d.others() {
		d.receive(j, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{1, 0}, Number: Number{1, 0}, Note: &Note{
			Kept: &KeptHold{Fence: 6 + Fence(j), Owner: "o", Over: j == 1},
		}})
	}
	d.want(
		"A makes token 1.A",
		"A keeps the lock for kept 0:8 of o",
		"A→B WITNESS kept 0:8 of o for 1.A",
		"A→C WITNESS kept 0:8 of o for 1.A",
	)
}

// A waiter that adopts is let in, under a fence of its own, before those who came earlier.
func TestAdopterGoesFirst(t *testing.T) {
	d := keptToken(t, 3)
	d.acquire(2)
	d.adopt(3, "p")
	d.adopt(4, "")
	d.take()
	d.adopt(5, "o")
	d.want(
		"A stores 2: kept 1:2 of o",
		"A witnesses for waiter 5: kept 1:2 of o",
		"A→B WITNESS kept 1:2 of o for 1.B",
		"A→C WITNESS kept 1:2 of o for 1.B",
	)
	d.stored()
	d.notedKept(firstID, 1, 2) // late answers about the hold that is adopted
	d.wantOnly(Grant)
	d.notedKept(firstID+1, 1)
	d.want("A no longer keeps 1:1", "A ENTERS: waiter 5, fence 1:2, by request 1.2, kept 1:2 of o")
	d.release(5)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:3, by request 1.3")
}

// A try may adopt, too, though others wait.
func TestTryAdopts(t *testing.T) {
	d := keptToken(t, 3)
	d.acquire(2)
	d.take()
	d.TryKept(d.at, cs, 3, KeepRequest{Owner: "o", Adopt: true})
	d.stored()
	d.notedKept(firstID+1, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:2, by request 1.2, kept 1:2 of o")
}

// Nobody adopts a hold whose owner has no name.
func TestHoldWithoutOwnerIsNotAdopted(t *testing.T) {
	d := withNotesToken(t, 3)
	d.keep(1, "")
	d.stored()
	d.notedKept(firstID, 1)
	d.Abandon(d.at, cs, 1)
	d.adopt(2, "")
	d.stored()
	d.notedKept(firstID+1, 1, 2)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1, kept 1:1")
}

// If nobody has kept the hold, a waiter that would adopt it waits like any other.
func TestAdopterOfNothingWaits(t *testing.T) {
	d := withNotesToken(t, 3)
	d.acquire(1)
	d.acquire(2)
	d.adopt(3, "o")
	d.release(1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by no request", "A ENTERS: waiter 2, fence 1:2, by request 1.1")
}

// An adopter that gives up has only given the hold another fence. It bars the lock still.
func TestAdopterThatGivesUpLeavesHold(t *testing.T) {
	d := keptToken(t, 3)
	d.adopt(2, "o")
	d.acquire(3)
	d.take()
	d.withdraw(2)
	d.want(
		"A keeps the lock for kept 1:2 of o",
		"A→B WITNESS kept 1:2 of o for 1.B",
		"A→C WITNESS kept 1:2 of o for 1.B",
	)
	d.overOf(1, firstID)
	d.wantOnly(Grant)
	d.overOf(1, firstID+1)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:3, by request 1.2")
}

// A hold may be freed while it is being adopted: then its adopter is let in as if it had
// been free.
func TestHoldIsFreedDuringAdoption(t *testing.T) {
	freed := func() *driven {
		d := keptToken(t, 3)
		d.adopt(2, "o")
		d.stored()
		d.overOf(1, firstID)
		d.wantOnly(Unkept, "A no longer keeps 1:1")
		return d
	}
	d := freed()
	d.notedKept(firstID+1, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:2, by request 1.2, kept 1:2 of o")
	d = freed()
	d.withdraw(2)
	d.wantSent(Witness, "A→B WITNESS kept 1:2 of o over for 1.B", "A→C WITNESS kept 1:2 of o over for 1.B")
	d.acquire(3)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:3, by no request")
}

// A hold that is freed before it began begins anew, under another fence.
func TestHoldIsFreedBeforeItBegins(t *testing.T) {
	d := withNotesToken(t, 3)
	d.keep(1, "o")
	d.take()
	d.Free(d.at, cs, 9, firstID)
	d.stored()
	d.notedKept(firstID, 1, 2)
	d.wantOnly(Grant)
	d.notedKept(firstID+1, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1, kept 1:2 of o")
}

// A member that knows a kept hold of a later token, or of fences that were lost, refuses an
// earlier one: the token is dropped, and the next one's fences are above.
func TestHoldBelowWhatIsKnownIsRefused(t *testing.T) {
	d := withNotesToken(t, 3)
	d.overOf(2, 5<<FenceBits)
	d.keep(1, "o")
	d.stored()
	d.notedKept(firstID, 1)
	d.knows(2, firstID, KeptHold{Fence: 6 << FenceBits, Over: true})
	d.wantOnly(Grant)
	d.lives(testTTL, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 7.A")
}

// FREE goes to all until all have noted it, and is done when a quorum has.
func TestFree(t *testing.T) {
	d := keptToken(t, 5)
	d.acquire(2)
	d.take()
	d.Free(d.at, cs, 9, firstID)
	d.want(
		"A stores 2: kept 1:1 of o over",
		"A witnesses for waiter 9: kept 1:1 of o over",
		"A→B WITNESS kept 1:1 of o over",
		"A→C WITNESS kept 1:1 of o over",
		"A→D WITNESS kept 1:1 of o over",
		"A→E WITNESS kept 1:1 of o over",
		"A no longer keeps 1:1",
		"A ENTERS: waiter 2, fence 1:2, by request 1.2",
	)
	d.stored()
	d.notedFree(firstID, 1)
	d.want()
	d.notedFree(firstID, 2)
	d.want("A kept hold 1:1, for waiter 9, freed")
	d.lives(testTTL/4, 1, 2, 3, 4)
	d.wantSent(Witness, "A→D WITNESS kept 1:1 of o over", "A→E WITNESS kept 1:1 of o over")
}

// Two that free the same hold are both told.
func TestFreeTwice(t *testing.T) {
	d := keptToken(t, 3)
	d.Free(d.at, cs, 8, firstID)
	d.Free(d.at, cs, 9, firstID)
	d.stored()
	d.notedFree(firstID, 1)
	d.wantOnly(Freed, "A kept hold 1:1, for waiter 8, freed", "A kept hold 1:1, for waiter 9, freed")
}

// FREE needs no session; without a quorum it is not known after T whether it will last.
func TestFreeWithoutQuorum(t *testing.T) {
	d := keptToken(t, 3)
	d.passes(testTTL)
	d.take()
	d.Free(d.at, cs, 9, firstID)
	d.passes(testTTL - 1)
	d.wantOnly(Freed)
	d.passes(1)
	d.wantOnly(Freed, "A kept hold 1:1, for waiter 9, not freed: out of time")
}

// Nobody frees a hold that it does not know: the fence might be that of one to come.
func TestUnknownHoldIsNotFreed(t *testing.T) {
	d := keptToken(t, 3)
	for _, f := range []Fence{0, firstID + 1} {
		d.Free(d.at, cs, 9, f)
		d.want("A kept hold " + fence(f) + ", for waiter 9, not freed: no such hold is known here")
	}
	d = remembering(t, 3)
	d.tokenWith(func(t *Token) { t.Kept = &KeptHold{Fence: 7} })
	d.Free(d.at, cs, 9, 7)
	d.wantOnly(Unkept, "A no longer keeps 0:7")
}

// Whoever holds the lock keeps it. When it is gone later, nothing bars the lock.
func TestFreeLeavesHolder(t *testing.T) {
	d := holdingKept(t, 3)
	d.acquire(2)
	d.Free(d.at, cs, 9, firstID)
	d.wantOnly(Revoke)
	d.Abandon(d.at, cs, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:2, by request 1.2")
}

// When it is time to ask again, the token goes on to another member that wants it: somebody
// there may adopt the hold. This node's request stands.
func TestBarredTokenGoesOn(t *testing.T) {
	d := keptToken(t, 3)
	d.acquire(2)
	d.lives(testTTL/8, 1, 2)
	d.request(2, 1)
	d.wantSent(TokenMessage)
	d.lives(testTTL/8, 1, 2)
	d.wantSent(TokenMessage, "A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q A, kept 1:1 of o")
	d.lives(testTTL*3/8-1, 1, 2)
	d.wantOnly(Probed) // it has seen the token just now
	d.tokenWith(func(t *Token) {
		t.Hop, t.Fence, t.LastGranted[0], t.LastGranted[2] = 3, firstID, Number{1, 1}, Number{1, 1}
		t.Kept = &KeptHold{Fence: firstID, Owner: "o"}
	})
	d.adopt(3, "o")
	d.stored()
	d.notedKept(firstID+1, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:2, by request 1.2, kept 1:2 of o")
}

// A token with a kept hold is given away by a node that leaves, as any other.
func TestLeavingPassesKeptHoldOn(t *testing.T) {
	d := keptToken(t, 3)
	d.acquire(2)
	d.take()
	d.Retire(d.at)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.2 1.0 1.0, Q nobody, kept 1:1 of o")
}

// At a lapse a kept hold is lost like any other. The notes stay, so the next token has it.
func TestLapseLeavesNoteOfKeptHold(t *testing.T) {
	d := holdingKept(t, 3)
	d.passes(testTTL)
	d.wantOnly(Revoke, "A LOSES IT: waiter 1, fence 1:1")
	if got := d.InspectNotes(cs).Kept; got != (KeptHold{Fence: firstID, Owner: "o"}) {
		t.Errorf("A remembers %+v, want the hold as it was", got)
	}
	d.ponged(1, 2)
	d.take()
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{4, 1}})
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 4.B PROMISE, not waiting at 2.0, buries nobody, notes kept 1:1 of o")
}

// Whoever looks at a lock sees what the holder's hold is, and what the token carries.
func TestInspectShowsKeptHold(t *testing.T) {
	d := holdingKept(t, 3)
	var v LockView
	d.InspectLock(cs, &v)
	if v.Hold == nil || v.Hold.Kept == nil || v.Hold.Kept.Fence != firstID || v.Token.Kept != nil {
		t.Errorf("a holder: hold %+v, and the token keeps %+v; want kept 1:1 and nothing", v.Hold, v.Token.Kept)
	}
	d.Abandon(d.at, cs, 1)
	d.InspectLock(cs, &v)
	if v.Hold != nil || v.Token.Kept == nil || v.Token.Kept.Fence != firstID {
		t.Errorf("nobody: hold %+v, and the token keeps %+v; want nothing and kept 1:1", v.Hold, v.Token.Kept)
	}
	d = holding(t, 3)
	d.InspectLock(cs, &v)
	if v.Hold != nil || v.Token.Kept != nil {
		t.Errorf("a plain hold: hold %+v, and the token keeps %+v", v.Hold, v.Token.Kept)
	}
}
