package service

import (
	"sync"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// outbox is what waits to be sent on a client's stream. Putting never blocks: what is
// in it is bounded by what the client has asked for and not yet read the answer to,
// since a stream whose outbox is long is not read from (see stream.receive).
type outbox struct {
	mu       sync.Mutex
	messages []*clientv1.NodeMessage
	pong     *clientv1.NodeMessage // the latest, if it is not sent yet
	closed   bool
	wake     chan struct{} // there is something to send, or it is closed
	drained  chan struct{} // there may be room again
	// later wakes for what is in no hurry, if that is due.
	later *time.Timer
	due   bool
}

// leisure is how long a message that is in no hurry waits for one that is.
const leisure = time.Millisecond

// outboxLength is from where on a client has to read before it is read from.
const outboxLength = 1024

func newOutbox() *outbox {
	o := &outbox{wake: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
	o.later = time.AfterFunc(leisure, func() { signal(o.wake) })
	o.later.Stop()
	return o
}

// putLater appends a message that nobody waits for: it goes with the next one, or after
// a moment. So whoever releases a lock and asks for the next is answered at one go.
func (o *outbox) putLater(m *clientv1.NodeMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
	if !o.due {
		o.due = true
		o.later.Reset(leisure)
	}
}

// put appends a message.
func (o *outbox) put(m *clientv1.NodeMessage) {
	o.mu.Lock()
	o.messages = append(o.messages, m)
	o.mu.Unlock()
	signal(o.wake)
}

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
	signal(o.wake)
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
	o.later.Stop()
	o.mu.Unlock()
	signal(o.wake)
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
