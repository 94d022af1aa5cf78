package broadcast

import (
	"context"
	"errors"
	"time"

	"conch/internal/runs"
)

// Hold is a lock that one caller holds, of a [Driver] or of a client in another process.
// Its methods are safe for concurrent use. A Hold is a value, so that taking a lock need
// not allocate; its copies are the same hold. The zero Hold holds nothing: its Err, Warning
// and Unlock return [ErrNoHold], and the others return zero values.
type Hold struct {
	keeper Keeper
	id     uint64
	fence  uint64
}

// Keeper keeps holds for a caller, one after the other. Its methods are those of Hold. id
// says which hold is meant; a hold with another id has been released.
type Keeper interface {
	Done(id uint64) <-chan struct{}
	// Released returns a channel that is closed at the release.
	Released(id uint64) <-chan struct{}
	Warned(id uint64) <-chan struct{}
	Warning(id uint64) error
	Err(id uint64) error
	Deadline(id uint64) time.Time
	Release(id uint64) error
	Say(ctx context.Context, id uint64, value string) error
	EndRun(ctx context.Context, id uint64, end runs.End) error
}

// NewHold returns the hold that keeper keeps under id.
func NewHold(keeper Keeper, id, fence uint64) Hold { return Hold{keeper, id, fence} }

// Fence returns the fencing number of the hold.
func (h Hold) Fence() uint64 { return h.fence }

// Done returns a channel that is closed if the lock is lost. After the release it
// is nil.
func (h Hold) Done() <-chan struct{} {
	if h.keeper == nil {
		return nil
	}
	return h.keeper.Done(h.id)
}

// Warned returns a channel that is closed when the end of the hold is settled, or near
// unless the lease is renewed. After the release it is nil.
func (h Hold) Warned() <-chan struct{} {
	if h.keeper == nil {
		return nil
	}
	return h.keeper.Warned(h.id)
}

// Warning returns why the hold is about to end, nil if it is not. It wraps [ErrBroken] or
// [ErrStopped] if the end is settled, and [ErrLapsing] if the lease may be renewed.
func (h Hold) Warning() error {
	if h.keeper == nil {
		return ErrNoHold
	}
	return h.keeper.Warning(h.id)
}

// Err returns nil while the lock is held, an error that wraps [ErrLost] once it is
// lost, and [ErrReleased] after the release.
func (h Hold) Err() error {
	if h.keeper == nil {
		return ErrNoHold
	}
	return h.keeper.Err(h.id)
}

// Deadline returns when the hold is lost unless its lease is renewed. It is zero if the
// hold cannot lapse, and after the release.
func (h Hold) Deadline() time.Time {
	if h.keeper == nil {
		return time.Time{}
	}
	return h.keeper.Deadline(h.id)
}

// Unlock ends the hold. It does not wait for the token to move. It returns nil if the lock
// was held until now, an error that wraps [ErrLost] if it had been lost, and [ErrReleased]
// if it was released before.
func (h Hold) Unlock() error {
	if h.keeper == nil {
		return ErrNoHold
	}
	return h.keeper.Release(h.id)
}

// Say makes value the hold's, of which all members hear: whoever holds a lock alone and says
// a value leads. It waits until the holder's node has the value. The errors wrap [ErrValue],
// [ErrTooManyValues] or [ErrLost]; are [ErrShared], [ErrReleased] or [ErrNoHold]; or are the
// cause of the context's end, and the value may then be said later.
func (h Hold) Say(ctx context.Context, value string) error {
	if h.keeper == nil {
		return ErrNoHold
	}
	return h.keeper.Say(ctx, h.id, value)
}

// EndRun ends a hold that was granted for a run, and says that the run's tick needs no other
// one. The hold is over when EndRun is called, and the lock moves on. It returns nil once a
// quorum remembers the run; [ErrNotNoted] if that is not known, and never will be; and an error
// that wraps [ErrLost] if the hold was lost before. In each case all members that can be
// reached are told. The other errors are [ErrNotRun], for a hold that goes on; [ErrReleased] or
// [ErrNoHold]; or the cause of the context's end.
func (h Hold) EndRun(ctx context.Context, end runs.End) error {
	if h.keeper == nil {
		return ErrNoHold
	}
	return h.keeper.EndRun(ctx, h.id, end)
}

// Context returns a context that ends with parent, and with the hold: the cause then wraps
// [ErrLost], or is [ErrReleased] or [ErrNoHold].
func (h Hold) Context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	if h.keeper == nil {
		cancel(ErrNoHold)
		return ctx
	}
	lost, released := h.Done(), h.keeper.Released(h.id)
	go func() { // ends with the hold at the latest
		select {
		case <-lost:
			err := h.Err()
			if !errors.Is(err, ErrLost) { // released by now
				err = ErrLost
			}
			cancel(err)
		case <-released:
			cancel(ErrReleased)
		case <-ctx.Done():
		}
	}()
	return ctx
}
