package conch

import (
	"fmt"
	"sync"

	"conch/internal/client"
)

// fencesSeen are the highest fences that a client has had, by lock. A fence that is not
// above them is not that of a new holder, unless the cluster was set back, which no node
// can know.
type fencesSeen struct {
	mu      sync.Mutex
	highest map[string]uint64
}

// maxFencesSeen is of how many locks a client remembers the fence. Of more, some are
// forgotten.
const maxFencesSeen = 4096

// see notes a fence. The error wraps [ErrStaleFence] for one that is not above that of an
// earlier hold.
func (s *fencesSeen) see(name string, fence uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, known := s.highest[name]; known && fence <= before {
		return fmt.Errorf("%w: got %q with fence %d, and this client has had it with %d before: the lock is lost meanwhile, "+
			"or the cluster was set back, by older data directories or clocks: see \"A cluster that was set back\" in FENCING.md",
			ErrStaleFence, name, fence, before)
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
	s.highest[name] = fence
	return nil
}

// hold makes a Hold of the client's, unless its fence is not above those seen: then the
// lock is given back.
func (c *Client) hold(name string, h client.Hold, err error) (Hold, error) {
	if err != nil {
		return Hold{}, err
	}
	hold := Hold{place: clientPlace{h}, fence: h.Fence()}
	if err := c.seen.see(name, hold.fence); err != nil {
		_ = hold.Unlock() // it is of no use, lost or not
		return Hold{}, err
	}
	return hold, nil
}
