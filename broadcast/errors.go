package broadcast

import (
	"errors"
	"fmt"

	"conch/broadcast/wire"
	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

var (
	// ErrName is wrapped by the error for a lock name that is empty, too long, or not
	// UTF-8.
	ErrName = wire.ErrName
	// ErrValue is wrapped by the error for a leader's value that is too long, or not UTF-8.
	ErrValue = wire.ErrValue
	// ErrTooManyValues is wrapped by the error for a value when the node says as many as it
	// may.
	ErrTooManyValues = errors.New("the node says too many values")
	// ErrShared says that a hold has no value, since others may hold the lock beside it.
	ErrShared = errors.New("the hold is shared: only who holds a lock alone has a value")
	// ErrNotNoted says that no quorum is known to remember that a run is done, or a kept hold
	// over.
	ErrNotNoted = errors.New("no majority of the members is known to remember it")
	// ErrNotRun says that a hold is for no run.
	ErrNotRun = errors.New("the hold is for no run")
	// ErrNotesFull is wrapped by the error for a run or a kept hold if a member remembers as
	// many as it may.
	ErrNotesFull = errors.New("a member remembers the runs and kept holds of too many locks")
	// ErrNoNotes is wrapped by the error for a run or a kept hold if a member has no data
	// directory.
	ErrNoNotes = errors.New("a member remembers no runs and kept holds: it has no data directory")
	// ErrStopped is wrapped by the errors of a driver that is stopping or has ended.
	ErrStopped = errors.New("the node is stopped")
	// ErrLost is wrapped by the error for a lock that was lost before its release.
	ErrLost = errors.New("the lock was lost")
	// ErrBusy says that a lock is in use, or that others are ahead.
	ErrBusy = errors.New("the lock is in use")
	// ErrLimit is wrapped by the error for a lock that has another limit than the one that
	// is wanted.
	ErrLimit = errors.New("the lock has another limit")
	// ErrPermits is wrapped by the error for a number of permits that no lock can have.
	ErrPermits = errors.New("bad number of permits")
	// ErrTooManyLocks is wrapped by the error for a lock that the node does not know, when
	// it knows as many as it may.
	ErrTooManyLocks = errors.New("the node knows too many locks")
	// ErrReleased says that a hold was released before.
	ErrReleased = errors.New("the lock was released before")
	// ErrNoHold is returned by methods of the zero [Hold].
	ErrNoHold = errors.New("the lock is not held: this hold is the zero value, which comes of no successful call")
	// ErrBroken is wrapped by what the holder of a broken lock is told.
	ErrBroken = errors.New("the lock was broken")
	// ErrLapsing warns a holder whose node gets hardly any answers: unless a quorum of the
	// members answers, the lock will be lost within a tenth of the time to live.
	ErrLapsing = errors.New("the node's lease is about to end")
	// ErrNotHeld says that nobody here holds the lock to be broken.
	ErrNotHeld = claims.ErrNotHeld
	// ErrWrongFence is wrapped by the error for a lock whose holders have other fences than
	// the one to be broken.
	ErrWrongFence = claims.ErrWrongFence
	// ErrNotAmong is wrapped by the error for a lock whose holders with the fence to be
	// broken are other processes than the one that is meant.
	ErrNotAmong = claims.ErrNotAmong

	// errWithdrawn answers a claim that its caller withdrew.
	errWithdrawn = errors.New("withdrawn")
)

// CheckPermits returns the limit of a semaphore with so many permits. The error wraps
// [ErrPermits].
func CheckPermits(permits int) (token.Limit, error) {
	if permits < 1 || permits > int(token.MaxPermits) {
		return 0, fmt.Errorf("%w: %d; want 1 to %d", ErrPermits, permits, token.MaxPermits)
	}
	return token.Limit(permits), nil
}

// CheckName refuses a name that no lock can have; the error wraps [ErrName].
func CheckName(lock string) error { return wire.CheckName(lock) }

// CheckValue refuses a value that no leader can say; the error wraps [ErrValue].
func CheckValue(value string) error { return wire.CheckValue(value) }

// refusalError is the error that a caller in this process gets for a refusal.
func (o *owner) refusalError(e *claims.Effect) error {
	switch e.Code {
	case 0:
		return errWithdrawn
	case frames.CodeBusy:
		return ErrBusy
	case frames.CodeInvalidField:
		return fmt.Errorf("%w: %s", ErrPermits, e.Text)
	case frames.CodeOtherLimit:
		return fmt.Errorf("%w: %s", ErrLimit, e.Text)
	case frames.CodeRan:
		return &RanError{Run: *e.Run}
	case frames.CodeNotesFull:
		return ErrNotesFull
	case frames.CodeNoNotes:
		return ErrNoNotes
	case frames.CodeTooManyNames:
		return fmt.Errorf("%w: %s", ErrTooManyLocks, e.Text)
	}
	if o.err != nil {
		return fmt.Errorf("%w: %w", ErrStopped, o.err)
	}
	return ErrStopped
}

// endingError is why the end of a hold is settled; nil if it is not.
func endingError(reason frames.Reason, text string) error {
	switch reason {
	case frames.Break:
		return fmt.Errorf("%w %s", ErrBroken, text)
	case frames.NodeLeaving:
		return ErrStopped
	default:
		return nil
	}
}
