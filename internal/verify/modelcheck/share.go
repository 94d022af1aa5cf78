package modelcheck

import (
	"conch/internal/protocolcheck"
	"conch/token"
)

// leftBehind is for how long clients that share a lock still hold it after their member has
// crashed, and how many they are.
type leftBehind struct {
	left  token.Time
	count byte
}

// sameMode returns the first client like client k of a member that is free; -1 if none is.
func (c *Config) sameMode(s *state, i, l, k int) int {
	for j, client := range s.clients[i][l] {
		if client == nobody && c.Modes[i][j] == c.Modes[i][k] && c.Wants[i][j] == c.Wants[i][k] {
			return j
		}
	}
	return -1
}

// alone counts the clients of a member that hold a lock for themselves.
func (s *state) alone(c *Config, i, l int) (count int) {
	for k, client := range s.clients[i][l] {
		if client == holds && c.Modes[i][k] == token.Exclusive {
			count++
		}
	}
	return count
}

// sharersIn counts the clients that share a lock: of members inside their sessions, and of
// those that crashed.
func (p *stepper) sharersIn(l int) (count int) {
	s := p.state
	for i := range p.Members {
		if s.insideSession(i) {
			count += s.holding(i, l) - s.alone(p.Config, i, l)
		}
		if o := s.sharedBehind[i][l]; o.left > 0 {
			count += int(o.count)
		}
	}
	return count
}

// grantedShare judges a grant beside others: the fence is above all of those who were
// alone, and no more permits are granted than there are.
func (p *stepper) grantedShare(i, l int, e *token.Effect) {
	s := p.state
	if e.Fence <= s.aloneFences[l] {
		p.violated("%s is granted a share of %s with fence %d, after fence %d of one alone", name(i), e.Lock, e.Fence, s.aloneFences[l])
	}
	_, turn := protocolcheck.Rises(&s.fences[l], e.Fence)
	if p.LocalBatch > 0 && (turn || e.Limit != token.Unlimited) { // readers of one turn have one fence
		p.judgeTurns(i, l, e.State.Queue)
	}
	if used := p.sharersIn(l); e.Limit != token.Unlimited && used > int(e.Limit) {
		p.violated("%s is granted permit %d of %s, of %d", name(i), used, e.Lock, e.Limit)
	}
}

// judgeSharers: nobody shares a lock that somebody holds alone.
func (p *stepper) judgeSharers(l, holders, sharers int) {
	s := p.state
	behind := 0
	for i := range p.Members {
		if s.sharedBehind[i][l].left > 0 {
			behind = i + 1
		}
	}
	if holders == 0 || sharers == 0 && behind == 0 {
		return
	}
	c := (*cluster)(p)
	a, b, found := protocolcheck.OneBesideOthers(c, l)
	for i := range p.Members {
		if s.orphans[i][l] > 0 {
			a = i
		}
	}
	if behind > 0 {
		b = behind - 1
	}
	if found || a != protocolcheck.Nobody && b != protocolcheck.Nobody {
		p.violated("%s holds %s alone, and %s shares it, each inside its session by its own clock", name(a), lockName(l), name(b))
	}
}
