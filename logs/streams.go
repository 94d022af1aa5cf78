package logs

import "slices"

// reaches reports whether, as far as the logs tell, the writer of a line could send
// to a node at that point: its stream was up and, where there are sessions, neither
// of the two had trouble that the other need not have known of.
func (c *checker) reaches(e *Event, node string) bool {
	if node == e.Node {
		return true
	}
	if !c.connectedAt(e, node) {
		return false
	}
	return !c.run.Sessions || !c.troubled[[2]string{e.Node, node}] && !c.troubled[[2]string{node, ""}]
}

// connectedAt reports whether the writer's stream to a node was up at a line, for
// certain: even if one line of a loss should be missing.
func (c *checker) connectedAt(e *Event, node string) bool {
	s := streamOf{e.Life, node}
	changes := c.streams[s]
	next, _ := slices.BinarySearchFunc(changes, e.Seq, func(change *Event, seq int) int { return change.Seq - seq })
	if next == 0 || changes[next-1].Kind != PeerConnected {
		return false
	}
	until := c.arrived[s]
	if next < len(changes) {
		until = changes[next].Seq
	}
	if e.Life.holeBetween(changes[next-1].Seq, until) {
		return false
	}
	if next == len(changes) {
		return until > e.Seq
	}
	return changes[next].Kind != PeerConnected
}

// streamOf names the streams of one process to one node.
type streamOf struct {
	life *Life
	to   string
}

// findStreams notes when streams went up and down, and who had trouble: whose
// session lapsed, who was buried, whose stream broke. A stream to a node that had
// said goodbye, or that stopped and did not come back, broke for no trouble.
func (c *checker) findStreams() {
	c.streams = make(map[streamOf][]*Event)
	c.troubled = make(map[[2]string]bool)
	c.arrived = make(map[streamOf]int)
	for _, life := range c.run.Lives {
		for _, e := range life.Events {
			s := streamOf{life, e.Peer}
			if e.Receipt != nil {
				c.arrived[s] = e.Seq
			}
			switch e.Kind {
			case PeerConnected, PeerLost, ByeReceived:
				c.streams[s] = append(c.streams[s], e)
			case Burial:
				c.troubled[[2]string{e.Node, e.Peer}] = true
			case SessionLapsed:
				c.troubled[[2]string{e.Node, ""}] = true
			}
		}
	}
	for s, changes := range c.streams {
		for i, e := range changes {
			forGood := i+1 == len(changes)
			if e.Kind == PeerLost && (!forGood || !c.run.stoppedLast(s.to)) {
				c.troubled[[2]string{s.life.Node, s.to}] = true
			}
		}
	}
}

// stoppedLast reports whether a node's last process stopped cleanly.
func (r *Run) stoppedLast(node string) bool {
	stopped := false
	for _, life := range r.Lives {
		if life.Node == node {
			stopped = life.End == Stopped
		}
	}
	return stopped
}
