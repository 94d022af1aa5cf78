package token

import "slices"

// WITNESS has a quorum remember a note (protocol, section 7): before a hold begins, that it
// does; and after its end, that it is done or over.

// owed is an answer that waits for stable storage.
type owed struct {
	serial uint64
	to     Member
	note   *Note // the WITNESS's
}

// id says which note a WITNESS is about.
func (w *Note) id() NoteID {
	if w.Run != nil {
		return NoteID{Run: w.Run.RunMark}
	}
	return NoteID{KeptFence: w.Kept.Fence, Over: w.Kept.Over}
}

// isFact reports whether what a WITNESS says is true whatever became of the sender's token:
// a run is done or void, or a kept hold is over.
func (w *Note) isFact() bool {
	if w.Run != nil {
		return w.Run.State != RunBegun
	}
	return w.Kept.Over
}

// wantsAnswer reports whether somebody counts who has noted what a WITNESS says.
func (w *Note) wantsAnswer() bool {
	if w.Run != nil {
		return w.Run.State != RunVoid && w.Epoch != Epoch{}
	}
	return !w.Kept.Over || w.Epoch == Epoch{}
}

// receiveWitness takes WITNESS.
//
// Protocol, section 7: a member notes it and answers, unless it has promised a ballot above
// the epoch of the sender's token; then it refuses. A member that still waits after its start
// may have forgotten such a promise, and does not answer. What is true in any case is noted
// in any case.
func (n *Node) receiveWitness(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	w := m.Note
	if w == nil || (w.Run == nil) == (w.Kept == nil) { // not one of them
		return
	}
	bound := w.Epoch != Epoch{}
	if !bound && !w.isFact() {
		return
	}
	barred := bound && n.barred(l, w.Epoch)
	outdated := n.peers[from].version < n.version
	serial, room := uint64(0), n.isRoom(l.name)
	if room && (w.isFact() || !barred && !n.waiting && !outdated) {
		serial, _ = n.take(l, w)
	}
	if w.isFact() {
		n.heed(l, w)
	} else if !barred {
		n.sawSign(l)
	}
	switch {
	case !w.wantsAnswer() || bound && n.waiting || outdated:
	case !n.cfg.Remembers:
		n.answerWitness(l, from, w, NoDisk)
	case barred:
		n.answerWitness(l, from, w, Outbid)
	case !room:
		n.answerWitness(l, from, w, Full)
	case serial <= n.stored:
		n.answerWitness(l, from, w, Noted)
	default:
		n.owe(l, owed{serial, from, w})
	}
}

// owe answers a WITNESS once it is on stable storage.
func (n *Node) owe(l *lock, o owed) {
	l.withNotes()
	for _, other := range l.notes.owed {
		if other.to == o.to && other.note.Epoch == o.note.Epoch && other.note.id() == o.note.id() {
			return
		}
	}
	l.notes.owed = append(l.notes.owed, o)
}

// answerOwed sends the answers that no longer wait for stable storage.
func (n *Node) answerOwed(l *lock) {
	l.notes.owed = slices.DeleteFunc(l.notes.owed, func(o owed) bool {
		if o.serial > n.stored {
			return false
		}
		n.answerWitness(l, o.to, o.note, Noted)
		return true
	})
}

// answerWitness answers a WITNESS, and tells what the asker should know.
func (n *Node) answerWitness(l *lock, to Member, w *Note, answer Answer) {
	note := &Note{Epoch: w.Epoch, About: w.id()}
	if higher := n.higherNote(l, w); higher != nil {
		note.Run, note.Kept = higher.Run, higher.Kept
	}
	m := Message{Kind: WitnessAnswer, Answer: answer, Note: note}
	if answer == Outbid {
		m.Highest.Number = max(l.epoch.Number, l.floor.Number)
		for _, b := range l.promises {
			m.Highest.Number = max(m.Highest.Number, b.Number)
		}
	}
	n.send(l, to, m)
}

// higherNote returns what the node remembers of the kind that a WITNESS is about, if that is
// higher; else nil.
func (n *Node) higherNote(l *lock, w *Note) *Note {
	r := n.notes[l.name]
	switch {
	case r == nil:
	case w.Run != nil && r.Run.Above(w.Run.RunMark):
		return &Note{Run: &r.Run}
	case w.Kept != nil && r.Kept.above(w.Kept):
		return &Note{Kept: &r.Kept}
	}
	return nil
}

// fence is that of the hold which a note is about.
func (w *Note) fence() Fence {
	if w.Run != nil {
		return w.Run.Fence
	}
	return w.Kept.Fence
}
