package token

import (
	"testing"

	"pgregory.net/rapid"
)

// One test for each rule of WITNESS (protocol, section 7).

// skipping starts A with the token, and waiter 1 whose run is being witnessed: it is on A's
// stable storage.
func skipping(t *testing.T, members int) *driven {
	t.Helper()
	d := withNotesToken(t, members)
	d.skip(1, 5)
	d.stored()
	d.take()
	return d
}

// refused lets peers refuse the WITNESS of a run of tick 5.
func (d *driven) refused(highest uint64, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: WitnessAnswer, Answer: Outbid, Highest: Epoch{Number: highest}, Note: &Note{
			Epoch: Epoch{1, 1}, About: NoteID{Run: RunMark{5, firstID, RunBegun}},
		}})
	}
}

// A member notes what it is asked to, and answers once that is on stable storage.
func TestWitnessIsAnsweredOnceStored(t *testing.T) {
	d := remembering(t, 3)
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)}) // repeated
	d.want("A stores 1: #5@0:7 begun")
	d.witness(2, Note{Kept: &KeptHold{Fence: 8}})
	d.want("A stores 2: #5@0:7 begun, kept 0:8")
	d.Stored(d.at, 1)
	d.want("A→B WITNESS-ANSWER #5@0:7 begun NOTED")
	d.Stored(d.at, 2)
	d.want("A→C WITNESS-ANSWER kept 0:8 NOTED")
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.want("A→B WITNESS-ANSWER #5@0:7 begun NOTED")
}

// Whoever remembers something higher says so.
func TestWitnessTellsWhatIsHigher(t *testing.T) {
	d := remembering(t, 3)
	d.tells(1, Note{Run: runOf(6, 9, RunDone)})
	d.tells(1, Note{Kept: &KeptHold{Fence: 9, Owner: "o", Over: true}})
	d.stored()
	d.take()
	d.witness(2, Note{Run: runOf(5, 7, RunBegun)})
	d.witness(2, Note{Kept: &KeptHold{Fence: 9, Owner: "o"}})
	d.want(
		"A→C WITNESS-ANSWER #5@0:7 begun NOTED, knows #6@0:9 done",
		"A→C WITNESS-ANSWER kept 0:9 NOTED, knows kept 0:9 of o over",
	)
}

// A member that has promised a ballot above the epoch of the sender's token refuses, and
// does not note that a hold is about to begin. What is true in any case it notes.
func TestWitnessIsRefusedAfterPromise(t *testing.T) {
	promised := func() *driven {
		d := remembering(t, 3)
		d.receive(2, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{4, 2}})
		d.take()
		return d
	}
	d := promised()
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.witness(1, Note{Kept: &KeptHold{Fence: 8}})
	d.want("A→B WITNESS-ANSWER #5@0:7 begun OUTBID under 4", "A→B WITNESS-ANSWER kept 0:8 OUTBID under 4")
	d.witness(1, Note{Run: runOf(5, 7, RunDone)})
	d.want("A stores 1: #5@0:7 done", "A→B WITNESS-ANSWER #5@0:7 done OUTBID under 4")
	d.receive(2, Message{Kind: Abort, Ballot: Epoch{4, 2}})
	d.witness(1, Note{Run: runOf(6, 7, RunBegun)})
	d.stored()
	d.want("A stores 2: #6@0:7 begun", "A→B WITNESS-ANSWER #6@0:7 begun NOTED")

	d = inSessionWith(t, rememberingConfig()) // a later token was here
	d.tokenWith(func(t *Token) { t.Epoch = Epoch{2, 1} })
	d.request(2, 1)
	d.take()
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.want("A→B WITNESS-ANSWER #5@0:7 begun OUTBID under 2")
}

func rememberingConfig() Config {
	cfg := testConfig(0, 3)
	cfg.Remembers, cfg.MaxNotes = true, 2
	return cfg
}

// A member that waits after its start may have forgotten a promise, and does not answer. Nor
// does it note that a hold is about to begin.
func TestWitnessIsNotAnsweredDuringWait(t *testing.T) {
	cfg := rememberingConfig()
	cfg.Encumbered = true
	d := startWith(t, cfg)
	d.up(1, 1)
	d.take()
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.witness(1, Note{Kept: &KeptHold{Fence: 8}})
	d.want()
	d.witness(1, Note{Run: runOf(5, 7, RunDone)})
	d.stored()
	d.want("A stores 1: #5@0:7 done")
	d.tells(1, Note{Kept: &KeptHold{Fence: 8, Over: true}}) // asks all, whatever their promises
	d.stored()
	d.want("A stores 2: #5@0:7 done, kept 0:8 over", "A→B WITNESS-ANSWER kept 0:8 over NOTED")
	d.passes(testTTL)
	d.take()
	d.witness(1, Note{Run: runOf(5, 7, RunDone)})
	d.want("A→B WITNESS-ANSWER #5@0:7 done NOTED")
}

