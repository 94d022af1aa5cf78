package modelcheck

import "conch/token"

// leaveOrphans is called for a member that is about to stop: its clients go on holding.
//
// Their lease is the rest of the member's, less a hundredth, by their own clock. In the
// worst case that clock is slower than the member's by ρ; then it ends with the member's
// lease.
func (s *state) leaveOrphans(i int) {
	if !s.insideSession(i) {
		return
	}
	for l := range s.clients[i] {
		for _, client := range s.clients[i][l] {
			if client == holds {
				s.orphans[i][l] = min(s.facts[i].view.LeaseEnd-s.clocks[i], ttl)
			}
		}
	}
}

// outlast lets time pass for orphans.
func (s *state) outlast(passed token.Time) {
	for i := range s.orphans {
		for l := range s.orphans[i] {
			s.orphans[i][l] = max(s.orphans[i][l]-passed, 0)
		}
	}
}
