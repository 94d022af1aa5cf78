package token

import "slices"

// receiveToken takes the token, unless a rule forbids it.
//
// Suzuki–Kasami 1985: a node that waits for the token enters when it has come. If
// its waiter has given up meanwhile, the token goes on at once.
func (n *Node) receiveToken(l *lock, from Member, m *Message) {
	n.received(l, from, m)
	if reason := n.refuses(l, m); reason != "" {
		n.note(l, Effect{Kind: Dropped, Message: *m, Reason: reason})
		return
	}
	if l.balloting() {
		n.endBallot(l, ReasonCame)
	}
	n.install(l, m.Token)
	n.serve(l)
}

// refuses tells why a token that came must not be taken; "" if it may.
func (n *Node) refuses(l *lock, m *Message) string {
	switch {
	case !n.begun || m.Session != n.session:
		return ReasonAddressee
	case l.token != nil || n.barred(l, m.Token.Epoch):
		return ReasonPromised
	}
	return ""
}

// install puts a token here.
func (n *Node) install(l *lock, t *Token) {
	l.token = t
	l.ahead = 0
	l.epoch = t.Epoch
	l.highest = max(l.highest, t.Epoch.Number)
	l.promises = slices.DeleteFunc(l.promises, func(b Epoch) bool { return !b.Above(t.Epoch) })
}

// serve lets the first local waiter in, or passes on a token that nobody here
// wants.
func (n *Node) serve(l *lock) {
	if !l.waiters.empty() && !n.leaving {
		n.enter(l)
		return
	}
	n.settle(l)
	n.passOn(l)
}

// enter lets the first local waiter into the critical section.
func (n *Node) enter(l *lock) {
	l.holder = l.waiters.pop()
	l.helpEnd = n.now
	l.token.Fence++
	grant := n.issueAbout(l, Grant, NoMember)
	grant.Waiter, grant.Fence, grant.Hop, grant.Message.Token = l.holder, l.token.Fence, l.token.Hop, l.token
	if l.outstanding {
		l.outstanding = false
		grant.Number = l.requestNumbers[n.self]
	}
}

// settle is called where the token is here and nobody here waits for it.
func (n *Node) settle(l *lock) {
	l.helpEnd = n.now
	l.token.LastGranted[n.self] = n.quit(l)
}

// leave ends the critical section.
//
// Suzuki–Kasami 1985, on leaving: LN[i] := RN[i]; append to Q every j that is not
// in it and has RN[j] = LN[j] + 1; if Q is not empty, take its head off and send
// it the token. Where more local waiters stand in line, the node is one of those
// j: its next request need not be sent, since the token carries it.
func (n *Node) leave(l *lock) {
	waiter := l.holder
	l.holder = 0
	n.settle(l)
	if n.wants(l) {
		n.raise(l)
		n.note(l, Effect{Kind: Rode, Number: l.requestNumbers[n.self]})
	}
	n.enqueue(l)
	n.goAhead(l)
	left := n.issueAbout(l, Left, NoMember)
	left.Waiter, left.Fence, left.Hop, left.Message.Token = waiter, l.token.Fence, l.token.Hop, l.token
	if n.usedUp(l.token) {
		n.replace(l)
		return
	}
	n.passToHead(l)
}

// goAhead moves this node, which has just put itself at the end of Q, to its head, if it
// may let in another of its waiters ahead of the members that stand there.
//
// Protocol, section 1, a local batch: whoever stands in Q is served after at most
// LocalBatch entries of each other member. For nobody else comes to stand before it,
// and this node goes ahead no more than LocalBatch-1 times in a row.
func (n *Node) goAhead(l *lock) {
	q := l.token.Queue
	if !n.wants(l) || len(q) == 1 || l.ahead+1 >= n.cfg.LocalBatch {
		l.ahead = 0
		return
	}
	l.ahead++
	copy(q[1:], q[:len(q)-1])
	q[0] = n.self
}

// passOn sends an idle token to whoever waits for it, if anybody does.
func (n *Node) passOn(l *lock) {
	n.enqueue(l)
	n.passToHead(l)
}

// enqueue appends to Q every member with an outstanding request that is not in it,
// scanning the ring from the next member around, this node last.
func (n *Node) enqueue(l *lock) {
	t := l.token
	for k := range l.requestNumbers {
		j := (int(n.self) + 1 + k) % len(l.requestNumbers)
		if l.requestNumbers[j].Above(t.LastGranted[j]) && !slices.Contains(t.Queue, Member(j)) {
			t.Queue = append(t.Queue, Member(j))
		}
	}
}

// passToHead takes the head off Q and sends it the token. A head that cannot be
// addressed is passed over; RN > LN brings it back. With Q empty, the token stays,
// unless this node leaves: then any live member gets it.
func (n *Node) passToHead(l *lock) {
	t := l.token
	for len(t.Queue) > 0 {
		head := t.Queue[0]
		t.Queue = slices.Delete(t.Queue, 0, 1)
		switch {
		case head == n.self && (l.waiters.empty() || n.leaving):
			n.settle(l)
		case head == n.self:
			n.enter(l)
			return
		case n.addressable(head):
			n.give(l, head)
			return
		default:
			n.passOver(l, head)
		}
	}
	if n.leaving {
		for j := range n.peers {
			if Member(j) != n.self && n.addressable(Member(j)) {
				n.give(l, Member(j))
				return
			}
		}
	}
}

// passOver leaves a member out that cannot be addressed, and sees to it that RN > LN
// brings it back. It stood in Q, so it has asked with a number above LN; but where
// its request rode on the token, this node need not have heard of it.
func (n *Node) passOver(l *lock, j Member) {
	least := l.token.LastGranted[j]
	least.Count++
	if least.Above(l.requestNumbers[j]) {
		l.requestNumbers[j] = least
	}
	n.issueAbout(l, PassedOver, j)
}

// give sends the token to a member that is addressable.
func (n *Node) give(l *lock, to Member) {
	t := l.token
	t.Hop++
	l.passedAt = n.now
	l.passedQueue = append(l.passedQueue[:0], t.Queue...)
	send := n.issueAbout(l, Send, to)
	send.Message.Kind, send.Message.Lock = TokenMessage, l.name
	send.Message.Token, send.Message.Session = t, n.peers[to].session
	l.token = nil
}
