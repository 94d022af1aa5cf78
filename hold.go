package conch

import "conch/broadcast"

// Hold is a lock that this node holds for one caller of [Node.Lock]. Its methods
// are safe for concurrent use.
type Hold struct {
	hold broadcast.Hold
}

// Fence returns the fencing number of the hold: higher than that of each earlier
// hold of the same lock, on any node.
func (h *Hold) Fence() uint64 { return uint64(h.hold.Fence()) }

// Done returns a channel that is closed if the lock is lost before it is unlocked:
// the node was cut off from the others for too long, or it ended. After
// [Hold.Unlock] it returns nil.
func (h *Hold) Done() <-chan struct{} { return h.hold.Done() }

// Err returns nil while the lock is held, [ErrLost] once it is lost, and
// [ErrUnlocked] after [Hold.Unlock].
func (h *Hold) Err() error { return h.hold.Err() }

// Unlock ends the hold. It does not wait for other members. It returns nil if the
// lock was held until now, [ErrLost] if it had been lost, and [ErrUnlocked] if
// Unlock was called before.
func (h *Hold) Unlock() error { return h.hold.Release() }
