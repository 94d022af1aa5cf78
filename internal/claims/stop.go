package claims

import (
	"errors"
	"fmt"

	"conch/internal/frames"
	"conch/token"
)

// Drain takes no more claims and refuses those that wait, so that clients move to other
// nodes. Holds go on as before.
func (t *Table) Drain(now token.Time) {
	if t.draining {
		return
	}
	t.draining = true
	for _, c := range t.sorted() {
		if c.holding {
			continue
		}
		id, lock := c.id, c.lock
		t.refuse(now, c, t.leaving())
		t.node.Withdraw(now, lock, id)
	}
}

// leaving refuses a claim that another node may take.
func (t *Table) leaving() frames.Refusal {
	if t.stopping {
		return frames.Refuse(frames.CodeNodeLeaving, "the node is stopping")
	}
	return frames.Refuse(frames.CodeNodeLeaving, "the node is draining and takes no requests")
}

// Undrain takes claims again, unless the table was stopped.
func (t *Table) Undrain() { t.draining = t.stopping }

// Stop drains the table and tells all holders that their holds end.
func (t *Table) Stop(now token.Time) {
	if t.stopping {
		return
	}
	t.stopping = true
	t.Drain(now)
	for _, c := range t.sorted() {
		if c.holding && c.settled == 0 {
			t.settle(now, c, frames.NodeLeaving, "")
		}
	}
}

// Abandon tells all holders that their holds are lost. The node keeps the tokens: a
// holder may still be at work, so nobody else may enter before the session is over.
func (t *Table) Abandon(now token.Time) {
	for _, c := range t.sorted() {
		if c.holding {
			t.lose(now, c, frames.NodeLeaving)
		}
	}
}

// Fail ends all claims at once, as a crash would, except that their owners are told.
func (t *Table) Fail(now token.Time, r frames.Refusal) {
	t.draining, t.stopping = true, true
	for _, c := range t.sorted() {
		if c.holding {
			t.lose(now, c, frames.NodeLeaving)
		} else {
			t.refuse(now, c, r)
		}
	}
}

var (
	// ErrNotHeld says that nobody here holds the lock to be broken.
	ErrNotHeld = errors.New("nobody holds the lock here")
	// ErrWrongFence is wrapped by the error for a lock whose holder has another fence than
	// the one to be broken.
	ErrWrongFence = errors.New("the holder has another fence")
)

// Break tells the holder of a lock that its hold ends, if it has that fence. The lock moves
// on when the holder releases it, or when the holder's time is up: one time to live for a
// caller in this process, the present lease for a client. The errors are [ErrNotHeld], or
// wrap [ErrWrongFence]. first says whether it was not broken before.
func (t *Table) Break(now token.Time, lock string, fence token.Fence, text string) (h Holder, first bool, err error) {
	c := t.holder(lock)
	switch {
	case c == nil:
		return Holder{}, false, ErrNotHeld
	case c.fence != fence:
		return Holder{}, false, fmt.Errorf("%w: %d, not %d", ErrWrongFence, c.fence, fence)
	case c.settled != frames.Break:
		t.settle(now, c, frames.Break, text)
		first = true
	}
	return t.describe(now, c), first, nil
}
