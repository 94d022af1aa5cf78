package token

import "testing"

// One test for each rule of runs of ticks (protocol, section 7).

// remembering is inSession where all members remember notes.
func remembering(t *testing.T, members int) *driven {
	t.Helper()
	return rememberingWith(t, testConfig(0, members))
}

func rememberingWith(t *testing.T, cfg Config) *driven {
	t.Helper()
	cfg.Remembers, cfg.MaxNotes = true, 100
	d := inSessionWith(t, cfg)
	for _, j := range d.others() {
		d.peers[j].hello.Remembers = true
	}
	return d
}

// withRunToken is withToken where all members remember notes.
func withRunToken(t *testing.T, members int) *driven {
	t.Helper()
	d := remembering(t, members)
	d.token()
	d.take()
	return d
}

// stored says that all is on stable storage.
func (d *driven) stored() { d.Stored(d.at, d.serial) }

func (d *driven) run(w Waiter, tick Tick) { d.AcquireRun(d.at, cs, w, RunRequest{Tick: tick}) }
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
	if w.Epoch == (Epoch{}) {
		w.Epoch = Epoch{1, 1}
	}
	d.receive(from, Message{Kind: Witness, Note: &w})
}

// tells is WITNESS of what is true whatever became of a token.
func (d *driven) tells(from Member, w Note) { d.receive(from, Message{Kind: Witness, Note: &w}) }

func markOf(tick Tick, f Fence, state RunState) RunMark { return RunMark{tick, f, state} }

func runOf(tick Tick, f Fence, state RunState) *Run { return &Run{RunMark: markOf(tick, f, state)} }

// noted lets peers answer the WITNESS of a run.
func (d *driven) noted(m RunMark, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: WitnessAnswer, Answer: Noted, Note: &Note{Epoch: Epoch{1, 1}, About: NoteID{Run: m}}})
	}
}

// A run that is wanted at least once enters as any waiter, without a message.
func TestRunAgainEntersAtOnce(t *testing.T) {
	d := withRunToken(t, 3)
	d.run(1, 5)
	d.want("A ENTERS: waiter 1, fence 1:1, by no request, #5@1:1 begun")
	d.release(1)
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody, run #5@1:1 begun")
}

// A run that is done: all are told, and the token leaves at once, behind it.
func TestRunDoneGoesAheadOfToken(t *testing.T) {
	d := withRunToken(t, 3)
	d.run(1, 5)
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
	d.noted(markOf(5, firstID, RunDone), 2)
	d.want("A run of waiter 1, #5@1:1 done, noted")
}

// A run that is wanted at most once is noted by a quorum before its entry.
func TestSkipIsWitnessedBeforeEntry(t *testing.T) {
	d := withRunToken(t, 3)
	d.skip(1, 5)
	d.want(
		"A stores 1: #5@1:1 begun",
		"A witnesses for waiter 1: #5@1:1 begun",
		"A→B WITNESS #5@1:1 begun for 1.B",
		"A→C WITNESS #5@1:1 begun for 1.B",
		"A rides: request 1.1",
	)
	d.noted(markOf(5, firstID, RunBegun), 2)
	d.want()
	d.stored()
	d.want("A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
}
