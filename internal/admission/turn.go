package admission

import (
	"sync"
	"time"
)

// An unauthenticated peer can cost the processor much: answering the first bytes of a TLS
// handshake takes a fifth of a millisecond, and sending them takes nothing. So only a few
// unauthenticated peers are processed at a time, which leaves the processor to known peers
// in between.

// longestTurn bounds a turn of an unauthenticated peer.
const longestTurn = 10 * time.Millisecond

// turn is the turn of an unauthenticated peer. It begins when some of its bytes were read.
// It ends when the reader wants more, when the peer is known, or when its time is over.
// Only the reader takes it.
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
