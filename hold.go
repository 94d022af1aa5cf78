package conch

import (
	"context"
	"time"

	"conch/broadcast"
)

// Hold is a lock that one caller of Lock holds. Its methods are safe for concurrent use. A
// Hold is a value, so that taking a lock need not allocate; its copies are the same hold.
// The zero Hold, which a failed Lock returns, holds nothing: its Err, Warning and Unlock
// return [ErrNotHeld], and the others return zero values. So deferring Unlock before
// checking the error of Lock does no harm.
type Hold struct {
	hold broadcast.Hold
}

// Fence returns the fencing number of the hold: higher than that of each earlier
// hold of the same lock, on any node. Holds that share a lock may have the same number: it is
// above those of all exclusive holds before them, and below those of all after. It fits a
// signed 64-bit integer.
func (h Hold) Fence() uint64 { return h.hold.Fence() }

// Done returns a channel that is closed if the lock is lost before it is unlocked: the node
// was cut off from the others for too long, or it ended, or this client was cut off from
// the node, or somebody broke the lock. After [Hold.Unlock] it returns nil.
func (h Hold) Done() <-chan struct{} { return h.hold.Done() }

// Err returns nil while the lock is held, an error that wraps [ErrLost] once it is lost,
// and [ErrUnlocked] after [Hold.Unlock]. It checks the clock, so it reports a loss even if
// this process was suspended and nothing has closed Done yet.
func (h Hold) Err() error { return h.hold.Err() }

// Context returns a context that ends with parent, when the lock is lost, and at
// [Hold.Unlock]. Its cause then wraps [ErrLost], or is [ErrUnlocked]; for the zero Hold it
// is [ErrNotHeld] from the start.
func (h Hold) Context(parent context.Context) context.Context { return h.hold.Context(parent) }

// Deadline returns when the lock will be lost if the members, or a client's node, do not
// answer again. It moves on while they answer. It is zero if the hold cannot be lost in
// that way, and after [Hold.Unlock].
func (h Hold) Deadline() time.Time { return h.hold.Deadline() }

// Warned returns a channel that is closed when the end of the hold is near or settled;
// [Hold.Warning] tells which. A holder that is done by the Deadline loses nothing. After
// [Hold.Unlock] it returns nil.
func (h Hold) Warned() <-chan struct{} { return h.hold.Warned() }

// Warning returns why the hold is about to end, nil if it is not. It wraps [ErrBroken] or
// [ErrStopped] when the end is settled: the Deadline no longer moves, and the next holder
// enters sooner if this one unlocks sooner. It is [ErrLapsing] within the last tenth of the
// session's time to live; the lease may still be renewed.
func (h Hold) Warning() error { return h.hold.Warning() }

// Say makes value the hold's, and its holder the leader: see [Locker].Elect. It returns when
// the holder's node has the value; other members hear of it soon after. The value stays until
// it is changed or the hold ends. The errors wrap [ErrValue], [ErrTooManyValues], [ErrLost],
// or, of a client, [ErrUnreachable], [ErrForbidden] or [ErrRefused]; are [ErrShared],
// [ErrUnlocked] or [ErrNotHeld]; or are the cause of the context's end, and the value may then
// be said later.
func (h Hold) Say(ctx context.Context, value string) error { return h.hold.Say(ctx, value) }

// EndRun ends a hold of [Locker].LockRun, and says that its tick needs no other run. It
// returns nil once a majority of the members remembers that; [ErrNotNoted] if that is not
// known, so that a later run of the tick may begin; and an error that wraps [ErrLost] if the
// lock had been lost, so that one may have begun. In each case all members that can be reached
// are told that the tick was run. The hold is over when EndRun is called, and the next holder
// does not wait for the answer. A run that ends without EndRun, by Unlock or a crash, was not
// done. The other errors are [ErrNotRun] for another kind of hold, which goes on; of a client
// wrap [ErrForbidden] or [ErrRefused]; [ErrUnlocked] or [ErrNotHeld]; or the cause of the
// context's end.
func (h Hold) EndRun(ctx context.Context, end RunEnd) error {
	return h.hold.EndRun(ctx, end.end())
}

// Unlock ends the hold. It does not wait for other members. It returns nil if the
// lock was held until now, an error that wraps [ErrLost] if it had been lost, and
// [ErrUnlocked] if Unlock was called before.
func (h Hold) Unlock() error { return h.hold.Unlock() }
