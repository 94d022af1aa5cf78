package conch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"conch/token"
)

// Locker is what a [Node] and a [Client] have in common, for code that does not care which
// of the two provides its locks.
type Locker interface {
	// Lock waits until the caller holds a lock.
	Lock(ctx context.Context, name string) (Hold, error)
	// TryLock takes a lock if it is free; the error wraps [ErrBusy] if it is not.
	TryLock(ctx context.Context, name string) (Hold, error)
	// RLock waits until the caller holds a lock together with other readers: any number
	// of callers of RLock hold it at once, and nobody who called Lock. Whoever wants the
	// lock alone waits until all readers have unlocked. A reader cannot become a writer:
	// Lock, called while the caller has a read lock of the same name, waits for ever. So may
	// a second RLock: behind a writer that waits for the first.
	//
	// The error wraps [ErrLimit] if the lock is used as a semaphore.
	RLock(ctx context.Context, name string) (Hold, error)
	// TryRLock is RLock for a caller that does not want to wait; the error wraps
	// [ErrBusy] if a writer has the lock, or waits for it before the caller.
	TryRLock(ctx context.Context, name string) (Hold, error)
	// Acquire waits until the caller has one of a lock's permits, of which there are
	// limit: so many callers hold the lock at once. All callers must name the same limit,
	// 1 to [MaxPermits]; the error wraps [ErrLimit] if others use the lock with another one
	// or as readers, and [ErrPermits] for a limit that there cannot be. Whoever calls Lock
	// waits until all permits are back, and then holds the lock alone.
	Acquire(ctx context.Context, name string, limit int) (Hold, error)
	// TryAcquire is Acquire for a caller that does not want to wait; the error wraps
	// [ErrBusy] if no permit is free, or others are ahead.
	TryAcquire(ctx context.Context, name string, limit int) (Hold, error)
	// Do waits for a lock, calls f with the hold's fence, and unlocks. f's context ends
	// with ctx, and when the lock is lost; its cause then wraps [ErrLost]. The error is
	// Lock's, and f was not called; or it joins f's error with one that wraps [ErrLost], if
	// the lock was lost before f returned.
	Do(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error
	// RDo is Do under a lock that is shared with other readers, as by RLock.
	RDo(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error
	// DoPermit is Do under one of limit permits, as by Acquire.
	DoPermit(ctx context.Context, name string, limit int, f func(ctx context.Context, fence uint64) error) error
	// Elect is Do for a leader: all members hear of the value, which is UTF-8 and has at most
	// [MaxValueBytes]. It waits for the lock, says the value, calls f, and unlocks. term is
	// the hold: its Fence numbers the term, its Say changes the value, and its Unlock ends
	// the term early. f's context ends as that of Do. Whoever wants to lead again calls Elect
	// again.
	Elect(ctx context.Context, name, value string, f func(ctx context.Context, term Hold) error) error
	// Leader returns who leads under a lock, as one node has heard; [ErrNoLeader] if nobody
	// does. The leader may lead no more by now: what it does must be fenced by its term.
	Leader(ctx context.Context, name string) (Leader, error)
	// Observe returns a channel of who leads: as it is now, then each change, the zero Leader
	// whenever nobody does. Terms never go back: the channel may come late, or name a leader
	// again, but it names no older one after a newer. It has no buffer; a slow receiver misses
	// changes, but never the last.
	Observe(ctx context.Context, name string) (<-chan Leader, error)
	// Once calls f under a lock if the tick has not been run yet, at any machine, and returns
	// whether it did. A tick says for which turn of a schedule a run is: see [Run]. If a run
	// of the tick is under way elsewhere, Once waits for it, and runs the tick only if that
	// run ends without being done; see [SkipIfRunning]. An earlier tick than one that has
	// begun is not run.
	//
	// f's context ends as that of Do. When f has returned, the tick has been run, and a
	// majority of the members notes so on disk; see [AgainOnError]. The error is LockRun's,
	// and f was not called; or it joins f's error with one that wraps [ErrLost], if the lock
	// was lost before f returned, so that another may run the tick too; or with [ErrNotNoted].
	// f was cut short, and the tick has not been run, if f returned an error and the lock was
	// lost, or ctx had ended. With [AtMostOnce] nobody runs it again then.
	Once(ctx context.Context, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts ...RunOption) (ran bool, err error)
	// LockRun waits until the caller holds a lock, alone, for a run; the caller calls
	// [Hold.EndRun] when the run is done. The error is a [*RanError] if the run is not needed:
	// its tick has been run, or a later one has begun. Each member that may have to remember
	// the run needs a data directory: the error wraps [ErrNoNotes] if one has none, and
	// [ErrNotesFull] if one remembers as much as it may.
	LockRun(ctx context.Context, name string, run Run) (Hold, error)
	// TryLockRun is LockRun for a caller that does not want to wait; the error wraps [ErrBusy]
	// if the lock is in use, by a run of the same tick perhaps.
	TryLockRun(ctx context.Context, name string, run Run) (Hold, error)
	// Runs returns the latest runs of a lock that the members remember, at most 50, in the
	// order of their ticks. The last is the one that counts: an earlier tick is not run.
	Runs(ctx context.Context, name string) ([]RunRecord, error)
	// LockKept waits until the caller holds a lock, alone, and keeps the hold: if the holder
	// dies, is cut off, or ends without unlocking, nobody else gets the lock until somebody
	// says that it may be ("conch break"), or its owner adopts the hold; see [Keep]. A
	// majority of the members notes the hold on disk before LockKept returns. It takes a data
	// directory at each member, as LockRun does.
	LockKept(ctx context.Context, name string, keep Keep) (Hold, error)
	// TryLockKept is LockKept for a caller that does not want to wait; the error wraps
	// [ErrBusy] if the lock is in use, or kept.
	TryLockKept(ctx context.Context, name string, keep Keep) (Hold, error)
}

// MaxPermits is the highest limit of a semaphore: see [Locker].
const MaxPermits = int(token.MaxPermits)

// MaxOwnerBytes is how long [Keep].Owner may be.
const MaxOwnerBytes = token.MaxOwnerBytes

// do is Do of a Locker.
func do(ctx context.Context, lock func(context.Context, string) (Hold, error), name string, f func(context.Context, uint64) error) error {
	return doHold(ctx, lock, name, func(ctx context.Context, hold Hold) error { return f(ctx, hold.Fence()) })
}

// doHold is do for a function that gets the hold, and may unlock it.
func doHold(ctx context.Context, lock func(context.Context, string) (Hold, error), name string, f func(context.Context, Hold) error) (err error) {
	hold, err := lock(ctx, name)
	if err != nil {
		return err
	}
	defer func() {
		if lost := hold.Unlock(); lost != nil && !errors.Is(lost, ErrUnlocked) && !errors.Is(err, ErrLost) {
			err = errors.Join(err, lost)
		}
	}()
	held, cancel := context.WithCancel(hold.Context(ctx))
	defer cancel()
	return f(held, hold)
}

// Mutex returns a lock of a cluster as a [sync.Locker], for code that needs one. Its
// callers exclude each other in this process even if the lock is lost.
//
// A sync.Locker has no errors, so both methods panic instead, with an error that names the
// lock. Lock panics if it cannot get the lock: the error wraps that of [Locker.Lock], or
// the cause of ctx's end, which bounds every wait. Unlock panics if the lock was lost
// meanwhile, with an error that wraps [ErrLost], since somebody else may have been in the
// critical section; and with [ErrNotHeld] if nobody had locked. The critical section does
// not hear of a loss while it runs: where that matters, use [Locker].Do or [Hold.Context].
func Mutex(ctx context.Context, locker Locker, name string) sync.Locker {
	return &mutex{ctx: ctx, locker: locker, name: name, turn: make(chan struct{}, 1)}
}

// mutex is what [Mutex] returns.
type mutex struct {
	ctx    context.Context
	locker Locker
	name   string
	turn   chan struct{} // whoever has put something in may lock, and then has hold
	hold   Hold
}

// Lock implements [sync.Locker].
func (m *mutex) Lock() {
	select {
	case m.turn <- struct{}{}:
	case <-m.ctx.Done():
		m.fail(context.Cause(m.ctx))
	}
	hold, err := m.locker.Lock(m.ctx, m.name)
	if err != nil {
		<-m.turn
		m.fail(err)
	}
	m.hold = hold
}

// Unlock implements [sync.Locker].
func (m *mutex) Unlock() {
	hold := m.hold
	err := hold.Unlock()
	if !errors.Is(err, ErrNotHeld) {
		m.hold = Hold{}
		<-m.turn
	}
	if err != nil {
		m.fail(err)
	}
}

func (m *mutex) fail(err error) { panic(fmt.Errorf("conch: lock %q: %w", m.name, err)) }
