package token

import (
	"fmt"
	"slices"
)

// receiveToken takes the token.
//
// Suzuki–Kasami 1985: a node that waits for the token enters when it has come. If
// its waiter has given up meanwhile, the token goes on at once.
func (n *Node) receiveToken(l *lock, from Member, m Message) {
	if l.token != nil {
		panic(fmt.Sprintf("token: lock %q: token %v came to member %d, which has token %v", l.name, m.Token.Epoch, n.self, l.token.Epoch))
	}
	l.token = m.Token
	n.received(l, from, m)
	n.serve(l)
}

// serve lets the first local waiter in, or passes on a token that nobody here
// wants.
func (n *Node) serve(l *lock) {
	if !l.waiters.empty() {
		n.enter(l)
		return
	}
	n.settle(l)
	n.passOn(l)
}

// enter lets the first local waiter into the critical section.
func (n *Node) enter(l *lock) {
	l.holder = l.waiters.pop()
	l.token.Fence++
	grant := Effect{Kind: Grant, Waiter: l.holder, Fence: l.token.Fence, Message: Message{Token: l.token}}
	if l.outstanding {
		l.outstanding = false
		grant.Number = l.requestNumbers[n.self]
	}
	n.note(l, grant)
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
	if !l.waiters.empty() {
		n.raise(l)
		n.note(l, Effect{Kind: Rode, Number: l.requestNumbers[n.self]})
	}
	n.enqueue(l)
	n.note(l, Effect{Kind: Left, Waiter: waiter, Fence: l.token.Fence, Message: Message{Token: l.token}})
	n.passToHead(l)
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
// addressed is passed over; RN > LN brings it back. With Q empty, the token stays.
func (n *Node) passToHead(l *lock) {
	t := l.token
	for len(t.Queue) > 0 {
		head := t.Queue[0]
		t.Queue = t.Queue[:copy(t.Queue, t.Queue[1:])]
		switch {
		case head == n.self && l.waiters.empty():
			n.settle(l)
		case head == n.self:
			n.enter(l)
			return
		case n.peers[head].connected:
			n.send(l, head)
			return
		}
	}
}

// send gives the token away.
func (n *Node) send(l *lock, to Member) {
	l.token.Hop++
	m := Message{Kind: TokenMessage, Lock: l.name, Token: l.token}
	state := n.state(l)
	l.token = nil
	n.effects = append(n.effects, Effect{Kind: Send, Peer: to, Lock: l.name, Message: m, State: state})
}
