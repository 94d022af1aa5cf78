package token

// Kept holds (protocol, section 8). When the holder of a kept hold dies or vanishes, nobody
// else gets the lock until somebody says that it may be. A new token has to tell "was held"
// from "was free", which only the holder's node knew. So a quorum is told before the entry.

// MaxOwnerBytes is how long [KeptHold.Owner] may be.
const MaxOwnerBytes = 128

// KeptHold is what a member remembers of a lock's latest kept hold. Of two, that of the
// higher fence is the later; of the same fence, the one that is over.
type KeptHold struct {
	Fence Fence
	// Over: the hold was given back, freed, or never began.
	Over bool
	// Owner names who may adopt the hold: take it up again after its holder died. Empty is
	// nobody.
	Owner string
	// Until is when a hold that is over may be forgotten, by the wall clock, in Unix seconds.
	// About says where and when the hold began, for people and programs. The algorithm only
	// passes both on.
	Until int64
	About string
}

// KeepRequest is what a waiter for a kept hold asks for.
type KeepRequest struct {
	// Owner, Until and About are those of the hold that begins.
	Owner string
	Until int64
	About string
	// Adopt: the waiter takes up the hold that Owner kept and nobody has any more, in place
	// of waiting for somebody to free it. If there is none, it waits like any other.
	Adopt bool
}

// AcquireKept queues a local waiter that wants the lock alone, and whose hold is to be kept.
// A Grant follows, or a Refuse with a Reason.
func (n *Node) AcquireKept(now Time, name string, w Waiter, r KeepRequest) {
	if q := (request{waiter: w, note: &noteRequest{keep: &r}}); n.queues(now, name, q) {
		n.request(now, name, q)
	}
}

// TryKept is AcquireKept for a waiter that does not want to wait, as Try is Acquire.
func (n *Node) TryKept(now Time, name string, w Waiter, r KeepRequest) {
	if q := (request{waiter: w, note: &noteRequest{keep: &r}}); n.queues(now, name, q) {
		n.try(now, name, q)
	}
}

// above reports whether k is the later of two kept holds of a lock, or the same, and over.
func (k *KeptHold) above(o *KeptHold) bool {
	return k.Fence > o.Fence || k.Fence == o.Fence && k.Over && !o.Over
}

// adopts reports whether the waiter may take up a kept hold that nobody has any more.
func (r request) adopts(k *KeptHold) bool {
	return r.note != nil && r.note.keep != nil && r.note.keep.Adopt && r.note.keep.Owner != "" && r.note.keep.Owner == k.Owner
}

// adoptsHere reports whether a waiter may take up the kept hold that the token, which is
// here, carries.
func (n *Node) adoptsHere(l *lock, r request) bool {
	return l.token != nil && l.token.Kept != nil && r.adopts(l.token.Kept)
}

// giveBack is called when a holder releases. Protocol, section 8: a kept hold is over, which
// all are told. Nothing is waited for.
func (n *Node) giveBack(l *lock) {
	hold := l.notes.hold
	l.notes.hold = nil
	if hold == nil || hold.Kept == nil {
		return
	}
	kept := *hold.Kept
	kept.Over = true
	over := &Note{Epoch: l.token.Epoch, Kept: &kept}
	n.take(l, over)
	n.tell(l, l.holder, over)
}

// Abandon ends a hold whose holder is gone and has not released it. A kept hold is then held
// by nobody alive, and stays so until it is freed or adopted. Any other is released.
func (n *Node) Abandon(now Time, name string, w Waiter) {
	n.advance(now)
	l := n.lock(name)
	if w != 0 && l.holder == w && l.notes != nil && l.notes.hold != nil && l.notes.hold.Kept != nil {
		kept := l.notes.hold.Kept
		if own := n.InspectNotes(name).Kept; own.Fence != kept.Fence || !own.Over { // else it was freed
			l.notes.hold = nil
			n.keepAs(l, kept)
		}
	}
	n.Release(now, name, w)
}

