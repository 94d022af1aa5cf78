package report

import (
	"fmt"

	"conch/logs"
	"conch/logs/draw"
)

// death tells, from the second run, what happens when a node dies.
func (b *builder) death() []Block {
	s := b.crash
	dead := s.crashed()
	if dead == nil {
		return []Block{Paragraph("No node died in the run of appendix B, by its logs.")}
	}
	last := dead.Events[len(dead.Events)-1]
	blocks := []Block{Paragraph(fmt.Sprintf("The process of %s wrote line %s and then nothing more: no line says that it stopped, and others lost their streams to it.", dead.Node, s.reference(last)))}
	held := s.heldAtEnd(dead)
	if held == nil {
		return append(blocks, s.quote(last), Paragraph("It had not the token, so no entry of others had to wait for it."))
	}
	text := fmt.Sprintf("It had the token, which came there with line %s", s.reference(held.Events[0]))
	var enter *logs.Event
	for _, e := range held.Events {
		switch e.Kind {
		case logs.Enter:
			enter = e
		case logs.Leave:
			enter = nil
		}
	}
	if enter != nil {
		text += fmt.Sprintf(", and it was in the critical section, since line %s", s.reference(enter))
	}
	blocks = append(blocks, Paragraph(text+". The token was lost with it."), s.quote(unique(held.Events[0], enter, last)...))
	next := s.firstAfter(held)
	if next == nil {
		return append(blocks, Paragraph("Nobody entered by a new token before these logs end."))
	}
	return append(blocks, s.recovery(dead, held, next)...)
}

// recovery tells how the token was made anew.
func (s *source) recovery(dead *logs.Life, held *logs.Visit, next *logs.Entry) []Block {
	var blocks []Block
	if story, err := s.run.Tell(next.Enter.Lock, next.Enter.Fence); err == nil {
		blocks = append(blocks, Paragraph(fmt.Sprintf("The first entry after that was by %s, with fence %d, line %s. How it came to it:",
			next.Enter.Node, next.Enter.Fence, s.reference(next.Enter))))
		blocks = append(blocks, s.tell(story)...)
		blocks = append(blocks, Paragraph(story.Moral))
	}
	text := fmt.Sprintf("The new token's epoch, %s, is above the lost one's, %s.", next.Visit.Epoch, held.Epoch)
	if highest := highestFence(held); next.Enter.Fence > highest {
		text += fmt.Sprintf(" So is its fence: %d after %d.", next.Enter.Fence, highest)
	}
	blocks = append(blocks, Paragraph(text+" A node that buries another answers none of its PINGs for a while, so that no majority can keep a session of it alive: even if it had only been slow, it could not use the old token any more."))
	to := s.numbers[next.Enter]
	if next.End != nil {
		to = s.numbers[next.End]
	}
	if f, ok := s.figure("death", draw.Options{Lock: next.Enter.Lock, From: s.numbers[held.Events[0]], To: to}, "A holder dies, and the token is made anew."); ok {
		blocks = append(blocks, f)
	}
	return append(blocks, s.restart(dead)...)
}

// restart tells how the node came back.
func (s *source) restart(dead *logs.Life) []Block {
	if dead.Index+1 >= len(s.run.Lives) || s.run.Lives[dead.Index+1].Node != dead.Node {
		return []Block{Paragraph("The node was not started again.")}
	}
	again := s.run.Lives[dead.Index+1]
	var enter *logs.Event
	for _, e := range again.Events {
		if e.Kind == logs.Enter {
			enter = e
			break
		}
	}
	text := fmt.Sprintf("The node was started again, line %s, with a new incarnation and a higher session.", s.reference(again.Events[0]))
	if enter != nil {
		text += fmt.Sprintf(" It entered again in line %s.", s.reference(enter))
	}
	return []Block{Paragraph(text), s.quote(unique(again.Events[0], enter)...)}
}

// crashed returns the first process that crashed: with the token, if one did.
func (s *source) crashed() *logs.Life {
	var first *logs.Life
	for _, life := range s.run.Lives {
		if life.End != logs.Crashed {
			continue
		}
		if s.heldAtEnd(life) != nil {
			return life
		}
		if first == nil {
			first = life
		}
	}
	return first
}

// heldAtEnd returns the visit of the token that ended with the process.
func (s *source) heldAtEnd(life *logs.Life) *logs.Visit {
	for _, j := range s.run.Journeys() {
		for _, v := range j.Visits {
			if v.Life == life && v.Departure == nil {
				return v
			}
		}
	}
	return nil
}

// firstAfter returns the first entry by a token made after a visit.
func (s *source) firstAfter(held *logs.Visit) *logs.Entry {
	for _, j := range s.run.Journeys() {
		for _, entry := range j.Entries {
			if j.Lock == held.Lock && entry.Visit.Epoch.Compare(held.Epoch) > 0 {
				return entry
			}
		}
	}
	return nil
}

func highestFence(v *logs.Visit) uint64 {
	var highest uint64
	for _, e := range v.Events {
		highest = max(highest, e.Fence)
	}
	return highest
}

// unique leaves out lines that are nil, or that were there already.
func unique(events ...*logs.Event) []*logs.Event {
	var kept []*logs.Event
	seen := map[*logs.Event]bool{nil: true}
	for _, e := range events {
		if !seen[e] {
			kept = append(kept, e)
		}
		seen[e] = true
	}
	return kept
}