// A member without room, or without stable storage, says so.
func TestWitnessIsNotTaken(t *testing.T) {
	d := inSessionWith(t, rememberingConfig())
	for _, name := range []string{"one", "two"} {
		d.receive(1, Message{Kind: Witness, Lock: name, Note: &Note{Run: runOf(5, 7, RunDone)}})
	}
	d.stored()
	d.take()
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.want("A→B WITNESS-ANSWER #5@0:7 begun FULL")
	d.receive(1, Message{Kind: Witness, Lock: "one", Note: &Note{Epoch: Epoch{1, 1}, Run: runOf(6, 7, RunBegun)}})
	d.want("A stores 3: #6@0:7 begun of one")

	d = inSession(t, 3)
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.tells(1, Note{Run: runOf(5, 7, RunDone)})
	d.want("A→B WITNESS-ANSWER #5@0:7 begun NO DISK")
}

// Messages that make no sense are dropped.
func TestWitnessWithoutSenseIsDropped(t *testing.T) {
	d := remembering(t, 3)
	for _, w := range []*Note{
		nil, {}, {Run: runOf(5, 7, RunDone), Kept: &KeptHold{Fence: 7}}, {Run: runOf(5, 7, RunBegun)}, {Kept: &KeptHold{Fence: 7}},
		{Epoch: Epoch{1, 1}, Run: &Run{}}, {Epoch: Epoch{1, 1}, Kept: &KeptHold{}},
	} {
		d.receive(1, Message{Kind: Witness, Note: w})
		d.receive(1, Message{Kind: WitnessAnswer, Answer: Noted, Note: w})
	}
	d.wantOnly(Store)
}

// WITNESS is repeated every T/4, and on a new stream, to who has not answered.
func TestWitnessIsRepeated(t *testing.T) {
	d := withNotesToken(t, 5)
	d.skip(1, 5)
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.take()
	d.lives(testTTL/4, 1, 2, 3, 4)
	d.wantSent(Witness,
		"A→C WITNESS #5@1:1 begun for 1.B", "A→D WITNESS #5@1:1 begun for 1.B", "A→E WITNESS #5@1:1 begun for 1.B")
	d.up(2, 1)
	d.wantSent(Witness, "A→C WITNESS #5@1:1 begun for 1.B")
	d.up(1, 1)
	d.wantSent(Witness)
}

// A token that waits for witnesses counts as in use.
func TestTokenThatIsWitnessedIsInUse(t *testing.T) {
	d := skipping(t, 3)
	d.request(2, 1)
	d.want()
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: NoMember})
	d.want("A→B PROBE-ANSWER 4 HOLD in use, could bury nobody")
	d.lives(testTTL/4, 1, 2)
	d.wantSent(Busy, "A→B BUSY cs", "A→C BUSY cs")
}

// WITNESS is a sign of the token.
func TestWitnessIsSignOfToken(t *testing.T) {
	d := remembering(t, 3)
	d.request(1, 1)
	d.acquire(1)
	d.lives(testTTL/4, 1, 2)
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.take()
	d.lives(testTTL*3/8-1, 1, 2)
	d.wantOnly(Probed)
	d.lives(1, 1, 2)
	d.wantOnly(Probed, "A begins probe 1")
}

// Who is refused, and has no quorum for T, drops its token and begins a ballot above all that
// it was told. Nothing comes of its run.
func TestTokenThatWitnessesRefuseIsDropped(t *testing.T) {
	d := skipping(t, 3)
	d.refused(8, 1)
	d.lives(testTTL-1, 1, 2)
	d.wantOnly(Dropped)
	d.refused(9, 1)
	d.lives(1, 1, 2)
	d.want(
		"A stores 2: #5@1:1 void",
		"A witnesses for waiter 1: #5@1:1 void",
		"A→B WITNESS #5@1:1 void for 1.B",
		"A→C WITNESS #5@1:1 void for 1.B",
		"A drops token 1.B: refused by witnesses",
		"A saves session 1, promised 10",
		"A begins ballot 10.A",
		"A→B BALLOT 10.A for 1.1, out of reach nobody",
		"A→C BALLOT 10.A for 1.1, out of reach nobody",
	)
	d.refused(9, 1) // late
	d.receive(1, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{10, 0}, Number: Number{1, 0}})
	d.receive(2, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{10, 0}, Number: Number{1, 0}})
	d.wantSent(Witness, "A→B WITNESS #5@10:1 begun for 10.A", "A→C WITNESS #5@10:1 begun for 10.A")
}

