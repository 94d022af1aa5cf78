package client

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	backoffMin = 10 * time.Millisecond
	backoffMax = 500 * time.Millisecond
)

// backoff waits between attempts: each time about twice as long, by chance less, so
// that clients of a node that was gone do not come back all at once. The zero value is
// ready.
type backoff struct {
	ceiling time.Duration // of the last wait
}

// wait returns false if the context ended before the wait did.
func (b *backoff) wait(ctx context.Context) bool {
	b.ceiling = min(max(2*b.ceiling, backoffMin), backoffMax)
	timer := time.NewTimer(b.ceiling/2 + rand.N(b.ceiling/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset makes the next wait a short one.
func (b *backoff) reset() { b.ceiling = 0 }
