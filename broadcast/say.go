package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conch/internal/claims"
	"conch/internal/leaders"
	"conch/token"
)

// Say implements [Hold.Say].
func (c *localClaim) Say(ctx context.Context, id uint64, value string) error {
	if err := CheckValue(value); err != nil {
		return err
	}
	if err := c.Err(id); err != nil {
		return err
	}
	answer := make(chan error, 1)
	err := c.driver.do(ctx, func(o *owner) {
		err := o.table.Say(o.now, token.Waiter(id), value)
		o.perform()
		o.log.flush() // before the caller can see what the lines tell of
		answer <- err
	})
	if err != nil {
		return err
	}
	switch err := <-answer; {
	case errors.Is(err, claims.ErrNotHeld):
		if err := c.Err(id); err != nil {
			return err
		}
		return ErrLost
	case errors.Is(err, token.ErrManyValues):
		return fmt.Errorf("%w: those of %d holds, which is as many as it may", ErrTooManyValues, token.MaxValues)
	case err != nil:
		return ErrShared
	}
	return nil
}

// Leader is who leads under a lock.
type Leader = leaders.Leader

// Leader returns who leads under a lock, as this node has heard. The errors wrap [ErrName] or
// [ErrStopped], or are the cause of the context's end.
func (d *Driver) Leader(ctx context.Context, lock string) (Leader, error) {
	if err := CheckName(lock); err != nil {
		return Leader{}, err
	}
	answer := make(chan Leader, 1)
	err := d.do(ctx, func(o *owner) {
		v := o.node.InspectLeader(lock)
		if v.Fence == 0 {
			answer <- Leader{}
			return
		}
		answer <- Leader{Member: o.address(v.Member), Term: v.Fence, Count: v.Count, Value: v.Value, InDoubt: v.InDoubt}
	})
	if err != nil {
		return Leader{}, err
	}
	return <-answer, nil
}

// Follow calls tell with who leads under a lock, as this node has heard: at once, and again
// when that has changed since the last call, or at a tick. While tell runs, changes are not
// kept: the next call has the latest. It returns tell's error, or as Leader does.
func (d *Driver) Follow(ctx context.Context, lock string, ticks <-chan time.Time, tell func(Leader) error) error {
	sub, err := d.Subscribe(ctx, lock)
	if err != nil {
		return err
	}
	var last Leader
	for due := true; ; {
		now, err := d.Leader(ctx, lock)
		if err != nil {
			return err
		}
		if due || now != last {
			if err := tell(now); err != nil {
				return err
			}
			last = now
		}
		due = false
		select {
		case <-sub.Wake():
			sub.Take()
		case <-ticks:
			due = true
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.dead:
			return d.stopped()
		}
	}
}

// RelayLeaders runs follow, which tells who leads until it returns, and returns a channel of
// what an observer may be told of that, in the form that as gives it. Terms never go back. It
// keeps only the latest for a slow receiver. The channel is closed when follow returns or the
// context ends.
func RelayLeaders[L any](ctx context.Context, as func(Leader) L, follow func(ctx context.Context, tell func(Leader) error)) <-chan L {
	heard, told := make(chan Leader), make(chan L)
	go func() {
		defer close(heard)
		follow(ctx, func(l Leader) error {
			select {
			case heard <- l:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	go func() {
		defer close(told)
		var observer leaders.Observer
		var next chan L // told, while there is something to tell
		for first := true; ; {
			select {
			case l, open := <-heard:
				if !open {
					return
				}
				if observer.Hear(l) || first {
					next, first = told, false
				}
			case next <- as(observer.Told()):
				next = nil
			case <-ctx.Done():
				return
			}
		}
	}()
	return told
}
