package broadcast

import (
	"context"
	"sync"

	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

// localClaim is one local caller's claim: it waits for a lock and then holds it.
// localClaims are pooled; id identifies the present caller. A late method call with the id
// of an earlier caller does nothing.
type localClaim struct {
	driver *Driver
	// ready has an entry when answer is set, if the caller waits for it.
	ready chan struct{}

	mu sync.Mutex
	id token.Waiter // zero between callers
	// At most one of these is true. answered: answer is the result of the wait. gone: the
	// caller gave up before an answer, and the owner returns the localClaim to the pool.
	// waits: the caller waits for ready.
	answered, gone, waits bool
	answer                answer
	session               token.Session // in which the lock was granted
	run                   *localRun     // nil if it is for no run
	lost                  bool
	settled               error         // why the hold will end, once that is settled
	ends                  token.Time    // when a broken hold ends; zero otherwise
	done                  chan struct{} // closed at a loss; made on demand
	released              chan struct{} // closed at the release; made on demand
	warned                bool
	warning               chan struct{} // closed at the first warning; made on demand
}

// answer is a grant, or why there will be none.
type answer struct {
	fence token.Fence
	err   error
}

// Acquire waits until a local caller holds the lock: alone if the limit is
// [token.Exclusive], else together with others. The errors wrap [ErrName], [ErrLimit],
// [ErrPermits], [ErrTooManyLocks], [ErrStopped], or the cause of the context's end.
func (d *Driver) Acquire(ctx context.Context, lock string, limit token.Limit) (Hold, error) {
	return d.claim(ctx, inputAcquire, lock, limit)
}

// Try takes the lock if it is free. It asks the other members where the token is. While
// nobody answers, it waits until the context ends, as Acquire does. The errors are those of
// [Driver.Acquire], and [ErrBusy].
func (d *Driver) Try(ctx context.Context, lock string, limit token.Limit) (Hold, error) {
	return d.claim(ctx, inputTry, lock, limit)
}

// claim asks the owner for a lock and waits for its answer.
func (d *Driver) claim(ctx context.Context, kind inputKind, lock string, limit token.Limit) (Hold, error) {
	if err := CheckName(lock); err != nil {
		return Hold{}, err
	}
	c := d.locals.Get().(*localClaim)
	id := token.Waiter(d.lastWaiter.Add(1))
	c.begin(id)
	return d.await(ctx, c, &input{kind: kind, lock: lock, limit: limit, id: id, local: c})
}

// await hands a claim to the owner and waits for its answer.
func (d *Driver) await(ctx context.Context, c *localClaim, in *input) (Hold, error) {
	id := in.id
	if ctx.Err() != nil {
		c.free(id)
		return Hold{}, context.Cause(ctx)
	}
	if !d.offer(*in, ctx.Done()) {
		if ctx.Err() != nil {
			c.free(id)
			return Hold{}, context.Cause(ctx)
		}
		return Hold{}, d.stopped()
	}
	if a, answered := c.poll(); answered { // the token was here
		return c.hold(id, a)
	}
	select {
	case <-c.ready:
		a, _ := c.poll()
		return c.hold(id, a)
	case <-ctx.Done():
		c.giveUp(id)
		return Hold{}, context.Cause(ctx)
	case <-d.dead:
		return Hold{}, d.stopped()
	}
}

// begin gives the localClaim to a new caller.
func (c *localClaim) begin(id token.Waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id, c.answered, c.gone, c.waits, c.session, c.run = id, false, false, false, 0, nil
	c.lost, c.settled, c.ends, c.done, c.released, c.warned, c.warning = false, nil, 0, nil, nil, false, nil
}

// poll returns the answer, if there is one. If not, ready will have an entry.
func (c *localClaim) poll() (a answer, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = !c.answered
	return c.answer, c.answered
}

// hold makes a hold of a grant.
func (c *localClaim) hold(id token.Waiter, a answer) (Hold, error) {
	if a.err != nil {
		c.free(id)
		return Hold{}, a.err
	}
	return NewHold(c, uint64(id), uint64(a.fence)), nil
}

// giveUp ends the wait. The withdrawal declines a grant that came before; the owner itself
// declines one that comes later, since the caller has gone.
func (c *localClaim) giveUp(id token.Waiter) {
	c.mu.Lock()
	c.gone = !c.answered
	gone := c.gone
	c.mu.Unlock()
	if gone {
		c.driver.post(input{kind: inputWithdraw, id: id})
		return
	}
	<-c.ready
	a, _ := c.poll()
	c.free(id)
	if a.err == nil {
		c.driver.post(input{kind: inputWithdraw, id: id})
	}
}

// end takes the localClaim from its caller and frees it for another. It returns why the
// hold was lost before, nil if it was not; and false if the localClaim is no longer the
// caller's.
func (c *localClaim) end(id token.Waiter) (had bool, lost error) {
	c.mu.Lock()
	if c.id != id {
		c.mu.Unlock()
		return false, nil
	}
	if c.session != 0 {
		lost = c.loss()
	}
	if c.released != nil {
		close(c.released)
	}
	c.id = 0
	c.mu.Unlock()
	c.driver.locals.Put(c)
	return true, lost
}

// free ends a wait without a grant.
func (c *localClaim) free(id token.Waiter) { _, _ = c.end(id) }

// The owner's part.

// reply answers the caller. It reports false if the caller has gone.
func (c *localClaim) reply(id token.Waiter, a answer, session token.Session) (wanted bool) {
	c.mu.Lock()
	switch {
	case c.id != id:
		c.mu.Unlock()
		return false
	case c.gone:
		c.id = 0
		c.mu.Unlock()
		c.driver.locals.Put(c)
		return false
	}
	c.answered, c.answer, c.session = true, a, session
	waits := c.waits
	c.mu.Unlock()
	if waits {
		c.ready <- struct{}{}
	}
	return true
}

// warn tells the holder that its hold will end, or may end.
func (c *localClaim) warn(e *claims.Effect) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id != e.ID {
		return
	}
	if why := endingError(e.Reason, e.Text); why != nil {
		c.settled, c.ends = why, e.Ends
	}
	if c.warning != nil && !c.warned {
		close(c.warning)
	}
	c.warned = true
}

// lose tells the holder that its hold is over.
func (c *localClaim) lose(e *claims.Effect) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id != e.ID || c.lost {
		return
	}
	if c.settled == nil && e.Reason != frames.Lapse {
		c.settled = endingError(e.Reason, e.Text)
	}
	c.lost = true
	if c.done != nil {
		close(c.done)
	}
}
