package modelcheck

import "sync"

// visited is a set of hashes of states, 16 bytes each at a load of half or more. Its
// methods are safe for concurrent use.
type visited struct {
	shards [64]shard
}

// shard has the hashes that agree in their highest bits.
type shard struct {
	mu    sync.Mutex
	slots [][2]uint64 // a power of two of them; {0, 0} is free
	count int
}

// add puts a hash into the set, and reports whether it is new there.
func (v *visited) add(hash [2]uint64) bool {
	if hash == ([2]uint64{}) {
		hash[0] = 1 // 0 marks a free slot
	}
	s := &v.shards[hash[1]>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	if 4*s.count >= 3*len(s.slots) {
		s.grow()
	}
	if !s.insert(hash) {
		return false
	}
	s.count++
	return true
}

func (s *shard) grow() {
	old := s.slots
	s.slots = make([][2]uint64, max(64, 2*len(old)))
	for _, hash := range old {
		if hash != ([2]uint64{}) {
			s.insert(hash)
		}
	}
}

func (s *shard) insert(hash [2]uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for at := hash[0] & mask; ; at = (at + 1) & mask {
		switch s.slots[at] {
		case hash:
			return false
		case [2]uint64{}:
			s.slots[at] = hash
			return true
		}
	}
}
