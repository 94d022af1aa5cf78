package modelcheck

import "conch/token"

// granted judges a grant: the node is inside a session by its own clock, and the fence
// is the highest of that lock.
func (p *stepper) granted(i int, n *token.Node, e *token.Effect) {
	s := p.state
	l := lockIndex(e.Lock)
	s.clients[i][l][e.Waiter-1] = holds
	if view := n.InspectSession(); !view.Begun || view.LeaseEnd <= s.clocks[i] {
		p.violated("%s is granted %s outside a session", name(i), e.Lock)
	}
	if e.Fence <= s.fences[l] {
		p.violated("%s is granted %s with fence %d, after fence %d", name(i), e.Lock, e.Fence, s.fences[l])
	}
	s.fences[l] = e.Fence
	if p.LocalBatch > 0 {
		p.judgeTurns(i, l, e.State.Queue)
	}
}

// judgeTurns: whoever stands in the token's queue has its turn, or is passed over, after
// at most a batch of each other member. A token that is made anew begins anew.
func (p *stepper) judgeTurns(i, l int, queue []token.Member) {
	for _, j := range queue {
		entries := &p.state.overtook[l][j][i]
		if *entries++; int(*entries) > p.LocalBatch {
			p.violated("%s is let into %s for the %dth time while %s stands in the queue, with batches of %d",
				name(i), lockName(l), *entries, name(int(j)), p.LocalBatch)
		}
	}
}

// hadTurn notes that a member stands in the queue of a lock's token no more.
func (p *stepper) hadTurn(lock string, j token.Member) {
	p.state.overtook[lockIndex(lock)][j] = [maxMembers]byte{}
}

// refused judges a refusal: only who tries is refused.
func (p *stepper) refused(i int, e *token.Effect) {
	client := &p.state.clients[i][lockIndex(e.Lock)][e.Waiter-1]
	if *client != tries {
		p.violated("%s refuses %s to a client that would wait", name(i), e.Lock)
	}
	*client = nobody
}

// settle looks at what has changed and judges the state.
func (p *stepper) settle() {
	s := p.state
	for i := range p.Members {
		if s.nodes[i] == nil {
			continue
		}
		if p.touched[i] {
			p.look(i)
		}
		if p.touched[i] || p.allMoved {
			s.facts[i].hash = p.hasher.node(p.Config, s, i)
		}
	}
	if p.broken != "" {
		return
	}
	for l := range p.Locks {
		p.judgeHolders(l)
		p.judgeTokens(l)
	}
}

// look notes what the node of a member knows.
func (p *stepper) look(i int) {
	s := p.state
	n := s.nodes[i]
	s.facts[i].view = n.InspectSession()
	for l := range p.Locks {
		n.InspectLock(lockName(l), &p.view)
		s.facts[i].held[l] = p.view.HasToken
	}
}

// judgeHolders: no two members have a client in the critical section, each by its own
// clock; and whoever holds a lock has not been left holding it after its session. A
// client whose member has crashed holds until its lease is over.
func (p *stepper) judgeHolders(l int) {
	s := p.state
	first := -1
	for i := range p.Members {
		if s.orphans[i][l] > 0 {
			first = i
		}
	}
	for i := range p.Members {
		holding := 0
		for _, client := range s.clients[i][l] {
			if client == holds {
				holding++
			}
		}
		if holding == 0 {
			continue
		}
		if holding > 1 {
			p.violated("two clients of %s hold %s", name(i), lockName(l))
		}
		if !s.facts[i].view.Begun || !s.facts[i].held[l] {
			p.violated("a client of %s holds %s without a session or without the token", name(i), lockName(l))
		}
		if !s.insideSession(i) {
			continue
		}
		if first >= 0 {
			p.violated("%s and %s hold %s, each inside its session by its own clock", name(first), name(i), lockName(l))
		}
		first = i
	}
}

// judgeTokens: there is one live token at most. A token is alive where it lies inside a
// session, and on its way if it would be taken now.
func (p *stepper) judgeTokens(l int) {
	s := p.state
	live, where := 0, [2]int{}
	found := func(i int) {
		if live < 2 {
			where[live] = i
		}
		live++
	}
	for i := range p.Members {
		if s.facts[i].held[l] && s.insideSession(i) {
			found(i)
		}
	}
	for from := range p.Members {
		for to := range p.Members {
			for _, m := range s.streams[from][to].queue {
				if m.Kind == token.TokenMessage && lockIndex(m.Lock) == l && s.insideSession(to) &&
					s.nodes[to].Refuses(*m) == "" {
					found(to)
				}
			}
		}
	}
	if live > 1 {
		p.violated("there are two live tokens of %s, with or under way to %s and %s",
			lockName(l), name(where[0]), name(where[1]))
	}
}
