package token

import "slices"

// leave ends the critical section.
//
// Suzuki–Kasami 1985, on leaving: LN[i] := RN[i]; append to Q every j that is not
// in Q and has RN[j] = LN[j] + 1; if Q is not empty, take its head off and send it
// the token. We compare with >, since numbers may have gaps.
//
// If more local waiters stand in line, the node raises its own number first. It is then one
// of those j itself, and need not send its request: the token carries it.
func (n *Node) leave(l *lock) {
	t, waiter := l.token, l.holder
	l.holder = 0
	n.resign(l)
	n.endTurn(l)
	left := n.issue(l, Left, NoMember)
	left.Waiter, left.Fence, left.Hop, left.Message.Token = waiter, t.Fence, t.Hop, t
	n.handOver(l)
}

// endTurn notes that this node had its turn, and who is next.
func (n *Node) endTurn(l *lock) {
	i, t := n.self, l.token
	n.endRequest(l)
	t.LastGranted[i] = l.requestNumbers[i] // LN[i] := RN[i]
	if n.wants(l) {
		n.raise(l) // RN[i] := RN[i] + 1
		n.issue(l, Rode, NoMember).Number = l.requestNumbers[i]
	}
	n.enqueue(l) // append to Q every j that is not in Q and has RN[j] > LN[j]
	n.goAhead(l)
}

// handOver sends the token to the head of Q, or replaces a token whose fences are used up.
func (n *Node) handOver(l *lock) {
	if n.usedUp(l.token) {
		n.replace(l)
		return
	}
	n.passToHead(l) // if Q is not empty, take its head off and send it the token
}

// enqueue appends to Q every member that is not in it and has an outstanding request. It
// goes around the ring from the next member; this node comes last.
func (n *Node) enqueue(l *lock) {
	t := l.token
	for k := range l.requestNumbers {
		j := (int(n.self) + 1 + k) % len(l.requestNumbers)
		if l.asks(j) && !slices.Contains(t.Queue, Member(j)) {
			t.Queue = append(t.Queue, Member(j))
		}
	}
}

// asks reports RN[j] > LN[j]: member j has a request that was not granted. The token must
// be here.
func (l *lock) asks(j int) bool { return l.requestNumbers[j].Above(l.token.LastGranted[j]) }

// passToHead takes the head off Q and sends it the token. A head that cannot be addressed
// is passed over; RN > LN brings it back. If Q is empty, the token stays.
func (n *Node) passToHead(l *lock) {
	t := l.token
	for len(t.Queue) > 0 {
		head := t.Queue[0]
		t.Queue = slices.Delete(t.Queue, 0, 1)
		switch {
		case head == n.self && (l.waiters.empty() || n.leaving):
			n.keep(l)
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
}

// give sends the token to a member that is addressable.
func (n *Node) give(l *lock, to Member) {
	t := l.token
	t.Hop++
	if l.sharing != nil {
		n.keepShare(l)
	}
	l.passedAt = n.now
	l.passedQueue = append(l.passedQueue[:0], t.Queue...)
	send := n.issue(l, Send, to)
	send.Message.Kind, send.Message.Lock = TokenMessage, l.name
	send.Message.Token, send.Message.Session = t, n.peers[to].session
	l.token = nil
}

// passOver skips a member that cannot be addressed, and makes sure that RN > LN brings it
// back. The member stood in Q, so it has asked with a number above LN; but if its request
// rode on the token, this node may not have heard of it.
func (n *Node) passOver(l *lock, j Member) {
	least := l.token.LastGranted[j]
	least.Count++
	if least.Above(l.requestNumbers[j]) {
		l.requestNumbers[j] = least
	}
	n.issue(l, PassedOver, j)
}

// passOn sends an idle token to the first waiting member, if there is one.
func (n *Node) passOn(l *lock) {
	n.enqueue(l)
	n.passToHead(l)
}

// goAhead moves this node, which has just appended itself to Q, to the head of Q, if it may
// let in another of its waiters before the members there.
//
// Protocol, section 1, a local batch: a member in Q is served after at most LocalBatch
// entries of each other member. Nobody else is placed before it, and this node goes ahead
// at most LocalBatch-1 times in a row.
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

// receiveToken takes the token, unless a rule forbids it.
//
// Suzuki–Kasami 1985: a node that waits for the token enters when it comes. If its waiter
// has given up meanwhile, the token is passed on at once.
func (n *Node) receiveToken(l *lock, from Member, m *Message) {
	n.fit(m.Token)
	n.issue(l, Received, from).Message = *m
	if reason := n.refuses(l, m); reason != "" {
		dropped := n.issue(l, Dropped, NoMember)
		dropped.Message, dropped.Reason = *m, reason
		return
	}
	if l.balloting() {
		n.endBallot(l, ReasonCame)
	}
	n.install(l, m.Token)
	if m.Token.Kept != nil {
		n.beginKept(l)
	}
	if !l.waiters.empty() && !n.leaving {
		n.enter(l)
		return
	}
	n.keep(l)
	n.passOn(l)
}

// refuses returns why a token that came must not be taken, "" if it may.
func (n *Node) refuses(l *lock, m *Message) string {
	switch {
	case !n.begun || m.Session != n.session:
		return ReasonAddressee
	case l.token != nil || n.barred(l, m.Token.Epoch):
		return ReasonPromised
	}
	return ""
}

// install makes a token this node's.
func (n *Node) install(l *lock, t *Token) {
	l.token = t
	l.ahead, l.waits = 0, false
	l.epoch = t.Epoch
	l.highest = max(l.highest, t.Epoch.Number)
	l.promises = slices.DeleteFunc(l.promises, func(b Epoch) bool { return !b.Above(t.Epoch) })
	if l.sharing != nil || t.Limit != Exclusive {
		n.installShare(l)
	}
}

// enter lets the first local waiter into the critical section. If the lock is shared, or has
// notes, that may be several, or none yet.
func (n *Node) enter(l *lock) {
	if l.sharing != nil || l.notes != nil || l.waiters.first().shares() {
		n.turn(l)
		return
	}
	n.enterAlone(l)
}

// enterAlone lets the first local waiter in, which wants the lock for itself.
func (n *Node) enterAlone(l *lock) {
	first := l.waiters.pop()
	l.holder = first.waiter
	l.helpEnd = n.now
	if l.notes == nil || !n.beginNoted(l, first) {
		l.token.Fence++
	}
	grant := n.issue(l, Grant, NoMember)
	grant.Waiter, grant.Fence, grant.Hop, grant.Message.Token = l.holder, l.token.Fence, l.token.Hop, l.token
	if l.notes != nil {
		grant.Message.Note = l.notes.hold
	}
	n.granted(l, grant)
}

// granted notes that the node's request, if one is out, is granted.
func (n *Node) granted(l *lock, grant *Effect) {
	if l.outstanding {
		l.outstanding = false
		grant.Number = l.requestNumbers[n.self]
	}
}

// keep is called when the token is here and nobody here wants the lock any more. The node's
// own request counts as granted: LN[i] := RN[i].
func (n *Node) keep(l *lock) {
	l.helpEnd = n.now
	n.endRequest(l)
	l.token.LastGranted[n.self] = l.requestNumbers[n.self]
}
