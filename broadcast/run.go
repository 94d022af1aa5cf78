package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conch/internal/claims"
	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// RanError says that a run is not needed.
type RanError struct {
	// Run is the run that makes the other unnecessary.
	Run runs.Run
	// PassedOver: Run is of a later tick than the one that was asked for.
	PassedOver bool
}

// Error describes the run.
func (e *RanError) Error() string {
	if e.PassedOver {
		return fmt.Sprintf("the tick was passed over: a run of the tick %d has begun", e.Run.Tick)
	}
	return claims.RanText(e.Run.Tick, &e.Run)
}

// AcquireRun waits until a local caller holds the lock, alone, for a run. The errors are those
// of [Driver.Acquire]; a [*RanError]; and wrap [runs.ErrTick], [ErrNotesFull] or [ErrNoNotes].
func (d *Driver) AcquireRun(ctx context.Context, lock string, run runs.Request) (Hold, error) {
	return d.claimRun(ctx, lock, run, false)
}

// TryRun is AcquireRun for a caller that does not want to wait, as [Driver.Try] is Acquire.
func (d *Driver) TryRun(ctx context.Context, lock string, run runs.Request) (Hold, error) {
	return d.claimRun(ctx, lock, run, true)
}

func (d *Driver) claimRun(ctx context.Context, lock string, run runs.Request, try bool) (Hold, error) {
	wall := wallClock()
	if err := run.Check(wall); err != nil {
		return Hold{}, err
	}
	hold, err := d.claimFor(ctx, lock, claims.Want{Run: &run, Wall: wall}, try)
	var ran *RanError
	if errors.As(err, &ran) {
		ran.PassedOver = ran.Run.Tick > run.Tick
	}
	return hold, err
}

// AcquireKept waits until a local caller holds the lock, alone, under a hold that is kept. The
// errors are those of [Driver.Acquire], and wrap [runs.ErrOwner], [ErrNotesFull] or
// [ErrNoNotes].
func (d *Driver) AcquireKept(ctx context.Context, lock string, keep runs.Keep) (Hold, error) {
	return d.claimKept(ctx, lock, keep, false)
}

// TryKept is AcquireKept for a caller that does not want to wait, as [Driver.Try] is Acquire.
func (d *Driver) TryKept(ctx context.Context, lock string, keep runs.Keep) (Hold, error) {
	return d.claimKept(ctx, lock, keep, true)
}

func (d *Driver) claimKept(ctx context.Context, lock string, keep runs.Keep, try bool) (Hold, error) {
	if err := keep.Check(); err != nil {
		return Hold{}, err
	}
	return d.claimFor(ctx, lock, claims.Want{Keep: &keep, Wall: wallClock()}, try)
}

// wallClock is what the wall clock says, in Unix seconds.
func wallClock() int64 { return time.Now().Unix() }

func (d *Driver) claimFor(ctx context.Context, lock string, want claims.Want, try bool) (Hold, error) {
	if err := CheckName(lock); err != nil {
		return Hold{}, err
	}
	c := d.locals.Get().(*localClaim)
	id := token.Waiter(d.lastWaiter.Add(1))
	c.begin(id)
	hold, err := d.await(ctx, c, &input{kind: inputInspect, id: id, inspect: func(o *owner) {
		o.table.AskFor(o.now, id, lock, want, try, c, &o.caller)
	}})
	if err == nil && want.Run != nil {
		c.runs(&localRun{lock: lock, fence: token.Fence(hold.fence), run: *want.Run, began: d.clock()})
	}
	return hold, err
}

// localRun is the run that a local hold is for. It does not change.
type localRun struct {
	lock  string
	fence token.Fence
	run   runs.Request
	began token.Time // by the driver's clock
}

// runs notes which run a hold is for, before its caller has the hold.
func (c *localClaim) runs(r *localRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = r
}

// EndRun implements [Hold.EndRun]. The hold ends even if the context has.
func (c *localClaim) EndRun(ctx context.Context, id uint64, end runs.End) error {
	c.mu.Lock()
	run, own := c.run, uint64(c.id) == id
	c.mu.Unlock()
	if own && run == nil {
		return ErrNotRun
	}
	had, lost := c.end(token.Waiter(id))
	if !had {
		return ErrReleased
	}
	return c.driver.endRun(ctx, token.Waiter(id), run, end, lost)
}

// endRun has the owner end a run. lost is why its hold was lost, nil if it was not.
func (d *Driver) endRun(ctx context.Context, id token.Waiter, r *localRun, end runs.End, lost error) error {
	answer := make(chan frames.RunOutcome, 1)
	posted := d.post(input{kind: inputInspect, inspect: func(o *owner) {
		if o.table.EndRun(o.now, id, wallClock(), end, answer) {
			return
		}
		o.table.LateRun(o.now, r.lock, r.fence, r.run, o.now-r.began, wallClock(), end, &o.caller)
		answer <- frames.RunLost
	}})
	if lost == nil {
		lost = ErrLost
	}
	if !posted {
		return fmt.Errorf("%w: %w", lost, d.stopped())
	}
	var outcome frames.RunOutcome
	select {
	case outcome = <-answer:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.dead:
		select {
		case outcome = <-answer:
		default:
			return fmt.Errorf("%w: %w", ErrNotNoted, d.stopped())
		}
	}
	switch outcome {
	case frames.RunNoted:
		return nil
	case frames.RunNotNoted:
		return ErrNotNoted
	}
	return lost
}
