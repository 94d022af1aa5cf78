package token

// What a quorum's disks remember about a lock, whatever becomes of its token: its latest run
// (run.go), and its latest kept hold (kept.go). A note is on a quorum's disks before
// anything depends on it (protocol, section 7).

// Notes is what a member remembers of a lock.
type Notes struct {
	Run  Run
	Kept KeptHold
}

// LockNotes is a lock, and what is remembered of it.
type LockNotes struct {
	Lock string
	Notes
}

// remembered is what the node remembers of a lock. It does not change: what is learned
// replaces it.
type remembered struct {
	Notes
	serial uint64 // of the Store that puts it on stable storage; 0 if it was there at the start
}

// storing is a Store that is not on stable storage yet.
type storing struct {
	serial uint64
	lock   string
}

// loadNotes takes the notes that are on stable storage at the start.
func (n *Node) loadNotes() {
	n.notes = make(map[string]*remembered, len(n.cfg.Notes))
	for i := range n.cfg.Notes {
		n.notes[n.cfg.Notes[i].Lock] = &remembered{Notes: n.cfg.Notes[i].Notes}
	}
	n.cfg.Notes = nil
}

// isRoom reports whether the node may remember something of a lock. For what its own waiters
// do it looks before they stand in line, and then takes all that comes of it.
func (n *Node) isRoom(name string) bool { return n.notes[name] != nil || len(n.notes) < n.cfg.MaxNotes }

// take notes what a WITNESS says, if that is higher than what the node remembers. It
// returns the serial number of the Store after which the node remembers it on stable
// storage, or something higher; and false if the node has none.
//
// That a run is void is noted only by who noted that it was about to begin: it tells
// nobody else anything.
func (n *Node) take(l *lock, w *Note) (serial uint64, ok bool) {
	var notes Notes
	old := n.notes[l.name]
	if old != nil {
		notes, serial = old.Notes, old.serial
	}
	switch {
	case w.Run == nil:
		if !w.Kept.above(&notes.Kept) {
			return serial, n.cfg.Remembers
		}
		notes.Kept = *w.Kept
	case w.Run.State == RunVoid:
		if notes.Run.RunMark != (RunMark{w.Run.Tick, w.Run.Fence, RunBegun}) {
			return serial, n.cfg.Remembers
		}
		notes.Run = *w.Run
	default:
		if !w.Run.Above(notes.Run.RunMark) {
			return serial, n.cfg.Remembers
		}
		notes.Run = *w.Run
	}
	if !n.cfg.Remembers {
		return 0, false
	}
	return n.store(l, notes), true
}

// store remembers something else of a lock from now on.
func (n *Node) store(l *lock, notes Notes) uint64 {
	r := n.remember(l.name, notes)
	store := n.issue(l, Store, NoMember)
	store.Notes, store.Serial = &r.Notes, n.serial
	return n.serial
}

// remember remembers something else of a lock from now on. The caller issues the Store.
func (n *Node) remember(name string, notes Notes) *remembered {
	n.serial++
	r := &remembered{Notes: notes, serial: n.serial}
	n.notes[name] = r
	n.storing = append(n.storing, storing{n.serial, name})
	return r
}

// Stored says that all that the Store effects up to a serial number said is on stable
// storage.
func (n *Node) Stored(now Time, serial uint64) {
	n.advance(now)
	n.stored = max(n.stored, min(serial, n.serial))
	done := 0
	for done < len(n.storing) && n.storing[done].serial <= n.stored {
		done++
	}
	names := n.storing[:done:done]
	n.storing = n.storing[done:]
	if len(n.storing) == 0 {
		n.storing = nil
	}
	for _, s := range names {
		if l := n.locks[s.lock]; l != nil && l.use != nil && l.notes != nil && !n.gone {
			n.lock(s.lock)
			n.answerOwed(l)
			n.countOwn(l)
			n.schedule(l)
		}
	}
	n.checkGone()
}

