package token

// ask makes a request of this node for a lock whose token is elsewhere.
//
// Suzuki–Kasami 1985, a node that wants to enter and has not the token: raise the
// own number, RN[i] := RN[i] + 1, and send REQUEST(i, RN[i]) to all others.
func (n *Node) ask(l *lock) {
	n.raise(l)
	request := Message{Kind: Request, Lock: l.name, Number: l.requestNumbers[n.self]}
	n.note(l, Effect{Kind: Asked, Number: request.Number})
	state := n.state(l)
	for peer := range n.peers {
		if n.peers[peer].connected {
			n.effects = append(n.effects, Effect{Kind: Send, Peer: Member(peer), Lock: l.name, Message: request, State: state})
		}
	}
}

// repeat sends the outstanding request once more, on a new stream.
func (n *Node) repeat(l *lock, peer Member) {
	request := Message{Kind: Request, Lock: l.name, Number: l.requestNumbers[n.self]}
	n.effects = append(n.effects, Effect{Kind: Send, Peer: peer, Lock: l.name, Message: request, Repeat: true, State: n.state(l)})
}

// raise draws the number of the node's next request for a lock. The paper counts
// per critical section; we count per node, so that a lock that was forgotten and
// is learned anew does not start over (protocol, section 3, forgetting).
func (n *Node) raise(l *lock) {
	n.count++
	l.requestNumbers[n.self] = n.lastNumber()
	l.outstanding = true
}

// lastNumber is the highest number that this node used in any request.
func (n *Node) lastNumber() Number { return Number{Session: n.session, Count: n.count} }

// settle is called where the token is here and nobody here waits for it: all that
// this node ever asked for has been granted, or is wanted no more. Without it, an
// old request of a node that restarted would draw the token after every grant,
// for ever (protocol, section 1).
func (n *Node) settle(l *lock) {
	l.outstanding = false
	l.requestNumbers[n.self] = n.lastNumber()
	l.token.LastGranted[n.self] = n.lastNumber()
}

// receiveRequest takes REQUEST(j, n).
//
// Suzuki–Kasami 1985, on receiving REQUEST(j, n): RN[j] := max(RN[j], n); if the
// token is here and idle, and RN[j] = LN[j] + 1, send it to j. We compare with >,
// since numbers may have gaps.
func (n *Node) receiveRequest(l *lock, from Member, m Message) {
	if m.Number.Above(l.requestNumbers[from]) {
		l.requestNumbers[from] = m.Number
	}
	n.received(l, from, m)
	if l.idle() {
		n.passOn(l)
	}
}
