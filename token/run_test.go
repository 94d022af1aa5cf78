package token

import (
	"testing"

	"pgregory.net/rapid"
)

// One test for each rule of runs of ticks (protocol, section 7).

// remembering is inSession where all members remember notes.
func remembering(t *testing.T, members int) *driven {
	t.Helper()
	return rememberingWith(t, testConfig(0, members))
}

func rememberingWith(t *testing.T, cfg Config) *driven {
	t.Helper()
	if cfg.Remembers = true; cfg.MaxNotes == 0 {
		cfg.MaxNotes = 100
	}
	d := inSessionWith(t, cfg)
	for _, j := range d.others() {
		d.peers[j].hello.Remembers = true
	}
	return d
}

// withNotesToken is withToken where all members remember notes.
func withNotesToken(t *testing.T, members int) *driven {
	t.Helper()
	d := remembering(t, members)
	d.token()
	d.take()
	return d
}

// stored says that all is on stable storage.
func (d *driven) stored() { d.Stored(d.at, d.serial) }

func (d *driven) again(w Waiter, tick Tick) { d.AcquireRun(d.at, cs, w, RunRequest{Tick: tick}) }

func (d *driven) skip(w Waiter, tick Tick) {
	d.AcquireRun(d.at, cs, w, RunRequest{Tick: tick, Skip: true})
}

func (d *driven) endRun(w Waiter) {
	d.t.Helper()
	if !d.EndRun(d.at, cs, w, 0, "ended") {
		d.t.Fatalf("waiter %d holds no run", w)
	}
}

// witness is WITNESS from a peer, for the token 1.B.
func (d *driven) witness(from Member, w Note) {
	w.Epoch = Epoch{1, 1}
	d.receive(from, Message{Kind: Witness, Note: &w})
}

// tells is WITNESS of what is true whatever became of a token.
func (d *driven) tells(from Member, w Note) { d.receive(from, Message{Kind: Witness, Note: &w}) }

func runOf(tick Tick, f Fence, state RunState) *Run { return &Run{RunMark: RunMark{tick, f, state}} }

// noted lets peers answer the WITNESS of a run for the token 1.B.
func (d *driven) noted(m RunMark, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: WitnessAnswer, Answer: Noted, Note: &Note{Epoch: Epoch{1, 1}, About: NoteID{Run: m}}})
	}
}

// A run that is wanted at least once enters as any waiter, without a message.
func TestRunAgainEntersAtOnce(t *testing.T) {
	d := withNotesToken(t, 3)
	d.again(1, 5)
	d.want("A ENTERS: waiter 1, fence 1:1, by no request, #5@1:1 begun")
	d.release(1)
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody, run #5@1:1 begun")
}

