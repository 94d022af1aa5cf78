package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"conch/broadcast"
	"conch/internal/node"
	"conch/token"
)

// Config says how to use the lock.
type Config struct {
	// Lock is the lock's name.
	Lock string
	// Think is the time between two requests, and Hold the time in the critical
	// section. Each is drawn anew every time, evenly between half and one and a half
	// of what stands here; zero stays zero.
	Think, Hold time.Duration
	// Count is how often to enter; zero is for ever.
	Count int
	// Witness gets "enter NODE FENCE" when the critical section begins, and when it
	// ends "leave NODE FENCE", or "lost NODE FENCE" if the lock was lost meanwhile;
	// each line with one call of Write. It may be nil.
	Witness io.Writer
}

// Run uses the lock until it has entered as often as it should, which returns nil,
// or until ctx ends, which returns nil too: a critical section that it is in then
// is left at once. The errors are those of [node.Node.Lock] and of the witness.
func Run(ctx context.Context, n *node.Node, cfg Config) error {
	for entered := 0; cfg.Count == 0 || entered < cfg.Count; {
		if !pause(ctx, cfg.Think, nil) {
			return nil
		}
		switch err := enter(ctx, n, cfg); {
		case err == nil:
			entered++
		case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
			return nil
		case errors.Is(err, broadcast.ErrStopped) && isRunning(n):
			// It is drained, and may take requests again.
			if !pause(ctx, max(cfg.Think, drainedPause), nil) {
				return nil
			}
		default:
			return err
		}
	}
	return nil
}

// drainedPause is the least mean time between two requests to a node that is drained.
const drainedPause = 200 * time.Millisecond

// isRunning reports whether a node has not ended.
func isRunning(n *node.Node) bool {
	select {
	case <-n.Done():
		return false
	default:
		return true
	}
}

// enter waits for the lock, enters the critical section and leaves it.
func enter(ctx context.Context, n *node.Node, cfg Config) (err error) {
	hold, err := n.Acquire(ctx, cfg.Lock, token.Exclusive)
	if err != nil {
		return fmt.Errorf("wait for the lock %q: %w", cfg.Lock, err)
	}
	defer func() {
		// A loss is an event of the lock's life, which the witness has been told of.
		if unlockErr := hold.Unlock(); !errors.Is(unlockErr, broadcast.ErrLost) {
			err = errors.Join(err, unlockErr)
		}
	}()
	if err := cfg.witness("enter", n, hold); err != nil {
		return err
	}
	pause(ctx, cfg.Hold, hold.Done())
	if hold.Err() != nil {
		return cfg.witness("lost", n, hold)
	}
	return cfg.witness("leave", n, hold)
}

// witness writes one line to the shared file.
func (cfg Config) witness(what string, n *node.Node, hold broadcast.Hold) error {
	if cfg.Witness == nil {
		return nil
	}
	if _, err := fmt.Fprintf(cfg.Witness, "%s %s %d\n", what, n.Address(), hold.Fence()); err != nil {
		return fmt.Errorf("witness the critical section: %w", err)
	}
	return nil
}

// pause waits for a time drawn between half and one and a half of mean, or until
// ctx ends or cut is closed. It reports whether the time passed in full.
func pause(ctx context.Context, mean time.Duration, cut <-chan struct{}) bool {
	timer := time.NewTimer(mean/2 + rand.N(mean+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	case <-cut:
		return false
	}
}
