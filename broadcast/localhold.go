package broadcast

import (
	"fmt"
	"time"

	"conch/token"
)

// The holder's part: the methods of Hold, for the caller with an id.

// until is when the hold is over if nothing more is heard. The caller has the mutex.
func (c *localClaim) until() token.Time {
	end := c.driver.leaseEndOf(c.session)
	if c.ends != 0 {
		end = min(end, c.ends)
	}
	return end
}

// loss returns why the hold is lost, nil if it is not. It checks the clock: the process may
// have been suspended for longer than the owner knows. The caller has the mutex.
func (c *localClaim) loss() error {
	switch {
	case !c.lost && c.driver.clock() < c.until():
		return nil
	case c.settled != nil:
		return fmt.Errorf("%w: %w", ErrLost, c.settled)
	}
	return ErrLost
}

// Done implements [Hold.Done].
func (c *localClaim) Done(id uint64) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if uint64(c.id) != id {
		return nil
	}
	if c.done == nil {
		c.done = make(chan struct{})
		if c.lost {
			close(c.done)
		}
	}
	return c.done
}

// closedChannel is a channel that is closed.
var closedChannel = func() chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}()

// Released implements [Keeper].
func (c *localClaim) Released(id uint64) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if uint64(c.id) != id {
		return closedChannel
	}
	if c.released == nil {
		c.released = make(chan struct{})
	}
	return c.released
}

// Warned implements [Hold.Warned].
func (c *localClaim) Warned(id uint64) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if uint64(c.id) != id {
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

// Warning implements [Hold.Warning].
func (c *localClaim) Warning(id uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case uint64(c.id) != id:
		return nil
	case c.settled != nil:
		return c.settled
	case c.until()-c.driver.clock() <= token.Time(c.driver.ttl/10):
		return ErrLapsing
	}
	return nil
}

// Err implements [Hold.Err].
func (c *localClaim) Err(id uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if uint64(c.id) != id {
		return ErrReleased
	}
	return c.loss()
}

// Deadline implements [Hold.Deadline].
func (c *localClaim) Deadline(id uint64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.until()
	if uint64(c.id) != id || end == token.Never {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(end - c.driver.clock()))
}

// Release implements [Hold.Unlock].
func (c *localClaim) Release(id uint64) error {
	had, lost := c.end(token.Waiter(id))
	if !had {
		return ErrReleased
	}
	if !c.driver.post(input{kind: inputRelease, id: token.Waiter(id)}) && lost == nil {
		return ErrLost
	}
	return lost
}
