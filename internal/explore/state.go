package explore

import (
	"fmt"
	"slices"

	"conch/token"
)

// state is the whole cluster at one moment. A copy of it shares the nodes, queues and
// messages, none of which are changed any more once they are in a state.
type state struct {
	nodes   [maxMembers]*token.Node // nil where none runs
	clocks  [maxMembers]token.Time  // what each member's own clock reads
	leaving [maxMembers]bool
	starts  [maxMembers]int
	disks   [maxMembers]disk
	streams [maxMembers][maxMembers]stream // from, to
	clients [maxMembers][maxLocks][maxClients]client
	fences  [maxLocks]token.Fence // of the latest grant
	left    budget

	facts [maxMembers]fact // of the nodes
}

// disk is what a member has on stable storage.
type disk struct {
	session  token.Session
	promised uint64
}

// stream is one direction of a pair.
type stream struct {
	up      bool // as far as the sender knows
	dead    bool // the receiver's end is gone; what is sent is lost
	stalled bool // with Prompt delivery: nothing is delivered, and no other is opened
	queue   []*token.Message
}

// budget is what may still happen.
type budget struct {
	requests [maxMembers]int
	tries    [maxMembers]int
	steps    int
	faults   Faults
}

// fact is what a state remembers of a node, so as not to ask again.
type fact struct {
	hash [2]uint64
	view token.SessionView
	held [maxLocks]bool // whether the token is there
}

// insideSession reports whether member i is inside a session by its own clock.
func (s *state) insideSession(i int) bool {
	return s.nodes[i] != nil && s.facts[i].view.Begun && s.clocks[i] < s.facts[i].view.LeaseEnd
}

// stepper performs actions on states. If they are not nil, acted is told what it does
// when all goes well, and seen what comes of it.
type stepper struct {
	*Config
	hasher hasher
	seen   func(member int, e *token.Effect)
	acted  func(x action)
	view   token.LockView

	state    *state // the one that is being changed
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
	s := &state{left: budget{requests: p.Requests, tries: p.Tries, steps: p.Steps, faults: p.Faults}}
	p.begin(s)
	for i := range p.Members {
		p.startMember(i)
	}
	if p.Delivery == Prompt {
		p.flow()
	}
	p.settle()
	if p.Start != Cold && p.broken == "" {
		p.calmDown(s, ttl)
		p.begin(s)
		for l := range p.Locks {
			if p.Start >= Idle {
				p.ask(0, l)
			}
		}
		p.settle()
		p.calmDown(s, 0)
	}
	if p.Start == Held && p.broken == "" {
		p.begin(s)
		for l := range p.Locks {
			p.ask(0, l)
		}
		p.settle()
	}
	return s, p.broken
}

// apply makes of next what becomes of s by an action, and returns the promise that
// this breaks; "" if it breaks none.
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

// violated notes that a promise is broken; the first counts.
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
	case oversee:
		p.pass(p.step(), a)
	case acquire:
		p.ask(a, b)
	case try:
		p.try(a, b)
	case withdraw:
		s.clients[a][b][k] = nobody
		p.input(a, func(n *token.Node) { n.Withdraw(s.clocks[a], lockName(b), waiter(k)) })
	case release:
		s.clients[a][b][k] = nobody
		p.input(a, func(n *token.Node) { n.Release(s.clocks[a], lockName(b), waiter(k)) })
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
	}
}

// input gives a node an input: to a copy of it, which takes its place.
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

// effects does what a node wants done.
func (p *stepper) effects(i int, n *token.Node) {
	s := p.state
	gone := false
	effects := n.Effects()
	for k := range effects {
		e := &effects[k]
		if p.seen != nil {
			p.seen(i, e)
		}
		switch e.Kind {
		case token.Send:
			p.send(i, int(e.Peer), &e.Message)
		case token.Grant:
			p.granted(i, n, e)
		case token.Revoke:
			s.clients[i][lockIndex(e.Lock)][e.Waiter-1] = nobody
		case token.Refuse:
			p.refused(i, e)
		case token.Save:
			p.save(i, disk{e.Session, e.Promised})
		case token.Gone:
			gone = true
		}
	}
	if gone {
		p.stop(i)
	}
}

// send puts a message into its stream. A KEEPALIVE says nothing, so none is sent.
func (p *stepper) send(from, to int, m *token.Message) {
	w := &p.state.streams[from][to]
	if w.dead || !w.up || m.Kind == token.KeepAlive {
		return
	}
	sent := *m
	w.queue = append(w.queue[:len(w.queue):len(w.queue)], &sent)
}

// deliver gives the next messages of a stream to its receiver.
func (p *stepper) deliver(from, to int) {
	w := &p.state.streams[from][to]
	count := 1
	if p.Delivery == Batched {
		count = len(w.queue)
	}
	for ; count > 0 && len(w.queue) > 0; count-- {
		m := *w.queue[0]
		w.queue = w.queue[1:]
		if m.Token != nil { // the receiver will change it
			t := *m.Token
			t.LastGranted = append([]token.Number(nil), t.LastGranted...)
			t.Queue = append([]token.Member(nil), t.Queue...)
			m.Token = &t
		}
		p.input(to, func(n *token.Node) { n.Receive(p.state.clocks[to], token.Member(from), m) })
	}
}

