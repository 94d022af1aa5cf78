package broadcast

import (
	"context"
	"errors"
	"time"

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
	// ErrTooManyLocks is wrapped by the error for a lock that the node does not know,
	// while it knows as many as it may.
	ErrTooManyLocks = errors.New("the node knows too many locks")
	// ErrReleased says that a hold was released before.
	ErrReleased = errors.New("the lock was released before")
)

// Hold is a lock that one local caller holds. Its methods are safe for concurrent
// use. A Hold is a value, so that taking a lock need not allocate; its copies are
// the same hold.
type Hold struct {
	place *Place
	id    token.Waiter
	fence token.Fence
}

// Acquire waits until a local caller holds the lock. The errors wrap [ErrName],
// [ErrTooManyLocks], [ErrStopped], or the cause of the context's end.
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
	if err := CheckName(lock); err != nil {
		return Hold{}, err
	}
	if ctx.Err() != nil {
		return Hold{}, context.Cause(ctx)
	}
	p := d.places.Get().(*Place)
	id := d.NewClaim()
	p.begin(id, lock)
	if !d.offer(input{kind: kind, lock: lock, id: id, claimant: (*seat)(p), caller: &d.caller}, ctx.Done()) {
		if ctx.Err() != nil {
			p.end(id)
			return Hold{}, context.Cause(ctx)
		}
		return Hold{}, d.stopped()
	}
	select {
	case a := <-p.answer: // the token was here
		return p.hold(id, a)
	default:
	}
	select {
	case a := <-p.answer:
		return p.hold(id, a)
	case <-ctx.Done():
		p.giveUp(id)
		return Hold{}, context.Cause(ctx)
	case <-d.dead:
		return Hold{}, d.stopped()
	}
}

// hold makes a hold of a grant.
func (p *Place) hold(id token.Waiter, a answer) (Hold, error) {
	if a.err != nil {
		p.end(id)
		return Hold{}, a.err
	}
	return Hold{place: p, id: id, fence: a.fence}, nil
}

// giveUp ends waiting. A grant that was on its way meanwhile is released.
func (p *Place) giveUp(id token.Waiter) {
	p.driver.Withdraw(id)
	select {
	case a := <-p.answer:
		if hold, err := p.hold(id, a); err == nil {
			_ = hold.Release() // lost or not: nobody knew of the hold
		}
	case <-p.driver.dead:
	}
}

// Place returns where the hold is kept, and the id that it has there.
func (h Hold) Place() (p *Place, id uint64) { return h.place, uint64(h.id) }

// Fence returns the fencing number of the hold.
func (h Hold) Fence() token.Fence { return h.fence }

// Done returns a channel that is closed if the lock is lost. After the release it
// is nil.
func (h Hold) Done() <-chan struct{} { return h.place.Done(uint64(h.id)) }

// Warned returns a channel that is closed when the end of the hold is near, which may
// come to nothing, or settled. After the release it is nil.
func (h Hold) Warned() <-chan struct{} { return h.place.Warned(uint64(h.id)) }

// Warning tells why the hold is about to end; nil if it is not. It wraps [ErrBroken] or
// [ErrStopped] if the end is settled, and [ErrLapsing] if the lease may be renewed.
func (h Hold) Warning() error { return h.place.Warning(uint64(h.id)) }

// Err returns nil while the lock is held, an error that wraps [ErrLost] once it is
// lost, and [ErrReleased] after the release.
func (h Hold) Err() error { return h.place.Err(uint64(h.id)) }

// Deadline returns when the hold will be lost if the node's lease is not renewed
// before. It is zero if that cannot happen, and after the release.
func (h Hold) Deadline() time.Time { return h.place.Deadline(uint64(h.id)) }

// Release ends the hold, without waiting for what the algorithm makes of it. It
// returns nil if the lock was held until now, an error that wraps [ErrLost] if it had
// been lost, and [ErrReleased] if it was released before.
func (h Hold) Release() error { return h.place.Release(uint64(h.id)) }
