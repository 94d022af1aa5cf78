package stepper

import (
	"slices"

	"conch/internal/protocolcheck"
	"conch/token"
)

// stream is one direction of a pair: FIFO, each message at most once.
type stream struct {
	up      bool // the sender may send
	delayed bool // nothing arrives by itself
	cut     bool // it cannot be opened
	dialAt  token.Time
	queue   []queuedMessage
}

// queuedMessage is a message that is under way.
type queuedMessage struct {
	number  int
	due     token.Time
	message token.Message
}

// isHeartbeat reports whether a message is one of those that keep sessions and come
// all the time.
func isHeartbeat(kind token.MessageKind) bool {
	switch kind {
	case token.KeepAlive, token.Ping, token.Pong, token.Busy, token.Clear, token.Known:
		return true
	default:
		return false
	}
}

// streamObjection is objection for what is done to streams.
func (w *world) streamObjection(op Op, s *stream) string {
	back := &w.streams[op.To][op.From]
	switch op.Kind {
	case Deliver, Duplicate:
		if len(s.queue) == 0 {
			return "nothing is under way"
		}
	case Delay:
		if s.delayed {
			return "it is delayed already"
		}
	case Resume:
		if !s.delayed {
			return "it is not delayed"
		}
	case Drop:
		if !s.up {
			return "it is not open"
		}
	case Open:
		switch {
		case s.up:
			return "it is open"
		case !w.canOpen(op.From, op.To):
			return "one of the two does not run, or the pair is cut"
		}
	case Cut:
		if s.cut {
			return "the pair is cut already"
		}
	case Heal:
		if !s.cut && !back.cut {
			return "the pair is not cut"
		}
	}
	return ""
}

// send puts a message under way.
func (w *world) send(from, to int, m token.Message) {
	s := &w.streams[from][to]
	if !s.up {
		return
	}
	w.sent++
	due := w.now + shortestWay + w.draw(wayJitter)
	if last := len(s.queue) - 1; last >= 0 {
		due = max(due, s.queue[last].due)
	}
	s.queue = append(s.queue, queuedMessage{number: w.sent, due: due, message: m})
}

// deliver lets the next message that is no heartbeat arrive, and what is ahead of it.
func (w *world) deliver(from, to int) {
	s := &w.streams[from][to]
	for len(s.queue) > 0 {
		if kind := w.deliverNext(from, to); !isHeartbeat(kind) {
			return
		}
	}
	if len(w.said) == 0 {
		w.say(to, "", "%s hears heartbeats of %s.", name(to), name(from))
	}
}

// deliverNext lets the oldest message of a stream arrive.
func (w *world) deliverNext(from, to int) token.MessageKind {
	s := &w.streams[from][to]
	m := s.queue[0].message
	s.queue = slices.Delete(s.queue, 0, 1)
	w.input(to, func(n *token.Node, now token.Time) { n.Receive(now, token.Member(from), m) })
	return m.Kind
}

func (w *world) delay(from, to int) {
	w.streams[from][to].delayed = true
	w.say(from, "", "What %s sends to %s is delayed from now on. The stream stays open.", name(from), name(to))
}

func (w *world) resume(from, to int) {
	s := &w.streams[from][to]
	s.delayed = false
	for k := range s.queue {
		s.queue[k].due = max(s.queue[k].due, w.now)
	}
	w.say(from, "", "What %s sends to %s flows again.", name(from), name(to))
}

// drop ends a stream. What is on it is lost.
func (w *world) drop(from, to int) {
	w.say(from, ruleStreams, "The stream from %s to %s breaks%s.", name(from), name(to), w.losses(from, to))
	w.lose(from, to)
	w.hangUp(from, to)
}

// lose empties a stream.
func (w *world) lose(from, to int) {
	s := &w.streams[from][to]
	s.queue = nil
	s.delayed = false
}

// hangUp lets the sender notice that a stream is over.
func (w *world) hangUp(from, to int) {
	s := &w.streams[from][to]
	s.dialAt = w.now + redialAfter
	if !s.up {
		return
	}
	s.up = false
	w.input(from, func(n *token.Node, now token.Time) { n.PeerDown(now, token.Member(to)) })
}

// canOpen reports whether a stream can be opened.
func (w *world) canOpen(from, to int) bool {
	return from != to && w.members[from].node != nil && w.members[to].node != nil && !w.streams[from][to].cut
}

// open opens a stream: its HELLO is accepted at once, and nothing is heard any more of
// the streams before it.
func (w *world) open(from, to int) {
	w.say(from, ruleStreams, "%s opens a stream to %s.", name(from), name(to))
	w.connect(from, to)
}

func (w *world) connect(from, to int) {
	s := &w.streams[from][to]
	w.lose(from, to)
	s.up = true
	if err := protocolcheck.OpenStream(from, to, w.input); err != nil {
		panic("stepper: the newest stream of a pair is refused: " + err.Error())
	}
}

// cut ends the streams of a pair for as long as it is not healed.
func (w *world) cut(a, b int) {
	w.say(a, ruleStreams, "%s and %s are cut off from each other%s%s.", name(a), name(b), w.losses(a, b), w.losses(b, a))
	w.streams[a][b].cut, w.streams[b][a].cut = true, true
	w.lose(a, b)
	w.lose(b, a)
	w.hangUp(a, b)
	w.hangUp(b, a)
}

func (w *world) heal(a, b int) {
	w.say(a, ruleStreams, "%s and %s can reach each other again.", name(a), name(b))
	for _, s := range []*stream{&w.streams[a][b], &w.streams[b][a]} {
		s.cut = false
		s.dialAt = w.now + w.draw(redialAfter/5)
	}
}

// duplicate breaks the rules.
func (w *world) duplicate(from, to int) {
	s := &w.streams[from][to]
	k := max(0, slices.IndexFunc(s.queue, func(p queuedMessage) bool { return !isHeartbeat(p.message.Kind) }))
	w.sent++
	twin := s.queue[k]
	twin.number = w.sent
	if t := twin.message.Token; t != nil { // who receives it will change it
		twin.message.Token = protocolcheck.CopyToken(t)
	}
	s.queue = slices.Insert(s.queue, k+1, twin)
	w.say(from, ruleDuplicate, "Against the rules, the network makes a second copy of %s from %s to %s.",
		messageShort(from, &twin.message), name(from), name(to))
}

// losses tells what is lost with a stream.
func (w *world) losses(from, to int) string {
	text := ""
	for _, p := range w.streams[from][to].queue {
		if !isHeartbeat(p.message.Kind) {
			text += "; " + messageShort(from, &p.message) + " is lost"
		}
	}
	return text
}
