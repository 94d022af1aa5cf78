package broadcast

import (
	"math/rand/v2"
	"time"
)

const (
	backoffMin = 10 * time.Millisecond
	backoffMax = 500 * time.Millisecond
)

// backoff decides how long to wait before a stream is tried again. The zero value is ready.
type backoff struct {
	ceiling time.Duration // of the last wait
}

// next returns a random wait from the upper half of the present range, which doubles each
// time: from 10 to 20 ms, from 20 to 40 ms, …, from 250 to 500 ms.
func (b *backoff) next() time.Duration {
	b.ceiling = min(max(2*b.ceiling, 2*backoffMin), backoffMax)
	return b.ceiling/2 + rand.N(b.ceiling/2+1)
}

// reset makes the next wait a short one.
func (b *backoff) reset() { b.ceiling = 0 }
