package modelcheck

import (
	"conch/internal/protocolcheck"
	"conch/token"
)

// granted judges a grant: the node is inside a session by its own clock, and the fence is
// the highest of that lock.
func (p *stepper) granted(i int, n *token.Node, e *token.Effect) {
	s := p.state
	l := lockIndex(e.Lock)
	s.clients[i][l][e.Waiter-1] = holds
	if !protocolcheck.InSession(n, s.clocks[i]) {
		p.violated("%s is granted %s outside a session", name(i), e.Lock)
	}
	p.judgeBarred(i, l, int(e.Waiter-1))
	if e.Limit != token.Exclusive {
		p.grantedShare(i, l, e)
		return
	}
	s.aloneFences[l] = max(s.aloneFences[l], e.Fence)
	if last, rises := protocolcheck.Rises(&s.fences[l], e.Fence); !rises {
		p.violated("%s is granted %s with fence %d, after fence %d", name(i), e.Lock, e.Fence, last)
	}
	if p.LocalBatch > 0 {
		p.judgeTurns(i, l, e.State.Queue)
	}
	p.grantedNoted(i, l, int(e.Waiter-1), e)
}

// judgeTurns: a member in the token's queue has its turn, or is passed over, after at most
// a batch of each other member. A new token begins anew.
func (p *stepper) judgeTurns(i, l int, queue []token.Member) {
	for _, j := range queue {
		entries := &p.state.overtook[l][j][i]
		if *entries++; int(*entries) > p.LocalBatch {
			p.violated("%s is let into %s for the %dth time while %s stands in the queue, with batches of %d",
				name(i), lockName(l), *entries, name(int(j)), p.LocalBatch)
		}
	}
}

// hadTurn notes that a member has left the queue of a lock's token.
func (p *stepper) hadTurn(lock string, j token.Member) {
	p.state.overtook[lockIndex(lock)][j] = [maxMembers]byte{}
}

// refused judges a refusal: only a client that tries is refused.
func (p *stepper) refused(i int, e *token.Effect) {
	client := &p.state.clients[i][lockIndex(e.Lock)][e.Waiter-1]
	if *client != tries {
		p.violated("%s refuses %s to a client that would wait", name(i), e.Lock)
	}
	*client = nobody
}

// settle updates the facts that have changed, and judges the state.
func (p *stepper) settle() {
	s := p.state
	for i := range p.Members {
		if s.nodes[i] == nil {
			continue
		}
		if p.touched[i] {
			p.update(i)
		}
		if p.touched[i] || p.allMoved {
			s.facts[i].hash = p.hasher.node(p.Config, s, i)
		}
	}
	if p.broken != "" {
		return
	}
	if p.changes() {
		p.judgeMembers()
	}
	for l := range p.Locks {
		p.judgeHolders(l)
		p.judgeTokens(l)
		if p.saysValues() {
			p.judgeHeard(l)
		}
	}
}

// update notes the facts of a member's node.
func (p *stepper) update(i int) {
	s := p.state
	n := s.nodes[i]
	s.facts[i].view = n.InspectSession()
	for l := range p.Locks {
		n.InspectLock(lockName(l), &p.view)
		s.facts[i].held[l], s.facts[i].kept[l] = p.view.HasToken, 0
		if p.view.HasToken && p.view.Token.Kept != nil {
			s.facts[i].kept[l] = p.view.Token.Kept.Fence
		}
	}
}

// judgeHolders: no two members have a client in the critical section, each by its own
// clock; and a client that holds a lock has its member's session and the token behind it. A
// client whose member has crashed holds until its lease is over.
func (p *stepper) judgeHolders(l int) {
	s := p.state
	holders, sharers, leftBehind := 0, 0, protocolcheck.Nobody
	for i := range p.Members {
		if s.orphans[i][l] > 0 {
			leftBehind = i
			holders++
		}
		holding, alone := s.holding(i, l), s.alone(p.Config, i, l)
		if alone > 0 && holding > 1 {
			p.violated("two clients of %s hold %s", name(i), lockName(l))
		}
		if holding == 0 {
			continue
		}
		holders += alone
		sharers += holding - alone
		if !s.facts[i].view.Begun || alone > 0 && !s.facts[i].held[l] {
			p.violated("a client of %s holds %s without a session or without the token", name(i), lockName(l))
		}
	}
	p.judgeSharers(l, holders, sharers)
	if holders < 2 {
		return
	}
	if a, b, found := protocolcheck.TwoHolders((*cluster)(p), l, leftBehind); found {
		p.violated("%s and %s hold %s, each inside its session by its own clock", name(a), name(b), lockName(l))
	}
}

// holding counts the clients of a member that hold a lock.
func (s *state) holding(i, l int) (count int) {
	for _, client := range s.clients[i][l] {
		if client == holds {
			count++
		}
	}
	return count
}

// judgeTokens: there is at most one live token. Only a state with two tokens needs a closer
// check.
func (p *stepper) judgeTokens(l int) {
	if p.state.tokens(p.Members, l) < 2 {
		return
	}
	p.live = protocolcheck.AppendLiveTokens(p.live[:0], (*cluster)(p), l, lockName(l))
	if len(p.live) > 1 {
		p.violated("there are two live tokens of %s, with or under way to %s and %s",
			lockName(l), name(p.live[0].To), name(p.live[1].To))
	}
}

// tokens counts the tokens of a lock, alive or not.
func (s *state) tokens(members, l int) (count int) {
	for i := range members {
		if s.facts[i].held[l] {
			count++
		}
		for j := range members {
			for _, m := range s.streams[i][j].queue {
				if m.Kind == token.TokenMessage && lockIndex(m.Lock) == l {
					count++
				}
			}
		}
	}
	return count
}

// cluster is the stepper's state as the judges of package protocolcheck see it.
type cluster stepper

func (c *cluster) Members() int              { return c.Config.Members }
func (c *cluster) Node(i int) *token.Node    { return c.state.nodes[i] }
func (c *cluster) Now(i int) token.Time      { return c.state.clocks[i] }
func (c *cluster) InSession(i int) bool      { return c.state.insideSession(i) }
func (c *cluster) HasToken(i, lock int) bool { return c.state.facts[i].held[lock] }
func (c *cluster) Holds(i, lock int) bool    { return c.state.alone(c.Config, i, lock) > 0 }

func (c *cluster) Shares(i, lock int) bool {
	return c.state.holding(i, lock) > c.state.alone(c.Config, i, lock)
}

func (c *cluster) UnderWay(from, to, k int) *token.Message {
	if queue := c.state.streams[from][to].queue; k < len(queue) {
		return queue[k]
	}
	return nil
}
