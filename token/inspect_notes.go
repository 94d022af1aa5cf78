package token

import (
	"maps"
	"slices"
)

// What inspect_encode.go encodes of notes.

// remembered encodes what the node remembers. Serials count from the latest that is stored.
func (e *encoder) remembered() {
	n := e.node
	e.uint(n.serial - n.stored)
	e.uint(uint64(len(n.notes)))
	for _, name := range slices.Sorted(maps.Keys(n.notes)) {
		r := n.notes[name]
		e.string(name)
		e.run(&r.Run)
		e.kept(&r.Kept)
		e.serial(r.serial)
	}
	e.uint(uint64(len(n.storing)))
	for _, s := range n.storing {
		e.serial(s.serial)
		e.string(s.lock)
	}
}

// serial encodes that of a Store. All that are stored are equal.
func (e *encoder) serial(s uint64) {
	e.bools(s == noStore)
	e.uint(max(s, e.node.stored) - e.node.stored)
}

// noting encodes what the node does about a lock's notes.
func (e *encoder) noting(l *lock) {
	s := l.notes
	rests := e.node.notesRest(l)
	e.bools(rests)
	if rests {
		return
	}
	e.note(s.hold)
	e.bools(s.entry != nil)
	if s.entry != nil {
		e.round(s.entry)
	}
	e.uint(uint64(len(s.ended)))
	for _, r := range s.ended {
		e.round(r)
	}
	e.uint(uint64(len(s.owed)))
	for _, o := range s.owed {
		e.serial(o.serial)
		e.int(int64(o.to))
		e.note(o.note)
	}
	e.until(s.askAt)
	e.int(int64(s.askEvery))
	e.uint(uint64(s.asked))
}

func (e *encoder) round(r *round) {
	e.uint(uint64(r.waiter))
	e.note(r.note)
	e.serial(r.serial)
	e.bools(r.refused, r.settled)
	for _, noted := range r.noted {
		e.bools(noted)
	}
	e.since(r.begunAt, e.node.cfg.TTL)
	e.until(r.nextAt)
}

func (e *encoder) note(w *Note) {
	e.bools(w != nil)
	if w == nil {
		return
	}
	e.bools(w.Run != nil, w.Kept != nil)
	if w.Run != nil {
		e.run(w.Run)
	}
	if w.Kept != nil {
		e.kept(w.Kept)
	}
	e.epoch(w.Epoch)
	e.mark(w.About.Run)
	e.uint(uint64(w.About.KeptFence))
	e.bools(w.About.Over)
}

func (e *encoder) mark(m RunMark) {
	e.int(int64(m.Tick))
	e.uint(uint64(m.Fence))
	e.uint(uint64(m.State))
}

func (e *encoder) run(r *Run) {
	e.mark(r.RunMark)
	e.int(r.Until)
	e.string(r.About)
}

func (e *encoder) kept(k *KeptHold) {
	e.uint(uint64(k.Fence))
	e.bools(k.Over)
	e.string(k.Owner)
	e.int(k.Until)
	e.string(k.About)
}

func (e *encoder) noteRequest(r *noteRequest) {
	e.bools(r.run != nil, r.keep != nil)
	if run := r.run; run != nil {
		e.int(int64(run.Tick))
		e.bools(run.Skip)
		e.int(run.Until)
		e.string(run.About)
	}
	if keep := r.keep; keep != nil {
		e.string(keep.Owner)
		e.int(keep.Until)
		e.string(keep.About)
		e.bools(keep.Adopt)
	}
}