// ForgetNotes forgets what the node remembers of a lock, if that still is what the caller
// has read, and no longer needed: no hold is kept. The driver says so once both Until have
// passed, and then takes the notes off stable storage. It reports whether the node has
// forgotten them.
func (n *Node) ForgetNotes(now Time, name string, read Notes) bool {
	n.advance(now)
	r := n.notes[name]
	switch {
	case r == nil || r.Notes != read || r.serial > n.stored:
		return false
	case r.Kept.Fence != 0 && !r.Kept.Over:
		return false
	}
	if l := n.locks[name]; l != nil && l.use != nil && !l.notes.idle() {
		return false
	}
	delete(n.notes, name)
	return true
}

// InspectNotes returns what the node remembers of a lock: all zero if that is nothing.
func (n *Node) InspectNotes(name string) Notes {
	if r := n.notes[name]; r != nil {
		return r.Notes
	}
	return Notes{}
}

// InspectNotesCount returns of how many locks the node remembers something.
func (n *Node) InspectNotesCount() int { return len(n.notes) }

// InspectAllNotes calls f for each lock with notes, in no order, until f returns false.
func (n *Node) InspectAllNotes(f func(LockNotes) bool) {
	for name, r := range n.notes {
		if !f(LockNotes{name, r.Notes}) {
			return
		}
	}
}

// ownNote is what the node remembers of a lock, for a PROMISE; nil for nothing.
func (n *Node) ownNote(l *lock) *Note {
	r := n.notes[l.name]
	if r == nil {
		return nil
	}
	note := new(Note)
	if r.Run.Tick != 0 {
		note.Run = &r.Run
	}
	if r.Kept.Fence != 0 {
		note.Kept = &r.Kept
	}
	return note
}

// inheritNotes gives a new token the latest run of all that the promisers remember, and the
// latest kept hold, unless it is over.
func (t *Token) inheritNotes(votes []vote) {
	for j := range votes {
		note := votes[j].note
		if note == nil {
			continue
		}
		if r := note.Run; r != nil && (t.Run == nil || r.Above(*t.Run)) {
			t.Run = &r.RunMark
		}
		if k := note.Kept; k != nil && (t.Kept == nil || k.above(t.Kept)) {
			t.Kept = k
		}
	}
	if t.Kept != nil && t.Kept.Over {
		t.Kept = nil
	}
}

// noteRequest is what a waiter for a run or a kept hold asks for: one of them.
type noteRequest struct {
	run  *RunRequest
	keep *KeepRequest
}

// begins is the note of the hold that begins with a fence.
func (r *noteRequest) begins(epoch Epoch, fence Fence) *Note {
	if run := r.run; run != nil {
		return &Note{Epoch: epoch, Run: &Run{RunMark{run.Tick, fence, RunBegun}, run.Until, run.About}}
	}
	keep := r.keep
	return &Note{Epoch: epoch, Kept: &KeptHold{Fence: fence, Owner: keep.Owner, Until: keep.Until, About: keep.About}}
}

// queues reports whether a waiter for a run or a kept hold may stand in line. Otherwise it
// is told why not.
func (n *Node) queues(now Time, name string, r request) bool {
	n.advance(now)
	l := n.lock(name)
	defer n.schedule(l)
	if reason := n.cannotRemember(name); reason != "" {
		n.refuseNote(l, r.waiter, reason)
		return false
	}
	if own := n.InspectNotes(name).Run; r.isRun() && own.rulesOut(r.note.run) {
		ran := n.issue(l, Ran, NoMember)
		ran.Waiter, ran.Run = r.waiter, &own
		return false
	}
	l.withNotes()
	return true
}

// cannotRemember returns why this member, or one that was heard, cannot remember a run or a
// kept hold; "" if nothing is known against it.
func (n *Node) cannotRemember(name string) string {
	for j := range n.peers {
		p := &n.peers[j]
		if Member(j) == n.self && !n.cfg.Remembers || p.listed && p.heard && !p.hello.Remembers {
			return ReasonNoDisk
		}
	}
	if !n.isRoom(name) {
		return ReasonFull
	}
	return ""
}

// refuseNote refuses a waiter because a member cannot remember what it asks for.
func (n *Node) refuseNote(l *lock, w Waiter, reason string) {
	refused := n.issue(l, Refuse, NoMember)
	refused.Waiter, refused.Reason = w, reason
}
