package broadcast

import (
	"time"

	"conch/token"
)

// Hold is a lock that one local caller holds. Its methods are safe for concurrent
// use. A Hold is a value, so that taking a lock need not allocate; its copies are
// the same hold.
type Hold struct {
	claim *localClaim
	id    token.Waiter
	fence token.Fence
}

// Claim returns where the hold is kept, and the id that it has there: the methods of
// Hold with the id as a parameter.
func (h Hold) Claim() (c interface {
	Done(id uint64) <-chan struct{}
	Warned(id uint64) <-chan struct{}
	Warning(id uint64) error
	Err(id uint64) error
	Deadline(id uint64) time.Time
	Release(id uint64) error
}, id uint64,
) {
	return h.claim, uint64(h.id)
}

// Fence returns the fencing number of the hold.
func (h Hold) Fence() uint64 { return uint64(h.fence) }

// Done returns a channel that is closed if the lock is lost. After the release it
// is nil.
func (h Hold) Done() <-chan struct{} { return h.claim.Done(uint64(h.id)) }

// Warned returns a channel that is closed when the end of the hold is near, which may
// come to nothing, or settled. After the release it is nil.
func (h Hold) Warned() <-chan struct{} { return h.claim.Warned(uint64(h.id)) }

// Warning tells why the hold is about to end; nil if it is not. It wraps [ErrBroken] or
// [ErrStopped] if the end is settled, and [ErrLapsing] if the lease may be renewed.
func (h Hold) Warning() error { return h.claim.Warning(uint64(h.id)) }

// Err returns nil while the lock is held, an error that wraps [ErrLost] once it is
// lost, and [ErrReleased] after the release.
func (h Hold) Err() error { return h.claim.Err(uint64(h.id)) }

// Deadline returns when the hold will be lost if the node's lease is not renewed
// before. It is zero if that cannot happen, and after the release.
func (h Hold) Deadline() time.Time { return h.claim.Deadline(uint64(h.id)) }

// Unlock ends the hold, without waiting for what the algorithm makes of it. It
// returns nil if the lock was held until now, an error that wraps [ErrLost] if it had
// been lost, and [ErrReleased] if it was released before.
func (h Hold) Unlock() error { return h.claim.Release(uint64(h.id)) }
