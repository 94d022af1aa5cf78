package sim

import (
	"errors"

	"conch/token"
)

// stream is one stream from a process to a member: the driver's gRPC stream as the
// algorithm sees it.
type stream struct {
	id       int32
	from, to int
	peer     token.Member // whom the sender means
	as       token.Member // whom the receiver takes for the sender
	hello    token.Hello
	shown    uint64 // the version of the membership that its sender has shown on it
	sender   uint32 // the process that opened it

	up       bool   // the sender has heard that it is accepted
	over     bool   // the sender has given it up, or has died
	closed   bool   // nothing more is let in
	broken   bool   // nothing more arrives
	accepted bool   // by receiver
	receiver uint32 // the process that accepted it

	// queue is the messages under way, oldest first from head; the HELLO, which comes
	// before them, has helloAt. Each arrives at its time, or later if something holds it
	// up.
	queue   []parcel
	head    int
	helloAt Instant
	// busy: an event for the delivery of the oldest is planned.
	busy bool
	// last is when the youngest arrives: nothing later arrives before it.
	last Instant
}

type parcel struct {
	at      Instant
	message token.Message
}

func (s *stream) length() int { return len(s.queue) - s.head }

// newStream reuses the memory of an earlier run's.
func (w *World) newStream(from, to int) *stream {
	if w.used == len(w.streams) {
		w.streams = append(w.streams, &stream{id: int32(w.used)})
	}
	s := w.streams[w.used]
	w.used++
	clear(s.queue)
	*s = stream{id: s.id, from: from, to: to, queue: s.queue[:0], sender: w.members[from].process}
	return s
}

// dial opens a stream, unless one is open or something prevents it.
func (w *World) dial(from, to int) {
	m := &w.members[from]
	m.dialing[to] = false
	if m.node == nil || m.gone || m.out[to] != nil || w.plan.cutForGood(from, to) {
		return
	}
	if blocked := max(w.cutUntil[from][to], w.cutUntil[to][from]); blocked > w.now {
		w.planDial(from, to, w.backoff())
		return
	}
	peer := w.peerAt(from, to)
	if peer == token.NoMember {
		return
	}
	s := w.newStream(from, to)
	s.peer = peer
	s.hello = m.node.Hello(peer)
	m.out[to] = s
	s.helloAt = w.now + w.delay(from, to)
	s.last = s.helloAt
	w.deliverAt(s, s.helloAt)
	w.events.push(event{at: w.now + w.patience(), kind: evDown, ref: s.id, gen: 1})
}

func (w *World) planDial(from, to int, after Instant) {
	if m := &w.members[from]; !m.dialing[to] {
		m.dialing[to] = true
		w.events.push(event{at: w.now + after, kind: evOpen, node: int8(from), peer: int8(to), gen: m.process})
	}
}

// send puts a message on the way.
func (w *World) send(from int, peer token.Member, m token.Message) {
	to := w.machineOf(peer)
	s := w.members[from].out[to]
	if s == nil || !s.up || s.closed || s.peer != peer {
		return
	}
	took := w.delay(from, to)
	if len(w.armed) > 0 && w.now < w.plan.Settle {
		took += w.sprung(from, to, m.Kind)
	}
	s.last = max(s.last, w.now+took)
	if s.head > 0 && s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	s.queue = append(s.queue, parcel{at: s.last, message: m})
	if m.Kind == token.TokenMessage {
		w.flying[w.lockOf(m.Lock)]++
	}
	if !s.busy {
		w.deliverAt(s, s.last)
	}
}

func (w *World) deliverAt(s *stream, at Instant) {
	s.busy = true
	w.events.push(event{at: at, kind: evDeliver, ref: s.id})
}

// deliver delivers the oldest message of a stream, unless something holds it up. It reports
// whether a node took it.
func (w *World) deliver(s *stream) bool {
	s.busy = false
	if s.broken || s.accepted && s.length() == 0 {
		return false
	}
	m := &w.members[s.to]
	if blocked := max(w.cutUntil[s.from][s.to], m.pausedUntil); blocked > w.now {
		w.deliverAt(s, blocked)
		return false
	}
	switch {
	case m.node == nil || m.gone || s.accepted && s.receiver != m.process:
		w.breakOff(s, 0, w.backoff())
		return false
	case !s.accepted:
		w.hello(s, m)
		return true
	}
	p := &s.queue[s.head]
	message := p.message
	w.unqueue(s)
	if s.length() > 0 {
		w.deliverAt(s, max(w.now, s.queue[s.head].at))
	}
	if m.in[s.from] != s {
		w.count(StaleDelivery)
		if w.plan.Changes { // the one that replaced it may be over already: it was for another disk
			w.breakOff(s, 0, w.backoff())
		}
		return false
	}
	w.traceReceive(s.from, s.to, &message)
	w.mark(uint64(message.Kind), uint64(s.from), uint64(s.to))
	w.log.arrives(&message)
	w.hears(s, &message)
	w.takeBack(s.to, &message)
	m.node.Receive(m.clock.read(w.now), s.as, message)
	if message.Lock != "" {
		w.touched = w.lockOf(message.Lock)
	}
	w.performed(s.to)
	w.judgeHeard(s)
	return true
}

