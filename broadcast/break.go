package broadcast

import (
	"context"
	"fmt"

	"conch/internal/claims"
)

// Whom says which holders of a lock a Break means.
type Whom = claims.Whom

// Break takes a lock from the holders at this node that have the given fence, of whom there
// are several where they share the lock, or from those of one process. It tells the
// holders, and returns what is known of them. The lock moves on when a holder releases it,
// or when the holder's time is up: one time to live for a caller of [Driver.Acquire], the
// rest of its lease for a client.
//
// The log keeps the reason and who gave it. The errors are [ErrNotHeld], wrap
// [ErrWrongFence], [ErrNotAmong] or [ErrStopped], or are the cause of the context's end.
func (d *Driver) Break(ctx context.Context, lock string, whom Whom, reason string, by Caller) ([]Holding, error) {
	type outcome struct {
		holdings []Holding
		err      error
	}
	answer := make(chan outcome, 1)
	err := d.do(ctx, func(o *owner) {
		var got outcome
		broken, err := o.table.Break(o.now, lock, whom, fmt.Sprintf("by %s: %s", by, reason))
		for _, b := range broken {
			if !b.Before {
				o.log.broken(lock, b.Fence, by, reason)
			}
			got.holdings = append(got.holdings, o.holding(b.Holder))
		}
		got.err = err
		answer <- got
	})
	if err != nil {
		return nil, err
	}
	got := <-answer
	return got.holdings, got.err
}
