package token

import "slices"

// WITNESS has a quorum remember a note (protocol, section 7): before a hold begins, that it
// does; and after its end, that it is done or over.

// noting is what a node does about the notes of a lock that is awake.
type noting struct {
	// hold is the run or the kept hold of the holder here; nil if it is neither.
	hold *Note
	// entry has a run or a kept hold remembered that is about to begin for the first
	// waiter, which waits with the token. The token's fence is that of the hold.
	entry *round
	// ended have remembered that runs are done and kept holds are over.
	ended []*round
	// owed are the answers to WITNESSes that wait for stable storage.
	owed []owed
	// askAt: while the kept hold in the token bars the lock, when the node next asks
	// whether it is over.
	askAt Time
}

// round is a WITNESS and the answers to it.
type round struct {
	waiter Waiter
	note   *Note
	// serial is that of the Store after which this node has noted it; noStore if it cannot.
	serial uint64
	noted  []bool // by member
	// refused: a member has promised a ballot above the note's epoch.
	refused bool
	// settled: the waiter was told.
	settled bool
	// begunAt is when it began, and nextAt when the WITNESS is next repeated.
	begunAt, nextAt Time
}

// noStore is above each serial number.
const noStore = 1<<64 - 1

// owed is an answer that waits for stable storage.
type owed struct {
	serial uint64
	to     Member
	note   *Note // the WITNESS's
}

// idle reports whether nothing is going on. s may be nil.
func (s *noting) idle() bool {
	return s == nil || s.hold == nil && s.entry == nil && len(s.ended) == 0 && len(s.owed) == 0
}

// notesRest reports whether nothing would be lost if the notes were nil.
func (n *Node) notesRest(l *lock) bool {
	return l.notes.idle() && (l.token == nil || l.token.Kept == nil) && (l.notes == nil || l.notes.askAt <= n.now)
}