// unqueue removes the oldest message.
func (w *World) unqueue(s *stream) {
	p := &s.queue[s.head]
	if p.message.Kind == token.TokenMessage {
		w.flying[w.lockOf(p.message.Lock)]--
	}
	s.head++
}

// hello delivers a stream's HELLO.
func (w *World) hello(s *stream, m *member) {
	process := m.process
	if w.believe(s); m.node == nil || m.process != process || w.failure != nil {
		return
	}
	err := errUnlisted
	if s.as != token.NoMember {
		err = m.node.ReceiveHello(m.clock.read(w.now), s.as, s.hello)
	}
	if w.trace != nil {
		w.tracef("%d hears HELLO of %d, boot %d, stream %d: %v", s.to, s.from, s.hello.Boot, s.hello.Counter, err)
	}
	if err != nil {
		if w.refusedStream(s, err); errors.Is(err, token.ErrOldStream) {
			w.count(OldStream)
		}
		w.breakOff(s, 0, w.delay(s.to, s.from))
	} else {
		s.accepted, s.receiver = true, m.process
		s.shown = version(s.hello.Membership)
		m.in[s.from] = s
		if s.length() > 0 {
			w.deliverAt(s, max(w.now, s.queue[s.head].at))
		}
		w.events.push(event{at: w.now + w.delay(s.to, s.from), kind: evUp, ref: s.id})
		w.planDial(s.to, s.from, w.delay(s.to, s.from))
	}
	w.performed(s.to)
}

// up lets the sender hear that a stream is accepted.
func (w *World) up(e event) bool {
	s := w.streams[e.ref]
	m := &w.members[s.from]
	if m.node == nil || m.process != s.sender || s.over || s.broken {
		return false
	}
	if blocked := max(w.cutUntil[s.to][s.from], m.pausedUntil); blocked > w.now {
		e.at = blocked
		w.events.push(e)
		return false
	}
	s.up = true
	w.tracef("%d hears that %d accepted its stream %d", s.from, s.to, s.hello.Counter)
	w.log.stream(w, s.from, s.to, true)
	m.node.PeerUp(m.clock.read(w.now), s.peer)
	w.performed(s.from)
	return true
}

// breakOff ends a stream. The oldest keep messages still arrive; the sender notices
// after some time.
func (w *World) breakOff(s *stream, keep int, noticed Instant) {
	w.truncate(s, keep)
	if !s.over {
		w.events.push(event{at: w.now + noticed, kind: evDown, ref: s.id})
	}
}

// truncate loses all but the oldest messages, the HELLO included.
func (w *World) truncate(s *stream, keep int) {
	s.closed = true
	for s.length() > keep {
		last := len(s.queue) - 1
		if s.queue[last].message.Kind == token.TokenMessage {
			w.flying[w.lockOf(s.queue[last].message.Lock)]--
		}
		s.queue[last] = parcel{}
		s.queue = s.queue[:last]
	}
	s.broken = s.broken || keep == 0
}

// down lets the sender hear that a stream is over; with gen 1, only if it was not
// accepted in time.
func (w *World) down(e event) bool {
	s := w.streams[e.ref]
	m := &w.members[s.from]
	if s.over || m.process != s.sender || m.node == nil || e.gen == 1 && s.up {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	s.over = true
	m.out[s.to] = nil
	w.planDial(s.from, s.to, w.backoff())
	if !s.up {
		return false
	}
	w.tracef("%d notices that its stream to %d is over", s.from, s.to)
	w.log.stream(w, s.from, s.to, false)
	m.node.PeerDown(m.clock.read(w.now), s.peer)
	w.performed(s.from)
	return true
}

// delay draws how long a message takes.
func (w *World) delay(from, to int) Instant {
	p, r := w.plan, &w.delays[from][to]
	if w.now >= p.Settle {
		return min(p.Delay+Instant(r.below(int64(p.Jitter))), p.TTL/50)
	}
	d := p.Delay + Instant(r.below(int64(p.Jitter)))
	if p.Creep > 0 && r.below(1024) < p.Creep {
		d += Instant(r.below(int64(p.TTL)))
	}
	if w.slowUntil[from][to] > w.now {
		d += Instant(r.below(int64(w.slowBy[from][to])))
	}
	return max(d, 1)
}

// backoff draws how long it takes until the next attempt.
func (w *World) backoff() Instant {
	return w.plan.TTL/100 + Instant(w.random.below(int64(w.plan.TTL/6)))
}

// patience is how long a stream may take to open.
func (w *World) patience() Instant { return w.plan.TTL }
