package token

// A higher limit of permits counts at once, wherever the token is (protocol, section 5). A
// waiter that sets one asks by a probe, as a try does, and the node that has the token
// raises the limit out of turn. That is always safe: no fewer permits may be granted then.

// raises reports whether a limit is above the token's, which must be one of permits.
func (t *Token) raises(limit Limit) bool {
	return t.Limit != Exclusive && t.Limit < limit && limit <= MaxPermits
}

// limitWanted is the highest limit that a waiter here wants to set, Exclusive if none does.
func (l *lock) limitWanted() (limit Limit) {
	for _, r := range l.waiters.entries[l.waiters.head:] {
		if r.sets && r.limit <= MaxPermits {
			limit = max(limit, r.limit)
		}
	}
	return limit
}

// limitKnown is the age of the lock's limit, as far as this node knows: as the last answer
// to a probe said it, or the token when it was here.
func (n *Node) limitKnown(l *lock) Fence {
	if s := l.search; s.limitAt == 0 && l.sharing != nil {
		s.limitAt = l.sharing.limitAt
	}
	return l.search.limitAt
}

// raiseHere is called for a new waiter that sets a limit where the token is, and is not
// idle.
func (n *Node) raiseHere(l *lock) {
	if l.waits {
		n.turn(l)
	} else {
		n.raiseBehind(l)
	}
}

// raiseBehind grants the first waiter that sets a higher limit, and reports whether there
// was one. The others in line, and the node's request, wait on.
func (n *Node) raiseBehind(l *lock) bool {
	for _, r := range l.waiters.entries[l.waiters.head:] {
		if r.sets && l.token.raises(r.limit) {
			n.noteLimit(l, r.limit, n.self)
			n.grantLimit(l, r)
			return true
		}
	}
	return false
}

// grantLimit takes a waiter out of the line: the lock has the limit that it wants.
func (n *Node) grantLimit(l *lock, r request) {
	l.waiters.remove(r.waiter)
	grant := n.issue(l, Grant, NoMember)
	grant.Waiter, grant.Limit = r.waiter, r.limit
	if l.token != nil {
		grant.Hop, grant.Message.Token = l.token.Hop, l.token
	}
}

// raiseFor raises the token's limit as a PROBE says, and reports whether it did.
//
// Protocol, section 5: only if the prober knows the limit as it is. Otherwise a late PROBE
// would undo a lowering that was granted since.
func (n *Node) raiseFor(l *lock, from Member, m *Message) bool {
	t := l.token
	if !t.raises(m.Limit) || t.LimitAt != m.LimitAt {
		return false
	}
	n.noteLimit(l, m.Limit, from)
	return true
}

// receiveLimit takes the token's limit from a HOLD. Waiters that want to set just that are
// done. If the answerer has another limit than the probe knew, this node asks it again.
func (n *Node) receiveLimit(l *lock, from Member, m *Message) {
	wanted := l.limitWanted()
	if wanted == Exclusive || l.search.balloting {
		return
	}
	if m.Limit == wanted {
		for k := l.waiters.head; k < len(l.waiters.entries); {
			if r := l.waiters.entries[k]; r.sets && r.limit == wanted {
				n.grantLimit(l, r)
			} else {
				k++
			}
		}
		n.noteWithdrawal(l)
		n.admit(l)
		return
	}
	if s := l.search; m.Limit != Exclusive && m.Limit < wanted && m.LimitAt != s.limitAt {
		s.limitAt = m.LimitAt
		n.send(l, from, Message{
			Kind: Probe, Number: l.requestNumbers[n.self], Probe: s.probe, Helper: NoMember, Limit: wanted, LimitAt: s.limitAt,
		})
	}
}
