package service

import (
	"sync"

	"conch/internal/frames"
)

// outbox is what waits to be sent on a client's stream. Putting never blocks: what is
// in it is bounded by what the client has asked for and not yet read the answer to,
// since a stream whose outbox is long is not read from (see stream.receive).
type outbox struct {
	wake    chan struct{} // there is something to send, or it is closed
	drained chan struct{} // there may be room again

	mu       sync.Mutex
	messages []frames.NodeMessage
	// due: not all that is in it may wait for something else to be sent.
	due bool
	// held: somebody will look whether anything is due, so the sender is not woken.
	held bool
	// byTeller: whoever puts sends, if nobody has been asked to yet (asked).
	byTeller, asked bool
	closed          bool
}

// outboxLength is from how many messages on a client has to read before it is read from.
const outboxLength = 1024

func newOutbox(byTeller bool) *outbox {
	return &outbox{wake: make(chan struct{}, 1), drained: make(chan struct{}, 1), byTeller: byTeller}
}

// put appends a message. It reports whether the caller is to send it, or to wake the
// sender.
//
// A Pong replaces the one before it, if that is the last message: it says the same with
// a later end. Nobody waits for a Released, which goes with the next message; so whoever
// releases a lock and asks for the next is answered at one go.
func (o *outbox) put(m *frames.NodeMessage) (unsent bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.messages); m.Kind == frames.Pong && n > 0 && o.messages[n-1].Kind == frames.Pong {
		o.messages = o.messages[:n-1]
	}
	o.messages = append(o.messages, *m)
	if m.Kind == frames.Released && len(o.messages) < outboxLength {
		return false
	}
	o.due = true
	switch {
	case o.held:
		return false
	case !o.byTeller:
		o.signal()
		return false
	}
	unsent, o.asked = !o.asked, true
	return unsent
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

// take returns what is to be sent, in the memory of a slice that was sent before, and
// whether more may come.
func (o *outbox) take(sent []frames.NodeMessage) (messages []frames.NodeMessage, open bool) {
	clear(sent)
	o.mu.Lock()
	messages, o.messages = o.messages, sent[:0]
	o.due, o.asked = false, false
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
