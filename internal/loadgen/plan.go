package loadgen

import (
	"context"
	"time"
)

// Plan says what is to be measured.
type Plan struct {
	// Workloads are what each round has, in this order.
	Workloads []Workload
	// Rounds is how often each of them is measured.
	Rounds int
	// Duration is how long it is measured each time, and WarmUp how long its clients work
	// before that.
	Duration, WarmUp time.Duration
	// Hold is how long a client keeps the lock, and Think how long it waits before it
	// asks (again).
	Hold, Think time.Duration
	// Lock is the lock's name. The locks of [Many] are Lock/1, Lock/2 and so on, of which
	// there are Locks.
	Lock  string
	Locks int
}

// Hold is a lock that a client holds; see conch.Hold.
type Hold interface {
	Fence() uint64
	Err() error
	Unlock() error
}

// Client is a client of a node. Its errors are those of conch.Client.
type Client struct {
	// Name tells it from the others, for people.
	Name string
	// Node is the position of its node among those that are driven. Clients are in the
	// order of their nodes.
	Node int
	// Lock waits for a lock, and TryLock takes it if it is free.
	Lock, TryLock func(ctx context.Context, lock string) (Hold, error)
}
