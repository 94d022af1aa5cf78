package broadcast

import (
	"sync"

	"conch/token"
)

// queue holds the messages that the owner has handed to a stream and its sender has not
// taken yet. The package comment says what happens when it is full.
type queue struct {
	limit int
	// ready has an entry if there is something to take, or the queue was closed.
	ready chan struct{}

	mu       sync.Mutex
	messages []token.Message
	closed   bool
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1)}
}

// put adds messages, all or none. It reports false if the queue was full. The caller then
// tells whoever sends: signal wakes the sender.
func (q *queue) put(messages []token.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) >= q.limit {
		return false
	}
	for i := range messages {
		if messages[i].Kind != token.Say || !q.supersede(&messages[i]) {
			q.messages = append(q.messages, messages[i])
		}
	}
	return true
}

// supersede puts a value in the place of an earlier one of the same lock that is queued still,
// if there is one. So one who changes a value again and again fills no queue, and a value that
// was to go before a PING does.
func (q *queue) supersede(say *token.Message) bool {
	for i := range q.messages {
		if m := &q.messages[i]; m.Kind == token.Say && m.Lock == say.Lock {
			*m = *say
			return true
		}
	}
	return false
}

// length is how many messages are queued.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

// close says that no more will be added.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

// signal wakes the sender.
func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns all queued messages, and whether the queue was closed. The queue reuses the
// memory of spare.
func (q *queue) take(spare []token.Message) (messages []token.Message, closed bool) {
	clear(spare) // lets go of tokens that were sent
	q.mu.Lock()
	defer q.mu.Unlock()
	messages, q.messages = q.messages, spare[:0]
	return messages, q.closed
}
