package logs

import (
	"cmp"
	"slices"
)

// What Check judges of runs of ticks and of kept holds.
//
// A run that may take place once at most is one that a quorum was to remember before it
// began (witnessing). Its entry, like every run's, is one whose token carries the run of that
// very fence.

// runEntry is an entry for a run.
type runEntry struct {
	enter *Event
	run   RunMark
	once  bool // at most once
}

// storedAs is what a process put on disk of a lock.
type storedAs struct {
	life *Life
	note string
}

// keptEntry is an entry whose hold is kept.
type keptEntry struct {
	enter *Event
	fence uint64
	owner string
}

// noteJudge judges the notes of one lock.
type noteJudge struct {
	c       *checker
	begun   map[uint64]bool   // runs that a quorum was to remember before they began, by fence
	owners  map[uint64]string // of kept holds that were about to begin, by fence
	entries []runEntry
	noted   []*Event            // run_noted
	done    map[*Life][]*Event  // lines by which a process knows that a tick is done
	kept    *keptEntry          // the hold that is kept and not over
	storing map[storedAs]*Event // the first line by which a process puts a note on disk
}

// checkNotes judges runs and kept holds.
func (c *checker) checkNotes() {
	if !c.run.logsAny(func(e *Event) bool { return e.Noted != nil }) {
		return
	}
	locks := make(map[string]*noteJudge)
	stored := make(map[*Life]uint64) // the latest serial number on disk
	c.run.WalkClocks(func(e *Event, clock Clock) {
		if e.Kind == NotesStored {
			stored[e.Life] = e.Noted.Serial
		}
		if e.Lock == "" {
			return
		}
		j := locks[e.Lock]
		if j == nil {
			if e.Noted == nil {
				return
			}
			j = &noteJudge{c: c, begun: make(map[uint64]bool), owners: make(map[uint64]string), done: make(map[*Life][]*Event), storing: make(map[storedAs]*Event)}
			locks[e.Lock] = j
		}
		j.see(e, clock)
		j.judgeStored(e, stored[e.Life])
	})
	for _, j := range locks {
		j.judgeOnce()
	}
}

// noted reports whether a quorum was to remember something of the lock, or a hold was kept.
func (j *Journey) noted() bool {
	return slices.ContainsFunc(j.Visits, func(v *Visit) bool {
		return slices.ContainsFunc(v.Events, func(e *Event) bool { return e.Kind == Witnessing || e.Kind == Keeping })
	})
}

// see takes a line of the lock, in the order of Merge.
func (j *noteJudge) see(e *Event, clock Clock) {
	if n := e.Noted; n != nil {
		switch {
		case e.Kind == Witnessing && n.Run.State == "begun":
			j.begun[n.Run.Fence] = true
		case e.Kind == Witnessing && n.Kept.Fence != 0 && !n.Kept.Over:
			j.owners[n.Kept.Fence] = n.Owner
		}
		if n.Kept.Over && e.Kind != NotFreed {
			j.isOver(n.Kept.Fence)
		}
		if n.KnownKept.Over {
			j.isOver(n.KnownKept.Fence)
		}
		if e.Kind == RunNoted && n.Run.done() {
			j.noted = append(j.noted, e)
		}
		if n.Run.done() && (e.Kind == NoteStoring || e.Has("hop")) && e.Kind != Enter {
			j.done[e.Life] = append(j.done[e.Life], e)
		}
	}
	switch {
	case e.Kind == Enter && !e.Mode().shares():
		j.enters(e, clock)
	case e.Kind == Enter, e.Kind == ShareEnter:
		j.judgeKept(e)
	case e.Kind == NoteForgotten:
		// What was remembered for as long as was asked for counts no longer.
		j.judgeOnce()
		j.entries, j.noted, j.done = nil, nil, make(map[*Life][]*Event)
	}
}

// judgeStored judges answers that a note is on disk: it must have been put there, and be there.
func (j *noteJudge) judgeStored(e *Event, stored uint64) {
	switch n := e.Noted; {
	case e.Kind == NoteStoring:
		for _, note := range []string{n.Run.String(), n.Kept.String()} {
			if as := (storedAs{e.Life, note}); j.storing[as] == nil {
				j.storing[as] = e
			}
		}
	case e.Kind == WitnessAnswerSent && e.Answer == "noted":
		if storing := j.storing[storedAs{e.Life, n.about()}]; storing != nil && storing.Noted.Serial > stored {
			id := ticksOnce
			if n.Kept.Fence != 0 {
				id = keptStays
			}
			j.c.report(id, j.c.run.worst(), []*Event{storing, e}, "%s answered that a note is on disk before it was", e.Node)
		}
	}
}

// enters takes an entry of one who has the lock alone.
func (j *noteJudge) enters(e *Event, clock Clock) {
	j.judgeKept(e)
	if owner, keeps := j.owners[e.Fence]; keeps {
		j.c.keptHolds++
		j.kept = &keptEntry{e, e.Fence, owner}
	}
	if e.Noted == nil || e.Noted.Run.Fence != e.Fence {
		return
	}
	j.c.runs++
	run := e.Noted.Run
	j.entries = append(j.entries, runEntry{e, run, j.begun[run.Fence]})
	for _, noted := range j.noted {
		if noted.Noted.Run.Tick >= run.Tick && clock.Includes(noted) {
			j.c.report(ticksOnce, j.c.run.worst(), []*Event{noted, e}, "%s entered for tick %d after a run of tick %d was noted as done",
				e.Node, run.Tick, noted.Noted.Run.Tick)
			return
		}
	}
	for _, done := range j.done[e.Life] {
		if done.Noted.Run.Tick >= run.Tick {
			j.c.report(ticksOnce, j.c.run.worst(), []*Event{done, e}, "%s entered for tick %d, and had heard before that a run of tick %d is done",
				e.Node, run.Tick, done.Noted.Run.Tick)
			return
		}
	}
}

// isOver notes that a kept hold, and so all before it, is over.
func (j *noteJudge) isOver(fence uint64) {
	if j.kept != nil && fence >= j.kept.fence {
		j.kept = nil
	}
}

// judgeKept judges an entry while a hold is kept. Only who adopts the hold may enter.
func (j *noteJudge) judgeKept(e *Event) {
	k := j.kept
	if k == nil || e.Fence == k.fence {
		return
	}
	j.kept = nil // said once
	if owner, keeps := j.owners[e.Fence]; keeps && owner != "" && owner == k.owner {
		return
	}
	j.c.report(keptStays, j.c.run.worst(), []*Event{k.enter, e}, "%s entered with fence %d while the hold with fence %d of %s was kept: nobody had given it back, freed or adopted it",
		e.Node, e.Fence, k.fence, k.enter.Node)
}

// judgeOnce judges runs that may take place once at most, in the order of their fences.
func (j *noteJudge) judgeOnce() {
	slices.SortStableFunc(j.entries, func(a, b runEntry) int { return cmp.Compare(a.run.Fence, b.run.Fence) })
	var latest *runEntry // that was to take place once at most
	for i := range j.entries {
		r := &j.entries[i]
		if latest != nil && (r.run.Tick < latest.run.Tick || r.once && r.run.Tick == latest.run.Tick) {
			j.c.report(ticksOnce, j.c.run.worst(), []*Event{latest.enter, r.enter}, "%s entered for tick %d, and then %s for tick %d; the first was to take place once at most",
				latest.enter.Node, latest.run.Tick, r.enter.Node, r.run.Tick)
		}
		if r.once && (latest == nil || r.run.Tick > latest.run.Tick) {
			latest = r
		}
	}
}
