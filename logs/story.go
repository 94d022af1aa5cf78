package logs

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// step is one step of a story: what happened, and the lines that show it.
type step struct {
	text  string
	lines []*Event
}

// tell writes the story.
func (t *tale) tell(w io.Writer) error {
	enter := t.entry.Enter
	p := &printer{w: w}
	p.printf("How %s got lock %s with fence %d\n\n", enter.Node, enter.Lock, enter.Fence)
	if t.showsNumbers() {
		p.printf("RN is the highest request number heard from each member, LN that of its request\n")
		p.printf("granted last, both in the order %s; Q is the\n", strings.Join(t.run.Members, ", "))
		p.printf("queue of the token, head first. LN and Q are known where the token is.\n")
	}
	if t.oneSession() && !t.run.minimal() {
		p.printf("Request numbers are SESSION.COUNT in the lines; here the sessions, which do not\nchange in this story, are left out.\n")
	}
	if t.left > 0 {
		p.printf("The request waited for long: the first %d moves of the token are left out.\n", t.left)
	}
	for i, s := range t.steps() {
		p.printf("\n%2d. %s\n", i+1, s.text)
		for _, e := range s.lines {
			p.printf("      %s: %s\n", e.Position(), e.Raw)
		}
		p.printf("%s", t.values(s.lines[len(s.lines)-1]))
	}
	p.printf("\n%s\n", t.moral())
	return p.err
}

// steps turns the chosen lines into steps. The sendings of one message to several
// members are one step; so are a round's question and answer at one member.
func (t *tale) steps() []step {
	var lines []*Event
	for e := range t.chosen {
		lines = append(lines, e)
	}
	slices.SortFunc(lines, func(a, b *Event) int { return t.at[a] - t.at[b] })
	told := make(map[*Event]bool)
	var steps []step
	for i, e := range lines {
		if told[e] {
			continue
		}
		group := []*Event{e}
		for _, other := range lines[i+1:] {
			if together(e, other) && !told[other] {
				group = append(group, other)
			}
		}
		for _, member := range group {
			told[member] = true
		}
		text := t.sentence(group)
		if t.crashedHere(e) {
			text += fmt.Sprintf(" This is the last line of %s: it crashed, and the token that it had is gone.", e.Node)
		}
		steps = append(steps, step{text, group})
	}
	return steps
}

// crashedHere reports whether a line is the last of a process that had the token
// and crashed.
func (t *tale) crashedHere(e *Event) bool {
	if e.Life.End != Crashed || e != e.Life.last() {
		return false
	}
	return slices.ContainsFunc(t.path[:len(t.path)-1], func(v *Visit) bool { return v.Life == e.Life && v.Departure == nil })
}

// together reports whether two lines are told in one step: the copies of one
// broadcast.
func together(a, b *Event) bool {
	switch a.Kind {
	case RequestSent, ProbeSent, BallotSent, AbortSent:
		return a.Kind == b.Kind && a.Life == b.Life && a.Number == b.Number && a.Probe == b.Probe && a.Ballot == b.Ballot && a.Repeat == b.Repeat
	}
	return false
}

func peers(group []*Event) string {
	var names []string
	for _, e := range group {
		names = append(names, e.Peer)
	}
	return list(names)
}