// A run that is wanted at most once is noted by a quorum before its entry, this node counted.
func TestSkipIsWitnessedBeforeEntry(t *testing.T) {
	begun := RunMark{5, firstID, RunBegun}
	d := withNotesToken(t, 5)
	d.skip(1, 5)
	d.want(
		"A stores 1: #5@1:1 begun",
		"A witnesses for waiter 1: #5@1:1 begun",
		"A→B WITNESS #5@1:1 begun for 1.B",
		"A→C WITNESS #5@1:1 begun for 1.B",
		"A→D WITNESS #5@1:1 begun for 1.B",
		"A→E WITNESS #5@1:1 begun for 1.B",
		"A rides: request 1.1",
	)
	d.noted(begun, 2)
	d.noted(begun, 2)
	d.noted(begun, 3)
	d.want()
	d.stored()
	d.want("A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
}

// The token's latest run decides who needs none.
func TestTokensRunDecides(t *testing.T) {
	const was = "#5@1:0 "
	for _, tt := range []struct {
		state     RunState
		tick      Tick
		skip, ran bool
	}{
		{RunDone, 4, false, true},
		{RunDone, 5, false, true},
		{RunDone, 5, true, true},
		{RunDone, 6, false, false},
		{RunBegun, 4, false, true},
		{RunBegun, 5, false, false},
		{RunBegun, 5, true, true},
		{RunBegun, 6, true, false},
		{RunVoid, 4, true, true},
		{RunVoid, 5, true, false},
		{RunVoid, 5, false, false},
	} {
		d := remembering(t, 3)
		d.tokenWith(func(t *Token) { t.Run = &RunMark{5, 1 << FenceBits, tt.state} })
		d.AcquireRun(d.at, cs, 1, RunRequest{Tick: tt.tick, Skip: tt.skip})
		if tt.skip && !tt.ran {
			d.stored()
			d.noted(RunMark{tt.tick, firstID, RunBegun}, 1)
		}
		d.issued = d.take()
		var ran, entered bool
		for _, e := range d.issued {
			ran, entered = ran || e.Kind == Ran, entered || e.Kind == Grant
			if got := describe(0, e); e.Kind == Ran && got != "A RAN: waiter 1, "+was+stateNames[tt.state] {
				t.Errorf("got %s, want it to name the run %s", got, was)
			}
		}
		if ran != tt.ran || entered == tt.ran {
			t.Errorf("#%d (at most once: %t) after %s%s: told that it ran %t, entered %t; want %t and %t",
				tt.tick, tt.skip, was, stateNames[tt.state], ran, entered, tt.ran, !tt.ran)
		}
	}
}

// Waiters behind one whose run is not needed enter at once, and the token goes on if there
// are none.
func TestTurnGoesOnAfterRan(t *testing.T) {
	d := remembering(t, 3)
	d.request(2, 1)
	d.again(1, 5)
	d.acquire(2)
	d.take()
	d.tokenWith(func(t *Token) { t.Run = &RunMark{5, 1 << FenceBits, RunDone} })
	d.want("A RAN: waiter 1, #5@1:0 done", "A ENTERS: waiter 2, fence 1:1, by request 1.1")
	d.release(2)
	d.request(1, 1)
	d.again(3, 4)
	d.take()
	d.tokenWith(func(t *Token) { t.Hop, t.Run = 3, &RunMark{5, 1 << FenceBits, RunDone} })
	d.want(
		"A RAN: waiter 3, #5@1:0 done",
		"A withdraws: request 1.2",
		"A→B TOKEN 1.B to session 1, hop 4, fence 1:0, LN 1.2 1.0 1.0, Q C, run #5@1:0 done",
	)
}

// What this node remembers counts if it is done, and the token takes it over.
func TestTokenTakesOverWhatIsDone(t *testing.T) {
	d := withNotesToken(t, 3)
	d.tells(2, Note{Run: runOf(5, 7, RunDone)})
	d.acquire(1)
	d.again(2, 4)
	d.again(3, 6)
	d.wantOnly(Ran, "A RAN: waiter 2, #5@0:7 done")
	d.release(1)
	d.release(3)
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:2, LN 1.1 1.0 1.0, Q nobody, run #6@1:2 begun")
	d.token()
	d.again(4, 3)
	d.request(1, 2)
	d.wantOnly(Ran, "A RAN: waiter 4, #5@0:7 done")

	d = withNotesToken(t, 3)
	d.tells(2, Note{Run: runOf(5, 7, RunDone)})
	d.tells(2, Note{Run: runOf(6, 8, RunVoid)})
	d.witness(2, Note{Run: runOf(6, 8, RunBegun)}) // is not done
	d.again(1, 5)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by no request, #5@1:1 begun")
}

// A node without the token that knows that a run is done says so at once: to who asks, and to
// who waits already; in a session or not.
func TestRanWithoutToken(t *testing.T) {
	d := remembering(t, 3)
	d.request(1, 1)
	d.again(1, 5)
	d.skip(2, 6)
	d.acquire(3)
	d.again(4, 4)
	d.take()
	d.tells(1, Note{Run: runOf(5, 7, RunDone)})
	d.want(
		"A stores 1: #5@0:7 done",
		"A RAN: waiter 1, #5@0:7 done",
		"A RAN: waiter 4, #5@0:7 done",
	)
	d.passes(testTTL) // lapses
	d.take()
	d.again(5, 5)
	d.want("A RAN: waiter 5, #5@0:7 done")
	d.TryRun(d.at, cs, 6, RunRequest{Tick: 3})
	d.want("A RAN: waiter 6, #5@0:7 done")
	d.tells(1, Note{Run: runOf(7, 7, RunDone)})
	d.wantOnly(Ran, "A RAN: waiter 2, #7@0:7 done")
}

// A run that is done: all are told, and the token leaves at once, behind it. The holder is
// told once a quorum has noted it.
func TestRunDoneGoesAheadOfToken(t *testing.T) {
	d := withNotesToken(t, 3)
	d.again(1, 5)
	d.request(1, 1)
	d.take()
	d.endRun(1)
	d.want(
		"A stores 1: #5@1:1 done",
		"A witnesses for waiter 1: #5@1:1 done",
		"A→B WITNESS #5@1:1 done for 1.B",
		"A→C WITNESS #5@1:1 done for 1.B",
		"A LEAVES: waiter 1, fence 1:1",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody, run #5@1:1 done",
	)
	d.stored()
	d.want()
	d.noted(RunMark{5, firstID, RunDone}, 2)
	d.want("A run of waiter 1, #5@1:1 done, noted")
	d.lives(testTTL/4, 1, 2) // B has not noted it yet
	d.wantSent(Witness, "A→B WITNESS #5@1:1 done for 1.B")
	d.noted(RunMark{5, firstID, RunDone}, 1)
	d.lives(testTTL, 1, 2)
	d.want()
}

// EndRun is for a holder of a run, while it holds.
func TestOnlyHolderOfRunEndsIt(t *testing.T) {
	d := withNotesToken(t, 3)
	d.acquire(1)
	for _, w := range []Waiter{0, 1, 2} {
		if d.EndRun(d.at, cs, w, 0, "") {
			t.Errorf("waiter %d ends a run, and holds none", w)
		}
	}
	d.release(1)
	d.again(2, 5)
	d.passes(testTTL) // lapses
	if d.EndRun(d.at, cs, 2, 0, "") {
		t.Error("a run is ended whose hold is lost")
	}
}

// The holder is not told that a run is noted after the session in which it ended, nor later
// than T.
func TestRunNotNoted(t *testing.T) {
	ended := func() *driven {
		d := withNotesToken(t, 3)
		d.again(1, 5)
		d.endRun(1)
		d.take()
		return d
	}
	d := ended()
	d.passes(testTTL)
	d.wantOnly(RunNoted, "A run of waiter 1, #5@1:1 done, not noted: session lapsed")
	d.stored()
	d.noted(RunMark{5, firstID, RunDone}, 1, 2)
	d.wantOnly(RunNoted)

	d = ended()
	d.lives(testTTL-1, 1, 2)
	d.wantOnly(RunNoted)
	d.lives(1, 1, 2)
	d.wantOnly(RunNoted, "A run of waiter 1, #5@1:1 done, not noted: out of time")
	d.stored()
	d.noted(RunMark{5, firstID, RunDone}, 1, 2)
	d.lives(testTTL, 1, 2)
	d.want()
}

// A hold that ends without a word leaves a run that has begun.
func TestReleaseSaysNothingOfRun(t *testing.T) {
	d := withNotesToken(t, 3)
	d.again(1, 5)
	d.take()
	d.Abandon(d.at, cs, 1)
	d.want("A LEAVES: waiter 1, fence 1:1")
	d.again(2, 5)
	d.want("A ENTERS: waiter 2, fence 1:2, by no request, #5@1:2 begun")
}

// A run is void of whose entry its waiter, who had given up, has not heard: the next one for
// the tick is let in.
func TestDeclinedRunIsVoid(t *testing.T) {
	d := withNotesToken(t, 3)
	d.skip(1, 5)
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.stored()
	d.take()
	d.Decline(d.at, cs, 1)
	d.want(
		"A stores 2: #5@1:1 void",
		"A witnesses for waiter 1: #5@1:1 void",
		"A→B WITNESS #5@1:1 void for 1.B",
		"A→C WITNESS #5@1:1 void for 1.B",
		"A LEAVES: waiter 1, fence 1:1",
	)
	d.skip(2, 5)
	d.noted(RunMark{5, firstID + 1, RunBegun}, 1)
	d.take()
	d.stored()
	d.want("A ENTERS: waiter 2, fence 1:2, by request 1.2, #5@1:2 begun")
}

// A run that may run again may follow one at most once. If it is declined, the tick is still not
// run again at most once.
func TestDeclinedRunHidesNoOther(t *testing.T) {
	d := withNotesToken(t, 3)
	d.skip(1, 5)
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.stored()
	d.take()
	d.Abandon(d.at, cs, 1)
	d.again(2, 5)
	d.take()
	d.Decline(d.at, cs, 2)
	d.want("A LEAVES: waiter 2, fence 1:2")
	d.skip(3, 5)
	d.want("A RAN: waiter 3, #5@1:2 begun")
	d.again(4, 5)
	d.want("A ENTERS: waiter 4, fence 1:3, by no request, #5@1:3 begun")
}

// A run that is said to be done later is noted and told to all, once.
func TestLateRunIsTold(t *testing.T) {
	d := remembering(t, 3)
	d.LateRun(d.at, cs, Run{RunMark: RunMark{Tick: 5, Fence: firstID}})
	d.want(
		"A stores 1: #5@1:1 done",
		"A witnesses for waiter 0: #5@1:1 done",
		"A→B WITNESS #5@1:1 done",
		"A→C WITNESS #5@1:1 done",
	)
	d.stored()
	d.lives(testTTL, 1, 2)
	d.want()
	d.tells(2, Note{Run: runOf(6, firstID, RunDone)}) // and from others
	d.stored()
	d.want("A stores 2: #6@1:1 done")
}

// A run that is about to begin, and does not, is void, and all are told. Its fence is not
// used, and the token's run stays as it was.
func TestRunThatDoesNotBeginIsVoid(t *testing.T) {
	d := withNotesToken(t, 3)
	d.skip(1, 5)
	d.take()
	d.withdraw(1)
	d.want(
		"A withdraws: request 1.1",
		"A stores 2: #5@1:1 void",
		"A witnesses for waiter 1: #5@1:1 void",
		"A→B WITNESS #5@1:1 void for 1.B",
		"A→C WITNESS #5@1:1 void for 1.B",
	)
	d.stored()
	d.noted(RunMark{5, firstID, RunBegun}, 1, 2)
	d.want()
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q nobody")
}

// The next waiter in line has a round and a fence of its own.
func TestNextWaiterIsWitnessedAnew(t *testing.T) {
	d := withNotesToken(t, 3)
	d.skip(1, 5)
	d.skip(2, 5)
	d.stored()
	d.take()
	d.withdraw(1)
	d.wantSent(Witness,
		"A→B WITNESS #5@1:1 void for 1.B", "A→C WITNESS #5@1:1 void for 1.B",
		"A→B WITNESS #5@1:2 begun for 1.B", "A→C WITNESS #5@1:2 begun for 1.B",
	)
	d.stored()
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.wantOnly(Grant)
	d.noted(RunMark{5, firstID + 1, RunBegun}, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:2, by request 1.1, #5@1:2 begun")
}

// That a run is void is noted only by who noted that it was about to begin.
func TestVoidEndsWhatWasAboutToBegin(t *testing.T) {
	d := remembering(t, 3)
	d.witness(1, Note{Run: runOf(5, 7, RunVoid)})
	d.want()
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.witness(1, Note{Run: runOf(5, 6, RunVoid)})
	d.witness(1, Note{Run: runOf(5, 7, RunVoid)})
	d.want("A stores 1: #5@0:7 begun", "A stores 2: #5@0:7 void")
}

// What the answers tell is done rules the run out.
func TestAnswerThatTickIsDone(t *testing.T) {
	d := withNotesToken(t, 3)
	d.skip(1, 5)
	d.take()
	d.receive(1, Message{Kind: WitnessAnswer, Answer: Noted, Note: &Note{
		Epoch: Epoch{1, 1}, About: NoteID{Run: RunMark{5, firstID, RunBegun}}, Run: runOf(6, 9, RunDone),
	}})
	d.want(
		"A stores 2: #6@0:9 done",
		"A RAN: waiter 1, #6@0:9 done",
		"A withdraws: request 1.1",
		"A witnesses for waiter 1: #5@1:1 void",
		"A→B WITNESS #5@1:1 void for 1.B",
		"A→C WITNESS #5@1:1 void for 1.B",
	)
}

// A try for a run is refused where the lock is in use, and waits for the witnesses.
func TestTryForRun(t *testing.T) {
	d := withNotesToken(t, 3)
	d.TryRun(d.at, cs, 1, RunRequest{Tick: 5, Skip: true})
	d.wantOnly(Refuse)
	d.TryRun(d.at, cs, 2, RunRequest{Tick: 6})
	d.wantOnly(Refuse, "A refuses waiter 2")
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.stored()
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
	d.TryRun(d.at, cs, 3, RunRequest{Tick: 6})
	d.wantOnly(Refuse, "A refuses waiter 3")
}

// Marks are totally ordered: by tick, done, fence, void.
func TestRunMarksAreOrdered(t *testing.T) {
	ordered := []RunMark{
		{}, {1, 5, RunBegun}, {1, 5, RunVoid}, {1, 6, RunBegun}, {1, 4, RunDone}, {1, 6, RunDone}, {2, 1, RunBegun},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := max(-1, min(i-j, 1))
			if got := a.Compare(b); got != want || a.Above(b) != (want > 0) {
				t.Errorf("%v against %v: %d, want %d", a, b, got, want)
			}
		}
	}
	mark := rapid.Custom(func(t *rapid.T) RunMark {
		return RunMark{
			Tick(rapid.IntRange(1, 3).Draw(t, "tick")), Fence(rapid.IntRange(1, 3).Draw(t, "fence")),
			RunState(rapid.IntRange(1, 3).Draw(t, "state")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := mark.Draw(t, "a"), mark.Draw(t, "b"), mark.Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%v against %v: %d, and %d the other way", a, b, a.Compare(b), b.Compare(a))
		}
		if a.Above(b) && b.Above(c) && !a.Above(c) {
			t.Fatalf("%v above %v above %v, but not the first above the last", a, b, c)
		}
	})
}
