package client

import (
	"fmt"
	"sync"

	"conch/internal/fence"
	"conch/token"
)

// FencesSeen are the highest fences that a client has had, by lock. Who holds a lock alone
// has a fence above all before; who shares it, one above those of all who held it alone,
// and perhaps the same as others who share it. Another fence is not that of a new holder,
// unless the cluster was set back, which no node can know.
type FencesSeen struct {
	mu      sync.Mutex
	highest map[string]highest
}

// highest are the highest fences of a lock: of exclusive holds, and of others.
type highest struct{ exclusive, shared uint64 }

// maxFencesSeen is of how many locks a client remembers the fence. Of more, some are
// forgotten.
const maxFencesSeen = 4096

// See notes the fence of a hold with a limit. The error wraps [fence.ErrStale] for one that
// cannot be that of a hold after the earlier ones.
func (s *FencesSeen) See(name string, number uint64, limit token.Limit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.highest[name]
	before := seen.exclusive
	if limit == token.Exclusive {
		before = max(before, seen.shared)
	}
	if before > 0 && number <= before {
		return fmt.Errorf("%w: got %q with fence %d, and this client has had it with %d before: the lock is lost meanwhile, "+
			"or the cluster was set back, by older data directories or clocks: see \"A cluster that was set back\" in FENCING.md",
			fence.ErrStale, name, number, before)
	}
	if s.highest == nil {
		s.highest = make(map[string]highest)
	}
	if len(s.highest) == maxFencesSeen {
		for other := range s.highest {
			delete(s.highest, other)
			break
		}
	}
	if limit == token.Exclusive {
		seen.exclusive = number
	} else {
		seen.shared = max(seen.shared, number)
	}
	s.highest[name] = seen
	return nil
}
