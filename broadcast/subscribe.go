package broadcast

import (
	"context"
	"maps"
	"slices"
	"sync"

	"conch/token"
)

// Subscription tells which locks have changed. It keeps names, not states: whoever is
// slow learns of fewer changes, but always of the last.
type Subscription struct {
	lock string // the only one that matters; empty: all do
	wake chan struct{}

	mu      sync.Mutex
	changed map[string]struct{}
	cluster bool // members or sessions have changed
}

// Subscribe begins to note the changes of one lock, or of all if lock is empty, until
// the context ends. The errors wrap [ErrStopped], or are the cause of the context's
// end.
func (d *Driver) Subscribe(ctx context.Context, lock string) (*Subscription, error) {
	s := &Subscription{lock: lock, wake: make(chan struct{}, 1), changed: make(map[string]struct{})}
	if err := d.do(ctx, func(o *owner) { o.subscriptions[s] = struct{}{} }); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		d.post(input{kind: inputLook, look: func(o *owner) { delete(o.subscriptions, s) }})
	})
	return s, nil
}

// Wake is sent a value when there is something to take.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

// Take returns the names of the locks that have changed since the last call, sorted,
// and whether sessions or connections have.
func (s *Subscription) Take() (locks []string, cluster bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	locks, cluster = slices.Sorted(maps.Keys(s.changed)), s.cluster
	clear(s.changed)
	s.cluster = false
	return locks, cluster
}

// note notes a change of a lock; an empty name is a change of the cluster.
func (s *Subscription) note(lock string) {
	if lock != "" && s.lock != "" && s.lock != lock {
		return
	}
	s.mu.Lock()
	if lock == "" {
		s.cluster = true
	} else {
		s.changed[lock] = struct{}{}
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// changed tells all subscribers that a lock has changed, or with an empty name that the
// sessions or connections have.
func (o *owner) changed(lock string) {
	if len(o.subscriptions) == 0 {
		return
	}
	for s := range o.subscriptions {
		s.note(lock)
	}
}

// changedBy tells the subscribers what an effect has changed.
func (o *owner) changedBy(e *token.Effect) {
	switch e.Kind {
	case token.Began, token.Lapsed, token.Gone, token.Buried:
		o.changed("")
	default:
		if e.Lock != "" {
			o.changed(e.Lock)
		}
	}
}
