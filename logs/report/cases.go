package report

import (
	"fmt"
	"slices"
	"strings"

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
	for _, s := range []*source{b.main, b.crash} {
		if !b.tells(s) {
			continue
		}
		for _, j := range s.run.Journeys() {
			for i, entry := range j.Entries {
				enter := entry.Enter
				if !enter.Number.IsZero() || i == 0 || j.Entries[i-1].End == nil || j.Entries[i-1].Enter.Life != enter.Life {
					continue
				}
				before := j.Entries[i-1].End
				between := 0
				for _, e := range enter.Life.Events[before.Seq:enter.Seq] {
					if e.Lock == enter.Lock && e.Sent() {
						between++
					}
				}
				return []Block{Paragraph(fmt.Sprintf("%s left in line %s, and Q was empty, so the token stayed. When it wanted to enter again it did so at once, in line %s: between these two lines it sent %d messages about the lock, and its entry has no request number.",
					enter.Node, s.reference(before), s.reference(enter), between)), s.quote(before, enter)}
			}
		}
	}
	return []Block{Paragraph("No entry of these logs found the token at its own node: others always waited. By the rules such an entry costs no message; these logs do not show it.")}
}

// contended tells of the leave that found the longest queue; of several, of that
// which is told in the fewest lines.
func (b *builder) contended() []Block {
	for _, s := range []*source{b.main, b.crash} {
		if b.tells(s) {
			if blocks := s.contended(); len(blocks) > 0 {
				return blocks
			}
		}
	}
	return []Block{Paragraph("At no leave of these logs two nodes waited at once.")}
}

func (s *source) contended() []Block {
	var best *contention
	for _, e := range s.Events {
		if e.Kind != logs.Leave || e.Lock != s.lock() || len(e.Queue) < 2 || best != nil && len(e.Queue) < len(best.leave.Queue) {
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
	blocks := []Block{Paragraph(fmt.Sprintf("When %s left in line %s, %d nodes waited: Q became %s. Their requests, as far as they came there by REQUEST, and that line:",
		best.leave.Node, s.reference(best.leave), len(queue), strings.Join(queue, ", "))), s.quote(append(best.asked, best.leave)...)}
	if len(best.served) > 0 {
		text := "The next entries were"
		if best.inOrder {
			text = "They entered in the order of Q, and nobody in between:"
		}
		blocks = append(blocks, Paragraph(text), s.quote(best.served...))
	}
	if f, ok := s.figure("contended", draw.Options{Lock: s.lock(), From: best.from, To: best.to}, "Several nodes wait, and enter in the order of Q."); ok && best.inOrder {
		blocks = append(blocks, f)
	}
	return blocks
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
		if e := lastBefore(leave, logs.RequestReceived, node); e != nil {
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
	for _, s := range []*source{b.main, b.crash} {
		if b.tells(s) {
			if blocks := s.overtakesNobody(); len(blocks) > 0 {
				return blocks
			}
		}
	}
	return []Block{Paragraph("These logs show no request that came to a holder while others stood in Q, and that a leave then put behind them.")}
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
		place := slices.Index(leave.Queue, e.Peer)
		if place < len(e.Queue) || !slices.Equal(leave.Queue[:len(e.Queue)], e.Queue) {
			continue
		}
		return []Block{Paragraph(fmt.Sprintf("The request of %s reached the holder, %s, in line %s, when Q was %s already. On leaving, in line %s, the holder appended it: Q became %s. Who stood in Q before it kept its place; a request goes to the end.",
			e.Peer, e.Node, s.reference(e), strings.Join(e.Queue, ", "), s.reference(leave), strings.Join(leave.Queue, ", "))),
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
		switch o.Kind {
		case logs.Leave:
			return o
		case logs.TokenSent, logs.TokenDropped, logs.Lost:
			return nil
		}
	}
	return nil
}
