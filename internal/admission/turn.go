package admission

import (
	"sync"
	"time"
)

// An unauthenticated peer can cost the processor much: answering the first bytes of a TLS
// handshake takes a fifth of a millisecond, and sending them takes nothing. So only a few
// unauthenticated peers are processed at a time, and known peers find the processor free in
// between.

// longestTurn is the longest time for which an unauthenticated peer keeps others from their
// turn.
const longestTurn = 10 * time.Millisecond

// turn is an unauthenticated peer's, from when some of its bytes were read until more are
// wanted. The reader takes it. It ends when the reader wants more, when the peer is known,
// or when its time is over.
type turn struct {
	turns   chan struct{} // has room for as many as may be taken at a time
	longest time.Duration
	over    *time.Timer // ends it

	mu    sync.Mutex
	taken bool
}

func (t *turn) prepare(turns chan struct{}, longest time.Duration) {
	t.turns, t.longest = turns, longest
	t.over = time.AfterFunc(longest, t.end)
	t.over.Stop()
}

// take waits for the unauthenticated peer's turn, or until the peer is known. The turn ends
// in time even if end was called before.
func (t *turn) take(known <-chan struct{}) {
	select {
	case t.turns <- struct{}{}:
	case <-known:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = true
	t.over.Reset(t.longest)
}

// end ends the unauthenticated peer's turn, if it has one.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken {
		t.taken = false
		t.over.Stop()
		<-t.turns
	}
}
