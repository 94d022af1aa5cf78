package token

import "slices"

// A node's turn at a lock that may be shared (protocol, section 5). The token is here, and
// nobody uses it. A waiter that wants the lock alone enters once the token carries no share
// and nobody is in; the others enter beside each other, as far as the limit goes, and their
// turn is over at once, while they are in.

// verdict is what happens to the first waiter in a turn.
type verdict uint8

const (
	mayEnter verdict = iota
	mustWait
	isRefused    // the lock has another limit
	isTurnedAway // the lock is in use, and the waiter does not want to wait
	hasRun       // the waiter's tick needs no run, or a later one has begun
)

// turn lets in the first waiters, or begins or goes on to wait with the token.
func (n *Node) turn(l *lock) {
	waited := l.waits
	l.waits = false
	n.strike(l)
	if l.notes != nil {
		n.lineUp(l)
	}
	entered := 0
	for !l.waiters.empty() && !n.turnIsFull(l, entered) && !n.outOfFences(l) {
		first := l.waiters.first()
		v := n.judge(l, first)
		if v == mayEnter && first.note != nil && !n.witnessed(l, first) {
			v = mustWait
		}
		if v == mustWait && entered == 0 {
			if n.raiseBehind(l) {
				continue
			}
			n.wait(l, waited)
			return
		}
		if v == mustWait {
			break
		}
		l.helpEnd = n.now
		switch {
		case v != mayEnter:
			n.turnAway(l, v)
		case first.sets:
			n.setLimit(l)
		case first.limit == Exclusive:
			if l.sharing != nil {
				l.sharing.close()
				n.writeShare(l)
			}
			n.enterAlone(l)
			return
		default:
			n.enterShared(l, entered == 0)
			entered++
		}
	}
	if entered == 0 {
		l.ahead = 0
	}
	if l.waiters.empty() && entered == 0 {
		n.keep(l)
		n.enqueue(l)
		n.handOver(l)
		return
	}
	if entered > 0 && l.sharing.limit != Unlimited {
		l.ahead += entered - 1 // of the local batch, these were several
	}
	n.endTurn(l)
	n.handOver(l)
}

// turnIsFull reports whether no more permits may be granted in this turn: others stand in
// the token's queue, and the local batch is used up. Readers all enter at once.
func (n *Node) turnIsFull(l *lock, entered int) bool {
	return entered > 0 && l.token.Limit != Unlimited && l.ahead+entered >= n.cfg.LocalBatch && n.othersWait(l)
}

// othersWait reports whether another member stands in the token's queue, or should.
func (n *Node) othersWait(l *lock) bool {
	for j := range l.requestNumbers {
		if Member(j) != n.self && (l.asks(j) || slices.Contains(l.token.Queue, Member(j))) {
			return true
		}
	}
	return false
}

// judge says what happens to the first waiter.
func (n *Node) judge(l *lock, first request) verdict {
	s, t := l.sharing, l.token
	tries := l.triesFirst()
	switch {
	case first.isRun() && n.forbids(l, first.note.run) != nil:
		return hasRun
	case t.Kept == nil || first.adopts(t.Kept):
	case tries:
		return isTurnedAway
	default:
		return mustWait
	}
	if first.sets {
		switch {
		case t.Limit == Exclusive || t.Limit == Unlimited || first.limit > MaxPermits:
			return isRefused
		case first.limit < t.Limit && !n.allAnswered(l):
			return mustWait
		}
		return mayEnter
	}
	if first.limit == Exclusive {
		switch {
		case !n.sharedElsewhere(l) && s.used() == 0:
			return mayEnter
		case tries && s.used() > 0:
			return isTurnedAway
		}
		return mustWait
	}
	switch {
	case t.Limit != Exclusive && t.Limit != first.limit:
		return isRefused
	case first.limit == Unlimited || n.permitsUsed(l) < uint64(first.limit):
		return mayEnter
	case tries && n.allAnswered(l):
		return isTurnedAway
	}
	return mustWait
}

// triesFirst reports whether the first waiter does not want to wait.
func (l *lock) triesFirst() bool {
	return l.search != nil && slices.Contains(l.search.tries, l.waiters.first().waiter)
}

// sharedElsewhere reports whether the token carries a share of another member.
func (n *Node) sharedElsewhere(l *lock) bool {
	return slices.ContainsFunc(l.token.Shares, func(s Share) bool { return s.Member != n.self })
}

// allAnswered reports whether every other member with a share has answered a RECALL of this
// wait. Nobody enters any more under shares that were recalled.
func (n *Node) allAnswered(l *lock) bool {
	return !slices.ContainsFunc(l.token.Shares, func(s Share) bool {
		return s.Member != n.self && !slices.Contains(l.sharing.answered, s.ID)
	})
}

