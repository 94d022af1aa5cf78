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

// write writes the story.
func (x *explanation) write(w io.Writer) error {
	enter := x.entry.Enter
	p := &printer{w: w}
	p.printf("How %s got lock %s with fence %d\n\n", enter.Node, enter.Lock, enter.Fence)
	if x.showsNumbers() {
		p.printf("RN has the highest request number heard from each member, LN the number of each\n")
		p.printf("member's request that was granted last, both in the order %s.\n", strings.Join(x.order(), ", "))
		p.printf("Q is the token's queue, head first. LN and Q are known only where the token is.\n")
	}
	if x.oneSession() && !x.run.minimal() {
		p.printf("Request numbers are SESSION.COUNT in the lines. No session changes in this story,\nso the sessions are left out here.\n")
	}
	if x.left > 0 {
		p.printf("The request waited for a long time: %s of the token at the beginning\nleft out.\n", verb(x.left, "move", "moves", " is", " are"))
	}
	for i, s := range x.steps() {
		p.printf("\n%2d. %s\n", i+1, s.text)
		for _, e := range s.lines {
			p.printf("      %s: %s\n", e.Position(), e.Raw)
		}
		p.printf("%s", x.values(s.lines[len(s.lines)-1]))
	}
	p.printf("\n%s\n", x.summary())
	return p.err
}

// order are the members that RN has in the story, in member order.
func (x *explanation) order() []string {
	longest := 0
	for e := range x.chosen {
		longest = max(longest, len(e.RequestNumbers))
	}
	return x.run.Members[:min(longest, len(x.run.Members))]
}

// size is how many members there were when the request of the story began.
func (x *explanation) size() int {
	if size := x.run.sizeAt(x.begin); size > 0 {
		return size
	}
	return len(x.run.Members)
}

// steps turns the chosen lines into steps.
func (x *explanation) steps() []step {
	var steps []step
	for _, group := range x.groups() {
		text := x.sentence(group)
		if e := group[0]; x.crashedHere(e) {
			text += fmt.Sprintf(" This is the last line of %s: it crashed, and the token was lost with it.", e.Node)
		}
		steps = append(steps, step{text, group})
	}
	return steps
}

// groups puts the chosen lines in order. The sendings of one message to several
// members are one group.
func (x *explanation) groups() [][]*Event {
	var lines []*Event
	for e := range x.chosen {
		lines = append(lines, e)
	}
	slices.SortFunc(lines, func(a, b *Event) int { return x.at[a] - x.at[b] })
	told := make(map[*Event]bool)
	var groups [][]*Event
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
		groups = append(groups, group)
	}
	return groups
}

// crashedHere reports whether a line is the last of a process that had the token
// and crashed.
func (x *explanation) crashedHere(e *Event) bool {
	if e.Life.End != Crashed || e != e.Life.last() {
		return false
	}
	return slices.ContainsFunc(x.path[:len(x.path)-1], func(v *Visit) bool { return v.Life == e.Life && v.Departure == nil })
}