// list writes names as a sentence does.
func list(names []string) string {
	switch len(names) {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// sentence says what a step is.
func (t *tale) sentence(group []*Event) string {
	e := group[0]
	if text := t.plainSentence(e); text != "" {
		return text
	}
	switch e.Kind {
	case Request:
		return fmt.Sprintf("%s wants lock %s and has not the token. It raises its own number, RN[%s] = %s, and asks all others.", e.Node, e.Lock, e.Node, t.number(e.Number))
	case Ride:
		return fmt.Sprintf("%s is about to leave, and somebody else waits at it. Its next request, %s, rides on the token: it puts itself into Q and sends no REQUEST.", e.Node, t.number(e.Number))
	case RequestSent:
		again := ""
		if e.Repeat {
			again = ", once more since the stream is new"
		}
		return fmt.Sprintf("%s sends REQUEST(%s) to %s%s.", e.Node, t.number(e.Number), peers(group), again)
	case RequestReceived:
		return t.heard(e)
	case TokenReceived:
		return fmt.Sprintf("The token has come to %s.", e.Node)
	case TokenSent:
		return fmt.Sprintf("%s takes %s off the head of Q and sends it the token. This is hop %d.", e.Node, e.Peer, e.Hop)
	case Enter:
		return t.entered(e)
	case Leave:
		return t.leftSection(e)
	case TokenMade:
		return t.madeToken(e)
	}
	return roundSentence(group)
}

// heard tells of a request at somebody else.
func (t *tale) heard(e *Event) string {
	text := fmt.Sprintf("%s receives REQUEST(%s) of %s and notes it: RN[%s] = %s.", e.Node, t.number(e.Number), e.Peer, e.Peer, t.number(e.Number))
	if e.LastGranted == nil {
		return text + " The token is not there, so this is all."
	}
	for i := e.Seq - 1; i >= 0; i-- {
		before := e.Life.Events[i]
		if before.Lock != e.Lock {
			continue
		}
		switch before.Kind {
		case Enter:
			return text + " The token is there, but in use: the answer waits for the leaving."
		case Leave, Lost, TokenReceived, TokenMade:
			return text + " The token is there and nobody uses it: RN > LN, so it may go at once."
		}
	}
	return text
}

func (t *tale) entered(e *Event) string {
	switch {
	case e != t.entry.Enter && t.begin != nil && t.at[e] < t.at[t.begin]:
		return fmt.Sprintf("The story begins while %s is in the critical section, with fence %d.", e.Node, e.Fence)
	case e != t.entry.Enter:
		return fmt.Sprintf("It is the turn of %s: it enters, with fence %d.", e.Node, e.Fence)
	case t.begin == nil:
		return fmt.Sprintf("%s wants lock %s. The token is here and nobody uses it: it enters at once, with fence %d, and no message is sent.", e.Node, e.Lock, e.Fence)
	}
	return fmt.Sprintf("The token is here, and it is for request %s: %s ENTERS the critical section, with fence %d.", t.number(e.Number), e.Node, e.Fence)
}

// leftSection tells of the leave rule, and where it puts the asker.
func (t *tale) leftSection(e *Event) string {
	self := t.run.member(e.Node)
	text := fmt.Sprintf("%s leaves.", e.Node)
	if self >= 0 && self < len(e.LastGranted) {
		text += fmt.Sprintf(" It notes its own request as granted, LN[%s] = %s, and appends to Q whoever has RN > LN and is not in it.", e.Node, t.number(e.LastGranted[self]))
	}
	asker := t.entry.Enter.Node
	if place := slices.Index(e.Queue, asker); place >= 0 && t.at[e] < t.at[t.entry.Enter] {
		text += fmt.Sprintf(" %s now has place %d of %d in Q.", asker, place+1, len(e.Queue))
		if e.Queue[0] == e.Node && len(e.Queue) > 1 {
			text += fmt.Sprintf(" %s itself goes ahead of all: its local batch lets in another who waits at it.", e.Node)
		}
	} else if len(e.Queue) == 0 {
		text += " Q is empty: the token stays, unused."
	}
	return text
}

func (t *tale) madeToken(e *Event) string {
	if t.isRound(e) {
		return fmt.Sprintf("Every member has promised, or is buried by a quorum: %s makes the token, with epoch %s. LN is what the members reported, Q those who wait.", e.Node, e.Epoch)
	}
	return fmt.Sprintf("%s makes the token: it hears of lock %s for the first time.", e.Node, e.Lock)
}

// moral sums the story up.
func (t *tale) moral() string {
	enter := t.entry.Enter
	if t.begin == nil {
		return "No message was needed for this entry, as the paper has it where the token is here."
	}
	requests, tokens, rounds, others := 0, 0, 0, 0
	for e := range t.chosen {
		switch {
		case e.Kind == RequestSent && !e.Repeat:
			requests++
		case e.Kind == ProbeSent || e.Kind == BallotSent || e.Kind == AnswerSent || e.Kind == AbortSent:
			rounds++
		case e.Kind == TokenReceived && t.at[e] > t.at[t.begin] && t.at[e] <= t.at[enter] && e.Node == enter.Node:
			tokens = 1
		case e.Kind == Enter && e.Node != enter.Node && t.at[e] > t.at[t.begin] && t.at[e] < t.at[enter]:
			others++
		}
	}
	text := fmt.Sprintf("This entry took %d REQUEST and %d TOKEN; the paper has N = %d messages, and fewer where a request rides.", requests, tokens, len(t.run.Members))
	if rounds > 0 {
		text += fmt.Sprintf(" To look for the token and to make it took %d messages more.", rounds)
	}
	return text + fmt.Sprintf(" Entries of others between the request and the grant: %d.", others)
}

// values writes RN, LN and Q as a line shows them.
func (t *tale) values(e *Event) string {
	if e.RequestNumbers == nil {
		return ""
	}
	text := fmt.Sprintf("      RN = %s", t.numbers(e.RequestNumbers))
	if e.LastGranted != nil {
		text += fmt.Sprintf("   LN = %s   Q = [%s]", t.numbers(e.LastGranted), strings.Join(e.Queue, ", "))
	}
	return text + "\n"
}

func (t *tale) numbers(numbers []Number) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, t.number(n))
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// number writes a member's request number, without its session where no session
// changes in the story.
func (t *tale) number(n Number) string {
	if t.oneSession() {
		return fmt.Sprint(n.Count)
	}
	return n.String()
}
