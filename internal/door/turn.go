package door

import (
	"sync/atomic"
	"time"
)

// What a stranger says may cost the processor much to think about: an answer to the first
// bytes of a TLS handshake takes a fifth of a millisecond, and to send these bytes takes
// nothing. So strangers are thought about a few at a time, and whoever is known finds
// the processor free in between.

// longestTurn is for how long a stranger is thought about at most before it is the turn of
// others, too.
const longestTurn = 10 * time.Millisecond

// turn is a stranger's, from when something of it was read to when more is wanted.
type turn struct {
	turns chan struct{} // has room for as many as are thought about at a time
	taken atomic.Bool
	over  *time.Timer // ends it
}

func (t *turn) prepare(turns chan struct{}) {
	t.turns = turns
	t.over = time.AfterFunc(longestTurn, t.end)
	t.over.Stop()
}

// take waits for the stranger's turn, or until it is none any more.
func (t *turn) take(known <-chan struct{}) {
	select {
	case t.turns <- struct{}{}:
	case <-known:
		return
	}
	t.over.Reset(longestTurn)
	t.taken.Store(true)
}

// end ends the stranger's turn, if it has one.
func (t *turn) end() {
	if t.taken.CompareAndSwap(true, false) {
		t.over.Stop()
		<-t.turns
	}
}
