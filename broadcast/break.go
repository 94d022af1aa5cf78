package broadcast

import (
	"context"
	"fmt"

	"conch/token"
)

// Break takes a lock from its holder at this node, if the fence is still the given one. It
// tells the holder, and returns what is known of it. The token moves when the holder
// releases the lock, or when the holder's time is up: one time to live for a caller of
// [Driver.Acquire], the rest of its lease for a client.
//
// The log keeps the reason and who gave it. The errors are [ErrNotHeld], wrap
// [ErrWrongFence] or [ErrStopped], or are the cause of the context's end.
func (d *Driver) Break(ctx context.Context, lock string, fence token.Fence, reason string, by Caller) (Holding, error) {
	type outcome struct {
		holding Holding
		err     error
	}
	broken := make(chan outcome, 1)
	err := d.do(ctx, func(o *owner) {
		h, first, err := o.table.Break(o.now, lock, fence, fmt.Sprintf("by %s: %s", by, reason))
		if first {
			o.log.broken(lock, fence, by, reason)
		}
		broken <- outcome{o.holding(h), err}
	})
	if err != nil {
		return Holding{}, err
	}
	b := <-broken
	return b.holding, b.err
}
