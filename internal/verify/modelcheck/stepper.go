package modelcheck

import (
	"fmt"

	"conch/internal/protocolcheck"
	"conch/token"
)

// stepper performs actions on states. acted and seen, if not nil, are told its actions in
// calm, and their results.
type stepper struct {
	*Config
	hasher hasher
	seen   func(member int, e *token.Effect)
	acted  func(x action)
	view   token.LockView
	live   []protocolcheck.LiveToken

	state    *state // the state that is being changed
	broken   string // the promise that it breaks, if any
	touched  [maxMembers]bool
	allMoved bool // time has passed
}

// initial is the state in which a search begins.
func (p *stepper) initial() (*state, string) {
	s, broken := p.origin()
	for _, x := range p.prelude {
		if broken != "" {
			break
		}
		broken = p.force(s, x)
	}
	return s, broken
}

// force performs an action of the prelude on s.
func (p *stepper) force(s *state, x action) string {
	left := s.left
	broken := p.apply(s, x, s)
	s.left = left
	return broken
}

// origin is the state before the prelude.
func (p *stepper) origin() (*state, string) {
	s := &state{left: budget{requests: p.Requests, tries: p.Tries, says: p.Says, frees: p.Frees, lates: p.Lates, changes: 1<<len(p.Changes) - 1, steps: p.Steps, faults: p.Faults}}
	p.begin(s)
	for i := range p.Members {
		if !p.changes() || i < p.First {
			p.startMember(i)
		}
	}
	if p.Delivery == Prompt {
		p.flow()
	}
	p.settle()
	if p.Start >= Ready {
		p.calmDown(s, ttl)
	}
	if p.Start >= Idle {
		p.makeTokens(s)
	}
	if p.Start >= Held {
		p.askForAll(s)
	}
	return s, p.broken
}

// makeTokens lets a client of member 0 have each lock, and give it back. It wants nothing
// beside.
func (p *stepper) makeTokens(s *state) {
	config := p.Config
	plain := *config
	plain.Wants = [maxMembers][maxClients]want{}
	p.Config = &plain
	p.askForAll(s)
	p.calmDown(s, 0)
	p.Config = config
}

// askForAll makes a client of member 0 ask for each lock, and has what it wants beside
// noted.
func (p *stepper) askForAll(s *state) {
	p.renew(s)
	for l := range p.Locks {
		p.ask(0, l, 0)
	}
	if p.remembers() {
		p.flow()
	}
	p.settle()
}

// apply writes to next the result of an action on s, and returns the promise that this
// breaks, "" if none.
func (p *stepper) apply(s *state, x action, next *state) string {
	*next = *s
	p.begin(next)
	next.spend(x)
	p.perform(x)
	if p.Delivery == Prompt {
		p.flow()
	}
	p.settle()
	return p.broken
}

func (p *stepper) begin(s *state) {
	p.state, p.broken, p.touched, p.allMoved = s, "", [maxMembers]bool{}, false
}

// violated notes a broken promise; the first one counts.
func (p *stepper) violated(format string, args ...any) {
	if p.broken == "" {
		p.broken = fmt.Sprintf(format, args...)
	}
}

func (p *stepper) perform(x action) {
	s := p.state
	a, b, k := int(x.a), int(x.b), int(x.c)
	switch x.kind {
	case deliver:
		p.deliver(a, b)
	case step:
		p.pass(p.step(), -1)
	case pause:
		p.pass(p.step(), a)
	case acquire:
		p.ask(a, b, k)
	case try:
		p.try(a, b, k)
	case withdraw:
		s.clients[a][b][k] = nobody
		p.input(a, func(n *token.Node) { n.Withdraw(s.clocks[a], lockName(b), waiter(k)) })
	case release:
		s.clients[a][b][k] = nobody
		p.released(a, b, k)
		p.input(a, func(n *token.Node) { n.Release(s.clocks[a], lockName(b), waiter(k)) })
	case say:
		p.say(a, b, k)
	case endRun:
		p.endRun(a, b, k)
	case abandon:
		s.clients[a][b][k] = nobody
		p.input(a, func(n *token.Node) { n.Abandon(s.clocks[a], lockName(b), waiter(k)) })
	case late:
		p.late(a, b)
	case free:
		p.free(a, b)
	case store:
		p.store(a)
	case stall:
		s.streams[a][b].stalled = true
	case resume:
		s.streams[a][b].stalled = false
	case cut:
		p.cut(a, b)
		s.streams[a][b].stalled = p.Delivery == Prompt
	case open:
		p.open(a, b)
	case crash:
		p.stop(a)
	case start:
		p.startMember(a)
	case leave:
		p.leave(a)
	case propose:
		p.propose(b)
	}
}

// input gives an input to a copy of a node, which takes the node's place.
func (p *stepper) input(i int, give func(n *token.Node)) {
	s := p.state
	if !p.touched[i] {
		p.touched[i] = true
		s.nodes[i] = s.nodes[i].Clone()
	}
	n := s.nodes[i]
	give(n)
	p.effects(i, n)
}

// effects performs a node's effects.
func (p *stepper) effects(i int, n *token.Node) {
	s := p.state
	gone, leaves := false, false
	effects := n.Effects()
	for k := range effects {
		e := &effects[k]
		if p.seen != nil {
			p.seen(i, e)
		}
		switch e.Kind {
		case token.Send:
			if e.Message.Kind == token.TokenMessage {
				p.hadTurn(e.Lock, e.Peer)
			}
			p.send(i, int(e.Peer), &e.Message)
		case token.PassedOver:
			p.hadTurn(e.Lock, e.Peer)
		case token.Made:
			s.overtook[lockIndex(e.Lock)] = [maxMembers][maxMembers]byte{}
		case token.Grant:
			p.granted(i, n, e)
		case token.Revoke:
			p.lost(i, e)
		case token.Refuse:
			p.refused(i, e)
		case token.Store:
			p.toStore(i, e)
		case token.Witnessing:
			p.witnessing(e)
		case token.Ran:
			p.ran(i, e)
		case token.RunNoted:
			p.runNoted(i, e)
		case token.Freed:
			p.freed(i, e)
		case token.Led:
			p.led(i, e)
		case token.Forgot:
			s.leading.marks[i][lockIndex(e.Lock)] = mark{}
		case token.Save:
			p.save(i, e.Session, e.Promised)
		case token.SaveMembership:
			s.disks[i].membership, s.disks[i].choice = e.Membership, e.Choice
		case token.Adopted:
			p.adopted(i, e.Membership)
			leaves = leaves || !isIn(newest(e.Membership), i)
		case token.Gone:
			gone = true
		}
	}
	switch {
	case gone:
		p.stop(i)
	case leaves && !s.leaving[i]:
		p.turnAway(i)
	}
}
