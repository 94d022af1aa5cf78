package stepper

import "conch/token"

// event is something that comes about by itself.
type event struct {
	at       token.Time
	kind     eventKind
	from, to int // of ticks and turns, from is the member
}

type eventKind uint8

const (
	arrival eventKind = iota
	dialing
	ticking
	turnOver // the holder leaves, if it is up to Auto
)

// next is the event that comes next, turns aside; there always is one, since whoever
// runs wants to hear what time it is.
func (w *world) next() event {
	next := event{at: token.Never}
	consider := func(e event) {
		if e.at < next.at {
			next = e
		}
	}
	for i := range w.members {
		for j := range w.members {
			s := &w.streams[i][j]
			if len(s.queue) > 0 && !s.delayed {
				consider(event{s.queue[0].due, arrival, i, j})
			}
			if !s.up && w.canOpen(i, j) {
				consider(event{s.dialAt, dialing, i, j})
			}
		}
		if m := &w.members[i]; m.node != nil {
			consider(event{m.node.NextTick() - m.ahead, ticking, i, i})
		}
	}
	return next
}

// nextTurn is when the next holder leaves, if it is up to Auto.
func (w *world) nextTurn() event {
	next := event{at: token.Never}
	for i := range w.members {
		if m := &w.members[i]; len(m.inside) > 0 && m.inside[0].leaveAt < next.at {
			next = event{m.inside[0].leaveAt, turnOver, i, i}
		}
	}
	return next
}

// happen lets an event come about. Nothing happens in the past: what was due while
// somebody stood in the way happens now.
func (w *world) happen(e event) {
	if e.at == token.Never {
		return
	}
	w.now = max(w.now, e.at)
	switch e.kind {
	case arrival:
		w.deliverNext(e.from, e.to)
	case dialing:
		w.connect(e.from, e.to)
	case ticking:
		w.input(e.from, func(n *token.Node, now token.Time) { n.Tick(now) })
	case turnOver:
		w.leave(e.from)
	}
}

// restless is how many events one step may have, which is far more than it ever does.
const restless = 1_000_000

// pass lets time pass.
func (w *world) pass(length token.Time) {
	end := w.now + length
	for range restless {
		e := w.next()
		if e.at > end {
			break
		}
		w.happen(e)
	}
	w.now = end
	if len(w.said) == 0 {
		w.sayQuiet(length)
	}
}

// auto lets happen what comes next, until there is something to tell of; for a
// quarter of T at most.
func (w *world) auto() {
	start := w.now
	end := start + ttl/4
	for range restless {
		e := w.next()
		if turn := w.nextTurn(); turn.at < e.at {
			e = turn
		}
		if e.at > end {
			w.now = end
			break
		}
		w.happen(e)
		if len(w.said) > 0 {
			return
		}
	}
	w.sayQuiet(w.now - start)
}