// A refusal that comes later drops the token at once; without any, the token waits.
func TestTokenWithoutWitnessesWaits(t *testing.T) {
	d := skipping(t, 3)
	d.lives(2*testTTL, 1, 2)
	d.wantOnly(Dropped)
	d.refused(9, 1)
	d.wantOnly(Dropped, "A drops token 1.B: refused by witnesses")
}

// At a lapse nothing comes of the run, which all are told.
func TestLapseDuringWitness(t *testing.T) {
	d := skipping(t, 3)
	d.passes(testTTL)
	d.wantSent(Witness,
		"A→B WITNESS #5@1:1 begun for 1.B", "A→C WITNESS #5@1:1 begun for 1.B",
		"A→B WITNESS #5@1:1 begun for 1.B", "A→C WITNESS #5@1:1 begun for 1.B",
		"A→B WITNESS #5@1:1 begun for 1.B", "A→C WITNESS #5@1:1 begun for 1.B",
		"A→B WITNESS #5@1:1 void for 1.B", "A→C WITNESS #5@1:1 void for 1.B",
	)
	d.noted(RunMark{5, firstID, RunBegun}, 1, 2)
	d.wantOnly(Grant)
}

// A node that leaves gives up what is being witnessed, and passes the token on.
func TestLeavingEndsWitness(t *testing.T) {
	d := skipping(t, 3)
	d.Retire(d.at)
	d.want(
		"A stores 2: #5@1:1 void",
		"A witnesses for waiter 1: #5@1:1 void",
		"A→B WITNESS #5@1:1 void for 1.B",
		"A→C WITNESS #5@1:1 void for 1.B",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.1 1.0 1.0, Q nobody",
		"A→B BYE 1",
		"A→C BYE 1",
		"A is gone, session 1",
	)
}

// A node that leaves does not go while a holder waits to be told that its run is noted.
func TestLeavingWaitsForNotedRun(t *testing.T) {
	d := withNotesToken(t, 3)
	d.again(1, 5)
	d.Retire(d.at)
	d.endRun(1)
	d.stored()
	d.wantOnly(Gone)
	d.noted(RunMark{5, firstID, RunDone}, 1)
	d.wantOnly(Gone, "A is gone, session 1")

	d = withNotesToken(t, 3)
	d.again(1, 5)
	d.Retire(d.at)
	d.endRun(1)
	d.lives(testTTL, 1, 2)
	d.issued = d.take()
	d.wantOnly(Gone, "A is gone, session 1")
}

// A waiter for which a member cannot remember is refused: at once, if that is known, else
// when the member says so.
func TestWaiterIsRefusedIfMemberCannotRemember(t *testing.T) {
	d := inSession(t, 3)
	d.again(1, 5)
	d.want("A refuses waiter 1: a member has no data directory")
	d = withNotesToken(t, 3)
	d.peers[2].hello.Remembers = false
	d.again(1, 5)
	d.AcquireKept(d.at, cs, 2, KeepRequest{})
	d.want("A refuses waiter 1: a member has no data directory", "A refuses waiter 2: a member has no data directory")

	d = inSessionWith(t, rememberingConfig())
	for _, j := range d.others() {
		d.peers[j].hello.Remembers = true
	}
	for _, name := range []string{"one", "two"} {
		d.receive(1, Message{Kind: Witness, Lock: name, Note: &Note{Run: runOf(5, 7, RunDone)}})
	}
	d.take()
	d.again(1, 5)
	d.want("A refuses waiter 1: a member remembers as many notes as it may")

	for answer, reason := range map[Answer]string{Full: ReasonFull, NoDisk: ReasonNoDisk} {
		d = skipping(t, 3)
		d.acquire(2)
		d.receive(1, Message{Kind: WitnessAnswer, Answer: answer, Note: &Note{
			Epoch: Epoch{1, 1}, About: NoteID{Run: RunMark{5, firstID, RunBegun}},
		}})
		d.wantOnly(Refuse, "A refuses waiter 1: "+reason)
		if d.locks[cs].holder != 2 {
			t.Error("the next in line does not enter")
		}
	}
}

