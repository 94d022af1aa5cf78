package sim

// strikeClient performs a planned fault on a client.
func (w *World) strikeClient(op *Op) bool {
	c := &w.clients[op.Node]
	length := max(op.Length, 1)
	switch op.Kind {
	case ClientPause:
		c.pausedUntil = max(c.pausedUntil, w.now+length)
	case ClientCut:
		if op.Effects&1 != 0 {
			c.cutUp = max(c.cutUp, w.now+length)
		}
		if op.Effects&2 != 0 {
			c.cutDown = max(c.cutDown, w.now+length)
		}
	case ClientStall:
		s := stall{until: w.now + op.Patience, length: length, after: op.Effects / 2}
		if op.Effects%2 == 0 {
			c.stallUp = s
		} else {
			c.stallDown = s
		}
	case ClientBreak:
		if !c.alive || c.current == nil || c.current.stream == nil {
			return false
		}
		w.breakClientStream(c.current.stream, int(op.Effects), length)
	case ClientKill:
		w.killClient(int(op.Node))
		w.events.push(event{at: w.now + length, kind: evClientStart, node: op.Node, gen: c.process})
	}
	w.tracef("client: %v", op)
	return true
}

// killClient ends a client process at once. Its holds now belong to nobody.
func (w *World) killClient(k int) {
	c := &w.clients[k]
	if !c.alive {
		return
	}
	w.tracef("client %d dies", k)
	for _, s := range w.clientStreams {
		if s.link.client == k && s.link.process == c.process && !s.clientOver {
			s.clientOver = true
			w.breakClientStream(s, int(w.random.below(4)), w.plan.TTL)
		}
	}
	for i := range w.claims {
		if op := &w.plan.Ops[i]; op.ofClient() && int(op.Node) == k && w.claims[i].state != claimNone {
			w.claims[i].state = claimOver
		}
	}
	c.alive = false
	c.links, c.current = nil, nil
}

// closeClients ends all clients in order, as a program that is done does.
func (w *World) closeClients() {
	for k := range w.plan.Processes {
		c := &w.clients[k]
		if !c.alive {
			continue
		}
		c.closing = true
		for _, l := range append([]*link(nil), c.links...) {
			l.core.Drain(c.clock.read(w.now))
			w.afterLink(l)
		}
	}
}
