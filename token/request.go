package token

// ask requests a lock whose token is elsewhere. Outside a session it does nothing: the node
// asks for its waiters when the session begins.
//
// Suzuki–Kasami 1985, a node that wants to enter and does not have the token: raise the own
// number, RN[i] := RN[i] + 1, and send REQUEST(i, RN[i]) to all others.
func (n *Node) ask(l *lock) {
	if !n.begun || n.leaving {
		return
	}
	n.raise(l)
	n.issue(l, Asked, NoMember).Number = l.requestNumbers[n.self]
	n.broadcast(l, Message{Kind: Request, Number: l.requestNumbers[n.self]})
	if !l.heardOf || l.limitWanted() != Exclusive {
		n.probe(l) // perhaps there never was a token, or it has a lower limit
	}
}

// repeat sends the outstanding request again, on a new stream, and the probe if it still
// waits for an answer.
func (n *Node) repeat(l *lock, peer Member) {
	number := l.requestNumbers[n.self]
	if l.waits {
		n.repeatRecall(l, peer)
	} else {
		request := n.issue(l, Send, peer)
		request.Message, request.Repeat = Message{Kind: Request, Lock: l.name, Number: number}, true
	}
	if s := l.search; s.open && !s.answers[peer].answered {
		m := Message{Kind: Probe, Number: number, Probe: s.probe, Helper: NoMember}
		if !l.waits {
			m.Limit, m.LimitAt = l.limitWanted(), s.limitAt
		}
		n.send(l, peer, m)
	}
}

// raise draws the number of the node's next request for a lock. The paper counts per
// critical section; we count per node, so that a lock that was forgotten and learned anew
// does not start over (protocol, section 3, forgetting).
func (n *Node) raise(l *lock) {
	n.count++
	l.requestNumbers[n.self] = n.lastNumber()
	l.outstanding = true
	n.beginSearch(l)
}

// lastNumber is the highest number that this node used in any request.
func (n *Node) lastNumber() Number { return Number{Session: n.session, Count: n.count} }

// wants reports whether anybody here waits for the lock, or this node asks for it on
// another's behalf.
func (n *Node) wants(l *lock) bool {
	return !n.leaving && (!l.waiters.empty() || n.now < l.helpEnd)
}

// endRequest makes RN[i] the highest number that this node used for any lock. It has no
// request for this lock out any more; the next waiter raises the number. If RN[i] were
// lower, an old request of a restarted node would attract the token after every grant, for
// ever (protocol, section 1).
func (n *Node) endRequest(l *lock) {
	l.outstanding = false
	l.requestNumbers[n.self] = n.lastNumber()
}

// receiveRequest takes REQUEST(j, n).
//
// Suzuki–Kasami 1985, on receiving REQUEST(j, n): RN[j] := max(RN[j], n); if the token is
// here and idle, and RN[j] = LN[j] + 1, send it to j. We compare with >, since numbers may
// have gaps.
func (n *Node) receiveRequest(l *lock, from Member, m *Message) {
	n.hear(l, from, m)
	if l.idle() {
		n.passOn(l)
	}
}

// hear notes a request number, and that its session has begun. What follows from that comes
// after the message in the log.
func (n *Node) hear(l *lock, from Member, m *Message) {
	number := m.Number
	if number.Above(l.requestNumbers[from]) {
		l.requestNumbers[from] = number
	}
	p := &n.peers[from]
	p.session = max(p.session, number.Session)
	p.heardOf(number.Session)
	n.issue(l, Received, from).Message = *m
	if number.Session > p.over+1 {
		n.noteOver(from, number.Session-1)
	}
}
