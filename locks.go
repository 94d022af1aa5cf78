package conch

import (
	"context"
	"errors"
)

// Locker is what a [Node] and a [Client] have in common, for code that needs locks and
// does not care which of the two gives them.
type Locker interface {
	// Lock waits until the caller holds a lock.
	Lock(ctx context.Context, name string) (Hold, error)
	// TryLock takes a lock if it is free; the error wraps [ErrBusy] if it is not.
	TryLock(ctx context.Context, name string) (Hold, error)
	// Do waits for a lock, calls f with the hold's fence, and unlocks. The context that
	// f gets ends with ctx, and when the lock is lost; its cause then wraps [ErrLost].
	// The error is that of Lock, and f was not called; or it joins what f returned with
	// an error that wraps [ErrLost], if the lock was lost before f returned.
	Do(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error
}

// do is Do of a Locker.
func do(ctx context.Context, lock func(context.Context, string) (Hold, error), name string, f func(context.Context, uint64) error) (err error) {
	hold, err := lock(ctx, name)
	if err != nil {
		return err
	}
	defer func() {
		if lost := hold.Unlock(); lost != nil && !errors.Is(err, ErrLost) {
			err = errors.Join(err, lost)
		}
	}()
	held, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-hold.Done():
			cancel(hold.Err())
		case <-held.Done():
		}
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	return f(held, hold.Fence())
}
