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
		if i != paused && s.nodes[i] != nil && p.saysValues() {
			p.judgeDoubts(i)
		}
	}
}

// ask makes a client of a member ask for a lock.
func (p *stepper) ask(i, l, k int) {
	k = p.newClient(i, l, k, waits)
	w, mode, wants := waiter(k), p.Modes[i][k], &p.Wants[i][k]
	p.input(i, func(n *token.Node) {
		switch {
		case *wants != want{}:
			wants.request(n, p.state.clocks[i], lockName(l), w, false)
		case mode == token.Exclusive:
			n.Acquire(p.state.clocks[i], lockName(l), w)
		default:
			n.AcquireShare(p.state.clocks[i], lockName(l), w, mode)
		}
	})
}

// try makes a client of a member try for a lock.
func (p *stepper) try(i, l, k int) {
	k = p.newClient(i, l, k, tries)
	w, mode, wants := waiter(k), p.Modes[i][k], &p.Wants[i][k]
	p.input(i, func(n *token.Node) {
		switch {
		case *wants != want{}:
			wants.request(n, p.state.clocks[i], lockName(l), w, true)
		case mode == token.Exclusive:
			n.Try(p.state.clocks[i], lockName(l), w)
		default:
			n.TryShare(p.state.clocks[i], lockName(l), w, mode)
		}
	})
}

// newClient takes a free client of a member that is like client k; there is always one.
func (p *stepper) newClient(i, l, k int, about client) int {
	k = p.sameMode(p.state, i, l, k)
	p.state.clients[i][l][k] = about
	p.state.marks[i] = p.Clients
	return k
}

// stop ends a member's process. Its sent messages are still on their way.
func (p *stepper) stop(i int) {
	s := p.state
	if p.Clients {
		s.leaveOrphans(p.Config, i)
	}
	s.leaderDies(i)
	s.writes[i], s.lostRuns[i] = nil, [maxLocks]token.RunMark{}
	s.nodes[i], s.leaving[i], s.clocks[i] = nil, false, 0
	s.clients[i] = [maxLocks][maxClients]client{}
	s.facts[i] = fact{}
	p.touched[i] = false
	for j := range p.Members {
		s.streams[i][j].up, s.streams[i][j].shown = false, 0
		s.streams[j][i] = stream{up: s.streams[j][i].up, dead: true}
	}
}

// startMember starts a member's process. Its clock begins at 0, as after a start of the
// machine.
func (p *stepper) startMember(i int) {
	s := p.state
	if p.changes() && s.disks[i].membership == nil {
		if m := p.first(); i < p.First {
			s.disks[i].membership = m
		} else {
			s.disks[i].membership = s.membership(p.inviter(s, i))
		}
	}
	cfg := p.node(i, s.starts[i], s.disks[i])
	cfg.Encumbered, cfg.Notes = s.marks[i], s.notesOnDisk(p.Config, i)
	n, err := token.New(0, cfg)
	if err != nil {
		panic(fmt.Sprintf("explore: %v", err))
	}
	s.starts[i]++
	p.save(i, cfg.Session, cfg.Floor)
	s.nodes[i], s.clocks[i] = n, 0
	s.leaving[i] = p.changes() && !isIn(newest(cfg.Membership), i)
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
	p.turnAway(i)
	p.input(i, func(n *token.Node) { n.Retire(p.state.clocks[i]) })
}
