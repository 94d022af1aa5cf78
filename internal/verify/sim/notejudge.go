package sim

import (
	"slices"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// noting is what is known of runs and kept holds.
type noting struct {
	disks source // of the delays of disks
	// notesLost: a disk was lost or set back, and notes with it.
	notesLost bool
	asking    map[any]int32 // for which op a client asks with a request
	runs      [maxLocks]lockRuns
	barring   [maxLocks]barring
	freeings  []freeing
	promises  [maxNodes][maxLocks][]promise // of the present processes
}

// lockRuns is what the judges know of the runs of a lock's ticks: the latest of each kind.
type lockRuns struct {
	entered token.Tick // let in at most once
	noted   token.Tick // done, and its holder was told that it is noted
	begun   token.Tick // let in, or witnessed
	voided  token.Fence
	// unsaid are ticks that were let in and of which nobody has said that they are done. done
	// are those of which somebody has.
	unsaid, done []token.Tick
	// forgotten: a node has forgotten notes of the lock.
	forgotten bool
}

// barring is the kept hold of a lock that was let in last, and that nobody has given back,
// freed or adopted; fence is 0 if there is none.
type barring struct {
	fence  token.Fence
	waiter token.Waiter
	owner  int8
	// gone: its holder vanished.
	gone bool
	// freed is the highest fence that an operator freed.
	freed token.Fence
}

// excused reports whether nothing is promised about notes any more.
func (w *World) excused() bool { return w.forgetful || w.notesLost }

// judgeNotes judges an entry.
func (w *World) judgeNotes(i int, e *token.Effect) {
	if !w.plan.Notes || e.Fence == 0 {
		return
	}
	l := w.lockOf(e.Lock)
	var wish Wish
	k := w.opOf(e)
	if k >= 0 {
		wish = w.plan.Ops[k].Note
	}
	w.judgeBarred(i, l, wish, e)
	if wish.Keep {
		w.judgeWitnessed(i, l, "a kept hold", e.Fence, func(n token.Notes) bool { return n.Kept.Fence >= e.Fence })
	}
	if r := &w.runs[l]; e.Limit == token.Exclusive && e.Fence <= r.voided && !w.excused() {
		w.fail(Fences, "node %d grants %s with fence %d, and a run with fence %d was said to be void", i, e.Lock, e.Fence, r.voided)
	}
	if wish.Tick != 0 {
		w.judgeRun(i, l, k, e)
	}
}

// judgeRun judges an entry for a run. With skip, nobody enters for t after an entry with
// skip, or a done told as noted, for t or later. Else, nobody enters for t after a done told
// as noted for t or later, nor after an entry with skip for later than t.
//
// A client's entry counts once the client has heard of it: until then it may give up.
func (w *World) judgeRun(i, l, k int, e *token.Effect) {
	wish := w.plan.Ops[k].Note
	r, t := &w.runs[l], wish.Tick
	switch {
	case w.excused() || r.forgotten:
	case t <= r.noted:
		w.fail(Once, "node %d grants %s for tick %d, and tick %d was noted as done", i, e.Lock, t, r.noted)
	case t < r.entered || wish.Skip && t == r.entered:
		w.fail(Once, "node %d grants %s for tick %d, at most once %t, and tick %d was let in at most once", i, e.Lock, t, wish.Skip, r.entered)
	}
	state := w.claims[k].state
	declined := state == claimGone || state == claimOver
	if wish.Skip {
		if !declined && !ofClient(e.Waiter) {
			r.entered = max(r.entered, t)
		}
		w.judgeWitnessed(i, l, "a run", e.Fence, func(n token.Notes) bool {
			return n.Run.Compare(token.RunMark{Tick: t, Fence: e.Fence, State: token.RunBegun}) >= 0
		})
	}
	w.count(RunBegan)
	if slices.Contains(r.unsaid, t) {
		w.count(RunTakenUp)
	}
	if !declined {
		r.unsaid = append(r.unsaid, t)
	}
	r.begun = max(r.begun, t)
}

// judgeBarred judges an entry of a lock that a kept hold bars.
func (w *World) judgeBarred(i, l int, wish Wish, e *token.Effect) {
	b := &w.barring[l]
	if b.fence != 0 {
		adopts := wish.Adopt && wish.Owner != 0 && wish.Owner == b.owner
		switch {
		case adopts:
			w.count(Adopted)
		case !w.excused():
			w.fail(Barred, "node %d grants %s to waiter %d with fence %d, and the hold with fence %d is kept", i, e.Lock, e.Waiter, e.Fence, b.fence)
		}
		b.fence = 0
	}
	if wish.Keep && e.Fence > b.freed { // else an operator freed it when it was about to begin
		*b = barring{fence: e.Fence, waiter: e.Waiter, owner: wish.Owner, freed: b.freed}
	}
}

// judgeWitnessed: what depends on a note comes once it is on a quorum's disks.
func (w *World) judgeWitnessed(i, l int, what string, fence token.Fence, has func(token.Notes) bool) {
	w.judgeOnDisks(i, l, what, fence, w.onQuorum(w.members[i].latest(), has, l))
}

// judgeKnown is likewise for what a node remembers of a note: while there are two lists, it may
// have been on the disks of a quorum of the first before.
func (w *World) judgeKnown(i, l int, what string, fence token.Fence, has func(token.Notes) bool) {
	m := w.members[i].latest()
	if joint(m) {
		before := *m
		before.Next = nil
		m = &before
	}
	w.judgeOnDisks(i, l, what, fence, w.onQuorum(m, has, l))
}

func (w *World) judgeOnDisks(i, l int, what string, fence token.Fence, known bool) {
	if !known && !w.excused() && !w.runs[l].forgotten {
		w.fail(Untrue, "node %d goes by %s of %s with fence %d, which is not on a quorum's disks", i, what, lockNames[l], fence)
	}
}

// judgeRefusal: a run is refused only if for its tick or a later one a done was said, an
// entry took place, or one was being witnessed. One that may run again is refused for its own
// tick only if that is done.
func (w *World) judgeRefusal(i int, op *Op, code frames.Code, run *runs.Run) {
	l, m := int(op.Lock), &w.members[i]
	switch {
	case code == frames.CodeNotesFull && w.plan.Locks <= w.plan.MaxNotes, code == frames.CodeNoNotes && w.allRemember():
		w.fail(Untrue, "node %d refuses a waiter for %s with code %d", i, lockNames[l], code)
	}
	if code != frames.CodeRan {
		return
	}
	r, t := &w.runs[l], op.Note.Tick
	switch {
	case t == 0 || run.Tick < t || run.Tick > max(r.begun, latest(r.done)):
		w.fail(Untrue, "node %d refuses %s for tick %d because of %+v, and the latest tick is %d, or %v", i, lockNames[l], t, run.RunMark, r.begun, r.done)
	case run.State == token.RunDone && !slices.Contains(r.done, run.Tick):
		w.fail(Untrue, "node %d refuses %s for tick %d because of %+v, and done are %v", i, lockNames[l], t, run.RunMark, r.done)
	case run.Tick > t:
		w.count(RunPassedOver)
	case run.State == token.RunVoid || run.State == token.RunBegun && !op.Note.Skip:
		w.fail(Untrue, "node %d refuses %s for tick %d because of %+v", i, lockNames[l], t, run.RunMark)
	case run.State == token.RunBegun:
		w.count(RunNotRepeated)
	}
	if op.ofClient() {
		return
	}
	if m.node.InspectLock(lockNames[l], &w.look); w.look.HasToken {
		w.count(RanHere)
	} else {
		w.count(RanElsewhere)
	}
}

func (w *World) allRemember() bool {
	for i := range w.plan.Nodes {
		if !w.remembers(i) {
			return false
		}
	}
	return true
}

func latest(ticks []token.Tick) token.Tick {
	if len(ticks) == 0 {
		return 0
	}
	return slices.Max(ticks)
}

// judgeRunEnded notes that a holder is told what became of its run.
func (w *World) judgeRunEnded(i int, op *Op, fence token.Fence, outcome frames.RunOutcome) {
	if outcome != frames.RunNoted {
		return
	}
	l := int(op.Lock)
	if w.count(EndedRun); op.ofClient() {
		w.count(ClientEnded)
	}
	mark := token.RunMark{Tick: op.Note.Tick, Fence: fence, State: token.RunDone}
	w.judgeKnown(i, l, "a run that is done", mark.Fence, func(n token.Notes) bool { return n.Run.Compare(mark) >= 0 })
	w.runs[l].noted = max(w.runs[l].noted, mark.Tick)
}

// saidDone notes that somebody says that a tick is done.
func (w *World) saidDone(l int, t token.Tick) {
	r := &w.runs[l]
	r.done = append(r.done, t)
	r.unsaid = slices.DeleteFunc(r.unsaid, func(u token.Tick) bool { return u == t })
}

// noteWitnessing notes that a run is about to begin, or did not, or that a kept hold is given
// back.
func (w *World) noteWitnessing(e *token.Effect) {
	note, r := e.Message.Note, &w.runs[w.lockOf(e.Lock)]
	switch {
	case note.Kept != nil && note.Kept.Over:
		w.keeperLeft(e)
	case note.Kept != nil:
	case note.Run.State == token.RunBegun:
		r.begun = max(r.begun, note.Run.Tick)
	case note.Run.State == token.RunVoid:
		w.count(Voided)
		r.voided = max(r.voided, note.Run.Fence)
	}
}

// noteUnkept notes that a token carries a kept hold no longer.
func (w *World) noteUnkept(e *token.Effect) {
	if b := &w.barring[w.lockOf(e.Lock)]; b.freed != e.Fence {
		w.count(KeptStruck)
	}
}

// vanishes notes that the holder of a hold is gone.
func (w *World) vanishes(l int, fence token.Fence) {
	if b := &w.barring[l]; b.fence == fence {
		b.gone = true
	}
}

// noteHeld notes that a client has heard of its entry. From then on, only its own word ends a
// kept hold.
func (w *World) noteHeld(op *Op, fence token.Fence) {
	l := int(op.Lock)
	switch {
	case op.Note.Tick != 0:
		w.count(ClientRun)
	case op.Note.Keep:
		w.count(ClientKept)
	}
	if op.Note.Skip {
		w.runs[l].entered = max(w.runs[l].entered, op.Note.Tick)
	}
	w.vanishes(l, fence)
}

// returns notes that a client gives a hold back.
func (w *World) returns(l int, fence token.Fence) {
	if b := &w.barring[l]; b.fence == fence {
		b.gone = false
	}
}

// keeperLeft notes that a kept hold is given back. Clients at several nodes are the same
// waiter there.
func (w *World) keeperLeft(e *token.Effect) {
	if b := &w.barring[w.lockOf(e.Lock)]; b.fence != 0 && b.waiter == e.Waiter && !b.gone && (!ofClient(e.Waiter) || e.Fence == b.fence) {
		b.fence = 0
	}
}

// mayBeFreed notes that an operator frees a kept hold, and with it those before it.
func (w *World) mayBeFreed(l int, fence token.Fence) {
	b := &w.barring[l]
	if b.freed = max(b.freed, fence); b.fence <= fence {
		b.fence = 0
	}
}

// judgeFreed: an operator is told that a hold is freed once a quorum knows it.
func (w *World) judgeFreed(i int, f *freeing) {
	w.judgeKnown(i, f.lock, "a freed hold", f.fence, func(n token.Notes) bool {
		return n.Kept.Fence > f.fence || n.Kept.Fence == f.fence && n.Kept.Over
	})
}

// forgetRuns is called when a node forgets the notes of a lock: nothing is promised about
// its runs any more.
func (w *World) forgetRuns(l int) { w.runs[l].forgotten = true }

// judgeAnswered: who has ended a run, or freed a hold, is answered in time. It reports whether
// all have been.
func (w *World) judgeAnswered() (all bool) {
	all = true
	late := w.now - w.plan.turnBound()
	for k := range w.claims {
		c, op := &w.claims[k], &w.plan.Ops[k]
		if c.state != claimEnds {
			continue
		}
		if all = false; max(c.endsAt, w.plan.Settle) < late {
			w.fail(Service, "node %d has not said for long whether the run of waiter %d is noted", op.Node, k+1)
		}
	}
	for _, f := range w.freeings {
		if f.fence == 0 || !w.isUp(f.node) || w.members[f.node].process != f.process {
			continue
		}
		if all = false; max(f.at, w.plan.Settle) < late {
			w.fail(Service, "node %d has not said for long whether fence %d of %s is freed", f.node, f.fence, lockNames[f.lock])
		}
	}
	return all
}
