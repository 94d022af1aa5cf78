package broadcast

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"conch/internal/claims"
)

// HeldLock is one hold of a lock at this node.
type HeldLock struct {
	Lock string
	Holding
}

// mostHeld is how many holds a drain names.
const mostHeld = 100

// Drained is how far a drain has come.
type Drained struct {
	// Holds is how many holds there are here, those included whose runs are done and not noted
	// yet, and Held the first of the others by lock.
	Holds int
	Held  []HeldLock
}

// drainPause is the time between two checks of who holds locks: a check of many takes the
// owner some time.
const drainPause = 200 * time.Millisecond

// ErrUndrained says that the drain was undone: the node takes claims again.
var ErrUndrained = errors.New("the drain was undone: the node takes requests again")

// Drain makes the node take no more claims and refuse the waiting ones, so that clients
// move on to other nodes; it then waits until nobody here holds a lock. Holds go on as
// before. by names who asks, for the log. told is called with the holders of locks here, at
// first and after changes; it may be nil. The node stays drained when the context ends, and
// the error is then the cause of that end. Otherwise the error is [ErrUndrained], told's,
// or wraps [ErrStopped].
func (d *Driver) Drain(ctx context.Context, by string, told func(Drained) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sub, err := d.Subscribe(ctx, "")
	if err != nil {
		return err
	}
	if err := d.do(ctx, func(o *owner) { o.drain(by) }); err != nil {
		return err
	}
	for {
		now, err := d.drained(ctx, told != nil)
		switch {
		case err != nil:
			return err
		case told != nil:
			if err := told(now); err != nil {
				return err
			}
		}
		if now.Holds == 0 {
			return nil
		}
		if err := d.awaitChange(ctx, sub); err != nil {
			return err
		}
	}
}

// awaitChange waits until something has changed and a pause is over.
func (d *Driver) awaitChange(ctx context.Context, sub *Subscription) error {
	pause := time.NewTimer(drainPause)
	defer pause.Stop()
	woken, paused := sub.Wake(), pause.C
	for woken != nil || paused != nil {
		select {
		case <-woken:
			woken = nil
		case <-paused:
			paused = nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.dead:
			return d.stopped()
		}
	}
	sub.Take()
	return nil
}

// drain makes the node take no more claims, if it still does.
func (o *owner) drain(by string) {
	if o.table.Draining() {
		return
	}
	o.log.draining(by)
	o.table.Drain(o.now)
	o.perform()
	o.changed("")
}

// drained returns the holders of locks at a drained node, the list only if it is wanted.
func (d *Driver) drained(ctx context.Context, list bool) (Drained, error) {
	type outcome struct {
		Drained
		err error
	}
	answer := make(chan outcome, 1)
	err := d.do(ctx, func(o *owner) {
		var now outcome
		now.Holds, _, _ = o.table.Counts()
		if now.Holds += o.table.Ending(); list {
			now.Held = o.held()
		}
		if !o.table.Draining() {
			now.err = ErrUndrained
		}
		answer <- now
	})
	if err != nil {
		return Drained{}, err
	}
	a := <-answer
	return a.Drained, a.err
}

// held returns the first of the holds here, by lock, the oldest first.
func (o *owner) held() []HeldLock {
	var held []HeldLock
	o.table.Holders(o.now, func(lock string, h claims.Holder) { held = append(held, HeldLock{lock, o.holding(h)}) })
	slices.SortFunc(held, func(a, b HeldLock) int {
		return cmp.Or(cmp.Compare(a.Lock, b.Lock), cmp.Compare(b.Since, a.Since))
	})
	return slices.Clip(held[:min(len(held), mostHeld)])
}

// Undrain makes the node take claims again after a Drain, and returns the holders of locks
// here. by names who asks, for the log. The error is the cause of the context's end, or
// wraps [ErrStopped], also while the node is stopping.
func (d *Driver) Undrain(ctx context.Context, by string) (Drained, error) {
	err := d.do(ctx, func(o *owner) {
		was := o.table.Draining()
		o.table.Undrain()
		if was && !o.table.Draining() {
			o.log.undrained(by)
			o.changed("")
		}
	})
	if err != nil {
		return Drained{}, err
	}
	now, err := d.drained(ctx, true)
	switch {
	case errors.Is(err, ErrUndrained):
		return now, nil
	case err == nil:
		return Drained{}, d.stopped()
	}
	return Drained{}, err
}