// Answers about an earlier fence, of another epoch or by another kind of note do not count.
func TestOnlyAnswersToThisWitnessCount(t *testing.T) {
	d := skipping(t, 3)
	for _, note := range []Note{
		{Epoch: Epoch{1, 1}, About: NoteID{Run: RunMark{5, firstID - 1, RunBegun}}},
		{Epoch: Epoch{1, 1}, About: NoteID{Run: RunMark{5, firstID, RunDone}}},
		{Epoch: Epoch{1, 2}, About: NoteID{Run: RunMark{5, firstID, RunBegun}}},
		{Epoch: Epoch{1, 1}, About: NoteID{KeptFence: firstID}},
	} {
		d.receive(1, Message{Kind: WitnessAnswer, Answer: Noted, Note: &note})
	}
	d.wantOnly(Grant)
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
}

// In a cluster of one the own stable storage is the quorum.
func TestWitnessOfOne(t *testing.T) {
	cfg := testConfig(0, 1)
	cfg.Remembers, cfg.MaxNotes = true, 1
	d := startWith(t, cfg)
	d.passes(testTTL)
	d.skip(1, 5)
	d.wantOnly(Grant)
	d.stored()
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
	d.endRun(1)
	d.stored()
	d.wantOnly(RunNoted, "A run of waiter 1, #5@1:1 done, noted")
}

// A promise carries what the member remembers, and the new token the highest of all: the
// proposer's own as it is by then.
func TestTokenInheritsNotes(t *testing.T) {
	d := remembering(t, 3)
	d.tells(1, Note{Run: runOf(5, 7, RunDone)})
	d.tells(1, Note{Kept: &KeptHold{Fence: 8, Over: true}})
	d.take()
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{4, 1}})
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 4.B PROMISE, not waiting at 1.0, buries nobody, notes #5@0:7 done, kept 0:8 over")

	promise := func(d *driven, from Member, note *Note) {
		d.receive(from, Message{Kind: BallotAnswer, Answer: Promise, Ballot: Epoch{1, 0}, Number: Number{1, 0}, Note: note})
	}
	ballotUnderWay := func() *driven {
		d := remembering(t, 3)
		d.acquire(1)
		d.none(1, 1, 2)
		d.take()
		return d
	}
	wantToken := func(d *driven, want string) {
		t.Helper()
		d.issued = d.take()
		for _, e := range d.issued {
			if e.Kind == Made {
				if got := describeTokenNotes(e.Message.Token); got != want {
					t.Errorf("the token carries %q, want %q", got, want)
				}
				return
			}
		}
		t.Error("no token was made")
	}
	d = ballotUnderWay()
	promise(d, 1, &Note{Run: runOf(5, 7, RunBegun), Kept: &KeptHold{Fence: 6}})
	promise(d, 2, &Note{Run: runOf(4, 9, RunDone)})
	wantToken(d, ", run #5@0:7 begun, kept 0:6")

	d = ballotUnderWay()
	promise(d, 1, &Note{Kept: &KeptHold{Fence: 6, Over: true}})
	promise(d, 2, &Note{Kept: &KeptHold{Fence: 6}})
	wantToken(d, "")

	d = ballotUnderWay() // B holds a token 0.B, and will be buried
	d.receive(1, Message{Kind: Witness, Note: &Note{Epoch: Epoch{0, 1}, Run: runOf(5, 7, RunBegun)}})
	promise(d, 1, nil)
	promise(d, 2, nil)
	wantToken(d, ", run #5@0:7 begun")
}

