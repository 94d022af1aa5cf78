package token

import "slices"

// A member's part in others' ballots: promises and burials. The rules are in the protocol's
// section 3.

// receiveBallot answers BALLOT(lock, n, b, D).
//
// HOLD, if the token is here. NACK, if a promise, an epoch or a floor here has a number
// that is not below the ballot's. Else PROMISE: from now on this node takes no token of the
// lock with an epoch below b, and no ballot with a number not above b's. An encumbered node
// cannot promise: a client of its earlier process may hold the lock.
func (n *Node) receiveBallot(l *lock, from Member, m *Message) {
	n.hear(l, from, m)
	if n.encumbered() {
		return
	}
	reply := Message{Kind: BallotAnswer, Ballot: m.Ballot}
	if l.token != nil {
		reply.Answer = Hold
	} else if answer, highest := n.objection(l, m.Ballot); answer != 0 {
		reply.Answer, reply.Highest = answer, highest
	} else {
		if l.balloting() {
			n.endBallot(l, ReasonOutbid)
		}
		n.promise(l, m.Ballot)
		n.sawSign(l) // of a token to come
		v := n.ownVote(l, m.Members)
		reply.Answer, reply.Number, reply.Waiting, reply.Members = Promise, v.number, v.waiting, v.buried
		reply.Share, reply.Limit, reply.LimitBy, reply.LimitAt = v.share, v.limit, v.limitBy, v.limitAt
		reply.Note = v.note
	}
	n.send(l, from, reply)
	if l.idle() {
		n.passOn(l)
	}
}

// objection returns what forbids a ballot here; 0 if nothing does.
func (n *Node) objection(l *lock, b Epoch) (Answer, Epoch) {
	var promised Epoch
	for _, p := range l.promises {
		if p.Above(promised) {
			promised = p
		}
	}
	known := Epoch{Number: n.floor}
	for _, e := range []Epoch{l.floor, l.epoch} {
		if e.Number > known.Number {
			known = e
		}
	}
	switch {
	case promised.Number >= b.Number:
		return Outbid, promised
	case known.Number >= b.Number:
		return TooLow, known
	}
	return 0, Epoch{}
}

// promise keeps b, on stable storage before any later effect is performed. A lock remembers
// as many promises as there are members; beyond that the lowest becomes a floor that no
// ABORT lifts.
//
// Only promised numbers are saved. A start without its memory begins at the clock, and
// numbers saved in advance would run ahead of that. Nor would they spare much: a Save is
// due only if a number is above all promised here, for any lock.
func (n *Node) promise(l *lock, b Epoch) {
	l.highest = max(l.highest, b.Number)
	l.promises = append(l.promises, b)
	slices.SortFunc(l.promises, Epoch.Compare)
	if len(l.promises) > len(n.peers) {
		l.floor = l.promises[0]
		l.promises = slices.Delete(l.promises, 0, 1)
	}
	if b.Number > n.promised {
		n.promised = b.Number
		n.save()
	}
}

// takeBack forgets a promise.
func (l *lock) takeBack(b Epoch) {
	l.promises = slices.DeleteFunc(l.promises, func(p Epoch) bool { return p == b })
}

// receiveAbort takes back the promise to a ballot that failed. Promises to others stand.
func (n *Node) receiveAbort(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	l.takeBack(m.Ballot)
}

// barred reports whether a token of this epoch must not be taken: a later epoch was seen or
// promised, or may have been before the lock was forgotten. A promise to this node's own
// ballot does not count, since that round ends when the token comes.
func (n *Node) barred(l *lock, e Epoch) bool {
	if l.epoch.Above(e) || l.floor.Above(e) {
		return true
	}
	for _, b := range l.promises {
		own := l.balloting() && l.search.ballot == b
		if b.Above(e) && !own {
			return true
		}
	}
	return false
}

// vote is the answer of a member that promised a ballot.
type vote struct {
	promised bool
	number   Number // of its own request
	waiting  bool   // it asked in its present session, and still has a waiter
	buried   []Member
	share    Share // its own; zero if it has none
	limit    Limit // the lock's, as it remembers, the member that said it, and its age
	limitBy  Member
	limitAt  Fence
	note     *Note // what it remembers of the lock; nil for nothing
}

// ownVote is this node's vote; it buries whom it can of the distant.
func (n *Node) ownVote(l *lock, distant []Member) vote {
	v := vote{promised: true, waiting: l.outstanding && n.wants(l), note: n.ownNote(l)}
	if !v.waiting {
		n.endRequest(l)
	}
	v.number = l.requestNumbers[n.self]
	if s := l.sharing; s != nil {
		v.share, v.limit, v.limitBy, v.limitAt = s.share, s.limit, s.limitBy, s.limitAt
	}
	for _, k := range distant {
		if n.canBury(k) {
			n.peers[k].burialEnd = n.now + n.cfg.TTL
			n.issue(nil, Buried, k).Lock = l.name
			v.buried = append(v.buried, k)
		}
	}
	return v
}

// canBury reports whether this node may bury a member: its guard is over, and so is our
// wait after the start. Nobody buries itself.
func (n *Node) canBury(k Member) bool {
	return k != n.self && !n.waiting && n.peers[k].guardEnd <= n.now
}

// buriable lists whom this node could bury now.
func (n *Node) buriable() []Member {
	var members []Member
	for k := range n.peers {
		if n.peers[k].listed && n.canBury(Member(k)) {
			members = append(members, Member(k))
		}
	}
	return members
}
