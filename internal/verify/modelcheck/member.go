package modelcheck

import (
	"fmt"

	"conch/token"
)

// pass lets time pass. Each node whose tick is due gets it, except that of the member
// paused.
func (p *stepper) pass(passed token.Time, paused int) {
	s := p.state
	p.allMoved = true
	s.outlast(passed)
	for i := range p.Members {
		if s.nodes[i] == nil {
			continue
		}
		s.clocks[i] += p.elapsed(i, passed)
		if i != paused && s.nodes[i].NextTick() <= s.clocks[i] {
			p.input(i, func(n *token.Node) { n.Tick(s.clocks[i]) })
		}
	}
}

// ask makes a client of a member ask for a lock.
func (p *stepper) ask(i, l, k int) {
	w, mode := p.newClient(i, l, k, waits)
	p.input(i, func(n *token.Node) {
		if want := p.wantOf(i, w); want != plain {
			askNoted(n, p.state.clocks[i], lockName(l), w, want)
		} else if mode == token.Exclusive {
			n.Acquire(p.state.clocks[i], lockName(l), w)
		} else {
			n.AcquireShare(p.state.clocks[i], lockName(l), w, mode)
		}
	})
}

// try makes a client of a member try for a lock.
func (p *stepper) try(i, l, k int) {
	w, mode := p.newClient(i, l, k, tries)
	p.input(i, func(n *token.Node) {
		if mode == token.Exclusive {
			n.Try(p.state.clocks[i], lockName(l), w)
		} else {
			n.TryShare(p.state.clocks[i], lockName(l), w, mode)
		}
	})
}

// newClient takes a free client of a member that has the mode of client k; there is always
// one.
func (p *stepper) newClient(i, l, k int, about client) (token.Waiter, token.Limit) {
	k = p.sameMode(p.state, i, l, k)
	p.state.clients[i][l][k] = about
	p.state.marks[i] = p.Clients
	return waiter(k), p.Modes[i][k]
}

// stop ends a member's process. Its sent messages are still on their way.
func (p *stepper) stop(i int) {
	s := p.state
	if p.Clients {
		s.leaveOrphans(p.Config, i)
	}
	s.nodes[i], s.leaving[i], s.clocks[i] = nil, false, 0
	s.clients[i] = [maxLocks][maxClients]client{}
	s.facts[i] = fact{}
	p.touched[i] = false
	for j := range p.Members {
		s.streams[i][j].up = false
		s.streams[j][i] = stream{up: s.streams[j][i].up, dead: true}
	}
}

// startMember starts a member's process. Its clock begins at 0, as after a start of the
// machine.
func (p *stepper) startMember(i int) {
	s := p.state
	cfg := p.node(i, s.starts[i], s.disks[i])
	cfg.Encumbered = s.marks[i]
	n, err := token.New(0, cfg)
	if err != nil {
		panic(fmt.Sprintf("explore: %v", err))
	}
	s.starts[i]++
	p.save(i, cfg.Session, cfg.Floor)
	s.nodes[i], s.clocks[i] = n, 0
	p.touched[i] = true
	p.effects(i, n)
}

// save puts on a member's disk, if it has one.
func (p *stepper) save(i int, session token.Session, promised uint64) {
	if !p.Diskless {
		p.state.disks[i].session, p.state.disks[i].promised = session, promised
	}
}

// leave tells a member to leave. Its waiters are withdrawn first.
func (p *stepper) leave(i int) {
	s := p.state
	s.leaving[i] = true
	for l := range p.Locks {
		for k := range s.clients[i][l] {
			if client := s.clients[i][l][k]; client == waits || client == tries { // still
				s.clients[i][l][k] = nobody
				p.input(i, func(n *token.Node) { n.Withdraw(s.clocks[i], lockName(l), waiter(k)) })
			}
		}
	}
	p.input(i, func(n *token.Node) { n.Retire(s.clocks[i]) })
}