// A token whose last fence was drawn for a run of which nothing came is replaced, or dropped
// if nobody wants it.
func TestLastFenceIsNotUsedTwice(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.FencesPerEpoch = 1
	last := func() *driven {
		d := rememberingWith(t, cfg)
		d.token()
		d.skip(1, 5)
		d.take()
		return d
	}
	d := last()
	d.withdraw(1)
	d.wantOnly(Dropped, "A drops token 1.B: fences used up")
	d = last()
	d.acquire(2)
	d.withdraw(1)
	d.take()
	if !d.locks[cs].balloting() || d.locks[cs].holder != 0 {
		t.Error("the token is not replaced")
	}
	d = last()
	d.Retire(d.at)
	d.wantOnly(Dropped, "A drops token 1.B: fences used up")
	d = last() // its round goes on while the last fence is its own
	d.acquire(2)
	d.stored()
	d.noted(RunMark{5, firstID, RunBegun}, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
}

// Shares are called in first, and the fence is drawn after.
func TestSharesComeBackBeforeWitness(t *testing.T) {
	d := remembering(t, 3)
	d.tokenWith(func(t *Token) {
		t.Fence, t.Limit, t.LimitBy, t.LimitAt, t.Shares = firstID, Unlimited, 2, firstID, []Share{{2, 1, firstID, 1}}
	})
	d.skip(1, 5)
	d.share(2, Unlimited)
	d.wantSent(Witness)
	d.done(firstID, 1, 0)
	d.wantSent(Witness, "A→B WITNESS #5@1:2 begun for 1.B", "A→C WITNESS #5@1:2 begun for 1.B")
	d.stored()
	d.noted(RunMark{5, firstID + 1, RunBegun}, 1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1, #5@1:2 begun")
}

// Nothing that a member sends about notes makes a node panic, or let two in.
func TestNotesFromHostileMembers(t *testing.T) {
	number := func(t *rapid.T, what string) uint64 {
		return rapid.SampledFrom([]uint64{0, 1, 2, 1 << FenceBits, firstID, firstID + 1, firstID + 2, 1<<63 - 1}).Draw(t, what)
	}
	note := func(t *rapid.T) *Note {
		if rapid.IntRange(0, 20).Draw(t, "none") == 0 {
			return nil
		}
		mark := RunMark{
			Tick(number(t, "tick")), Fence(number(t, "fence")), RunState(rapid.IntRange(0, 4).Draw(t, "state")),
		}
		w := &Note{
			Epoch: Epoch{number(t, "epoch"), Member(rapid.IntRange(0, 2).Draw(t, "proposer"))},
			About: NoteID{Run: mark, KeptFence: Fence(number(t, "about")), Over: rapid.Bool().Draw(t, "about over")},
		}
		if rapid.Bool().Draw(t, "run") {
			w.Run = &Run{RunMark: mark}
		}
		if rapid.Bool().Draw(t, "kept") {
			w.Kept = &KeptHold{Fence: Fence(number(t, "kept fence")), Over: rapid.Bool().Draw(t, "over"), Owner: "o"}
		}
		return w
	}
	rapid.Check(t, func(rt *rapid.T) {
		d, in := withNotesToken(t, 3), Waiter(0)
		for w := Waiter(1); w <= 60; w++ {
			switch rapid.IntRange(0, 9).Draw(rt, "input") {
			case 0:
				d.AcquireRun(d.at, cs, w, RunRequest{Tick: Tick(number(rt, "wanted")), Skip: rapid.Bool().Draw(rt, "skip")})
			case 1:
				d.AcquireKept(d.at, cs, w, KeepRequest{Owner: "o", Adopt: rapid.Bool().Draw(rt, "adopt")})
			case 2:
				d.Abandon(d.at, cs, in)
			case 3:
				d.stored()
			case 4:
				d.lives(testTTL/4, 1, 2)
			case 5:
				d.receive(1, Message{
					Kind: BallotAnswer, Answer: Promise, Ballot: d.locks[cs].promised(), Number: Number{1, 0}, Note: note(rt),
				})
			default:
				kind := rapid.SampledFrom([]MessageKind{Witness, WitnessAnswer}).Draw(rt, "kind")
				answer := rapid.SampledFrom([]Answer{0, Hold, Outbid, Noted, Full, NoDisk}).Draw(rt, "answer")
				d.receive(Member(rapid.IntRange(1, 2).Draw(rt, "from")), Message{Kind: kind, Answer: answer, Note: note(rt)})
			}
			for _, e := range d.take() {
				switch e.Kind {
				case Left, Revoke:
					in = 0
				case Grant:
					if in != 0 {
						rt.Fatalf("%s, while waiter %d is in", describe(0, e), in)
					}
					in = e.Waiter
				}
			}
		}
	})
}

// promised is the ballot that the node promised last.
func (l *lock) promised() Epoch {
	if l.use == nil || len(l.promises) == 0 {
		return Epoch{}
	}
	return l.promises[len(l.promises)-1]
}
