package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"conch/bench/internal/locks"
)

// many has users of many locks, until ctx ends, which is an error.
func (j Job) many(ctx context.Context, w *user) error {
	named, ok := w.lock.(locks.Named)
	if !ok {
		return errors.New("many locks: the lock has no names")
	}
	names := make([]string, j.Locks)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", locks.Name, i)
	}
	var picks []func() int
	switch j.Mode {
	case Each:
		for lock := range j.Locks {
			for range j.Users {
				picks = append(picks, func() int { return lock })
			}
		}
	default:
		for range j.Users {
			picks = append(picks, func() int { return rand.N(j.Locks) })
		}
	}
	ended := make(chan error, len(picks))
	for _, pick := range picks {
		own := named
		if shared, ok := w.lock.(locks.Shared); ok {
			if another, ok := shared.Another().(locks.Named); ok {
				own = another
			}
		}
		go func() { ended <- w.visits(ctx, own, names, pick) }()
	}
	var failures []error
	for range picks {
		failures = append(failures, <-ended)
	}
	return errors.Join(append(failures, context.Cause(ctx))...)
}

// visits has one user of many locks lock and unlock, again and again.
func (w *user) visits(ctx context.Context, named locks.Named, names []string, pick func() int) error {
	for ctx.Err() == nil {
		which := pick()
		lock := named.Of(names[which])
		if err := lock.Lock(ctx); err != nil {
			return err
		}
		w.board.Visit(which, w.client, w.linger)
		if err := lock.Unlock(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("unlock: %w", err)
		}
	}
	return nil
}
