package conch

import (
	"context"
	"errors"
	"time"
)

// RunOption changes what [Locker].Once does.
type RunOption func(*onceOptions)

// onceOptions are what the options of Once say.
type onceOptions struct {
	run          Run
	againOnError bool
	try          bool
}

// AtMostOnce is [Run].AtMostOnce.
func AtMostOnce() RunOption { return func(o *onceOptions) { o.run.AtMostOnce = true } }

// PlainTick is [Run].Plain.
func PlainTick() RunOption { return func(o *onceOptions) { o.run.Plain = true } }

// RememberFor is [Run].RememberFor.
func RememberFor(d time.Duration) RunOption { return func(o *onceOptions) { o.run.RememberFor = d } }

// AgainOnError lets the tick be run again if f returns an error. Otherwise the tick has been
// run, whatever f returns, unless f was cut short: see [Locker].Once.
func AgainOnError() RunOption { return func(o *onceOptions) { o.againOnError = true } }

// SkipIfRunning has Once leave the tick to whoever runs it, in place of waiting whether that run
// gets done. It takes two SessionTTL at most to find out that somebody holds the lock.
func SkipIfRunning() RunOption { return func(o *onceOptions) { o.try = true } }

// once is Once of a Locker.
func once(ctx context.Context, locker Locker, ttl time.Duration, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts []RunOption) (ran bool, err error) {
	o := onceOptions{run: Run{Tick: tick}}
	for _, opt := range opts {
		opt(&o)
	}
	var hold Hold
	if o.try {
		hold, err = lockUnlessRunning(ctx, locker, ttl, name, o.run)
	} else {
		hold, err = locker.LockRun(ctx, name, o.run)
	}
	var needless *RanError
	switch {
	case errors.As(err, &needless), errors.Is(err, errRunning) && !errors.Is(err, ErrNoSession):
		return false, nil
	case err != nil:
		return false, err
	}
	defer func() { _ = hold.Unlock() }() // unless EndRun has ended it; f may panic
	held, cancel := context.WithCancel(hold.Context(ctx))
	defer cancel()
	err = f(held, hold.Fence())
	if lost := hold.Err(); lost != nil && err != nil {
		return true, joinLoss(err, lost) // f was cut short: the tick is still to be run
	}
	cutShort := ctx.Err() != nil && !o.run.AtMostOnce // by the program's end, perhaps
	if err != nil && (o.againOnError || cutShort) {
		return true, joinLoss(err, hold.Unlock())
	}
	end := RunEnd{}
	if err != nil {
		end = RunEnd{ExitCode: 1, Text: err.Error()}
	}
	// What was done is to be noted, even if the caller has no more time for f.
	return true, joinLoss(err, hold.EndRun(context.WithoutCancel(ctx), end))
}

// errRunning is the cause of a wait's end: somebody else holds the lock.
var errRunning = errors.New("somebody else holds the lock")

// lockUnlessRunning waits for a run while it is not clear whether somebody else holds the
// lock. A try is also refused while nobody does, but the token has to be made anew, or
// another's try is under way; if all then left the tick to the others, nobody would run it.
// After two times to live a token is there again.
func lockUnlessRunning(ctx context.Context, locker Locker, ttl time.Duration, name string, run Run) (Hold, error) {
	hold, err := locker.TryLockRun(ctx, name, run)
	if !errors.Is(err, ErrBusy) {
		return hold, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*ttl, errRunning)
	defer cancel()
	return locker.LockRun(ctx, name, run)
}

// joinLoss adds what became of the hold to what f returned.
func joinLoss(err, lost error) error {
	if lost == nil || errors.Is(err, ErrLost) {
		return err
	}
	return errors.Join(err, lost)
}

// Once calls f if the tick has not been run, as [Locker] describes. The errors are those of
// [Node.LockRun] but for [*RanError]; those of [Hold.EndRun]; and f's.
func (n *Node) Once(ctx context.Context, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts ...RunOption) (ran bool, err error) {
	return once(ctx, n, n.SessionTTL(), name, tick, f, opts)
}

// Once calls f if the tick has not been run, as [Locker] describes. The errors are those of
// [Client.LockRun] but for [*RanError]; those of [Hold.EndRun]; and f's.
func (c *Client) Once(ctx context.Context, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts ...RunOption) (ran bool, err error) {
	return once(ctx, c, c.SessionTTL(), name, tick, f, opts)
}
