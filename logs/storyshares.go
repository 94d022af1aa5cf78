package logs

import (
	"fmt"
	"slices"
	"strings"
)

// What stories say of locks that are shared.

// recalls reports whether somebody waited, between the request of an entry and the entry, for
// shares that were out.
func (entry *Entry) recalls(begin *Event) bool {
	return slices.ContainsFunc(entry.Visit.Events, func(e *Event) bool {
		return e.Kind == DoneReceived && e.Seq > begin.Seq && e.Seq < entry.Enter.Seq && e.Life == begin.Life
	})
}

// gatherShare chooses a RECALL, if the member has not been sent one for that share, or a DONE:
// at both ends, and who left before the DONE.
func (x *explanation) gatherShare(e *Event) {
	if e.Kind == RecallSent {
		for other := range x.chosen {
			if other.Kind == RecallSent && other.Life == e.Life && other.Shared.Share.Fence == e.Shared.Share.Fence {
				return
			}
		}
		x.choose(e, e.Receipt)
		return
	}
	x.choose(e, e.Cause)
	if done := e.Cause; done != nil && done.Seq > 0 {
		if left := done.Life.Events[done.Seq-1]; left.Kind == ShareLeave && left.Lock == done.Lock {
			x.choose(left)
		}
	}
}

// modeWords says in which mode somebody enters; empty for alone.
func modeWords(e *Event) string {
	switch mode := e.Mode(); mode {
	case 0:
		return ""
	case Unlimited:
		return " to read"
	case 1:
		return " with the only permit"
	default:
		return fmt.Sprintf(" with one of %d permits", mode)
	}
}

// shareSentence says what a step of a shared lock is; empty for any other.
func (x *explanation) shareSentence(group []*Event) string {
	e := group[0]
	switch e.Kind {
	case RecallSent:
		return fmt.Sprintf("%s has the token, but its waiter cannot enter before shares come back. It sends RECALL to %s, and keeps the token meanwhile.", e.Node, peers(group))
	case RecallReceived:
		return fmt.Sprintf("%s receives RECALL from %s: it lets in nobody more under its share.", e.Node, e.Peer)
	case DoneSent:
		return fmt.Sprintf("%s sends DONE to %s: %s.", e.Node, e.Peer, stillIn(e.Shared.Kept))
	case DoneReceived:
		if e.Shared.Kept == 0 {
			return fmt.Sprintf("%s receives DONE from %s, and strikes its share from the token.", e.Node, e.Peer)
		}
		return fmt.Sprintf("%s receives DONE from %s, whose share is smaller now: %d.", e.Node, e.Peer, e.Shared.Kept)
	case ShareEnter:
		return fmt.Sprintf("%s lets another in%s under its share, with fence %d. The token is elsewhere, and no message is needed.", e.Node, modeWords(e), e.Fence)
	case ShareLeave:
		return fmt.Sprintf("%s: one who shares the lock leaves.", e.Node)
	case Leave:
		if e.Mode().shares() {
			return fmt.Sprintf("%s: one who shares the lock leaves. The token stays as it is.", e.Node)
		}
	case Enter:
		if e.Mode().shares() {
			return x.enteredShared(e)
		}
	}
	return ""
}

// waitsForShares reports whether the node, which has the token, waits itself until others give
// back their shares.
func (x *explanation) waitsForShares(e *Event) bool {
	switch e.UseOfToken() {
	case Recalling:
		return true
	case Sharing:
		self := x.run.member(e.Node)
		return self >= 0 && self < min(len(e.RequestNumbers), len(e.LastGranted)) && e.RequestNumbers[self].Compare(e.LastGranted[self]) > 0
	}
	return false
}

func stillIn(kept uint64) string {
	if kept == 0 {
		return "nobody is in under its share any more"
	}
	return counted(int(min(kept, maxPermits)), "is", "are") + " in under its share still"
}

// enteredShared tells of one who enters beside others.
func (x *explanation) enteredShared(e *Event) string {
	const then = " Its share is in the token now, which may go on at once."
	switch {
	case e != x.entry.Enter && x.begin != nil && x.at[e] < x.at[x.begin]:
		return fmt.Sprintf("Before the story, somebody at %s entered%s, with fence %d.", e.Node, modeWords(e), e.Fence)
	case e != x.entry.Enter:
		return fmt.Sprintf("It is the turn of %s: somebody enters%s, with fence %d.%s", e.Node, modeWords(e), e.Fence, then)
	case x.begin == nil:
		return fmt.Sprintf("%s wants lock %s%s. It has the token and nobody has it alone, so it enters at once, with fence %d, and sends no message.%s", e.Node, e.Lock, modeWords(e), e.Fence, then)
	}
	return fmt.Sprintf("The token is here for request %s: %s enters the critical section%s, with fence %d.%s", x.number(e.Number), e.Node, modeWords(e), e.Fence, then)
}

// beside says how many others entered under the same share.
func (x *explanation) beside() string {
	enter := x.entry.Enter
	if !enter.Mode().shares() {
		return ""
	}
	count := 0
	for _, e := range enter.Life.Events {
		if (e.Kind == Enter || e.Kind == ShareEnter) && e != enter && e.Lock == enter.Lock && e.Fence == enter.Fence {
			count++
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(" %s under the same share, and so with the same fence.", verb(count, "other", "others", " entered", " entered"))
}

// sharesText writes the shares of a token.
func (r *Run) sharesText(shares []Share) string {
	if len(shares) == 0 {
		return "none"
	}
	var texts []string
	for _, s := range shares {
		text := fmt.Sprintf("%s with fence %d", r.name(s.Member), s.Fence)
		if s.Permits > 1 {
			text += fmt.Sprintf(" (%d)", s.Permits)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
