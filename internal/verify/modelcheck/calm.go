package modelcheck

import "conch/token"

// restless is how many actions may follow each other, while no time passes and nothing new
// is asked for, before the cluster counts as going round in circles.
const restless = 5000

// patience is the longest time without faults before every waiter must be served.
const patience = 8 * ttl

// calmDown runs the cluster without faults for so long: streams open, messages arrive,
// holders release, and members that are down are started if the others are no quorum. It
// changes s.
func (p *stepper) calmDown(s *state, duration token.Time) {
	p.quiet(s)
	for duration > 0 && p.broken == "" {
		duration -= p.elapse(s, duration)
		p.quiet(s)
	}
}

// served checks that every waiter of a state is served once no faults happen, and after how
// long. It returns the broken promise, "" if none is. It changes s.
func (p *stepper) served(s *state) (after token.Time, broken string) {
	p.begin(s)
	p.quiet(s)
	for after < patience && p.broken == "" && (s.waiter() >= 0 || p.unsettled(s)) {
		after += p.elapse(s, patience-after)
		p.quiet(s)
	}
	if i := s.waiter(); i >= 0 {
		p.violated("a client of %s still waits after all has gone well for %d times the time to live", name(i), patience/ttl)
	}
	if p.broken == "" && p.unsettled(s) {
		p.violated("the change of the members is not complete after all has gone well for %d times the time to live", patience/ttl)
	}
	if p.saysValues() && p.broken == "" {
		p.calmDown(s, 2*ttl)
		p.judgeLeft(s)
	}
	return after, p.broken
}

// elapse lets time pass until a node's next tick, but at most most, and returns how much.
// Nodes that outbid each other then go on at different times, as they would outside a
// search.
func (p *stepper) elapse(s *state, most token.Time) token.Time {
	passed := most
	for i := range p.Members {
		if n := s.nodes[i]; n != nil {
			passed = min(passed, max(n.NextTick()-s.clocks[i], 0))
		}
	}
	passed = max(passed, ttl/1000)
	p.renew(s)
	if p.acted != nil {
		p.acted(action{kind: step})
	}
	p.pass(passed, -1)
	p.settle()
	return passed
}

// waiter returns a member at which a client waits; -1 if none does.
func (s *state) waiter() int {
	for i := range s.clients {
		for l := range s.clients[i] {
			for _, client := range s.clients[i][l] {
				if client == waits || client == tries || client == ends {
					return i
				}
			}
		}
	}
	return -1
}

// renew prepares for the next action on s.
func (p *stepper) renew(s *state) {
	broken := p.broken
	p.begin(s)
	p.broken = broken
}

// act performs an action on s itself, whatever the budgets allow.
func (p *stepper) act(s *state, x action) {
	p.renew(s)
	if p.acted != nil {
		p.acted(x)
	}
	p.perform(x)
	p.settle()
}

// restart starts the members that are down, if the others are no quorum, and reports
// whether it did.
func (p *stepper) restart(s *state) bool {
	if p.isQuorum(s, func(i int) bool { return s.nodes[i] != nil }) {
		return false
	}
	for i := range p.Members {
		if s.nodes[i] == nil && p.mayStart(s, i) {
			p.act(s, action{kind: start, a: uint8(i)})
		}
	}
	return true
}

// quiet performs what takes no time, until nothing is left.
func (p *stepper) quiet(s *state) {
	all := *p.Config
	all.Faultless, all.Delivery = []token.Member{0, 1, 2, 3}, OneByOne
	count := 0
	for again := true; again; {
		again = p.restart(s) || p.freeKept(s)
		for _, x := range all.actions(s, nil) {
			if p.broken != "" {
				return
			}
			if !p.helps(s, x) {
				continue
			}
			p.act(s, x)
			again = true
			count++
		}
		if count > restless {
			p.violated("%d actions without rest, although no time passes", count)
		}
	}
}

// helps reports whether an action that was possible a moment ago still is, and is caused by
// neither a fault nor a new request.
func (p *stepper) helps(s *state, x action) bool {
	switch x.kind {
	case start:
		return s.nodes[x.a] == nil && p.inviter(s, int(x.a)) >= 0
	case deliver:
		return s.nodes[x.b] != nil && len(s.streams[x.a][x.b].queue) > 0
	case store:
		return s.nodes[x.a] != nil && len(s.writes[x.a]) > 0
	case resume:
		return s.streams[x.a][x.b].stalled
	case open:
		return p.mayOpen(s, int(x.a), int(x.b))
	case cut:
		return s.nodes[x.a] != nil && s.streams[x.a][x.b].up && s.streams[x.a][x.b].dead
	case release:
		return s.nodes[x.a] != nil && s.clients[x.a][x.b][x.c] == holds
	}
	return false
}
