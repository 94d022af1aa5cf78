package broadcast

import (
	"context"
	"errors"
	"sync"

	"conch/token"
)

var (
	// ErrStopped is wrapped by the error for a lock that was wanted of a driver
	// which is stopping or has ended.
	ErrStopped = errors.New("the node is stopped")
	// ErrLost says that a lock was lost before it was released.
	ErrLost = errors.New("the lock was lost")
	// ErrBusy says that a lock is in use, or that others are ahead.
	ErrBusy = errors.New("the lock is in use")
	// ErrReleased says that a hold was released before.
	ErrReleased = errors.New("the lock was released before")
)

// errWithdrawn answers a waiter that gave up.
var errWithdrawn = errors.New("withdrawn")

// Hold is a lock that one local caller holds. Its methods are safe for concurrent
// use. A Hold is a value, so that taking a lock need not allocate; its copies are
// the same hold.
type Hold struct {
	waiter *waiter
	id     token.Waiter
	fence  token.Fence
}

// waiter is the place where one local caller waits for a lock and then holds it.
// It is used again for another caller when the hold is over; what belongs to an
// earlier one is told by its id.
type waiter struct {
	driver *Driver
	// answer brings what came of waiting. The owner sends exactly one for each
	// caller, and there is room for it.
	answer chan answer

	mu   sync.Mutex
	id   token.Waiter // of the present caller; zero between callers
	lock string
	lost bool
	done chan struct{} // closed at a loss; made when somebody asks for it
}

// answer is a grant, or why there will be none.
type answer struct {
	fence token.Fence
	err   error
}

// Acquire waits until a local caller holds the lock. The errors wrap [ErrName],
// [ErrStopped], or the cause of the context's end.
func (d *Driver) Acquire(ctx context.Context, lock string) (Hold, error) {
	return d.claim(ctx, inputAcquire, lock)
}

// Try takes the lock if it is free. It asks the other members where the token is,
// and while nobody answers it goes on until the context ends, as Acquire does. The
// errors are those of [Driver.Acquire], and [ErrBusy].
func (d *Driver) Try(ctx context.Context, lock string) (Hold, error) {
	return d.claim(ctx, inputTry, lock)
}

// claim asks the owner for a lock and waits for its answer.
func (d *Driver) claim(ctx context.Context, kind inputKind, lock string) (Hold, error) {
	if err := checkName(lock); err != nil {
		return Hold{}, err
	}
	if ctx.Err() != nil {
		return Hold{}, context.Cause(ctx)
	}
	w := d.waiters.Get().(*waiter)
	id := token.Waiter(d.lastWaiter.Add(1))
	w.begin(id, lock)
	select {
	case d.inbox <- input{kind: kind, lock: lock, id: id, waiter: w}:
	case <-ctx.Done():
		w.end(id)
		return Hold{}, context.Cause(ctx)
	case <-d.dead:
		return Hold{}, d.stopped()
	}
	select {
	case a := <-w.answer:
		return w.hold(id, a)
	case <-ctx.Done():
		w.giveUp(id, lock)
		return Hold{}, context.Cause(ctx)
	case <-d.dead:
		return Hold{}, d.stopped()
	}
}

// hold makes a hold of a grant.
func (w *waiter) hold(id token.Waiter, a answer) (Hold, error) {
	if a.err != nil {
		w.end(id)
		return Hold{}, a.err
	}
	return Hold{waiter: w, id: id, fence: a.fence}, nil
}

// giveUp ends waiting. A grant that was on its way meanwhile is released.
func (w *waiter) giveUp(id token.Waiter, lock string) {
	w.driver.post(input{kind: inputWithdraw, lock: lock, id: id})
	select {
	case a := <-w.answer:
		if hold, err := w.hold(id, a); err == nil {
			_ = hold.Release() // lost or not: nobody knew of the hold
		}
	case <-w.driver.dead:
	}
}

// begin gives the waiter to a new caller.
func (w *waiter) begin(id token.Waiter, lock string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.id, w.lock, w.lost, w.done = id, lock, false, nil
}

// ended is what a caller leaves behind.
type ended struct {
	lock string
	lost bool // before the caller ended the hold
}

// end takes the waiter from its caller and makes it free for another. It reports
// false if that caller has it no more.
func (w *waiter) end(id token.Waiter) (ended, bool) {
	w.mu.Lock()
	if w.id != id {
		w.mu.Unlock()
		return ended{}, false
	}
	e := ended{lock: w.lock, lost: w.lost}
	w.id = 0
	w.mu.Unlock()
	w.driver.waiters.Put(w)
	return e, true
}

// lose tells a caller that its hold is over, if it has not released it.
func (w *waiter) lose(id token.Waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id != id || w.lost {
		return
	}
	w.lost = true
	if w.done != nil {
		close(w.done)
	}
}

// Fence returns the fencing number of the hold.
func (h Hold) Fence() token.Fence { return h.fence }

// Done returns a channel that is closed if the lock is lost. After the release it
// is nil.
func (h Hold) Done() <-chan struct{} {
	w := h.waiter
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id != h.id {
		return nil
	}
	if w.done == nil {
		w.done = make(chan struct{})
		if w.lost {
			close(w.done)
		}
	}
	return w.done
}

// Err returns nil while the lock is held, [ErrLost] once it is lost, and
// [ErrReleased] after the release.
func (h Hold) Err() error {
	w := h.waiter
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.id != h.id:
		return ErrReleased
	case w.lost || w.driver.leaseOver():
		return ErrLost
	}
	return nil
}

// Release ends the hold, without waiting for what the algorithm makes of it. It
// returns nil if the lock was held until now, [ErrLost] if it had been lost, and
// [ErrReleased] if it was released before.
func (h Hold) Release() error {
	d := h.waiter.driver
	over := d.leaseOver()
	e, ok := h.waiter.end(h.id)
	switch {
	case !ok:
		return ErrReleased
	case e.lost:
		return ErrLost
	}
	if !d.post(input{kind: inputRelease, lock: e.lock, id: h.id}) || over {
		return ErrLost
	}
	return nil
}
