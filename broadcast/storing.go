package broadcast

import (
	"cmp"
	"context"
	"slices"
	"time"

	"conch/internal/runs"
	"conch/token"
)

// Notes of runs and kept holds are put on disk beside the worker, and what comes meanwhile
// goes into the next write: one transaction, however many they are. Nothing has to be held
// back, since the node itself waits for Stored before anything depends on a note.

// Notes is stable storage for notes of runs and kept holds. Of Put and Delete, only one call
// is made at a time; after an error of either the driver ends.
type Notes interface {
	// All returns what earlier processes remembered.
	All() ([]token.LockNotes, error)
	// Put returns once the next process will find all these notes, even if the machine goes
	// down now. Of several of a lock, the last counts.
	Put(batch []token.LockNotes) error
	// Delete forgets all about locks.
	Delete(locks []string) error
	// Runs returns the latest runs of a lock, in order of tick.
	Runs(lock string) ([]token.Run, error)
}

const (
	// forgetEvery is how often notes are looked through for those whose time is over.
	forgetEvery = time.Hour
	// forgetAtOnce is how many are forgotten while the owner does nothing else.
	forgetAtOnce = 1000
)

// storing is what a node puts on disk of notes.
type storing struct {
	notes   Notes // nil without a disk
	current *write
	// What comes while current is under way: notes, and the serial number of the last.
	pending []token.LockNotes
	serial  uint64
	// kept are the locks whose kept hold is not over, each with whether its holder is or was at
	// this node.
	kept map[string]bool
	// isHere reports whether a hold is of this node, by its About.
	isHere func(about string) bool
	// forgets: notes are to be looked through once nothing is under way.
	forgets bool
	timer   *time.Timer // for the next look

	times saveTimes
}

// write is one write beside the worker.
type write struct {
	put    []token.LockNotes
	forget []string
	serial uint64 // of the last in put
	began  token.Time
	done   chan error // has room for one
}

// isKept notes whether a lock's kept hold is not over.
func (s *storing) isKept(lock string, kept *token.KeptHold) {
	if kept.Fence != 0 && !kept.Over {
		s.kept[lock] = s.isHere(kept.About)
	} else {
		delete(s.kept, lock)
	}
}

// newStoring begins with what the node remembers.
func newStoring(notes Notes, node *token.Node, d *Driver) storing {
	s := storing{notes: notes, kept: make(map[string]bool), isHere: func(about string) bool {
		// What no member calls its own has no other node to count it.
		member := runs.Parse(about).Member
		r := d.roster.Load()
		return member == r.address() || !slices.Contains(r.present(), member)
	}}
	node.InspectAllNotes(func(n token.LockNotes) bool {
		s.isKept(n.Lock, &n.Kept)
		return true
	})
	return s
}

// store has a note written, at once or with the next write.
func (o *owner) store(e *token.Effect) {
	s := &o.storing
	s.isKept(e.Lock, &e.Notes.Kept)
	s.pending = append(s.pending, token.LockNotes{Lock: e.Lock, Notes: *e.Notes})
	s.serial = e.Serial
	if s.current == nil {
		o.beginWrite(nil)
	}
}

// beginWrite begins a write of all that is pending, and of what is to be forgotten.
func (o *owner) beginWrite(forget []string) {
	s := &o.storing
	w := &write{put: s.pending, forget: forget, serial: s.serial, began: o.clock(), done: make(chan error, 1)}
	s.pending, s.current = nil, w
	notes := s.notes
	o.running.Go(func() {
		w.done <- w.perform(notes)
		o.post(input{kind: inputInspect, inspect: func(o *owner) {
			if o.storing.current == w { // else the worker has waited for it
				o.written(<-w.done)
			}
		}})
	})
}

func (w *write) perform(notes Notes) error {
	if len(w.forget) > 0 {
		if err := notes.Delete(w.forget); err != nil {
			return err
		}
	}
	if len(w.put) > 0 {
		return notes.Put(w.put)
	}
	return nil
}

// written tells the node what is on disk now, and begins the next write.
func (o *owner) written(err error) {
	s := &o.storing
	w := s.current
	s.current = nil
	now := o.clock()
	s.times = saveTimes{took: duration(now - w.began), ended: now}
	if err != nil {
		o.fail(err)
		return
	}
	if len(w.put) > 0 {
		o.observer.Stored(len(w.put), s.times.took)
		o.log.stored(w.serial)
		o.node.Stored(now, w.serial)
	}
	switch {
	case len(s.pending) > 0:
		o.beginWrite(nil)
	case s.forgets:
		o.forgetNotes()
	}
}

// finishWriting waits until all notes are written.
func (o *owner) finishWriting() {
	for o.storing.current != nil && !o.ended {
		o.written(<-o.storing.current.done)
	}
}