// flow delivers all that is on streams, and opens those that are not, until nothing
// is left to do; except where a stream is stalled.
func (p *stepper) flow() {
	count := 0
	for again := true; again && p.broken == ""; {
		again = false
		for i := range p.Members {
			for j := range p.Members {
				if i != j && p.flowOn(i, j) {
					again = true
					count++
				}
			}
		}
		if count > restless {
			p.violated("%d messages without rest, although no time passes", count)
		}
	}
}

// flowOn does the next thing that is due on a stream, if there is any.
func (p *stepper) flowOn(i, j int) bool {
	s := p.state
	w := &s.streams[i][j]
	switch {
	case w.stalled:
		return false
	case len(w.queue) > 0:
		p.deliver(i, j)
	case s.nodes[i] == nil:
		return false
	case w.up && w.dead:
		p.cut(i, j)
	case !w.up && s.nodes[j] != nil:
		p.open(i, j)
	default:
		return false
	}
	return true
}

// cut ends a stream as far as its sender can see. What is on it may still arrive,
// until another is opened.
func (p *stepper) cut(from, to int) {
	s := p.state
	s.streams[from][to].up = false
	p.input(from, func(n *token.Node) { n.PeerDown(s.clocks[from], token.Member(to)) })
}

// pass lets time pass. Whoever does not sleep through it hears of it, if it wants to.
func (p *stepper) pass(passed token.Time, sleeper int) {
	s := p.state
	p.allMoved = true
	for i := range p.Members {
		if s.nodes[i] == nil {
			continue
		}
		s.clocks[i] += p.elapsed(i, passed)
		if i != sleeper && s.nodes[i].NextTick() <= s.clocks[i] {
			p.input(i, func(n *token.Node) { n.Tick(s.clocks[i]) })
		}
	}
}

// ask makes a client of a member ask for a lock.
func (p *stepper) ask(i, l int) {
	w := p.newClient(i, l, waits)
	p.input(i, func(n *token.Node) { n.Acquire(p.state.clocks[i], lockName(l), w) })
}

// try makes a client of a member try for a lock.
func (p *stepper) try(i, l int) {
	w := p.newClient(i, l, tries)
	p.input(i, func(n *token.Node) { n.Try(p.state.clocks[i], lockName(l), w) })
}

// newClient takes a free client of a member, of which there is one.
func (p *stepper) newClient(i, l int, about client) token.Waiter {
	clients := &p.state.clients[i][l]
	k := slices.Index(clients[:], nobody)
	clients[k] = about
	return waiter(k)
}

// open opens a stream: its HELLO is accepted at once, and nothing is heard any more of
// the streams before it.
func (p *stepper) open(from, to int) {
	s := p.state
	var hello token.Hello
	s.streams[from][to] = stream{up: true}
	p.input(from, func(n *token.Node) { hello = n.Hello(token.Member(to)) })
	p.input(to, func(n *token.Node) {
		if err := n.ReceiveHello(s.clocks[to], token.Member(from), hello); err != nil {
			p.violated("%s refuses the newest stream of %s: %v", name(to), name(from), err)
		}
	})
	p.input(from, func(n *token.Node) { n.PeerUp(s.clocks[from], token.Member(to)) })
}

// stop ends a member's process. What it has sent is still on its way.
func (p *stepper) stop(i int) {
	s := p.state
	s.nodes[i], s.leaving[i], s.clocks[i] = nil, false, 0
	s.clients[i] = [maxLocks][maxClients]client{}
	s.facts[i] = fact{}
	p.touched[i] = false
	for j := range p.Members {
		s.streams[i][j].up = false
		s.streams[j][i] = stream{up: s.streams[j][i].up, dead: true}
	}
}

// startMember starts a member's process. Its clock begins at 0: the machine was
// started as well.
func (p *stepper) startMember(i int) {
	s := p.state
	cfg := p.node(i, s.starts[i], s.disks[i])
	n, err := token.New(0, cfg)
	if err != nil {
		panic(fmt.Sprintf("explore: %v", err))
	}
	s.starts[i]++
	p.save(i, disk{cfg.Session, cfg.Floor})
	s.nodes[i], s.clocks[i] = n, 0
	p.touched[i] = true
	p.effects(i, n)
}

// save puts on a member's disk, if it has one.
func (p *stepper) save(i int, d disk) {
	if !p.Diskless {
		p.state.disks[i] = d
	}
}

// leave tells a member to leave. Those who wait there are sent away first.
func (p *stepper) leave(i int) {
	s := p.state
	s.leaving[i] = true
	for l := range p.Locks {
		for k, client := range s.clients[i][l] {
			if client == waits || client == tries {
				s.clients[i][l][k] = nobody
				p.input(i, func(n *token.Node) { n.Withdraw(s.clocks[i], lockName(l), waiter(k)) })
			}
		}
	}
	p.input(i, func(n *token.Node) { n.Retire(s.clocks[i]) })
}
