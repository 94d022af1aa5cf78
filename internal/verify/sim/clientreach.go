package sim

import (
	"encoding/binary"
	"slices"

	"conch/internal/client/attachment"
	"conch/token"
)

// How a client finds a node, and what it does when a stream ends.

// reach begins to look for a node, unless the client already does.
func (w *World) reach(k int) {
	c := &w.clients[k]
	if c.reaching || c.closing {
		return
	}
	c.reaching, c.attempt = true, 0
	now := c.clock.read(w.now)
	var last *attachment.Last
	if c.current != nil {
		at := slices.Index(w.plan.ClientMachines[k].Nodes, int8(c.current.node))
		last = &attachment.Last{Node: at, Useful: c.current.core.Useful(now), Avoid: c.current.core.Avoid()}
	}
	order, fresh := c.search.Begin(now, last)
	c.order = order
	var pause Instant
	if !fresh {
		pause = w.clientPause(c)
	} else {
		c.backoff.Reset()
	}
	w.events.push(event{at: w.now + pause, kind: evClientDial, node: int8(k), gen: c.process, ref: -1})
}

func (w *World) clientPause(c *client) Instant {
	longest := Instant(c.backoff.Next())
	return longest/2 + Instant(w.random.below(int64(longest/2+1)))
}

// dialClient opens a stream: to the next node to be tried or, with ref, to a link's.
func (w *World) dialClient(e event) bool {
	c := &w.clients[e.node]
	switch {
	case !c.alive || c.process != e.gen:
		return false
	case c.pausedUntil > w.now:
		e.at = c.pausedUntil
		w.events.push(e)
		return false
	}
	if e.ref >= 0 {
		l := w.links[e.ref]
		if _, wanted := l.core.Reopen(c.clock.read(w.now)); wanted && l.stream == nil {
			w.openClientStream(l)
		}
		w.afterLink(l)
		return true
	}
	if c.search.Left(c.clock.read(w.now)) <= 0 {
		w.reachFailed(c)
		return true
	}
	l := &link{
		client: int(e.node), process: c.process, node: int(w.plan.ClientMachines[e.node].Nodes[c.order[c.attempt]]),
		index: int32(len(w.links)), asked: make(map[attachment.Claim]int32), tickAt: never,
	}
	binary.LittleEndian.PutUint64(l.incarnation[:], w.random.next())
	w.links = append(w.links, l)
	w.openClientStream(l)
	return true
}

// reachFailed tells waiters that no node can be reached.
func (w *World) reachFailed(c *client) {
	w.count(Unreachable)
	for _, k := range c.waiting {
		w.claims[k].state = claimOver
	}
	c.waiting, c.reaching, c.current = nil, false, nil
}

// welcomed takes a stream into use.
func (w *World) welcomed(l *link) {
	c := &w.clients[l.client]
	now := c.clock.read(w.now)
	if l.core == nil {
		l.core = attachment.New(now, attachment.Config{TTL: token.Time(w.plan.TTL), MaxFrame: w.plan.ClientFrame})
		c.links = append(c.links, l)
		c.current, c.reaching = l, false
	}
	l.core.Up(now)
	if c.closing {
		l.core.Drain(now)
	}
	waiting := c.waiting
	c.waiting = nil
	for _, k := range waiting {
		w.route(l.client, k)
	}
	w.afterLink(l)
}

// streamOver lets a client handle the end of a stream.
func (w *World) streamOver(l *link, s *clientStream, why attachment.Why) {
	c := &w.clients[l.client]
	s.clientOver = true
	if !s.up.cut {
		w.giveUpStream(s)
	}
	l.stream = nil
	if l.core == nil { // it was an attempt to reach a node
		w.attemptFailed(l.client)
		return
	}
	now := c.clock.read(w.now)
	l.core.Down(now, why)
	if _, wanted := l.core.Reopen(now); wanted {
		w.events.push(event{at: w.now + w.clientPause(c), kind: evClientDial, node: int8(l.client), gen: c.process, ref: l.index})
	}
	w.afterLink(l)
}

// attemptFailed tries the next node.
func (w *World) attemptFailed(k int) {
	c := &w.clients[k]
	if !c.reaching {
		return
	}
	var pause Instant
	if c.attempt++; c.attempt == len(c.order) {
		c.attempt = 0
		pause = w.clientPause(c) // a test that gives up at once would show nothing
	}
	w.events.push(event{at: w.now + pause, kind: evClientDial, node: int8(k), gen: c.process, ref: -1})
}
