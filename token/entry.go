package token

// The entry of a waiter for a run or a kept hold (protocol, sections 7 and 8). A quorum may
// have to note it first.

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

// beginNoted begins the hold of a waiter that enters, and reports whether its fence is drawn
// already.
func (n *Node) beginNoted(l *lock, first request) bool {
	s, t := l.notes, l.token
	s.hold, s.asked = nil, 0
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
