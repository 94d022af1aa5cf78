package service

import (
	"sync"

	clientv1 "conch/proto/conch/client/v1"
)

// outbox is what waits to be sent on a client's stream. Putting never blocks: what is
// in it is bounded by what the client has asked for and not yet read the answer to,
// since a stream whose outbox is long is not read from (see stream.receive).
type outbox struct {
	wake    chan struct{} // there is something to send, or it is closed
	drained chan struct{} // there may be room again

	mu       sync.Mutex
	messages []*clientv1.NodeMessage
	pong     *clientv1.NodeMessage // the latest, if it is not sent yet
	// due: not all that is in it may wait for something else to be sent.
	due bool
	// held: somebody will look whether anything is due, so the sender is not woken.
	held   bool
	closed bool
}

// outboxLength is from where on a client has to read before it is read from.
const outboxLength = 1024

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

// put appends a message.
func (o *outbox) put(m *clientv1.NodeMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
	o.haveSent()
}

// putLater appends a message that nobody waits for: it goes with the next one. So
// whoever releases a lock and asks for the next is answered at one go.
func (o *outbox) putLater(m *clientv1.NodeMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
	if len(o.messages) >= outboxLength {
		o.haveSent()
	}
}

// haveSent has all that is in it sent soon. The caller has the lock.
func (o *outbox) haveSent() {
	o.due = true
	if !o.held {
		o.signal()
	}
}

// hold keeps the sender from being woken until letGo is called.
func (o *outbox) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
}

// letGo ends hold. It reports whether anything is due: that is then for the caller to
// send, or to wake the sender for, by signal.
func (o *outbox) letGo() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = false
	return o.due
}

// signal wakes the sender.
func (o *outbox) signal() { signal(o.wake) }

// putPong puts a Pong in its place in the order; an earlier one that waits still is
// overtaken by it, since its word is the same with an earlier end.
func (o *outbox) putPong(pong *clientv1.Pong) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.messages); n > 0 && o.messages[n-1] == o.pong {
		o.messages = o.messages[:n-1]
	}
	o.pong = &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Pong{Pong: pong}}
	o.messages = append(o.messages, o.pong)
	o.haveSent()
}

// take returns what is to be sent, in the room of a slice that was sent before, and
// whether more may come.
func (o *outbox) take(sent []*clientv1.NodeMessage) (messages []*clientv1.NodeMessage, open bool) {
	clear(sent)
	o.mu.Lock()
	messages, o.messages, o.pong = o.messages, sent[:0], nil
	o.due = false
	open = !o.closed
	o.mu.Unlock()
	signal(o.drained)
	return messages, open
}

// close lets the sender end when all is sent.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
}

// full reports whether the client ought to read first.
func (o *outbox) full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages) >= outboxLength
}

// signal leaves a mark in a channel of room one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
