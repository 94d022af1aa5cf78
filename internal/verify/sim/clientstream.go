package sim

import (
	"conch/internal/client/attachment"
	"conch/internal/frames"
)

// clientStream is one stream from a client process to a node, on a connection of its own:
// messages on one that the client has given up may arrive after the next one's Hello.
type clientStream struct {
	id   int32
	link *link
	node int
	// accepted: the node has answered Hello; process is the node's that did.
	accepted bool
	process  uint32
	// welcomed: the client has heard of it. clientOver and nodeOver: the client, or the
	// node, no longer uses it.
	welcomed, clientOver, nodeOver bool

	up, down pipe // to the node, and to the client
}

// pipe is one direction of a stream.
type pipe struct {
	queue []clientParcel
	head  int
	busy  bool    // an event for the delivery of the oldest is planned
	cut   bool    // nothing more is put in
	last  Instant // when the youngest arrives
}

type parcelKind uint8

const (
	parcelHello   parcelKind = iota + 1 // and Welcome, in the other direction
	parcelFrame                         // of a client
	parcelMessage                       // of a node
	parcelEnd                           // the stream's end
)

type clientParcel struct {
	at      Instant
	kind    parcelKind
	frame   []frames.ClientMessage
	message frames.NodeMessage
	why     attachment.Why
}

// How the client sees a stream's end.
const (
	endsLikeThis = attachment.Other
	endsForGood  = attachment.Final
	endsWithNode = attachment.Gone
)

func (p *pipe) length() int { return len(p.queue) - p.head }

// openClientStream says Hello to a link's node.
func (w *World) openClientStream(l *link) {
	s := &clientStream{id: int32(len(w.clientStreams)), link: l, node: l.node}
	w.clientStreams = append(w.clientStreams, s)
	l.stream = s
	w.toNode(s, clientParcel{kind: parcelHello})
	w.events.push(event{at: w.now + w.plan.TTL, kind: evClientNotice, ref: s.id, gen: 1})
}

// toNode puts a parcel on its way to the node, and toClient to the client.
func (w *World) toNode(s *clientStream, p clientParcel) {
	c := &w.clients[s.link.client]
	w.put(s, &s.up, p, evToNode, &c.stallUp)
	if w.now >= w.plan.Settle || c.snap.until <= w.now || s.up.cut {
		return
	}
	if c.snap.after--; c.snap.after < 0 {
		c.snap.until = 0
		w.count(Snapped)
		w.breakClientStream(s, len(s.up.queue), c.snap.length)
	}
}

func (w *World) toClient(s *clientStream, p clientParcel) {
	w.put(s, &s.down, p, evToClient, &w.clients[s.link.client].stallDown)
}

func (w *World) put(s *clientStream, p *pipe, parcel clientParcel, kind eventKind, stall *stall) {
	if p.cut {
		return
	}
	took := w.plan.Delay/2 + Instant(w.random.below(int64(w.plan.Jitter))) + 1
	if w.now < w.plan.Settle && stall.until > w.now {
		if stall.after--; stall.after < 0 { // this one, and all after it
			took += stall.length
			stall.until = 0
			w.count(Stalled)
		}
	}
	p.last = max(p.last, w.now+took)
	parcel.at = p.last
	p.queue = append(p.queue, parcel)
	if !p.busy {
		p.busy = true
		w.events.push(event{at: p.last, kind: kind, ref: s.id})
	}
}

// next takes the oldest parcel off a pipe. If something holds it up, it comes again later,
// and next reports false.
func (w *World) next(s *clientStream, p *pipe, kind eventKind, blocked Instant) (clientParcel, bool) {
	p.busy = false
	if p.length() == 0 {
		return clientParcel{}, false
	}
	if blocked = max(blocked, p.queue[p.head].at); blocked > w.now {
		p.busy = true
		w.events.push(event{at: blocked, kind: kind, ref: s.id})
		return clientParcel{}, false
	}
	parcel := p.queue[p.head]
	p.queue[p.head] = clientParcel{}
	p.head++
	if p.length() > 0 {
		p.busy = true
		w.events.push(event{at: max(w.now, p.queue[p.head].at), kind: kind, ref: s.id})
	}
	return parcel, true
}

