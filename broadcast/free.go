package broadcast

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"conch/token"
)

// FreeKept says that the kept hold of a lock with a fence is over, which nobody alive has. It
// returns once a quorum remembers that. Whoever holds the lock keeps it. The errors wrap
// [ErrName], [ErrNotNoted] or [ErrStopped], or are the cause of the context's end; then the hold
// may be over or not. reason and by are for the log.
func (d *Driver) FreeKept(ctx context.Context, lock string, fence token.Fence, reason string, by Caller) error {
	if err := CheckName(lock); err != nil {
		return err
	}
	id := token.Waiter(d.lastWaiter.Add(1))
	freed := make(chan error, 1)
	if err := d.do(ctx, func(o *owner) {
		o.log.freeing(lock, fence, by, reason)
		o.frees[id] = freed
		o.node.Free(o.now, lock, id, fence)
	}); err != nil {
		return err
	}
	select {
	case err := <-freed:
		return err
	case <-ctx.Done():
		d.post(input{kind: inputInspect, inspect: func(o *owner) { delete(o.frees, id) }})
		return context.Cause(ctx)
	case <-d.dead:
		return d.stopped()
	}
}

// freed tells whoever freed a kept hold that a quorum remembers it, or that that is not known.
func (o *owner) freed(e *token.Effect) {
	freed := o.frees[e.Waiter]
	if freed == nil {
		return
	}
	delete(o.frees, e.Waiter)
	if e.Reason != "" {
		freed <- fmt.Errorf("%w: that the hold is over: %s", ErrNotNoted, e.Reason)
		return
	}
	freed <- nil
}

func (l *eventLog) freeing(lock string, fence token.Fence, by Caller, reason string) {
	e := l.line(zerolog.WarnLevel, "kept_hold_freed").Str("lock", lock)
	l.kept(e, "kept_hold", &token.KeptHold{Fence: fence})
	e.Stringer("caller", by).Str("reason", reason).Msg("members told that a kept hold is over")
}