// Free says that a kept hold that nobody has any more is over. A Freed for the id follows,
// once a quorum remembers it. Whoever holds the lock keeps it.
//
// Protocol, section 8: only a hold that this node knows. A fence that no hold has had might
// be above those of all holds to come.
func (n *Node) Free(now Time, name string, id Waiter, fence Fence) {
	n.advance(now)
	l := n.lock(name)
	defer n.schedule(l)
	kept := n.InspectNotes(name).Kept
	if t := l.token; t != nil && t.Kept != nil && t.Kept.above(&kept) {
		kept = *t.Kept
	}
	if fence == 0 || fence > kept.Fence || n.gone {
		freed := n.issue(l, Freed, NoMember)
		freed.Waiter, freed.Fence, freed.Reason = id, fence, ReasonUnknown
		if n.gone {
			freed.Reason = ReasonLeaving
		}
		return
	}
	if fence < kept.Fence {
		kept = KeptHold{Fence: fence, Until: kept.Until}
	}
	kept.Over = true
	note := &Note{Kept: &kept}
	l.withNotes()
	r := n.beginRound(l, id, note)
	l.notes.ended = append(l.notes.ended, r)
	n.heed(l, note)
	n.judgeRound(l, r)
}

// heed is called when the node has learned something. Who waits for a run that is ruled out
// is told, and who waits until a kept hold is over may enter.
func (n *Node) heed(l *lock, w *Note) {
	switch {
	case l.notes == nil:
		return
	case w.Kept != nil:
		n.judgeKept(l, w.Kept)
	case w.Run.State == RunDone:
		n.tellRan(l, w.Run)
	}
	n.moveUp(l)
}

// judgeKept strikes the kept hold from the token, which may be here, if it is over, or makes
// the token carry a later one.
func (n *Node) judgeKept(l *lock, k *KeptHold) {
	if e := l.notes.entry; e != nil && e.note.Kept != nil && k.Over && k.Fence == e.note.Kept.Fence {
		n.endEntry(l) // somebody has freed it already; it begins anew
	}
	t := l.token
	switch {
	case t == nil || t.Kept == nil || !k.above(t.Kept):
	case k.Over:
		n.unkeep(l)
	default:
		n.keepAs(l, k)
	}
}

// beginKept is called when a token with a kept hold comes.
func (n *Node) beginKept(l *lock) {
	l.withNotes()
	n.keepAs(l, l.token.Kept)
	if own := n.ownNote(l); own != nil && own.Kept != nil {
		n.judgeKept(l, own.Kept)
	}
}

// keepAs makes the token, which is here, carry a kept hold that nobody has any more.
func (n *Node) keepAs(l *lock, k *KeptHold) {
	l.token.Kept = k
	keeping := n.issue(l, Keeping, NoMember)
	keeping.Fence, keeping.Message.Note = k.Fence, &Note{Kept: k}
}

// unkeep makes it carry none.
func (n *Node) unkeep(l *lock) {
	n.issue(l, Unkept, NoMember).Fence = l.token.Kept.Fence
	l.token.Kept, l.notes.asked = nil, 0
}

// bar is called while the first waiter waits, and the token carries a kept hold.
//
// Protocol, section 8: WITNESS asks all, at once, after T/4, and then twice as long after
// each time, up to T, whether somebody knows that it is over.
func (n *Node) bar(l *lock) {
	s := l.notes
	if s.entry != nil || s.askAt > n.now {
		return
	}
	if s.asked == l.token.Kept.Fence {
		s.askEvery = min(2*s.askEvery, n.cfg.TTL)
	} else {
		s.asked, s.askEvery = l.token.Kept.Fence, n.cfg.TTL/4
	}
	s.askAt = n.now + s.askEvery
	n.broadcast(l, Message{Kind: Witness, Note: &Note{Epoch: l.token.Epoch, Kept: l.token.Kept}})
}

// barAgain is called when it is time to ask again. If members wait elsewhere, the token goes on: one of them may
// adopt the hold. This node stays in the queue, with its request.
func (n *Node) barAgain(l *lock) {
	if !n.othersWait(l) {
		n.bar(l)
		return
	}
	l.waits, l.ahead = false, 0
	n.startPatience(l.search)
	n.enqueue(l)
	n.passToHead(l)
}

// lineUp lets a waiter that adopts the kept hold go to the front, and ends the round of one
// that is no longer there.
func (n *Node) lineUp(l *lock) {
	if k := l.token.Kept; k != nil {
		l.waiters.moveToFront(func(r request) bool { return r.adopts(k) })
	}
	if e := l.notes.entry; e != nil && (l.waiters.empty() || l.waiters.first().waiter != e.waiter) {
		n.endEntry(l)
	}
}
