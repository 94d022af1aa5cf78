package logs

import "fmt"

// What stories say of runs of ticks, and of kept holds.

// gatherNotes chooses how a quorum came to remember the run or the kept hold of the entry,
// before it and after it.
func (x *explanation) gatherNotes() {
	enter := x.entry.Enter
	events := enter.Life.Events
	isOf := func(e *Event) bool {
		n := e.Noted
		return n != nil && e.Lock == enter.Lock && (n.Run.Fence == enter.Fence || n.Kept.Fence == enter.Fence)
	}
	for i := enter.Seq - 1; i >= 0; i-- {
		e := events[i]
		if x.begin != nil && e.Seq < x.begin.Seq || x.begin == nil && (e.Kind == Enter || e.Kind == Leave) && e.Lock == enter.Lock {
			break
		}
		switch {
		case isOf(e):
			x.chooseNote(e)
		case e.Lock == enter.Lock && (e.Kind == Keeping || e.Kind == Unkept):
			x.chooseKept(e)
		}
	}
	for _, e := range events[enter.Seq+1:] {
		switch {
		case (e.Kind == Enter || e.Kind == TokenReceived) && e.Lock == enter.Lock:
			return
		case isOf(e):
			x.chooseNote(e)
		}
		if e.Kind == RunNoted && isOf(e) {
			return
		}
	}
}

// chooseKept chooses a line about a kept hold that barred the lock, and by what the node came
// to know that it does so no longer.
func (x *explanation) chooseKept(e *Event) {
	x.choose(e)
	if e.Kind == Keeping || e.Seq == 0 {
		return
	}
	for i := e.Seq - 1; i >= max(0, e.Seq-3); i-- {
		told := e.Life.Events[i]
		if n := told.Noted; n != nil && told.Received() && told.Lock == e.Lock && (n.Kept.Over || n.KnownKept.Over) {
			x.choose(told, told.Cause)
			return
		}
	}
}

// chooseNote chooses a line about the entry's note: a message at both ends, and once though
// it was repeated.
func (x *explanation) chooseNote(e *Event) {
	switch e.Kind {
	case Witnessing, RunNoted, RunNotNoted:
		x.choose(e)
	case WitnessSent:
		for other := range x.chosen {
			if other.Kind == e.Kind && other.Life == e.Life && other.Peer == e.Peer && other.Noted.about() == e.Noted.about() {
				return
			}
		}
		x.choose(e, e.Receipt)
	case WitnessAnswerReceived:
		x.choose(e, e.Cause)
	}
}

// noteSentence says what a step about a run or a kept hold is; empty for any other.
func noteSentence(group []*Event) string {
	e := group[0]
	switch e.Kind {
	case Witnessing:
		return fmt.Sprintf("%s has a quorum remember %s.", e.Node, e.Noted.words())
	case WitnessSent:
		return fmt.Sprintf("%s sends WITNESS(%s) to %s.", e.Node, e.Noted.brief(), peers(group))
	case WitnessReceived:
		return fmt.Sprintf("%s receives WITNESS(%s) from %s, and puts it on disk before it answers.", e.Node, e.Noted.brief(), e.Peer)
	case WitnessAnswerSent:
		return fmt.Sprintf("%s answers %s: %s.", e.Node, e.Peer, e.witnessed())
	case WitnessAnswerReceived:
		return fmt.Sprintf("%s receives the answer of %s: %s.", e.Node, e.Peer, e.witnessed())
	case Ran:
		return fmt.Sprintf("%s: a waiter is not let in, since the lock has had %s.", e.Node, e.Noted.words())
	case RunNoted:
		return fmt.Sprintf("%s knows that a quorum remembers %s.", e.Node, e.Noted.words())
	case RunNotNoted:
		return fmt.Sprintf("%s does not know whether a quorum remembers %s: %s.", e.Node, e.Noted.words(), e.Reason)
	case Keeping:
		return fmt.Sprintf("%s has the token, and lets nobody in: %s is kept, and its holder is gone.", e.Node, e.Noted.words())
	case Unkept:
		return fmt.Sprintf("%s lets others in again: the hold with fence %d is kept no longer.", e.Node, e.Noted.Kept.Fence)
	case Freed:
		return fmt.Sprintf("%s knows that a quorum remembers that the hold with fence %d is over.", e.Node, e.Noted.Kept.Fence)
	case NotFreed:
		return fmt.Sprintf("%s does not know whether a quorum remembers that the hold with fence %d is over: %s.", e.Node, e.Noted.Kept.Fence, e.Reason)
	}
	return ""
}

// noteBrief says the same in a few words.
func noteBrief(group []*Event) string {
	e := group[0]
	switch e.Kind {
	case Witnessing:
		return "has a quorum remember: " + e.Noted.brief()
	case WitnessSent:
		return fmt.Sprintf("sends WITNESS(%s) to %s", e.Noted.brief(), peers(group))
	case WitnessReceived:
		return fmt.Sprintf("receives WITNESS(%s) from %s", e.Noted.brief(), e.Peer)
	case WitnessAnswerSent:
		return fmt.Sprintf("answers %s: %s", e.Peer, e.witnessed())
	case WitnessAnswerReceived:
		return fmt.Sprintf("hears from %s: %s", e.Peer, e.witnessed())
	case RunNoted:
		return "a quorum remembers: " + e.Noted.brief()
	}
	return ""
}

// brief says what a note is about, in a few words.
func (n *Noted) brief() string {
	switch {
	case n.Kept.Fence != 0 && n.Kept.Over:
		return fmt.Sprintf("fence %d over", n.Kept.Fence)
	case n.Kept.Fence != 0:
		return fmt.Sprintf("fence %d kept", n.Kept.Fence)
	}
	return fmt.Sprintf("tick %d %s", n.Run.Tick, n.Run.State)
}

// words say what a note is about.
func (n *Noted) words() string {
	switch {
	case n.Kept.Fence != 0 && n.Kept.Over:
		return fmt.Sprintf("that the kept hold with fence %d is over", n.Kept.Fence)
	case n.Kept.Fence != 0:
		return fmt.Sprintf("the kept hold with fence %d", n.Kept.Fence)
	case n.Run.State == "void":
		return fmt.Sprintf("that the run of tick %d with fence %d did not begin", n.Run.Tick, n.Run.Fence)
	case n.Run.done():
		return fmt.Sprintf("that the run of tick %d with fence %d is done", n.Run.Tick, n.Run.Fence)
	}
	return fmt.Sprintf("the run of tick %d with fence %d", n.Run.Tick, n.Run.Fence)
}

// witnessed says in words what an answer to WITNESS says.
func (e *Event) witnessed() string {
	switch e.Answer {
	case "noted":
		return "it is on disk"
	case "full":
		return "no room for another note"
	case "no disk":
		return "no data directory"
	}
	return "it has promised a later ballot"
}
