package loadgen

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrOverlap is wrapped by the error for a client that was granted a lock while
	// another held it.
	ErrOverlap = errors.New("mutual exclusion is violated")
	// ErrFence is wrapped by the error for a grant whose fence is not above that of each
	// grant before it.
	ErrFence = errors.New("fences do not rise")
)

// section is the critical section under one lock. It judges each entry.
type section struct {
	lock string

	mu     sync.Mutex
	inside Hold   // nil: nobody is
	client string // who is inside, or was last
	fence  uint64 // the highest so far; 0: nobody has been inside
	left   time.Time
}

// entry is what there is to know of an entry.
type entry struct {
	// lost: the hold was over before the client got so far, and it has not entered.
	lost bool
	// handOff: another client was inside before, and this one waited when it left.
	handOff bool
}

// enter notes that a client is inside, which has asked for its hold at some time. The
// error wraps ErrOverlap or ErrFence.
//
// A hold that was lost ends the entry that it was for, although the client may not know
// yet. All holds are of this process, and looked at by one clock.
func (s *section) enter(client string, hold Hold, asked time.Time) (entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hold.Err() != nil {
		return entry{lost: true}, nil
	}
	switch {
	case s.inside != nil && s.inside.Err() == nil:
		return entry{}, fmt.Errorf("%w: %s got the lock %q with fence %d, while %s held it with fence %d",
			ErrOverlap, client, s.lock, hold.Fence(), s.client, s.inside.Fence())
	case hold.Fence() <= s.fence:
		return entry{}, fmt.Errorf("%w: %s got the lock %q with fence %d, after %s had it with fence %d",
			ErrFence, client, s.lock, hold.Fence(), s.client, s.fence)
	}
	e := entry{handOff: s.fence != 0 && s.client != client && asked.Before(s.left)}
	s.inside, s.client, s.fence = hold, client, hold.Fence()
	return e, nil
}

// leave notes that a client is about to unlock. One that has lost its hold may have been
// followed by another.
func (s *section) leave(hold Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside != nil && s.inside.Fence() == hold.Fence() {
		s.inside, s.left = nil, time.Now()
	}
}
