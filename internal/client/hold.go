package client

import (
	"fmt"
	"time"

	"conch/broadcast"
	"conch/internal/client/attachment"
	"conch/token"
)

// Hold is a lock that a caller of [Client.Acquire] or [Client.Try] holds. Its methods
// are safe for concurrent use; its copies are the same hold. The zero Hold holds nothing:
// its Err, Warning and Release return [ErrNotHeld], and the rest returns zero values.
type Hold struct {
	claim *claim
}

// claim is what the shell keeps of a wait for a lock and the hold that comes of it.
type claim struct {
	node *node
	id   attachment.Claim
	// answer brings what came of waiting, nil for a hold. At most one is sent, and there
	// is room for it.
	answer chan error
	fence  uint64 // set before the answer

	// What follows is guarded by the node's lock.

	released bool       // the caller has ended the hold
	lost     error      // why the hold is over; nil if it is not
	end      token.Time // when it was, once it is lost

	done    chan struct{} // closed at the loss; made when somebody asks for it
	warned  bool
	warning chan struct{} // closed at the first warning; made when somebody asks for it
}

// lose tells the holder that its hold is over.
func (c *claim) lose(end token.Time, why error) {
	c.lost, c.end = why, end
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

// Fence returns the fencing number of the hold; 0 for the zero Hold.
func (h Hold) Fence() uint64 {
	if h.claim == nil {
		return 0
	}
	return h.claim.fence
}

// Done returns a channel that is closed if the lock is lost. After the release it is
// nil.
func (h Hold) Done() <-chan struct{} {
	c := h.claim
	if c == nil {
		return nil
	}
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

// Warned returns a channel that is closed when the end of the hold is near, which may
// come to nothing, or settled. After the release it is nil.
func (h Hold) Warned() <-chan struct{} {
	c := h.claim
	if c == nil {
		return nil
	}
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

// Warning tells why the hold is about to end, and the times that tell how it came to
// that; nil if it is not. It wraps [broadcast.ErrBroken] or [broadcast.ErrStopped] if the
// end is settled, and [broadcast.ErrLapsing] if the lease may be renewed.
func (h Hold) Warning() error {
	c := h.claim
	if c == nil {
		return ErrNotHeld
	}
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

// Err returns nil while the lock is held, an error that wraps [broadcast.ErrLost] once
// it is lost, and [broadcast.ErrReleased] after the release. It looks at the clock, so
// it tells of a loss even if this process stood still until now.
func (h Hold) Err() error {
	c := h.claim
	if c == nil {
		return ErrNotHeld
	}
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

// Deadline returns when the lock will be lost if nothing more is heard of the node. It
// is zero after the release, and for the zero Hold.
func (h Hold) Deadline() time.Time {
	c := h.claim
	if c == nil {
		return time.Time{}
	}
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

// Release ends the hold, without waiting for the node; [Client.Close] waits. It returns
// nil if the lock was held until now, an error that wraps [broadcast.ErrLost] if it had
// been lost, and [broadcast.ErrReleased] if it was released before.
func (h Hold) Release() error {
	c := h.claim
	if c == nil {
		return ErrNotHeld
	}
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.released {
		return broadcast.ErrReleased
	}
	n.core.Release(n.client.clock(), c.id)
	n.performAll()
	c.released = true
	delete(n.claims, c.id)
	return c.lost
}

// ask begins a claim, which is then to be sent. It returns nil if the node may not be
// asked.
func (n *node) ask(lock string, try bool) *claim {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := n.core.Ask(n.client.clock(), lock, try)
	if id == 0 {
		return nil
	}
	c := &claim{node: n, id: id, answer: make(chan error, 1)}
	n.claims[id] = c
	n.perform(nil)
	return c
}

// giveUp ends a wait whose caller has gone, and returns what to tell it. A lock that was
// granted in that moment is released.
func (c *claim) giveUp(cause error) error {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.GiveUp(n.client.clock(), c.id)
	n.performAll()
	c.released = true
	delete(n.claims, c.id)
	if n.core.NoSession() {
		return fmt.Errorf("%w: %w", cause, ErrNoSession)
	}
	return cause
}
