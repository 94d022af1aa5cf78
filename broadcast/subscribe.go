package broadcast

import (
	"context"
	"maps"
	"slices"
	"sync"

	"conch/token"
)

// Subscription tells which locks have changed. It keeps names, not states: a slow reader
// learns of fewer changes, but always of the last.
type Subscription struct {
	lock string // the only one that matters; empty: all do
	wake chan struct{}

	mu      sync.Mutex
	changes changes
}

// changes are what a subscriber has not taken yet.
type changes struct {
	locks   map[string]struct{}
	many    bool // more locks than are kept by name
	cluster bool // members or sessions
}

// maxChanged is how many names a subscription keeps.
const maxChanged = 1 << 14

// Subscribe begins to note the changes of one lock, or of all if lock is empty, until the
// context ends. The errors wrap [ErrStopped], or are the cause of the context's end.
func (d *Driver) Subscribe(ctx context.Context, lock string) (*Subscription, error) {
	s := &Subscription{lock: lock, wake: make(chan struct{}, 1), changes: changes{locks: make(map[string]struct{})}}
	if err := d.do(ctx, func(o *owner) { o.subscribe(s) }); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		d.post(input{kind: inputInspect, inspect: func(o *owner) { o.unsubscribe(s) }})
	})
	return s, nil
}

func (o *owner) subscribe(s *Subscription) {
	o.subscriptions[s] = struct{}{}
	o.table.Watched = true
}

func (o *owner) unsubscribe(s *Subscription) {
	delete(o.subscriptions, s)
	o.table.Watched = len(o.subscriptions) > 0
}

// Wake has a value when there is something to take.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

// Changes are what has changed.
type Changes struct {
	Locks []string // their names, sorted
	// Many: too many locks have changed to name them; any may have.
	Many bool
	// Cluster: sessions or connections have changed.
	Cluster bool
}

// Take returns what has changed since the last call.
func (s *Subscription) Take() Changes {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.changes
	taken := Changes{Locks: slices.Sorted(maps.Keys(c.locks)), Many: c.many, Cluster: c.cluster}
	clear(c.locks)
	c.many, c.cluster = false, false
	return taken
}

// note notes a change of a lock; an empty name is a change of the cluster.
func (s *Subscription) note(lock string) {
	if lock != "" && s.lock != "" && s.lock != lock {
		return
	}
	s.mu.Lock()
	s.changes.note(lock)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (c *changes) note(lock string) {
	switch {
	case lock == "":
		c.cluster = true
	case c.many:
	default:
		c.locks[lock] = struct{}{}
		if len(c.locks) > maxChanged {
			c.locks, c.many = make(map[string]struct{}), true
		}
	}
}

// changed tells all subscribers that a lock has changed, or, if the name is empty, that
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
