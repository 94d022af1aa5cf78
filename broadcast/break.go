package broadcast

import (
	"context"
	"errors"
	"fmt"

	"conch/token"
)

var (
	// ErrNotHeld says that nobody here holds a lock that somebody wants to break.
	ErrNotHeld = errors.New("nobody holds the lock here")
	// ErrWrongFence is wrapped by the error for a lock whose holder has another fence
	// than the one who wants to break it believes.
	ErrWrongFence = errors.New("the holder has another fence")
)

// Break takes a lock from whoever holds it at this node, if the fence is still the one
// named. It tells the holder, and returns what is known of it. The token moves when
// the holder releases the lock, or when its time is up: one time to live for a
// caller of [Driver.Acquire], and for other claimants as long as they see fit.
//
// The log keeps the reason and who gave it. The errors are [ErrNotHeld], wrap
// [ErrWrongFence] or [ErrStopped], or are the cause of the context's end.
func (d *Driver) Break(ctx context.Context, lock string, fence token.Fence, reason string, by Caller) (Holding, error) {
	var holding Holding
	var refusal error
	err := d.do(ctx, func(o *owner) {
		id, held := o.holder(lock)
		c := o.claims[id]
		switch {
		case !held:
			refusal = ErrNotHeld
		case c.holding != fence:
			refusal = fmt.Errorf("%w: %d, not %d", ErrWrongFence, c.holding, fence)
		default:
			if !errors.Is(c.ending, ErrBroken) {
				o.log.broken(lock, fence, by, reason)
				o.settle(id, fmt.Errorf("%w by %s: %s", ErrBroken, by, reason))
			}
			holding = o.holding(o.claims[id])
		}
	})
	if err != nil {
		return Holding{}, err
	}
	return holding, refusal
}

// holder returns the claim that holds a lock here.
func (o *owner) holder(lock string) (id token.Waiter, held bool) {
	if !o.node.InspectLock(lock, &o.view) || o.view.Holder == 0 {
		return 0, false
	}
	_, held = o.claims[o.view.Holder] // else its holder was told that it is lost
	return o.view.Holder, held
}
