package token

// After its start, a node has forgotten which members it guarded and buried, and what it
// promised. So it answers no PING, buries nobody and begins no session of its own,
// until either T has passed, or each other member, having seen this incarnation's
// HELLO, has said that it has no session (protocol, section 2). Then no session of
// before the start is left that it might have to guard. Promises it gives from the
// first moment: it holds nothing.
//
// Unless it is encumbered: then clients of its earlier process may hold what that
// process held, until their leases are over, which count against that process's lease.
// A promise, or a CLEAR, would deny it. So an encumbered node waits for T whatever
// it is told, and is to the others like a member that does not answer, whom they can
// bury once its earlier session is over.

// encumbered reports whether clients of an earlier process may still hold locks.
func (n *Node) encumbered() bool { return n.cfg.Encumbered && n.waiting }

// checkWait ends the wait when it is over.
func (n *Node) checkWait() {
	if !n.waiting || n.now < n.startedAt+n.cfg.TTL && (n.cfg.Encumbered || !n.allClear()) {
		return
	}
	n.waiting = false
	if n.cfg.Encumbered {
		n.sayClearToAll() // the members may have been waiting for it
	}
	for k := range n.peers {
		if ping := n.peers[k].heldPing; ping.Kind == Ping {
			n.peers[k].heldPing = Message{}
			n.guard(Member(k), &ping)
		}
	}
	n.pingAll()
	n.renew()
}

// allClear reports whether every other member has said CLEAR, and was told the same:
// without a stream to it, that member would have to wait for T.
func (n *Node) allClear() bool {
	for j := range n.peers {
		if Member(j) != n.self && !(n.peers[j].clear && n.peers[j].connected) {
			return false
		}
	}
	return true
}

// sayClear tells a peer that this node has no session, if that is so. What the
// peer's older incarnation guarded counts for nothing from then on.
//
// Protocol, section 2: CLEAR(incarnation) is sent on a HELLO, and at a lapse; the
// sayer also forgets the stamps that the older incarnation answered. Not by an
// encumbered node: its earlier process's session counts as its own.
func (n *Node) sayClear(to Member) {
	p := &n.peers[to]
	if n.begun || n.encumbered() || !p.heard {
		return
	}
	if p.answeredBefore {
		p.hasAnswered, p.answeredBefore = false, false
	}
	n.send(nil, to, Message{Kind: Clear, Incarnation: p.hello.Incarnation})
}

// sayClearToAll tells every peer.
func (n *Node) sayClearToAll() {
	for j := range n.peers {
		n.sayClear(Member(j))
	}
}

// receiveClear counts a member that has no session.
func (n *Node) receiveClear(from Member, m *Message) {
	if m.Incarnation == n.cfg.Incarnation {
		n.peers[from].clear = true
		n.checkWait()
	}
}
