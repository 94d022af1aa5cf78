package token

// After its start, a node has forgotten which members it guarded and buried. So it answers
// no PING, buries nobody and begins no session until T has passed, or until each other
// member has seen this incarnation's HELLO and said that it has no session (protocol,
// section 2). Then no older session is left that this node might have to guard. The node
// gives promises from the first moment, since it holds nothing.
//
// Unless it is encumbered: then clients of its earlier process may still hold locks, under
// leases that count against that process's lease. A promise or a CLEAR would deny that. So
// an encumbered node waits for T whatever it is told. To the others it is like a member
// that does not answer, whom they can bury once its earlier session is over.

// A fresh node, whose memory is new, cannot know whether it is encumbered. If it stands for
// one whose memory is lost, its cluster has members that have been running: those are fresh
// only during the wait after their first start. So it is encumbered unless all others say
// that they are fresh. It says so itself only as long as it has heard of no member whose
// wait is over: else that one, if its memory were lost now, would take it for one that knows
// of no session.

// A session that ends before its lease does (known.go) leaves clients behind, too: one that
// is cut off from its node counts on the lease that it was told. The node then waits like an
// encumbered one after its start.

// encumbered reports whether clients of an earlier process, or of a session that ended
// early, may still hold locks.
// A node whose directory is new, and that waits for the birth of its cluster, is silent like one.
func (n *Node) encumbered() bool { return n.clientsLeft && n.waiting || n.birth.awaited }

// encumber begins the wait of an encumbered node.
func (n *Node) encumber() { n.waiting, n.clientsLeft, n.startedAt = true, true, n.now }

// checkFresh frees a fresh node of its wait for clients once it has heard of all members:
// then all are fresh. A cluster of one has nobody to tell, and waits.
func (n *Node) checkFresh() {
	if !n.clientsLeft || !n.fresh {
		return
	}
	others := 0
	for j := range n.peers {
		if Member(j) == n.self || !n.peers[j].listed {
			continue
		}
		if !n.peers[j].heard {
			return
		}
		others++
	}
	if others == 0 {
		return
	}
	n.clientsLeft = false
	n.sayClearToAll()
	n.checkWait()
}

// checkWait ends the wait when it is over.
func (n *Node) checkWait() {
	if !n.waiting || n.birth.awaited || n.now < n.startedAt+n.cfg.TTL && (n.clientsLeft || !n.allClear()) {
		return
	}
	n.waiting, n.fresh = false, false
	if n.clientsLeft {
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

// allClear reports whether every other member has said CLEAR and has a stream from here.
// Without the stream, that member could not be told CLEAR and would have to wait for T.
func (n *Node) allClear() bool {
	for j := range n.peers {
		if Member(j) != n.self && n.peers[j].listed && !(n.peers[j].clear && n.peers[j].connected) {
			return false
		}
	}
	return true
}

// sayClear tells a peer that this node has no session, if so. The guards of the peer's
// older incarnation then no longer count.
//
// Protocol, section 2: CLEAR(incarnation) is sent on a HELLO and at a lapse. The sender
// also forgets the stamps that the older incarnation answered. An encumbered node does not
// send it: its earlier process's session counts as its own.
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

// receiveClear notes that a member has no session.
func (n *Node) receiveClear(from Member, m *Message) {
	if m.Incarnation == n.cfg.Incarnation {
		n.peers[from].clear = true
		n.checkWait()
	}
}
