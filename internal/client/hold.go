package client

import (
	"time"

	"conch/broadcast"
)

// Hold is a lock that a caller of [Client.Acquire] or [Client.Try] holds. Its methods
// are safe for concurrent use; its copies are the same hold.
type Hold struct {
	claim *claim
	fence uint64
}

// Fence returns the fencing number of the hold.
func (h Hold) Fence() uint64 { return h.fence }

// Done returns a channel that is closed if the lock is lost. After the release it is
// nil.
func (h Hold) Done() <-chan struct{} {
	c := h.claim
	c.attachment.mu.Lock()
	defer c.attachment.mu.Unlock()
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
	c.attachment.mu.Lock()
	defer c.attachment.mu.Unlock()
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

// Warning tells why the hold is about to end; nil if it is not. It wraps
// [broadcast.ErrBroken] or [broadcast.ErrStopped] if the end is settled, and
// [broadcast.ErrLapsing] if the lease may be renewed.
func (h Hold) Warning() error {
	c := h.claim
	a := c.attachment
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case c.released:
		return nil
	case c.settled != nil:
		return c.settled
	case c.end == c.warnedEnd || c.end-a.client.clock() <= a.ttl/10:
		return broadcast.ErrLapsing
	}
	return nil
}

// Err returns nil while the lock is held, an error that wraps [broadcast.ErrLost] once
// it is lost, and [broadcast.ErrReleased] after the release. It looks at the clock, so
// it tells of a loss even if this process stood still until now.
func (h Hold) Err() error {
	c := h.claim
	c.attachment.mu.Lock()
	defer c.attachment.mu.Unlock()
	if c.released {
		return broadcast.ErrReleased
	}
	c.attachment.expire(c.attachment.client.clock())
	return c.lost
}

// Deadline returns when the lock will be lost if nothing more is heard of the node. It
// is zero after the release.
func (h Hold) Deadline() time.Time {
	c := h.claim
	a := c.attachment
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.released {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(c.end - a.client.clock()))
}

// Release ends the hold, without waiting for the node; [Client.Close] waits. It returns
// nil if the lock was held until now, an error that wraps [broadcast.ErrLost] if it had
// been lost, and [broadcast.ErrReleased] if it was released before.
func (h Hold) Release() error {
	c := h.claim
	a := c.attachment
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.released {
		return broadcast.ErrReleased
	}
	a.expire(a.client.clock())
	c.released = true
	if c.state == holding {
		c.state = releasing
		a.enqueue(c)
	}
	return c.lost
}
