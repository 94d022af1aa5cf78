package admission

import (
	"sync"
	"time"
)

// What an unauthenticated peer says may cost the processor much to think about: an answer to the first
// bytes of a TLS handshake takes a fifth of a millisecond, and to send these bytes takes
// nothing. So unauthenticated peers are thought about a few at a time, and whoever is known finds
// the processor free in between.

// longestTurn is for how long an unauthenticated peer is thought about at most before it is the turn of
// others, too.
const longestTurn = 10 * time.Millisecond

// turn is an unauthenticated peer's, from when something of it was read to when more is wanted. The
// reader takes it; the reader, whoever finds out who that is, and time end it.
type turn struct {
	turns   chan struct{} // has room for as many as are thought about at a time
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

// take waits for the unauthenticated peer's turn, or until it is none any more. It comes to an end
// even if that was before.
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
