package logs

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Brief tells the same story as Explain in one line a step, for a terminal: the nodes
// are A, B, C and so on. See Explain for lock, fence and the error.
func Brief(run *Run, lock string, fence uint64, w io.Writer) error {
	entry, err := run.chooseEntry(lock, fence)
	if err != nil {
		return err
	}
	x := newExplanation(run, entry)
	x.gather()
	x.countOnly()
	names := run.Names()
	p := &printer{w: w}
	enter := entry.Enter
	p.printf("How %s got lock %s with fence %d\n", names.Of(enter.Node), enter.Lock, enter.Fence)
	for i, node := range names.Nodes {
		separator := ", "
		if i == 0 {
			separator = "The nodes: "
		}
		p.printf("%s%s is %s", separator, names.Of(node), node)
	}
	p.printf("\n\n")
	table := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "time\tnode\tstep\tRN\tLN\tQ\n")
	for _, group := range x.groups() {
		last := group[len(group)-1]
		fmt.Fprintf(table, "%s\t%s\t%s\t", group[0].Time.UTC().Format("15:04:05.000"), names.Of(last.Node), names.In(x.short(group)))
		if last.RequestNumbers != nil {
			fmt.Fprint(table, x.compact(last.RequestNumbers))
		}
		if last.LastGranted != nil {
			fmt.Fprintf(table, "\t%s\t[%s]", x.compact(last.LastGranted), names.In(strings.Join(last.Queue, ",")))
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // p keeps the first error
	p.printf("\n%s\n", wrap(names.In(x.summary()), terminalColumns))
	return p.err
}

// terminalColumns is as wide as every terminal is.
const terminalColumns = 80

// wrap breaks a text into lines, at spaces.
func wrap(text string, columns int) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch width := utf8.RuneCountInString(word); {
		case i > 0 && column+1+width > columns:
			out.WriteByte('\n')
			column = width
		case i > 0:
			out.WriteByte(' ')
			column += 1 + width
		default:
			column = width
		}
		out.WriteString(word)
	}
	return out.String()
}

func (x *explanation) compact(numbers []Number) string {
	return strings.ReplaceAll(x.numbers(numbers), " ", ",")
}

// short says in a few words what a step is.
func (x *explanation) short(group []*Event) string {
	e := group[0]
	number := x.number(e.Number)
	switch e.Kind {
	case Request:
		return fmt.Sprintf("asks: request %s", number)
	case Ride:
		return fmt.Sprintf("asks by the token: request %s", number)
	case RequestSent:
		return fmt.Sprintf("sends REQUEST(%s) to %s", number, peers(group))
	case RequestReceived:
		text := fmt.Sprintf("receives REQUEST(%s) from %s", number, e.Peer)
		if e.LastGranted != nil && e.UseOfToken() == Inside {
			text += ", is inside"
		}
		return text
	case TokenReceived:
		return "receives the token"
	case TokenSent:
		return "sends the token to " + e.Peer
	case Enter, ShareEnter:
		return fmt.Sprintf("ENTERS%s, fence %d", modeWords(e), e.Fence)
	case Leave, ShareLeave:
		return "leaves"
	case RecallSent:
		return "sends RECALL to " + peers(group)
	case RecallReceived:
		return "receives RECALL from " + e.Peer
	case DoneSent:
		return fmt.Sprintf("sends DONE to %s, %d in", e.Peer, e.Shared.Kept)
	case DoneReceived:
		return fmt.Sprintf("receives DONE from %s, %d in", e.Peer, e.Shared.Kept)
	}
	if text := leaderBrief(group); text != "" {
		return text
	}
	if text := noteBrief(group); text != "" {
		return text
	}
	if e.Kind == MembershipAdopted {
		return fmt.Sprintf("goes by membership %d", e.Listing.Version)
	}
	text := e.Message
	if e.Peer != "" {
		text += ": " + peers(group)
	}
	if e.Answer != "" {
		text += ", " + strings.ToUpper(e.Answer)
	}
	return text
}
