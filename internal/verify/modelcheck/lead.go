package modelcheck

import (
	"fmt"
	"slices"

	"conch/token"
)

// leading is what the judges know of leaders: what was said, and what each member believes.
type leading struct {
	// terms are the holds whose holders said values, in the order in which they began.
	// Lists do not change once they are in a state.
	terms [maxLocks][]term
	// marks are the latest that each member's process believed since it learned of the lock.
	marks [maxMembers][maxLocks]mark
	// heard is when a PING or SAY of the second member came to the first, by that one's
	// clock.
	heard [maxMembers][maxMembers]token.Time
}

// term is a hold whose holder says values. Its values follow from its fence.
type term struct {
	fence    token.Fence
	member   int
	count    uint64 // of values
	live     bool   // it holds the lock
	released bool   // if not, it gave it back
}

// mark is a leader, and what it said.
type mark struct {
	fence token.Fence
	count uint64
}

func (m mark) before(o mark) bool {
	return m.fence < o.fence || m.fence == o.fence && m.count < o.count
}

// valueOf is what a holder says as its value of this count.
func valueOf(f token.Fence, count uint64) string { return fmt.Sprintf("%d.%d", f, count) }

// saysValues reports whether holders say values.
func (c *Config) saysValues() bool { return c.Says != [maxMembers]int{} }

// term is the term of a fence, nil if nothing was said under it.
func (s *state) term(l int, f token.Fence) *term {
	for k := range s.leading.terms[l] {
		if s.leading.terms[l][k].fence == f {
			return &s.leading.terms[l][k]
		}
	}
	return nil
}

// changeTerm replaces a lock's term of the same fence, or adds one.
func (s *state) changeTerm(l int, t term) {
	terms := slices.Clone(s.leading.terms[l])
	if k := slices.IndexFunc(terms, func(o term) bool { return o.fence == t.fence }); k >= 0 {
		terms[k] = t
	} else {
		terms = append(terms, t)
	}
	s.leading.terms[l] = terms
}

// say lets the client of a member that holds a lock say its next value.
func (p *stepper) say(i, l, k int) {
	s := p.state
	s.nodes[i].InspectLock(lockName(l), &p.view)
	f, count := p.view.Token.Fence, uint64(1)
	if t := s.term(l, f); t != nil {
		count = t.count + 1
	}
	var err error
	p.input(i, func(n *token.Node) { err = n.Say(s.clocks[i], lockName(l), waiter(k), valueOf(f, count)) })
	if err != nil && s.clients[i][l][k] == holds { // else its session has lapsed
		p.violated("a client of %s that holds %s cannot say its value: %v", name(i), lockName(l), err)
	}
}

// leaderDies is called for a member that is about to stop.
func (s *state) leaderDies(i int) {
	for l, terms := range s.leading.terms {
		for _, t := range terms {
			if t.live && t.member == i {
				t.live = false
				s.changeTerm(l, t)
			}
		}
	}
	s.leading.marks[i], s.leading.heard[i] = [maxLocks]mark{}, [maxMembers]token.Time{}
}

// hears notes a sign of a leader's member.
func (p *stepper) hears(to, from int, m *token.Message) {
	if m.Kind == token.Ping || m.Kind == token.Say {
		p.state.leading.heard[to][from] = p.state.clocks[to]
	}
}

// led judges what a member believes from now on: nothing older than before.
func (p *stepper) led(i int, e *token.Effect) {
	s := p.state
	l, said := lockIndex(e.Lock), e.Message.Saying
	if int(e.Peer) == i {
		p.noteTerm(i, l, e)
	} else {
		p.judgeBelief(i, l, e)
	}
	last := &s.leading.marks[i][l]
	now := mark{said.Fence, said.Count}
	if now.before(*last) {
		p.violated("%s believes value %d of fence %d about %s, after value %d of fence %d",
			name(i), now.count, now.fence, lockName(l), last.count, last.fence)
	}
	*last = now
}

// noteTerm notes what a holder says.
func (p *stepper) noteTerm(i, l int, e *token.Effect) {
	said, t := e.Message.Saying, p.state.term(l, e.Message.Saying.Fence)
	switch {
	case t == nil && said.None:
		p.violated("%s ends a term of %s that did not begin", name(i), lockName(l))
	case t == nil:
		p.state.changeTerm(l, term{fence: said.Fence, member: i, count: 1, live: true})
	case said.None:
		over := *t
		over.live, over.released = false, e.Reason == ""
		p.state.changeTerm(l, over)
	default:
		more := *t
		more.count++
		p.state.changeTerm(l, more)
	}
}