// withNotes makes sure that notes is not nil.
func (l *lock) withNotes() {
	if l.notes == nil {
		l.notes = new(noting)
	}
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

// beginRound notes something here, and sends WITNESS to all.
func (n *Node) beginRound(l *lock, w Waiter, note *Note) *round {
	r := &round{waiter: w, note: note, serial: noStore, noted: make([]bool, len(n.peers)), begunAt: n.now}
	if serial, ok := n.take(l, note); ok {
		r.serial = serial
	}
	r.noted[n.self] = r.serial <= n.stored
	r.nextAt = n.now + n.cfg.TTL/4
	n.tell(l, w, note)
	return r
}

// tell sends WITNESS to all.
func (n *Node) tell(l *lock, w Waiter, note *Note) {
	m := Message{Kind: Witness, Note: note}
	begun := n.issue(l, Witnessing, NoMember)
	begun.Waiter, begun.Message = w, m
	begun.Fence = note.fence()
	n.broadcast(l, m)
}

// fence is that of the hold which a note is about.
func (w *Note) fence() Fence {
	if w.Run != nil {
		return w.Run.Fence
	}
	return w.Kept.Fence
}

// witnessed reports whether the first waiter may enter as far as its note goes. If a quorum
// has to note it before, it begins a round, unless that is under way.
//
// Protocol, section 7: the fence of the hold is drawn before. If nothing comes of the round,
// the fence is never used.
func (n *Node) witnessed(l *lock, first request) bool {
	if run := first.note.run; run != nil && !run.Skip {
		return true
	}
	if l.notes.entry == nil {
		l.token.Fence++
		r := n.beginRound(l, first.waiter, first.note.begins(l.token.Epoch, l.token.Fence))
		if higher := n.higherNote(l, r.note); higher != nil && higher.Kept != nil {
			r.serial, r.noted[n.self] = noStore, false
			n.outbid(l, r, uint64(higher.Kept.Fence)>>FenceBits)
		}
		l.notes.entry = r
	}
	return n.isNoted(l.notes.entry)
}

// isNoted reports whether a quorum has noted it.
func (n *Node) isNoted(r *round) bool {
	count := 0
	for _, noted := range r.noted {
		if noted {
			count++
		}
	}
	return count >= n.quorum()
}

// beginNoted begins the hold of a waiter that enters, and reports whether its fence is drawn
// already.
func (n *Node) beginNoted(l *lock, first request) bool {
	s, t := l.notes, l.token
	s.hold = nil
	if first.note == nil {
		return false
	}
	if s.entry == nil {
		t.Fence++
		s.hold = first.note.begins(t.Epoch, t.Fence)
	} else {
		s.hold, s.entry = s.entry.note, nil
	}
	if s.hold.Run != nil {
		t.Run = &s.hold.Run.RunMark
	} else if t.Kept != nil {
		n.unkeep(l)
	}
	return true
}

// endEntry ends a round whose waiter does not enter: it has given up, or the token goes.
// The fence is not used.
//
// Protocol, sections 7 and 8: a run is void and a kept hold is over, which all are told. A
// waiter that would adopt a kept hold has only given it another fence: it stays kept.
func (n *Node) endEntry(l *lock) {
	e := l.notes.entry
	if e == nil {
		return
	}
	l.notes.entry = nil
	over := &Note{Epoch: e.note.Epoch}
	switch {
	case e.note.Run != nil:
		run := *e.note.Run
		run.State = RunVoid
		over.Run = &run
	case l.token.Kept != nil:
		n.keepAs(l, e.note.Kept)
		return
	default:
		kept := *e.note.Kept
		kept.Over = true
		over.Kept = &kept
	}
	n.take(l, over)
	n.tell(l, e.waiter, over)
}

// outbid notes that a member has promised a ballot above the epoch of a round.
func (n *Node) outbid(l *lock, r *round, number uint64) {
	r.refused = true
	l.highest = max(l.highest, number)
}

// outOfFences reports whether the token's last fence was drawn by a round of which nothing
// came.
func (n *Node) outOfFences(l *lock) bool {
	return l.notes != nil && l.notes.entry == nil && n.usedUp(l.token)
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
	if w == nil || (w.Run == nil) == (w.Kept == nil) {
		return
	}
	bound := w.Epoch != Epoch{}
	if !bound && !w.isFact() {
		return
	}
	barred := bound && n.barred(l, w.Epoch)
	serial, room := uint64(0), n.isRoom(l.name)
	if room && (w.isFact() || !barred && !n.waiting) {
		serial, _ = n.take(l, w)
	}
	if w.isFact() {
		n.heed(l, w)
	} else if !barred {
		n.sawSign(l)
	}
	switch {
	case !w.wantsAnswer() || bound && n.waiting:
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

// receiveWitnessAnswer counts an answer.
func (n *Node) receiveWitnessAnswer(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	w := m.Note
	if w == nil || l.notes == nil {
		return
	}
	if w.Run != nil || w.Kept != nil {
		told := &Note{Run: w.Run, Kept: w.Kept}
		if w.Run != nil {
			told.Kept = nil
		}
		if told.isFact() && n.isRoom(l.name) {
			n.take(l, told)
		}
		n.heed(l, told)
	}
	for _, r := range l.notes.rounds() {
		if r.note.Epoch == w.Epoch && r.note.id() == w.About {
			n.countAnswer(l, r, from, m)
		}
	}
}

// countAnswer counts an answer in the round that it is about.
func (n *Node) countAnswer(l *lock, r *round, from Member, m *Message) {
	entry := r == l.notes.entry
	switch {
	case m.Answer == Noted && entry && m.Note.Kept != nil: // of a later token
		n.outbid(l, r, uint64(m.Note.Kept.Fence)>>FenceBits)
	case m.Answer == Noted:
		r.noted[from] = true
	case m.Answer == Outbid:
		n.outbid(l, r, m.Highest.Number)
	case entry && m.Answer == Full:
		n.refuseEntry(l, ReasonFull)
		return
	case entry && m.Answer == NoDisk:
		n.refuseEntry(l, ReasonNoDisk)
		return
	}
	n.judgeRound(l, r)
}

// rounds lists the rounds under way. That before an entry is the last.
func (s *noting) rounds() []*round {
	rounds := slices.Clone(s.ended)
	if s.entry != nil {
		rounds = append(rounds, s.entry)
	}
	return rounds
}

// unsettled reports whether somebody waits for the outcome of a round. s may be nil.
func (s *noting) unsettled() bool {
	return s != nil && slices.ContainsFunc(s.ended, func(r *round) bool { return !r.settled })
}

// countOwn counts this node in the rounds whose notes are on its stable storage now.
func (n *Node) countOwn(l *lock) {
	for _, r := range l.notes.rounds() {
		if !r.noted[n.self] && r.serial <= n.stored {
			r.noted[n.self] = true
			n.judgeRound(l, r)
		}
	}
}

// judgeRound is called when a round has another answer.
func (n *Node) judgeRound(l *lock, r *round) {
	switch {
	case r != l.notes.entry:
		if n.isNoted(r) {
			n.settle(l, r, "")
		}
		if !slices.Contains(r.noted, false) {
			l.notes.ended = slices.DeleteFunc(l.notes.ended, func(o *round) bool { return o == r })
		}
	case n.isNoted(r):
		n.turn(l)
	case r.refused && r.begunAt+n.cfg.TTL <= n.now:
		n.dropRefused(l)
	}
}

// refuseEntry refuses the first waiter, whose note a member cannot take.
func (n *Node) refuseEntry(l *lock, reason string) {
	w := l.waiters.pop().waiter
	l.forgetTry(w)
	n.refuseNote(l, w, reason)
	n.noteWithdrawal(l)
	n.turn(l)
}

// dropRefused drops a token that members have promised not to take, and replaces it.
//
// Protocol, section 7: after T without a quorum. A promise whose ABORT was lost would stand
// against it for ever.
func (n *Node) dropRefused(l *lock) {
	n.drop(l, ReasonRefused)
	l.search.probe = 0
	n.propose(l)
}

// settle tells the waiter of a round that has ended a run or a kept hold what came of it.
func (n *Node) settle(l *lock, r *round, reason string) {
	if r.settled {
		return
	}
	r.settled = true
	kind := Freed
	if r.note.Run != nil {
		kind = RunNoted
	}
	told := n.issue(l, kind, NoMember)
	told.Waiter, told.Fence, told.Reason, told.Run = r.waiter, r.note.fence(), reason, r.note.Run
}

// endRounds ends all rounds about what has ended: they cannot go on.
func (n *Node) endRounds(l *lock, reason string) {
	for _, r := range l.notes.ended {
		n.settle(l, r, reason)
	}
	l.notes.ended = nil
}

// loseNotes drops what belongs to a session that is over. That a kept hold is over is said
// in any session; that a run is done counts in the one in which it ended.
func (n *Node) loseNotes(l *lock) {
	s := l.notes
	s.hold = nil
	s.ended = slices.DeleteFunc(s.ended, func(r *round) bool {
		if r.note.Run != nil {
			n.settle(l, r, ReasonLapsed)
		}
		return r.note.Run != nil
	})
}

// repeatWitness sends WITNESS on a new stream, to a member that has not answered.
func (n *Node) repeatWitness(l *lock, peer Member) {
	if e := l.notes.entry; e != nil {
		n.repeatRound(l, e, peer)
	}
	for _, r := range l.notes.ended {
		n.repeatRound(l, r, peer)
	}
}

func (n *Node) repeatRound(l *lock, r *round, peer Member) {
	if !r.noted[peer] {
		n.send(l, peer, Message{Kind: Witness, Note: r.note})
	}
}

// repeatToAll sends WITNESS to all who have not answered.
func (n *Node) repeatToAll(l *lock, r *round) {
	r.nextAt = n.now + n.cfg.TTL/4
	for j := range n.peers {
		n.repeatRound(l, r, Member(j))
	}
}

// notesDue is when a lock's notes next need the time.
func (n *Node) notesDue(l *lock) Time {
	s, due := l.notes, Never
	switch {
	case s.entry != nil:
		due = s.entry.nextAt
	case l.waits && l.token.Kept != nil:
		due = s.askAt
	}
	for _, r := range s.ended {
		due = min(due, r.nextAt, r.begunAt+n.cfg.TTL)
	}
	return due
}

// fireNotes does what is due: WITNESS is repeated every T/4, and what has ended is given up
// after T.
func (n *Node) fireNotes(l *lock) {
	s := l.notes
	switch e := s.entry; {
	case e != nil && e.nextAt > n.now:
	case e != nil && e.refused && e.begunAt+n.cfg.TTL <= n.now:
		n.dropRefused(l)
	case e != nil:
		n.repeatToAll(l, e)
	case l.waits && l.token.Kept != nil && s.askAt <= n.now:
		n.barAgain(l)
	}
	s.ended = slices.DeleteFunc(s.ended, func(r *round) bool {
		switch {
		case r.begunAt+n.cfg.TTL <= n.now:
			n.settle(l, r, ReasonTime)
			return true
		case r.nextAt <= n.now:
			n.repeatToAll(l, r)
		}
		return false
	})
}
