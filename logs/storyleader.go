package logs

import "fmt"

// What stories say of leaders: who holds a lock alone, and says a value.

// mostSayings is how many values of a hold a story tells, and the end of its term.
const mostSayings = 6

// gatherSayings chooses what the holder said, until it left: each value where it was said,
// where it was sent, and where it came.
func (x *explanation) gatherSayings() {
	enter := x.entry.Enter
	events, told := enter.Life.Events[enter.Seq:], 0
	for _, e := range events {
		if end := x.entry.End; end != nil && e.Seq > end.Seq {
			return
		}
		if e.Lock != enter.Lock || e.Fence != enter.Fence {
			continue
		}
		switch e.Kind {
		case Leader:
			if told++; told > mostSayings && !e.Over {
				continue
			}
			x.choose(e)
		case SaySent:
			if told <= mostSayings || e.Over {
				x.choose(e, e.Receipt)
			}
		}
	}
}

// leaderSentence says what a step about a leader is; empty for any other.
func leaderSentence(group []*Event) string {
	e := group[0]
	switch {
	case e.Kind == Leader && e.Peer == e.Node && e.Over:
		return fmt.Sprintf("The term of the leader at %s is over.", e.Node)
	case e.Kind == Leader && e.Peer == e.Node:
		return fmt.Sprintf("The holder at %s leads, and says %q.", e.Node, e.Value)
	case e.Kind == Leader && e.Over:
		return fmt.Sprintf("%s believes that nobody leads any more: %s.", e.Node, e.whyOver())
	case e.Kind == Leader && e.Reason != "":
		return fmt.Sprintf("%s is in doubt about the leader at %s: %s.", e.Node, e.Peer, e.Reason)
	case e.Kind == Leader:
		return fmt.Sprintf("%s believes that the holder at %s leads, and says %q.", e.Node, e.Peer, e.Value)
	case e.Kind == SaySent:
		return fmt.Sprintf("%s sends SAY(%s) to %s.", e.Node, e.saying(), peers(group))
	case e.Kind == SayReceived:
		return fmt.Sprintf("%s receives SAY(%s) from %s.", e.Node, e.saying(), e.Peer)
	}
	return ""
}

// leaderBrief says the same in a few words.
func leaderBrief(group []*Event) string {
	e := group[0]
	switch {
	case e.Kind == Leader && e.Over:
		return "nobody leads any more"
	case e.Kind == Leader && e.Reason != "":
		return fmt.Sprintf("leader at %s in doubt", e.Peer)
	case e.Kind == Leader:
		return fmt.Sprintf("leader at %s: %q", e.Peer, e.Value)
	case e.Kind == SaySent:
		return fmt.Sprintf("sends SAY(%s) to %s", e.saying(), peers(group))
	case e.Kind == SayReceived:
		return fmt.Sprintf("receives SAY(%s) from %s", e.saying(), e.Peer)
	}
	return ""
}

// saying is what SAY says.
func (e *Event) saying() string {
	if e.Over {
		return "over"
	}
	return fmt.Sprintf("%q", e.Value)
}

func (e *Event) whyOver() string {
	if e.Reason == "" {
		return "the leader gave the lock back"
	}
	return e.Reason
}