// judgeBelief: what a member believes was said; nobody counts as over who leads; and nobody
// is in doubt whose member was heard within T.
func (p *stepper) judgeBelief(i, l int, e *token.Effect) {
	s := p.state
	said, t := e.Message.Saying, s.term(l, e.Message.Saying.Fence)
	switch {
	case t == nil || t.member != int(e.Peer):
		p.violated("%s believes that %s leads under %s with fence %d, and it said nothing", name(i), name(int(e.Peer)), lockName(l), said.Fence)
	case said.None && t.live:
		p.violated("%s believes that nobody leads under %s any more (%s), and %s does", name(i), lockName(l), e.Reason, name(t.member))
	case !said.None && (said.Count > t.count || said.Value != valueOf(said.Fence, said.Count)):
		p.violated("%s believes that %s said %+v about %s, and it did not", name(i), name(t.member), *said, lockName(l))
	case e.Reason == token.ReasonDoubt && s.clocks[i] < s.leading.heard[i][t.member]+ttl:
		p.violated("%s doubts the leader of %s, and has heard %s within T", name(i), lockName(l), name(t.member))
	}
}

// judgeDoubts is called when a member was told the time: a leader whose member it has not
// heard for T is in doubt.
func (p *stepper) judgeDoubts(i int) {
	s := p.state
	for l := range p.Locks {
		v := s.nodes[i].InspectLeader(lockName(l))
		if v.Fence != 0 && int(v.Member) != i && !v.InDoubt && s.clocks[i] >= s.leading.heard[i][v.Member]+ttl {
			p.violated("%s does not doubt the leader of %s, and has not heard %s for T", name(i), lockName(l), name(int(v.Member)))
		}
	}
}

// judgeHeard: whoever has heard all that a member sent knows its latest value, or a later
// leader: a member that stood still may not know that its session is over. And it knows what
// the member gave back, or lost before its latest PING.
func (p *stepper) judgeHeard(l int) {
	s := p.state
	for from := range p.Members {
		for to := range p.Members {
			w := &s.streams[from][to]
			if from == to || !w.up || w.dead || len(w.queue) > 0 || s.nodes[from] == nil || s.nodes[to] == nil {
				continue
			}
			said, believed := s.nodes[from].InspectLeader(lockName(l)), s.nodes[to].InspectLeader(lockName(l))
			if said.Fence != 0 && int(said.Member) == from && s.leading.marks[to][l].before(mark{said.Fence, said.Count}) {
				p.violated("%s says %q of %s, and %s has heard all and does not believe it", name(from), said.Value, lockName(l), name(to))
			}
			if believed.Fence == 0 || int(believed.Member) != from || s.facts[from].view.Waiting { // it sends no PING yet
				continue
			}
			t, pinged := s.term(l, believed.Fence), s.nodes[from].NextTick() > s.clocks[from]
			if t != nil && (t.released || !t.live && pinged) {
				p.violated("%s lost %s or gave it back, and %s has heard all and believes that it leads", name(from), lockName(l), name(to))
			}
		}
	}
}

// judgeLeft is called when every lock was given back long ago: nobody believes in a leader,
// unless its member is down, and then in doubt.
func (p *stepper) judgeLeft(s *state) {
	for i := range p.Members {
		for l := range p.Locks {
			if s.nodes[i] == nil {
				continue
			}
			v := s.nodes[i].InspectLeader(lockName(l))
			if v.Fence != 0 && (s.nodes[v.Member] != nil || !v.InDoubt) {
				p.violated("%s believes that %s leads under %s when all is over", name(i), name(int(v.Member)), lockName(l))
			}
		}
	}
}

// leading appends what the judges know of leaders.
func (h *hasher) leading(b []byte, c *Config, s *state) []byte {
	if !c.saysValues() {
		return b
	}
	for l := range c.Locks {
		b = append(b, byte(len(s.leading.terms[l])))
		for _, t := range s.leading.terms[l] {
			b = appendUints(b, uint64(t.fence), uint64(t.member), t.count)
			b = append(b, flag(t.live)|flag(t.released)<<1)
		}
		for i := range c.Members {
			m := s.leading.marks[i][l]
			b = appendUints(b, uint64(m.fence), m.count)
			if s.nodes[i] == nil {
				continue
			}
			if v := s.nodes[i].InspectLeader(lockName(l)); v.Fence != 0 { // else what was heard does not matter
				b = appendUints(b, uint64(min(s.clocks[i]-s.leading.heard[i][v.Member], ttl)))
			}
		}
	}
	for i := range c.Members {
		b = append(b, byte(s.left.says[i]))
	}
	return b
}
