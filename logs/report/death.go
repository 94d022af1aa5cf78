package report

import (
	"fmt"
	"slices"

	"conch/logs"
	"conch/logs/draw"
)

// whereOneDied is the run from which the death of a node is told: the second one, or the
// main one if only in that a node died; nil if there is none.
func (b *builder) whereOneDied() *source {
	for _, s := range []*source{b.crash, b.main} {
		if b.tells(s) && s.crashed() != nil {
			return s
		}
	}
	return nil
}

// death tells what happens when a node dies.
func (b *builder) death() []Block {
	s := b.whereOneDied()
	if s == nil {
		text := "By these logs, no node died, so nothing is shown of that here."
		if b.Crash == nil {
			text += " To show it, kill a node with kill -9, start it again, and make the report from the logs then; or give the folder of a second run with --crash, such as conch demo --kill --out FOLDER makes."
		}
		return []Block{Paragraph(text)}
	}
	dead := s.crashed()
	last := dead.Events[len(dead.Events)-1]
	blocks := []Block{Paragraph(fmt.Sprintf("This is told from the logs of appendix %d. The process of %s wrote %s and then nothing more, and no line says that it stopped.", s.Number, s.names.Of(dead.Node), s.at(last)))}
	if lost := s.noticed(dead); lost != nil {
		blocks = append(blocks, Paragraph(fmt.Sprintf("%s noticed in %s that its stream had broken:", s.node(lost), s.at(lost))), s.quote(last, lost))
	} else {
		blocks = append(blocks, s.quote(last))
	}
	held := s.heldAtEnd(dead)
	if held == nil {
		return append(append(blocks, s.withoutToken(dead)...), s.restart(dead)...)
	}
	came := held.Events[0]
	text := fmt.Sprintf("It had the token, by %s", s.at(came))
	enter := insideAtEnd(held)
	if enter != nil {
		text += fmt.Sprintf(", and was in the critical section, by %s", s.at(enter))
	}
	blocks = append(blocks, Paragraph(text+". The token was lost with it:"), s.quote(without(last, came, enter)...))
	next := s.firstAfter(held)
	if next == nil {
		blocks = append(blocks, Paragraph("Nobody entered with a new token before these logs end."))
		return append(blocks, s.restart(dead)...)
	}
	return append(append(blocks, s.recovery(held, next)...), s.restart(dead)...)
}

// without leaves out a line that is quoted already, unless nothing would be left.
func without(quoted *logs.Event, events ...*logs.Event) []*logs.Event {
	kept := slices.DeleteFunc(unique(events...), func(e *logs.Event) bool { return e == quoted })
	if len(kept) == 0 {
		return unique(events...)
	}
	return kept
}

// noticed returns the first line after the end of a process by which another lost its
// stream to it.
func (s *source) noticed(dead *logs.Life) *logs.Event {
	last := dead.Events[len(dead.Events)-1]
	for _, e := range s.Events[s.numbers[last]:] {
		if e.Kind == logs.PeerLost && e.Peer == dead.Node {
			return e
		}
	}
	return nil
}

// insideAtEnd returns the entry alone that was not over when a visit ended with its process.
func insideAtEnd(held *logs.Visit) *logs.Event {
	var enter *logs.Event
	for _, e := range held.Events {
		if e.Mode() != 0 {
			continue
		}
		switch e.Kind {
		case logs.Enter:
			enter = e
		case logs.Leave, logs.Lost:
			enter = nil
		}
	}
	return enter
}

// withoutToken tells how the others went on where no line shows the token at a node that
// died.
func (s *source) withoutToken(dead *logs.Life) []Block {
	last := dead.Events[len(dead.Events)-1]
	after := s.Events[s.numbers[last]:]
	if sent := s.onTheWay(dead); sent != nil {
		return []Block{Paragraph(fmt.Sprintf("The token was on its way to it: %s sent it in %s, and no line says that it came.", s.node(sent), s.at(sent))), s.quote(sent)}
	}
	for _, e := range after {
		if e.Kind == logs.Enter && e.Life != dead {
			return []Block{Paragraph(fmt.Sprintf("No line shows the token at %s at that time. The others went on: the next entry is that of %s, in %s.", s.names.Of(dead.Node), s.node(e), s.at(e))), s.quote(e)}
		}
	}
	return []Block{Paragraph("No line shows the token at it at that time, and these logs have no later entry.")}
}

