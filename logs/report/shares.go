package report

import (
	"fmt"
	"slices"

	"conch/logs"
	"conch/logs/draw"
)

// shared reports whether somebody shared a lock in the run.
func (s *source) shared() bool {
	return slices.ContainsFunc(s.Events, func(e *logs.Event) bool {
		return e.Mode() != 0 && (e.Kind == logs.Enter || e.Kind == logs.ShareEnter)
	})
}

// sharing tells how locks were shared, where they were.
func (b *builder) sharing() []Block {
	for _, s := range b.runs() {
		if b.tells(s) && s.shared() {
			return s.sharing()
		}
	}
	return nil
}

func (s *source) sharing() []Block {
	blocks := []Block{Paragraph("Readers hold a lock beside each other, and so do the holders of a semaphore's permits. The token goes round as ever. Whoever shares the lock enters when the token comes, as soon as nobody is in alone and a permit is free; the node writes its share into the token, and passes the token on at once, while its holder is in.")}
	if enter := s.firstOf(logs.Enter, func(e *logs.Event) bool { return e.Mode() != 0 }); enter != nil {
		text := fmt.Sprintf("Here %s shares lock %s, with fence %d", s.node(enter), enter.Lock, enter.Fence)
		under := s.firstOf(logs.ShareEnter, func(e *logs.Event) bool { return e.Life == enter.Life && e.Fence == enter.Fence })
		if under != nil {
			text += ". Later, when the token has gone, another enters there under the same share. It has the same fence, and no message is sent"
		}
		blocks = append(blocks, Paragraph(text+":"), s.quote(enter, under))
	}
	done := s.firstOf(logs.DoneReceived, func(e *logs.Event) bool { return e.Cause != nil && e.Shared.Recaller == e.Node })
	if done == nil {
		return append(blocks, Paragraph("In these logs, no share had to be called in."))
	}
	return append(blocks, s.recall(done)...)
}

// recall tells how a share was called in.
func (s *source) recall(done *logs.Event) []Block {
	of := func(e *logs.Event) bool {
		return e.Lock == done.Lock && e.Shared.Share.Fence == done.Shared.Share.Fence
	}
	sent := s.firstOf(logs.RecallSent, func(e *logs.Event) bool { return e.Life == done.Life && of(e) })
	lines := []*logs.Event{sent}
	if sent != nil {
		lines = append(lines, sent.Receipt)
	}
	if before := done.Cause.Seq - 1; before >= 0 && done.Cause.Life.Events[before].Kind == logs.ShareLeave {
		lines = append(lines, done.Cause.Life.Events[before])
	}
	lines = append(lines, done.Cause, done)
	var enter *logs.Event
	for _, e := range done.Life.Events[done.Seq:] {
		if e.Kind == logs.Enter && e.Lock == done.Lock {
			enter = e
			break
		}
	}
	blocks := []Block{
		Paragraph(fmt.Sprintf("Who wants the lock alone, or finds no permit free, waits with the token, and calls in the shares that it carries. Here %s sends RECALL to %s, which lets in nobody more, and answers DONE when fewer are in:", s.node(done), s.names.Of(done.Peer))),
		s.quote(append(lines, enter)...),
	}
	if sent == nil || enter == nil {
		return blocks
	}
	if f, ok := s.figure("shares", draw.Options{Lock: done.Lock, From: s.numbers[sent], To: s.numbers[enter]}, "Shares are called in, and given back."); ok {
		blocks = append(blocks, f)
	}
	return blocks
}

// firstOf finds the first line of a kind.
func (s *source) firstOf(kind string, is func(*logs.Event) bool) *logs.Event {
	for _, e := range s.Events {
		if e.Kind == kind && is(e) {
			return e
		}
	}
	return nil
}
