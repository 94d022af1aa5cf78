package modelcheck

import (
	"errors"

	"conch/internal/protocolcheck"
	"conch/token"
)

// send puts a message into its stream. It drops KEEPALIVEs, which say nothing.
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
			m.Token = protocolcheck.CopyToken(m.Token)
		}
		p.hears(to, from, &m)
		p.input(to, func(n *token.Node) { n.Receive(p.state.clocks[to], token.Member(from), m) })
	}
}

// flow delivers all messages, and opens streams that are not open, until nothing is left to
// do, except on stalled streams.
func (p *stepper) flow() {
	count := 0
	for again := true; again && p.broken == ""; {
		again = p.join()
		for i := range p.Members {
			for j := range p.Members {
				if p.flowOn(i, j) {
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

// flowOn does the next thing that is due on a stream, if any.
func (p *stepper) flowOn(i, j int) bool {
	s := p.state
	w := &s.streams[i][j]
	switch {
	case w.stalled:
		return false
	case i == j && len(s.writes[i]) > 0:
		p.store(i)
	case i == j:
		return false
	case len(w.queue) > 0:
		p.deliver(i, j)
	case s.nodes[i] == nil:
		return false
	case w.up && w.dead:
		p.cut(i, j)
	case p.mayOpen(s, i, j):
		p.open(i, j)
	default:
		return false
	}
	return true
}

// cut ends a stream as its sender sees it. Its messages may still arrive, until another is
// opened.
func (p *stepper) cut(from, to int) {
	s := p.state
	s.streams[from][to].up = false
	p.input(from, func(n *token.Node) { n.PeerDown(s.clocks[from], token.Member(to)) })
}

// open opens a stream: its HELLO is accepted at once, and nothing more arrives on the
// streams before it.
func (p *stepper) open(from, to int) {
	s := p.state
	s.streams[from][to] = stream{up: true}
	err := protocolcheck.OpenStream(from, to, func(i int, give func(n *token.Node, now token.Time)) {
		p.input(i, func(n *token.Node) { give(n, s.clocks[i]) })
	})
	switch {
	case p.changes() && errors.Is(err, token.ErrStranger):
		p.refuse(from, to)
	case err != nil:
		p.violated("%s refuses the newest stream of %s: %v", name(to), name(from), err)
	}
}