// onTheWay returns the line by which the token was sent to a process that then died, if
// it never came.
func (s *source) onTheWay(dead *logs.Life) *logs.Event {
	if dead.Started == nil {
		return nil
	}
	end := s.numbers[dead.Events[len(dead.Events)-1]]
	var sent *logs.Event
	for i, e := range s.Events {
		switch {
		case e.Kind == logs.TokenSent && e.Peer == dead.Node && e.Receipt == nil && e.Session == dead.Started.Session:
			sent = e
		case e.Kind == logs.TokenMade && sent != nil && e.Lock == sent.Lock && i < end:
			sent = nil // that one was lost before
		}
	}
	return sent
}

// recovery tells how the token was made anew.
func (s *source) recovery(held *logs.Visit, next *logs.Entry) []Block {
	var blocks []Block
	if story, err := s.run.Tell(next.Enter.Lock, next.Enter.Fence); err == nil {
		blocks = append(blocks, Paragraph(fmt.Sprintf("The first entry with a new token was that of %s, with fence %d, in %s. This is how it came about:",
			s.node(next.Enter), next.Enter.Fence, s.at(next.Enter))))
		blocks = append(blocks, s.tell(story)...)
	}
	text := fmt.Sprintf("The epoch of the new token, %s, is above that of the lost one, %s.", next.Visit.Epoch, held.Epoch)
	if highest := highestFence(held); next.Enter.Fence > highest {
		text += fmt.Sprintf(" So is the fence: %d after %d.", next.Enter.Fence, highest)
	}
	if s.buried(held.Life, next.Enter) {
		text += " A node that buries another answers none of its PINGs for a while, so no majority can keep a session of the buried node alive. Even if that node had only been slow, it could not have used the old token any more."
	} else {
		text += fmt.Sprintf(" Nobody had to bury %s: its new process had promised too.", s.names.Of(held.Life.Node))
	}
	blocks = append(blocks, Paragraph(text))
	to := s.numbers[next.Enter]
	if next.End != nil {
		to = s.numbers[next.End]
	}
	if f, ok := s.figure("death", draw.Options{Lock: next.Enter.Lock, From: s.numbers[held.Events[0]], To: to}, "The node with the token dies, and the others make a new token."); ok {
		blocks = append(blocks, f)
	}
	return blocks
}

// buried reports whether a node buried that of the process between its last line and e, as
// it wrote or as its answer to a ballot says.
func (s *source) buried(dead *logs.Life, e *logs.Event) bool {
	from := s.numbers[dead.Events[len(dead.Events)-1]]
	return slices.ContainsFunc(s.Events, func(b *logs.Event) bool {
		says := b.Kind == logs.Burial && b.Peer == dead.Node || slices.Contains(b.Buried, dead.Node)
		return says && s.numbers[b] > from && s.numbers[b] < s.numbers[e]
	})
}

// restart tells how the node came back.
func (s *source) restart(dead *logs.Life) []Block {
	if dead.Index+1 >= len(s.run.Lives) || s.run.Lives[dead.Index+1].Node != dead.Node {
		return []Block{Paragraph(fmt.Sprintf("These logs do not show that %s was started again.", s.names.Of(dead.Node)))}
	}
	again := s.run.Lives[dead.Index+1]
	var enter *logs.Event
	for _, e := range again.Events {
		if e.Kind == logs.Enter {
			enter = e
			break
		}
	}
	text := fmt.Sprintf("%s was started again, in %s", s.names.Of(dead.Node), s.at(again.Events[0]))
	if again.Started != nil && dead.Started != nil && again.Started.Session > dead.Started.Session {
		text += ", with a higher session than before"
	}
	text += "."
	if enter != nil {
		text += fmt.Sprintf(" It entered again in %s.", s.at(enter))
	}
	return []Block{Paragraph(text), s.quote(again.Events[0], enter)}
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

// firstAfter returns the first entry with a token made after a visit.
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
