package report

import (
	"fmt"
	"slices"

	"conch/logs"
	"conch/logs/draw"
)

// cases tells three cases that one entry does not show.
func (b *builder) cases() []Block {
	blocks := []Block{Subtitle("The token is already here: no message")}
	blocks = append(blocks, b.here()...)
	blocks = append(blocks, Subtitle("Several nodes ask at the same time"))
	blocks = append(blocks, b.contended()...)
	blocks = append(blocks, Subtitle("A request that overtakes nobody"))
	return append(blocks, b.overtakesNobody()...)
}

// here tells of an entry that needed no message.
func (b *builder) here() []Block {
	for _, s := range b.runs() {
		if !b.tells(s) {
			continue
		}
		for _, j := range s.run.Journeys() {
			for i, entry := range j.Entries {
				if i == 0 {
					continue
				}
				enter, left := entry.Enter, j.Entries[i-1].End
				if !enter.Number.IsZero() || left == nil || !handsOn(left) || len(left.Queue) > 0 || left.Life != enter.Life || sentBetween(left, enter) {
					continue
				}
				return []Block{Paragraph(fmt.Sprintf("%s left in %s. Q was empty, so the token stayed. When %s wanted to enter again, it did so at once, in %s. Between these two lines it sent no message about the lock, and it raised no request number:",
					s.node(enter), s.at(left), s.node(enter), s.at(enter))), s.quote(left, enter)}
			}
		}
	}
	return []Block{Paragraph("In these logs, no node wanted to enter again while the token was still at it and nobody waited. By the rules, such an entry costs no message; these logs do not show one.")}
}

// sentBetween reports whether a process sent anything about a lock between two of its
// lines.
func sentBetween(from, to *logs.Event) bool {
	return slices.ContainsFunc(to.Life.Events[from.Seq:to.Seq], func(e *logs.Event) bool { return e.Lock == to.Lock && e.Sent() })
}

// contended tells of the leave that found the longest queue; of several, of that
// which is told in the fewest lines.
func (b *builder) contended() []Block {
	for _, s := range b.runs() {
		if b.tells(s) {
			if blocks := s.contended(); len(blocks) > 0 {
				return blocks
			}
		}
	}
	return []Block{Paragraph("At no point of these logs did a node leave while two or more waited.")}
}

func (s *source) contended() []Block {
	var best *contention
	for _, e := range s.Events {
		if !handsOn(e) || e.Lock != s.lock() || len(e.Queue) < 2 || best != nil && len(e.Queue) < len(best.leave.Queue) {
			continue
		}
		if c := s.contentionAt(e); best == nil || len(e.Queue) > len(best.leave.Queue) || c.to-c.from < best.to-best.from {
			best = c
		}
	}
	if best == nil {
		return nil
	}
	queue := best.leave.Queue
	blocks := []Block{Paragraph(fmt.Sprintf("When %s left in %s, %d nodes waited, and Q became %s.", s.node(best.leave), s.at(best.leave), len(queue), s.queue(queue)))}
	switch len(best.asked) {
	case 0:
		blocks = append(blocks, Paragraph("The leave:"))
	case 1:
		blocks = append(blocks, Paragraph("It had received this REQUEST, and then left:"))
	default:
		blocks = append(blocks, Paragraph("It had received these REQUESTs, and then left:"))
	}
	blocks = append(blocks, s.quote(append(best.asked, best.leave)...))
	if len(best.served) > 0 {
		text := fmt.Sprintf("The next %s:", entriesWere(len(best.served)))
		if best.inOrder {
			text = "They entered in the order of Q, and nobody else entered in between:"
		}
		blocks = append(blocks, Paragraph(text), s.quote(best.served...))
	}
	if f, ok := s.figure("contended", draw.Options{Lock: s.lock(), From: best.from, To: best.to}, "Several nodes wait, and enter in the order of Q."); ok && best.inOrder {
		blocks = append(blocks, f)
	}
	return blocks
}

func entriesWere(n int) string {
	if n == 1 {
		return "entry was"
	}
	return fmt.Sprintf("%d entries were", n)
}

// contention is a leave at which several waited.
type contention struct {
	leave    *logs.Event
	asked    []*logs.Event // the receipts of their requests
	served   []*logs.Event // the entries that followed
	inOrder  bool          // these are those of the queue, in its order
	from, to int           // lines of the appendix
}

