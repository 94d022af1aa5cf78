package modelcheck

import "conch/token"

// leaveOrphans is called for a member that is about to stop: its clients go on holding.
//
// Their lease is the rest of the member's, less a hundredth, by their own clock. In the
// worst case that clock is slower than the member's by ρ; then it ends with the member's
// lease.
func (s *state) leaveOrphans(c *Config, i int) {
	if !s.insideSession(i) {
		return
	}
	for l := range s.clients[i] {
		left := min(s.facts[i].view.LeaseEnd-s.clocks[i], ttl)
		alone := s.alone(c, i, l)
		if alone > 0 {
			s.orphans[i][l] = left
		}
		if sharers := s.holding(i, l) - alone; sharers > 0 {
			s.sharedBehind[i][l] = leftBehind{left, byte(sharers)}
		}
	}
}

// outlast lets time pass for orphans.
func (s *state) outlast(passed token.Time) {
	for i := range s.orphans {
		for l := range s.orphans[i] {
			s.orphans[i][l] = max(s.orphans[i][l]-passed, 0)
			if o := &s.sharedBehind[i][l]; o.left <= passed {
				*o = leftBehind{}
			} else {
				o.left -= passed
			}
		}
	}
}
