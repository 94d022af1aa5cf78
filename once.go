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
// run, whatever f returns.
func AgainOnError() RunOption { return func(o *onceOptions) { o.againOnError = true } }

// SkipIfRunning has Once return at once while the lock is in use, in place of waiting whether
// the run that is under way gets done.
func SkipIfRunning() RunOption { return func(o *onceOptions) { o.try = true } }

// once is Once of a Locker.
func once(ctx context.Context, locker Locker, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts []RunOption) (ran bool, err error) {
	o := onceOptions{run: Run{Tick: tick}}
	for _, opt := range opts {
		opt(&o)
	}
	lock := locker.LockRun
	if o.try {
		lock = locker.TryLockRun
	}
	hold, err := lock(ctx, name, o.run)
	var needless *RanError
	switch {
	case errors.As(err, &needless), o.try && errors.Is(err, ErrBusy):
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
	if err != nil && o.againOnError {
		return true, joinLoss(err, hold.Unlock())
	}
	end := RunEnd{}
	if err != nil {
		end = RunEnd{ExitCode: 1, Text: err.Error()}
	}
	// What was done is to be noted, even if the caller has no more time for f.
	return true, joinLoss(err, hold.EndRun(context.WithoutCancel(ctx), end))
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
	return once(ctx, n, name, tick, f, opts)
}

// Once calls f if the tick has not been run, as [Locker] describes. The errors are those of
// [Client.LockRun] but for [*RanError]; those of [Hold.EndRun]; and f's.
func (c *Client) Once(ctx context.Context, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts ...RunOption) (ran bool, err error) {
	return once(ctx, c, name, tick, f, opts)
}