// permitsUsed is how many permits the token's shares have in all. The own share has as many
// as are in use here.
func (n *Node) permitsUsed(l *lock) (sum uint64) {
	for _, s := range l.token.Shares {
		sum += uint64(s.Permits)
	}
	return sum
}

// turnAway refuses the first waiter.
func (n *Node) turnAway(l *lock, v verdict) {
	r := l.waiters.pop()
	l.forgetTry(r.waiter)
	if v == hasRun {
		n.ran(l, r.waiter, n.forbids(l, r.note.run))
		n.endEntry(l)
		return
	}
	refused := n.issue(l, Refuse, NoMember)
	refused.Waiter = r.waiter
	if v == isRefused {
		refused.Limit, refused.Peer = l.token.Limit, l.token.LimitBy
	}
	n.noteWithdrawal(l)
}

// setLimit grants the first waiter, which sets the lock's limit.
func (n *Node) setLimit(l *lock) {
	r := l.waiters.pop()
	n.noteLimit(l, r.limit, n.self)
	grant := n.issue(l, Grant, NoMember)
	grant.Waiter, grant.Limit, grant.Hop, grant.Message.Token = r.waiter, r.limit, l.token.Hop, l.token
	n.granted(l, grant)
}

// noteLimit sets the lock's limit. Its age is above that of each earlier one.
func (n *Node) noteLimit(l *lock, limit Limit, by Member) {
	s, t := l.sharing, l.token
	t.Limit, t.LimitBy, t.LimitAt = limit, by, max(t.Fence, t.LimitAt+1)
	s.limit, s.limitBy, s.limitAt = t.Limit, t.LimitBy, t.LimitAt
}

// enterShared lets the first waiter in under the node's own share, which is opened or
// enlarged if need be.
//
// Protocol, section 5: then the fence is raised, and is the share's ID from then on, so
// that a DONE for what the share was before does not count. It is raised once in a turn.
func (n *Node) enterShared(l *lock, first bool) {
	s, t := l.shared(), l.token
	if limit := l.waiters.first().limit; t.Limit == Exclusive {
		n.noteLimit(l, limit, n.self)
	}
	if first && (!s.open() || s.visited || s.limit != Unlimited) {
		t.Fence++
		s.share = Share{Member: n.self, Session: n.session, ID: t.Fence}
		s.visited, s.recalled = false, false
	}
	grant := n.letIn(l)
	n.granted(l, grant)
	n.writeShare(l)
}

// writeShare makes the token, which is here, carry the node's own share as it is: with as
// many permits as are in use. Without any, a share of permits is closed; a readers' stays
// open.
func (n *Node) writeShare(l *lock) {
	s, t := l.sharing, l.token
	if s.open() {
		s.share.Permits = 1
		if s.limit != Unlimited {
			s.share.Permits = s.used()
		}
		if s.share.Permits == 0 {
			s.close()
		}
	}
	i := slices.IndexFunc(t.Shares, func(o Share) bool { return o.Member == n.self })
	switch {
	case i < 0 && s.open():
		t.Shares = append(t.Shares, s.share)
	case i >= 0 && s.open():
		t.Shares[i] = s.share
	case i >= 0:
		t.Shares = slices.Delete(t.Shares, i, i+1)
	}
}

// installShare is called when a token that may be shared comes. The own share stays if
// somebody is in under it, and lets others in again.
func (n *Node) installShare(l *lock) {
	s, t := l.shared(), l.token
	if t.Limit != Exclusive {
		s.limit, s.limitBy, s.limitAt = t.Limit, t.LimitBy, t.LimitAt
	}
	s.answered = s.answered[:0]
	if len(s.inside) == 0 {
		s.close()
	}
	s.visited, s.recalled, s.recaller = s.open(), false, NoMember
	n.writeShare(l)
	n.strike(l)
}

// keepShare is called when the token goes, or is dropped: the own share is what the node
// keeps. If more permits are in use than the limit allows, since it was lowered, none is
// used again.
func (n *Node) keepShare(l *lock) {
	s := l.sharing
	n.writeShare(l)
	s.recalled = s.open() && s.limit != Unlimited && n.permitsUsed(l) > uint64(s.limit)
}

// inherit gives a new token the shares of all members that promised, as they told them, and
// the latest limit that any of them remembers.
func (t *Token) inherit(votes []vote) {
	for j := range votes {
		v := &votes[j]
		if v.share.ID != 0 {
			t.Shares = append(t.Shares, v.share)
		}
		if v.limitAt > t.LimitAt {
			t.Limit, t.LimitBy, t.LimitAt = v.limit, v.limitBy, v.limitAt
		}
	}
}
