package token

// Retire makes the node leave the cluster for good. It passes on what it holds, to a
// waiting node or else to any live one, and says BYE once it holds nothing. A holder here
// keeps its lock until it releases; then Gone is issued. The driver withdraws the waiters:
// none is served any more.
func (n *Node) Retire(now Time) {
	n.advance(now)
	if n.retiring {
		return
	}
	n.retiring = true
	n.endProposal(ReasonLeaving)
	n.turnAwayAll()
	n.checkGone()
}

// turnAwayAll lets nobody in any more, and passes on the tokens that nobody uses.
func (n *Node) turnAwayAll() {
	if n.leaving {
		return
	}
	n.leaving = true
	for _, l := range n.order {
		if l.balloting() {
			n.endBallot(l, ReasonLeaving)
		}
		if l.use != nil && l.waits {
			if !n.retiring && l.outstanding && !l.waiters.empty() { // nobody withdraws it later: it counts as granted
				n.issue(l, Withdrew, NoMember).Number = l.requestNumbers[n.self]
			}
			l.waits, l.ahead = false, 0
			if l.notes != nil {
				n.endEntry(l)
			}
			n.keep(l)
			if n.usedUp(l.token) {
				n.drop(l, ReasonFences)
			}
		}
		if l.idle() {
			n.giveAway(l)
		}
	}
}

// giveAway sends an idle token of a node that leaves to the first member that waits for it,
// else to any live one. A node that leaves does so when it is told to leave and when it
// goes, but not with a token that comes in between: two that leave, and wait for those who
// are in, would send it to each other without end.
func (n *Node) giveAway(l *lock) {
	n.wake(l)
	n.passOn(l)
	for j := 0; l.token != nil && j < len(n.peers); j++ {
		if n.stays(Member(j)) && n.addressable(Member(j)) {
			n.give(l, Member(j))
		}
	}
}

// checkGone says BYE if the node leaves, nobody here is in a critical section, and nobody
// waits to be told that a run is done or a kept hold over, which takes at most T.
func (n *Node) checkGone() {
	if !n.leaving || n.gone || n.departed && !n.retiring {
		return
	}
	for _, l := range n.order {
		if l.use != nil && (l.holder != 0 || l.sharing.used() > 0) {
			return
		}
		if l.use != nil && l.notes.unsettled() {
			return
		}
	}
	n.sayBye()
}

// sayBye ends the session on purpose (protocol, section 2). A token that could be passed on
// to nobody is lost.
func (n *Node) sayBye() {
	for _, l := range n.order {
		if l.token != nil {
			n.giveAway(l)
		}
		if l.token != nil {
			n.drop(l, ReasonLeaving)
		}
		if l.use != nil && l.sharing != nil {
			l.sharing.close()
		}
		if l.use != nil && l.notes != nil {
			n.endRounds(l, ReasonLeaving)
		}
	}
	for j := range n.peers {
		if Member(j) != n.self && n.begun {
			n.send(nil, Member(j), Message{Kind: Bye, Session: n.session})
		}
	}
	if n.begun {
		n.ended = n.session
	}
	n.begun = false
	if !n.retiring {
		n.departed = true
		n.issue(nil, Departed, NoMember).Session = n.session
		n.checkRemoved()
		return
	}
	n.gone = true
	n.issue(nil, Gone, NoMember).Session = n.session
}

// receiveBye notes that a member has left. Protocol, section 2: its guard is over, unless
// it is for a later session.
func (n *Node) receiveBye(from Member, m *Message) {
	p := &n.peers[from]
	n.issue(nil, Received, from).Message = *m
	if p.session <= m.Session {
		p.session = 0
	}
	if p.guarded <= m.Session {
		p.guardEnd = n.now
	}
	n.noteOver(from, m.Session)
}