func (s *source) contentionAt(leave *logs.Event) *contention {
	c := &contention{leave: leave, from: s.numbers[leave], to: s.numbers[leave]}
	for _, node := range leave.Queue {
		if e := lastBefore(leave, logs.RequestReceived, node); e != nil && s.isOpen(e, leave) {
			c.asked = append(c.asked, e)
			c.from = min(c.from, s.numbers[e])
			if begin := beginning(e); begin != nil {
				c.from = min(c.from, s.numbers[begin])
			}
		}
	}
	slices.SortFunc(c.asked, func(a, b *logs.Event) int { return s.numbers[a] - s.numbers[b] })
	c.served, c.inOrder = s.servedAfter(leave)
	if len(c.served) > 0 {
		c.to = s.numbers[c.served[len(c.served)-1]]
	}
	return c
}

// isOpen reports whether a request that was received is the one for which its node waits
// at a leave.
func (s *source) isOpen(received, leave *logs.Event) bool {
	rn, known := s.numberOf(received.Peer, leave.RequestNumbers)
	return known && rn == received.Number
}

// beginning finds how the request began that was received.
func beginning(received *logs.Event) *logs.Event {
	if received.Cause == nil {
		return nil
	}
	sender := received.Cause.Life.Events[:received.Cause.Seq]
	for i := len(sender) - 1; i >= 0; i-- {
		if e := sender[i]; e.Kind == logs.Request && e.Lock == received.Lock && e.Number == received.Number {
			return e
		}
	}
	return received.Cause
}

// lastBefore finds the latest line of a kind about a peer before a line of the same
// process.
func lastBefore(e *logs.Event, kind, peer string) *logs.Event {
	for i := e.Seq - 1; i >= 0; i-- {
		if o := e.Life.Events[i]; o.Kind == kind && o.Peer == peer && o.Lock == e.Lock {
			return o
		}
	}
	return nil
}

// servedAfter returns the entries that follow a leave, as many as its queue is long,
// and whether they are those of the queue in its order.
func (s *source) servedAfter(leave *logs.Event) (entered []*logs.Event, inOrder bool) {
	for _, j := range s.run.Journeys() {
		at := slices.IndexFunc(j.Entries, func(entry *logs.Entry) bool { return entry.End == leave })
		if at < 0 {
			continue
		}
		inOrder = true
		for i, node := range leave.Queue {
			if at+1+i >= len(j.Entries) {
				return entered, false
			}
			enter := j.Entries[at+1+i].Enter
			entered = append(entered, enter)
			inOrder = inOrder && enter.Node == node
		}
	}
	return entered, inOrder
}

// overtakesNobody tells of a request that came to a holder whose queue was not
// empty, and was put behind it.
func (b *builder) overtakesNobody() []Block {
	for _, s := range b.runs() {
		if b.tells(s) {
			if blocks := s.overtakesNobody(); len(blocks) > 0 {
				return blocks
			}
		}
	}
	return []Block{Paragraph("These logs do not show a request that reached a holder while others were in Q and was then put behind them.")}
}

func (s *source) overtakesNobody() []Block {
	for _, e := range s.Events {
		if e.Kind != logs.RequestReceived || e.Lock != s.lock() || len(e.Queue) == 0 || slices.Contains(e.Queue, e.Peer) {
			continue
		}
		leave := nextLeave(e)
		if leave == nil {
			continue
		}
		turn := slices.Index(leave.Queue, e.Peer)
		if turn < len(e.Queue) || !slices.Equal(leave.Queue[:len(e.Queue)], e.Queue) {
			continue
		}
		return []Block{Paragraph(fmt.Sprintf("The request of %s reached the holder, %s, in %s, when Q was already %s. On leaving, in %s, the holder appended %s to Q, which became %s. Those who were in Q kept their places; a new request goes behind them:",
			s.names.Of(e.Peer), s.node(e), s.at(e), s.queue(e.Queue), s.at(leave), s.names.Of(e.Peer), s.queue(leave.Queue))),
			s.quote(e, leave), s.valuesAt([]*logs.Event{e, leave}, "Before and after.")}
	}
	return nil
}

// nextLeave finds how the visit of the token ended at which a line was written; nil
// if not by a leave.
func nextLeave(e *logs.Event) *logs.Event {
	for _, o := range e.Life.Events[e.Seq+1:] {
		if o.Lock != e.Lock {
			continue
		}
		switch {
		case handsOn(o):
			return o
		case o.Kind == logs.TokenSent, o.Kind == logs.TokenDropped, o.Kind == logs.Lost:
			return nil
		}
	}
	return nil
}
