package token

// A lapse is final (protocol, section 2): what belonged to the session is over, and the next
// session has a higher number.

// warnAt is when holders are warned of the lease's end.
func (n *Node) warnAt() Time { return n.leaseEnd - n.cfg.TTL/10 }

// checkLease ends a session whose lease is over, and warns before that.
func (n *Node) checkLease() {
	if !n.begun || n.leaseEnd == Never {
		return
	}
	if n.leaseEnd <= n.now {
		n.lapse()
		return
	}
	if !n.warned && n.warnAt() <= n.now {
		n.warned = true
		warning := n.issue(nil, Warn, NoMember)
		warning.Session, warning.Until = n.session, n.leaseEnd
	}
}

// lapse ends the session: every token here is lost, every holder is told, every round is
// void. The next session has a higher number.
//
// Protocol, section 2: a lapse is final. It comes before any further PONG is read.
func (n *Node) lapse() {
	n.issue(nil, Lapsed, NoMember).Session = n.session
	n.lose(n.session + 1)
}

// lose drops all that belongs to the session. The next session has the number next.
func (n *Node) lose(next Session) {
	for _, l := range n.order {
		n.abandon(l)
	}
	n.begun, n.warned, n.carried = false, false, 0
	if n.leaving {
		n.sayBye()
		return
	}
	n.startSession(next)
	n.sayClearToAll()
	n.nextPing = n.now
}

// abandon drops what a lock has from a session that is over.
func (n *Node) abandon(l *lock) {
	if l.balloting() {
		n.endBallot(l, ReasonLapsed)
	}
	if l.use != nil && l.holder != 0 {
		revoked := n.issue(l, Revoke, NoMember)
		revoked.Waiter, revoked.Fence = l.holder, l.token.Fence
		l.holder = 0
		if l.said.leads(n.self) {
			n.endLeader(l, ReasonLapsed)
		}
	}
	if l.use != nil && l.sharing != nil {
		n.loseShare(l)
	}
	if l.use != nil && l.notes != nil {
		n.loseNotes(l)
	}
	if l.token != nil {
		n.drop(l, ReasonLapsed)
	}
	if l.use != nil {
		l.outstanding, l.search = false, nil
	}
}

// drop destroys the token here.
func (n *Node) drop(l *lock, reason string) {
	if l.use != nil {
		l.waits = false
		if l.sharing != nil {
			n.keepShare(l)
		}
		if l.notes != nil {
			n.endEntry(l)
		}
	}
	token := l.token
	l.token = nil
	dropped := n.issue(l, Dropped, NoMember)
	dropped.Message.Token, dropped.Reason = token, reason
}
