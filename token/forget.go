package token

import "slices"

// Names that were used once cost nothing in the end: a token that lies idle for long is
// dropped, and a lock that lies idle for longer is forgotten (protocol, section 3).

// forgetAt is when the lock has been idle for so long that the node drops its token or
// forgets it; Never while it is in use.
func (n *Node) forgetAt(l *lock) Time {
	switch {
	case l.idle():
		return l.usedAt + n.cfg.IdleToken
	case l.isLed():
	case l.token == nil && (l.use == nil || l.waiters.empty() && !l.balloting() && l.notes.idle() && l.sharing.used() == 0):
		return l.usedAt + n.cfg.IdleLock
	}
	return Never
}

// forget drops an idle token, or forgets the lock.
//
// A node keeps one floor for all the locks it forgot. The floor refuses ballots, and tokens
// of locks that are learned anew. Without it, a node that promised a higher ballot and
// forgot it would take an old token that arrives late on a slow stream.
func (n *Node) forget(l *lock) {
	if n.forgetAt(l) > n.now {
		return
	}
	if l.token != nil {
		n.drop(l, ReasonIdle)
		return
	}
	if l.use == nil {
		n.forgotten = max(n.forgotten, l.rest.highest())
	} else {
		n.forgotten = max(n.forgotten, l.highest)
		l.outstanding = false // a withdrawn request, which would keep the lock on the list of active ones
	}
	n.floor = max(n.floor, n.forgotten)
	delete(n.locks, l.name)
	last := n.order[len(n.order)-1]
	n.order[l.position] = last
	last.position = l.position
	n.order[len(n.order)-1] = nil
	n.order = n.order[:len(n.order)-1]
	n.issue(l, Forgot, NoMember)
}

// usedUp reports whether the token has no fence left.
func (n *Node) usedUp(t *Token) bool {
	return uint64(t.Fence)-t.Epoch.Number<<FenceBits >= n.cfg.FencesPerEpoch
}

// replace drops a token whose fences are used up. If the node knows of a waiter, it starts
// a ballot at once.
func (n *Node) replace(l *lock) {
	wanted := slices.ContainsFunc(l.token.Queue, func(j Member) bool { return j != n.self }) || n.wants(l)
	n.drop(l, ReasonFences)
	if !wanted || n.leaving {
		return
	}
	if !l.outstanding {
		n.beginSearch(l)
	}
	l.search.probe = 0
	n.propose(l)
}