// together reports whether two lines are told in one step: the copies of one
// broadcast.
func together(a, b *Event) bool {
	switch a.Kind {
	case SaySent:
		return a.Kind == b.Kind && a.Life == b.Life && a.Fence == b.Fence && a.Count == b.Count
	case WitnessSent:
		return a.Kind == b.Kind && a.Life == b.Life && a.Noted.about() == b.Noted.about()
	case ChooseSent, AcceptSent:
		return a.Kind == b.Kind && a.Life == b.Life && a.Listing.Version == b.Listing.Version && a.Listing.Round == b.Listing.Round
	case RequestSent, ProbeSent, BallotSent, AbortSent, RecallSent:
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
func (x *explanation) sentence(group []*Event) string {
	e := group[0]
	if text := x.plainSentence(e); text != "" {
		return text
	}
	if text := x.shareSentence(group); text != "" {
		return text
	}
	if text := leaderSentence(group); text != "" {
		return text
	}
	if text := noteSentence(group); text != "" {
		return text
	}
	if text := x.run.memberSentence(group); text != "" {
		return text
	}
	switch e.Kind {
	case Request:
		return fmt.Sprintf("%s wants lock %s and does not have the token. It raises its own request number, RN[%s] = %s, and asks all the others.", e.Node, e.Lock, e.Node, x.number(e.Number))
	case Ride:
		return fmt.Sprintf("%s is about to leave while somebody else waits at it. Its next request, %s, rides on the token: it puts itself into Q and sends no REQUEST.", e.Node, x.number(e.Number))
	case RequestSent:
		again := ""
		if e.Repeat {
			again = " again, because the stream is new"
		}
		return fmt.Sprintf("%s sends REQUEST(%s) to %s%s.", e.Node, x.number(e.Number), peers(group), again)
	case RequestReceived:
		return x.heard(e)
	case TokenReceived:
		return fmt.Sprintf("The token reaches %s.", e.Node)
	case TokenSent:
		return fmt.Sprintf("%s takes %s from the head of Q and sends it the token. This is hop %d.", e.Node, e.Peer, e.Hop)
	case Enter:
		return x.entered(e)
	case Leave:
		return x.leftSection(e)
	case TokenMade:
		return x.madeToken(e)
	}
	return roundSentence(group)
}

// heard tells of a request at somebody else.
func (x *explanation) heard(e *Event) string {
	text := fmt.Sprintf("%s receives REQUEST(%s) from %s", e.Node, x.number(e.Number), e.Peer)
	asker := x.run.member(e.Peer)
	if asker >= 0 && asker < len(e.RequestNumbers) && e.RequestNumbers[asker] != e.Number {
		return text + fmt.Sprintf(". It is an old one: RN[%s] is %s already.", e.Peer, x.number(e.RequestNumbers[asker]))
	}
	text += fmt.Sprintf(" and notes it: RN[%s] = %s.", e.Peer, x.number(e.Number))
	if e.LastGranted == nil {
		return text + " It does not have the token, so it does nothing more."
	}
	if x.waitsForShares(e) {
		return text + fmt.Sprintf(" It has the token and waits itself for those who share the lock, so %s has to wait until that turn is over.", e.Peer)
	}
	switch e.UseOfToken() {
	case Sharing:
		return text + " It has the token. Whoever is in there shares the lock, so the token may go at once."
	case Inside:
		return text + fmt.Sprintf(" It has the token and is in the critical section, so %s has to wait until it leaves.", e.Peer)
	case Outside:
		if asker >= 0 && asker < len(e.LastGranted) && e.Number.Compare(e.LastGranted[asker]) > 0 {
			return text + " It has the token and is not in the critical section: RN > LN, so the token may go at once."
		}
		return text + " It has the token and is not in the critical section."
	}
	return text + " It has the token."
}

func (x *explanation) entered(e *Event) string {
	switch {
	case e != x.entry.Enter && x.begin != nil && x.at[e] < x.at[x.begin]:
		return fmt.Sprintf("The story begins while %s is in the critical section, with fence %d.", e.Node, e.Fence)
	case e != x.entry.Enter:
		return fmt.Sprintf("It is the turn of %s: it enters, with fence %d.", e.Node, e.Fence)
	case x.begin == nil:
		return fmt.Sprintf("%s wants lock %s. It has the token and nobody uses it, so it enters at once, with fence %d, and sends no message.", e.Node, e.Lock, e.Fence)
	}
	return fmt.Sprintf("The token is here for request %s: %s enters the critical section, with fence %d.", x.number(e.Number), e.Node, e.Fence)
}

// leftSection tells of the leave rule, and where it puts the asker.
func (x *explanation) leftSection(e *Event) string {
	self := x.run.member(e.Node)
	text := fmt.Sprintf("%s leaves.", e.Node)
	if self >= 0 && self < len(e.LastGranted) {
		text += fmt.Sprintf(" It records its own request as granted, LN[%s] = %s, and appends to Q every node that is not in Q and has RN > LN.", e.Node, x.number(e.LastGranted[self]))
	}
	asker := x.entry.Enter.Node
	if turn := slices.Index(e.Queue, asker); turn >= 0 && x.at[e] < x.at[x.entry.Enter] {
		text += fmt.Sprintf(" %s is now %s in Q.", asker, ordinal(turn+1))
		if e.Queue[0] == e.Node && len(e.Queue) > 1 {
			text += fmt.Sprintf(" %s itself goes ahead of all: its local batch lets in another who waits at it.", e.Node)
		}
	} else if len(e.Queue) == 0 {
		text += " Q is empty, so the token stays, unused."
	}
	return text
}

func ordinal(n int) string {
	if n <= 5 {
		return [...]string{"first", "second", "third", "fourth", "fifth"}[n-1]
	}
	return fmt.Sprintf("number %d", n)
}

func (x *explanation) madeToken(e *Event) string {
	if x.isRound(e) {
		return fmt.Sprintf("Every member has promised or was buried by a quorum: %s makes the token, with epoch %s. LN is what the members reported, and Q has those who wait.", e.Node, e.Epoch)
	}
	return fmt.Sprintf("%s makes the token: it hears of lock %s for the first time.", e.Node, e.Lock)
}

// summary says what the entry cost, and who came before it.
func (x *explanation) summary() string {
	enter := x.entry.Enter
	if x.begin == nil {
		return "This entry needed no message, as in the paper where the token is at the node that asks." + x.beside()
	}
	requests, tokens, rounds, others, recalls, witnesses := 0, 0, 0, 0, 0, 0
	for e := range x.chosen {
		switch {
		case e.Kind == RequestSent && !e.Repeat:
			requests++
		case e.Kind == ProbeSent || e.Kind == BallotSent || e.Kind == AnswerSent || e.Kind == AbortSent:
			rounds++
		case e.Kind == RecallSent && e.Life == enter.Life, e.Kind == DoneReceived && e.Life == enter.Life:
			recalls++
		case e.Kind == WitnessSent && e.Life == enter.Life, e.Kind == WitnessAnswerSent && e.Peer == enter.Node:
			witnesses++
		case e.Kind == TokenReceived && x.at[e] > x.at[x.begin] && x.at[e] <= x.at[enter] && e.Node == enter.Node:
			tokens = 1
		case e.Kind == Enter && e.Node != enter.Node && x.at[e] > x.at[x.begin] && x.at[e] < x.at[enter]:
			others++
		}
	}
	text := fmt.Sprintf("This entry cost %s and %s; in the paper, an entry that has to ask costs N = %s.",
		counted(requests, "REQUEST", "REQUESTs"), counted(tokens, "TOKEN", "TOKENs"), counted(x.size(), "message", "messages"))
	if rounds > 0 {
		text += fmt.Sprintf(" The last search for the token and the ballot that made it took %s more.", counted(rounds, "message", "messages"))
	}
	if recalls > 0 {
		text += fmt.Sprintf(" To call in the shares took %s more.", counted(recalls, "message", "messages"))
	}
	if witnesses > 0 {
		text += fmt.Sprintf(" To have it remembered took %s more, repeats left out.", counted(witnesses, "message", "messages"))
	}
	if x.left > 0 {
		return text + " Other nodes entered between the request and the grant." + x.beside()
	}
	switch others {
	case 0:
		text += " The logs show no other entry between the request and the grant."
	case 1:
		text += " One other entry came between the request and the grant."
	default:
		text += fmt.Sprintf(" %d other entries came between the request and the grant.", others)
	}
	return text + x.beside()
}

// values writes RN, LN and Q as a line shows them.
func (x *explanation) values(e *Event) string {
	if e.RequestNumbers == nil {
		return ""
	}
	text := fmt.Sprintf("      RN = %s", x.numbers(e.RequestNumbers))
	if e.LastGranted != nil {
		text += fmt.Sprintf("   LN = %s   Q = [%s]", x.numbers(e.LastGranted), strings.Join(e.Queue, ", "))
	}
	if e.Has("shares") {
		text += "   shares: " + x.run.sharesText(e.Shared.Shares)
	}
	if n := e.Noted; n != nil && e.LastGranted != nil && n.Run.Tick != 0 {
		text += fmt.Sprintf("   run: tick %d, fence %d, %s", n.Run.Tick, n.Run.Fence, n.Run.State)
	}
	return text + "\n"
}

func (x *explanation) numbers(numbers []Number) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, x.number(n))
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// number writes a member's request number, without its session where no session
// changes in the story.
func (x *explanation) number(n Number) string {
	if x.oneSession() {
		return fmt.Sprint(n.Count)
	}
	return n.String()
}
