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

// contended tells of the leave that found the longest queue.
func (b *builder) contended() []Block {
	s := b.main
	var longest *logs.Event
	for _, e := range s.Events {
		if e.Kind == logs.Leave && e.Lock == s.lock() && (longest == nil || len(e.Queue) > len(longest.Queue)) {
			longest = e
		}
	}
	if longest == nil || len(longest.Queue) < 2 {
		return []Block{Paragraph("At no leave of this run two nodes waited at once.")}
	}
	queue := longest.Queue
	asked := make([]*logs.Event, 0, len(queue))
	for _, node := range queue {
		if e := lastBefore(longest, logs.RequestReceived, node); e != nil {
			asked = append(asked, e)
		}
	}
	blocks := []Block{Paragraph(fmt.Sprintf("When %s left in line %s, %d nodes waited: Q became %s. It had their requests in the first of these lines.",
		longest.Node, s.reference(longest), len(queue), strings.Join(queue, ", "))), s.quote(append(asked, longest)...)}
	served, inOrder := s.servedAfter(longest)
	if len(served) == 0 {
		return blocks
	}
	text := "The next entries were"
	if inOrder {
		text = "They entered in the order of Q, and nobody in between:"
	}
	blocks = append(blocks, Paragraph(text), s.quote(served...))
	last := served[len(served)-1]
	from := longest
	if len(asked) > 0 {
		from = asked[0]
	}
	if f, ok := s.figure("contended", draw.Options{Lock: s.lock(), From: s.numbers[from], To: s.numbers[last]}, "Several nodes wait, and enter in the order of Q."); ok {
		blocks = append(blocks, f)
	}
	return blocks
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
	s := b.main
	for _, e := range s.Events {
		if e.Kind != logs.RequestReceived || len(e.Queue) == 0 || slices.Contains(e.Queue, e.Peer) {
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
	return []Block{Paragraph("No request of this run came to a holder while others stood in Q.")}
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
