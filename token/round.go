package token

import "slices"

// A round: WITNESS to all, and the answers (protocol, section 7).

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
	// whether it is over. It last asked about the hold with the fence asked, and asks again
	// after askEvery.
	askAt, askEvery Time
	asked           Fence
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

// idle reports whether nothing is going on. s may be nil.
func (s *noting) idle() bool {
	return s == nil || s.hold == nil && s.entry == nil && len(s.ended) == 0 && len(s.owed) == 0
}

// notesRest reports whether nothing would be lost if the notes were nil.
func (n *Node) notesRest(l *lock) bool {
	if s := l.notes; s != nil && (s.asked != 0 || s.askAt > n.now) {
		return false
	}
	return l.notes.idle() && (l.token == nil || l.token.Kept == nil)
}

// withNotes makes sure that notes is not nil.
func (l *lock) withNotes() {
	if l.notes == nil {
		l.notes = new(noting)
	}
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

// isNoted reports whether a quorum has noted it.
func (n *Node) isNoted(r *round) bool {
	return n.quorate(func(j Member) bool { return r.noted[j] })
}

// isNotedByAll reports whether every member has noted it.
func (n *Node) isNotedByAll(r *round) bool {
	for j, noted := range r.noted {
		if !noted && n.peers[j].listed {
			return false
		}
	}
	return true
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
		if n.isNotedByAll(r) {
			l.notes.ended = slices.DeleteFunc(l.notes.ended, func(o *round) bool { return o == r })
		}
	case n.isNoted(r):
		n.turn(l)
	case r.refused && r.begunAt+n.cfg.TTL <= n.now:
		n.dropRefused(l)
	}
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
