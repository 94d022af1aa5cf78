package client

import (
	"fmt"
	"time"

	"conch/broadcast"
	"conch/internal/client/attachment"
	"conch/internal/runs"
	"conch/token"
)

// claim is what the shell keeps of a wait for a lock and the hold that comes of it. It is
// the [broadcast.Keeper] of that hold alone, so it needs no id.
type claim struct {
	node *node
	id   attachment.Claim
	// answer brings what came of waiting, nil for a hold. At most one is sent, and there
	// is room for it.
	answer chan error
	fence  uint64 // set before the answer
	lock   string
	run    *runs.Request // nil if it is for no run
	began  token.Time    // of a hold, by the client's clock; set before the answer
	// ended brings what came of EndRun. At most one is sent, and there is room for it.
	ended chan runEnd

	// What follows is guarded by the node's lock.

	waits    bool       // for its answer
	released bool       // the caller has ended the hold
	lost     error      // why the hold is over; nil if it is not
	end      token.Time // when it was, once it is lost

	done    chan struct{} // closed at the loss; made when somebody asks for it
	over    chan struct{} // closed at the release; made when somebody asks for it
	warned  bool
	warning chan struct{} // closed at the first warning; made when somebody asks for it
	sayings []saying      // of callers that wait for an answer, in the order of their numbers
}

// lose tells the holder that its hold is over.
func (c *claim) lose(end token.Time, why error) {
	c.lost, c.end = why, end
	c.endSayings(why)
	if c.done != nil {
		close(c.done)
	}
}

// warn tells the holder that its hold ends soon, or may.
func (c *claim) warn() {
	if c.warned {
		return
	}
	c.warned = true
	if c.warning != nil {
		close(c.warning)
	}
}

// Done is [broadcast.Hold.Done].
func (c *claim) Done(uint64) <-chan struct{} {
	c.node.mu.Lock()
	defer c.node.mu.Unlock()
	if c.released {
		return nil
	}
	if c.done == nil {
		c.done = make(chan struct{})
		if c.lost != nil {
			close(c.done)
		}
	}
	return c.done
}

// Released is [broadcast.Keeper]'s.
func (c *claim) Released(uint64) <-chan struct{} {
	c.node.mu.Lock()
	defer c.node.mu.Unlock()
	if c.over == nil {
		c.over = make(chan struct{})
		if c.released {
			close(c.over)
		}
	}
	return c.over
}

// Warned is [broadcast.Hold.Warned].
func (c *claim) Warned(uint64) <-chan struct{} {
	c.node.mu.Lock()
	defer c.node.mu.Unlock()
	if c.released {
		return nil
	}
	if c.warning == nil {
		c.warning = make(chan struct{})
		if c.warned {
			close(c.warning)
		}
	}
	return c.warning
}

// Warning is [broadcast.Hold.Warning], with the times that tell how it came to that.
func (c *claim) Warning(uint64) error {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	switch e, near := n.core.Warning(n.client.clock(), c.id); {
	case c.released:
		return nil
	case c.lost != nil:
		return c.lost
	case near:
		return warningError(e)
	}
	return nil
}

// Err is [broadcast.Hold.Err]. It looks at the clock, so it tells of a loss even if this
// process stood still until now.
func (c *claim) Err(uint64) error {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.released {
		return broadcast.ErrReleased
	}
	n.core.Expire(n.client.clock())
	n.performAll()
	return c.lost
}

// Deadline is [broadcast.Hold.Deadline].
func (c *claim) Deadline(uint64) time.Time {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.released {
		return time.Time{}
	}
	end := c.end
	if at, held := n.core.Deadline(c.id); held {
		end = at
	}
	return time.Now().Add(time.Duration(end - n.client.clock()))
}

// Release is [broadcast.Hold.Unlock]. It does not wait for the node; [Client.Close] does.
func (c *claim) Release(uint64) error {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.released {
		return broadcast.ErrReleased
	}
	n.core.Release(n.client.clock(), c.id)
	n.performRelease()
	c.released = true
	if c.over != nil {
		close(c.over)
	}
	c.endSayings(broadcast.ErrReleased)
	delete(n.claims, c.id)
	return c.lost
}

// ask begins a claim, which is then to be sent. It returns nil if the node may not be
// asked.
func (n *node) ask(w want) (*claim, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.client.clock()
	var id attachment.Claim
	switch {
	case w.run == nil && w.keep == nil:
		id = n.core.Ask(now, w.lock, w.limit, w.try)
	case !n.notes:
		return nil, n.knowsNoNotes()
	case w.run != nil:
		id = n.core.AskRun(now, w.lock, w.run, w.try)
	default:
		id = n.core.AskKept(now, w.lock, w.keep, w.try)
	}
	if id == 0 {
		return nil, nil
	}
	c := &claim{node: n, id: id, lock: w.lock, run: w.run, answer: make(chan error, 1), waits: true}
	if w.run != nil {
		c.ended = make(chan runEnd, 1)
	}
	n.claims[id] = c
	n.waits++
	n.perform(nil)
	return c, nil
}

// giveUp ends a wait whose caller has gone, and returns what to tell it. A lock that was
// granted in that moment is released.
func (c *claim) giveUp(cause error) error {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	n.endWait(c)
	if n.core.GiveUp(n.client.clock(), c.id) {
		n.perform(nil)
	} else {
		n.performAll()
	}
	c.released = true
	delete(n.claims, c.id)
	if n.core.NoSession() {
		return fmt.Errorf("%w: %w", cause, ErrNoSession)
	}
	return cause
}
