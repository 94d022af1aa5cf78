package client

import (
	"fmt"
	"sync"

	"conch/internal/fence"
)

// FencesSeen are the highest fences that a client has had, by lock. A fence that is not
// above them is not that of a new holder, unless the cluster was set back, which no node
// can know.
type FencesSeen struct {
	mu      sync.Mutex
	highest map[string]uint64
}

// maxFencesSeen is of how many locks a client remembers the fence. Of more, some are
// forgotten.
const maxFencesSeen = 4096

// See notes a fence. The error wraps [fence.ErrStale] for one that is not above that of an
// earlier hold.
func (s *FencesSeen) See(name string, number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, known := s.highest[name]; known && number <= before {
		return fmt.Errorf("%w: got %q with fence %d, and this client has had it with %d before: the lock is lost meanwhile, "+
			"or the cluster was set back, by older data directories or clocks: see \"A cluster that was set back\" in FENCING.md",
			fence.ErrStale, name, number, before)
	}
	if s.highest == nil {
		s.highest = make(map[string]uint64)
	}
	if len(s.highest) == maxFencesSeen {
		for other := range s.highest {
			delete(s.highest, other)
			break
		}
	}
	s.highest[name] = number
	return nil
}
