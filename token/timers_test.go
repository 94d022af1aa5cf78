package token

import (
	"fmt"
	"testing"
)

// Each of many locks is told the time when it needs it, in whatever order their timers were
// set and moved.
func TestManyLocksAreTimedApart(t *testing.T) {
	const locks, asked = 200, 60
	d := inSession(t, 3)
	name := func(i int) string { return fmt.Sprintf("lock%d", i) }
	for i := range locks { // each is to be forgotten at a time of its own
		d.receive(1, Message{Kind: Request, Lock: name(i), Number: Number{1, 1}})
		d.lives(ms, 1, 2)
	}
	due := map[string]Time{}
	for i := range asked { // and some are asked for, in an order of its own
		lock := name(locks - 1 - i*i%locks)
		if _, twice := due[lock]; twice {
			continue
		}
		d.Acquire(d.at, lock, Waiter(i+1))
		due[lock] = d.at + 750*ms
		d.lives(3*ms, 1, 2)
	}
	d.take()
	for range 300 {
		d.lives(3*ms, 1, 2)
		for _, e := range d.take() {
			at, first := due[e.Lock]
			if e.Kind != Probed || !first {
				continue
			}
			if at != d.at {
				t.Errorf("%s begins to look for its token at %d ms, want %d ms", e.Lock, d.at/ms, at/ms)
			}
			delete(due, e.Lock)
		}
	}
	if len(due) != 0 {
		t.Errorf("%d locks never looked for their token", len(due))
	}
}