// deliverToNode delivers a client's oldest parcel.
func (w *World) deliverToNode(s *clientStream) bool {
	m := &w.members[s.node]
	parcel, ok := w.next(s, &s.up, evToNode, max(w.clients[s.link.client].cutUp, m.pausedUntil))
	switch {
	case !ok || s.nodeOver:
		return false
	case m.node == nil || m.gone || s.accepted && s.process != m.process:
		w.nodeGone(s)
		return false
	}
	now := m.clock.read(w.now)
	switch parcel.kind {
	case parcelHello:
		s.accepted, s.process = true, m.process
		m.table.Attach(now, s, s.link.incarnation, callerOf(s.link))
		s.link.attached = s
		s.link.hears(m.process, now)
		w.toClient(s, clientParcel{kind: parcelHello})
		w.performed(s.node)
	case parcelFrame:
		if s.clientOver {
			w.count(LateFrame)
		}
		w.traceClientFrame(s, parcel.frame)
		m.serves() // before anything is granted
		if s.link.attached == s {
			s.link.hears(m.process, now)
		}
		w.clientMessages(s.node, s, parcel.frame)
	case parcelEnd:
		s.nodeOver = true
		m.table.Detach(now, s) // which does nothing if Hello was lost
		w.toClient(s, clientParcel{kind: parcelEnd, why: endsLikeThis})
		s.down.cut = true
		w.performed(s.node)
	}
	return true
}

// nodeGone ends a stream to a process that no longer runs.
func (w *World) nodeGone(s *clientStream) {
	if s.nodeOver {
		return
	}
	s.nodeOver = true
	w.toClient(s, clientParcel{kind: parcelEnd, why: endsWithNode})
	s.up.cut, s.down.cut = true, true
}

// deliverToClient delivers a node's oldest parcel.
func (w *World) deliverToClient(s *clientStream) bool {
	l := s.link
	c := &w.clients[l.client]
	parcel, ok := w.next(s, &s.down, evToClient, max(c.cutDown, c.pausedUntil))
	if !ok || s.clientOver || l.process != c.process {
		return false
	}
	now := c.clock.read(w.now)
	switch parcel.kind {
	case parcelHello:
		s.welcomed = true
		w.welcomed(l)
	case parcelMessage:
		w.traceNodeMessage(s, &parcel.message)
		if err := l.core.Receive(now, parcel.message); err != nil {
			w.fail(Dialogue, "client %d cannot make sense of what node %d says: %v", l.client, l.node, err)
			return true
		}
		w.afterLink(l)
	case parcelEnd:
		w.streamOver(l, s, parcel.why)
	}
	return true
}

// breakClientStream loses all but the oldest keep parcels of each direction, which may be
// late. Client and node notice after some time, each at its own.
func (w *World) breakClientStream(s *clientStream, keep int, noticed Instant) {
	if !s.up.cut {
		for _, p := range []*pipe{&s.up, &s.down} {
			p.queue = p.queue[:min(len(p.queue), p.head+keep)]
			late := Instant(w.random.below(int64(w.plan.TTL)))
			for k := range p.queue[p.head:] {
				p.queue[p.head+k].at += late
			}
			p.last = max(p.last+late, w.now)
		}
		w.giveUpStream(s)
	}
	s.down.cut = true
	w.events.push(event{at: w.now + noticed, kind: evClientNotice, ref: s.id})
}

// giveUpStream lets the node hear of a stream's end, after all that is under way.
func (w *World) giveUpStream(s *clientStream) {
	s.up.last += Instant(w.random.below(int64(w.plan.TTL)))
	w.toNode(s, clientParcel{kind: parcelEnd})
	s.up.cut = true
}

// noticeClientStream lets the client hear that a stream is over; with gen 1, only if it was
// not welcomed in time.
func (w *World) noticeClientStream(e event) bool {
	s := w.clientStreams[e.ref]
	c := &w.clients[s.link.client]
	switch {
	case s.clientOver || s.link.process != c.process || e.gen == 1 && s.welcomed:
		return false
	case c.pausedUntil > w.now:
		e.at = c.pausedUntil
		w.events.push(e)
		return false
	}
	w.streamOver(s.link, s, endsLikeThis)
	return true
}

// orphanStreams is called when a node's process ends: its clients hear of it in time.
func (w *World) orphanStreams(i int) {
	for _, s := range w.clientStreams {
		if s.node == i && s.accepted && !s.nodeOver && s.process == w.members[i].process {
			s.nodeOver = true
			s.up.cut, s.down.cut = true, true
			s.down.queue = s.down.queue[:min(len(s.down.queue), s.down.head+int(w.random.below(4)))]
			w.events.push(event{at: w.now + Instant(w.random.below(int64(w.plan.TTL/4))), kind: evClientNotice, ref: s.id})
		}
	}
}

// traces

func (w *World) traceClientFrame(s *clientStream, frame []frames.ClientMessage) {
	if w.trace != nil {
		w.tracef("node %d reads of client %d, stream %d: %+v", s.node, s.link.client, s.id, frame)
	}
	for k := range frame {
		w.mark(uint64(frame[k].Kind)<<8|0xc1, frame[k].ID, uint64(frame[k].Fence))
	}
}

func (w *World) traceNodeMessage(s *clientStream, m *frames.NodeMessage) {
	if w.trace != nil {
		w.tracef("client %d reads of node %d, stream %d: %+v", s.link.client, s.node, s.id, *m)
	}
	w.mark(uint64(m.Kind)<<8|0xc2, m.ID, uint64(m.Fence))
}