// forgetNotes forgets notes that are as old as was asked for, and looks again after a while.
func (o *owner) forgetNotes() {
	s := &o.storing
	if s.notes == nil || o.flushing {
		return
	}
	// A note that is still to be written must not be forgotten before it is.
	if s.forgets = s.current != nil; s.forgets {
		return
	}
	now := time.Now().Unix()
	var old []token.LockNotes
	o.node.InspectAllNotes(func(n token.LockNotes) bool {
		if isOld(&n.Notes, now) {
			old = append(old, n)
		}
		return len(old) < forgetAtOnce
	})
	var forgotten []string
	for i := range old {
		if o.node.ForgetNotes(o.now, old[i].Lock, old[i].Notes) {
			forgotten = append(forgotten, old[i].Lock)
			o.log.noteForgotten(old[i].Lock)
		}
	}
	if len(forgotten) > 0 {
		o.beginWrite(forgotten)
	}
	s.forgets = len(forgotten) > 0 && len(old) == forgetAtOnce // there may be more
	if s.timer == nil {
		s.timer = time.AfterFunc(forgetEvery, func() { o.post(input{kind: inputInspect, inspect: (*owner).forgetNotes}) })
	} else {
		s.timer.Reset(forgetEvery)
	}
}

// isOld reports whether notes may be forgotten at a time, in Unix seconds.
func isOld(n *token.Notes, now int64) bool {
	return (n.Run.Tick == 0 || n.Run.Until <= now) && (n.Kept.Fence == 0 || n.Kept.Over && n.Kept.Until <= now)
}

// Remembers reports whether the node has a disk for notes.
func (d *Driver) Remembers() bool { return d.owner.storing.notes != nil }

// Notes returns what this node remembers of a lock: all zero if that is nothing. The errors
// wrap [ErrName] or [ErrStopped], or are the cause of the context's end.
func (d *Driver) Notes(ctx context.Context, lock string) (token.Notes, error) {
	if err := CheckName(lock); err != nil {
		return token.Notes{}, err
	}
	answer := make(chan token.Notes, 1)
	if err := d.do(ctx, func(o *owner) { answer <- o.node.InspectNotes(lock) }); err != nil {
		return token.Notes{}, err
	}
	return <-answer, nil
}

// Runs returns the latest runs of a lock that this node remembers, one for each tick, in
// order of tick; none if the node has no disk. The errors are those of [Driver.Notes], and
// of the disk.
func (d *Driver) Runs(ctx context.Context, lock string) ([]token.Run, error) {
	latest, err := d.Notes(ctx, lock)
	if err != nil || d.owner.storing.notes == nil {
		return nil, err
	}
	runs, err := d.owner.storing.notes.Runs(lock)
	if err != nil || latest.Run.Tick == 0 {
		return runs, err
	}
	// What the node has heard since.
	i, found := slices.BinarySearchFunc(runs, latest.Run.Tick, func(r token.Run, t token.Tick) int { return cmp.Compare(r.Tick, t) })
	if found {
		if !runs[i].Above(latest.Run.RunMark) {
			runs[i] = latest.Run
		}
		return runs, nil
	}
	return slices.Insert(runs, i, latest.Run), nil
}

// KeptHolds returns all locks with a kept hold that, as far as this node knows, is not over,
// sorted by name. Whether its holder is still alive, the notes do not say; and a node that was
// away may not have heard that a hold is over. The errors wrap [ErrStopped], or are the cause
// of the context's end.
func (d *Driver) KeptHolds(ctx context.Context) ([]token.LockNotes, error) {
	answer := make(chan []token.LockNotes, 1)
	err := d.do(ctx, func(o *owner) {
		var held []token.LockNotes
		for lock := range o.storing.kept {
			held = append(held, token.LockNotes{Lock: lock, Notes: o.node.InspectNotes(lock)})
		}
		answer <- held
	})
	if err != nil {
		return nil, err
	}
	held := <-answer
	slices.SortFunc(held, func(a, b token.LockNotes) int { return cmp.Compare(a.Lock, b.Lock) })
	return held, nil
}

// barredHere counts the locks that nobody gets as far as this node knows, since nobody has their
// kept hold any more: the token is here and carries it; or its holder was here, and the token,
// without which it cannot be here now, is not. After a restart that holds until somebody asks for
// the lock. A kept hold of another node may have its holder, so it is left to that node.
func (o *owner) barredHere() int {
	for lock := range o.barred {
		if !o.node.InspectLock(lock, &o.view) || !o.view.HasToken || o.view.Token.Kept == nil {
			delete(o.barred, lock) // the token has gone
		}
	}
	count := len(o.barred)
	for lock, isHere := range o.storing.kept {
		if isHere && !(o.node.InspectLock(lock, &o.view) && o.view.HasToken) {
			count++
		}
	}
	return count
}
