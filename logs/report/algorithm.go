package report

import (
	"fmt"
	"slices"
	"strings"

	"conch/logs"
	"conch/logs/draw"
)

// start says how the system is started.
func (b *builder) start() []Block {
	where := "In the program's repository"
	if b.Repository != "" {
		where = "In the repository, " + b.Repository + ","
	}
	return []Block{
		Paragraph(where + " Go 1.26 or newer and make are enough. One command runs three nodes on one machine, each a process of its own, which talk over gRPC, and judges them by their logs:"),
		Code("make demo"),
		Paragraph("By hand, in three terminals (bin/conch is what make build makes):"),
		Code("bin/conch node --listen 127.0.0.1:7401 --peers 127.0.0.1:7402,127.0.0.1:7403 --auto-request --log-file node1.log\n" +
			"bin/conch node --listen 127.0.0.1:7402 --peers 127.0.0.1:7401,127.0.0.1:7403 --auto-request --log-file node2.log\n" +
			"bin/conch node --listen 127.0.0.1:7403 --peers 127.0.0.1:7401,127.0.0.1:7402 --auto-request --log-file node3.log"),
		Paragraph("Nodes find each other by addresses on the command line, as here, or by a file that lists them (--hosts-file). With --auto-request a node asks for the critical section in a loop; Ctrl-C stops it in order. This report was made from the nodes' logs by"),
		Code("bin/conch report node1.log node2.log node3.log --out report.pdf"),
		Paragraph("README.md says more, on several machines too."),
	}
}

// rule is one step of the algorithm and the kind of line that shows it.
type rule struct {
	title, text string
	shows       func(e *logs.Event) bool
}

func isKind(kinds ...string) func(*logs.Event) bool {
	return func(e *logs.Event) bool { return slices.Contains(kinds, e.Kind) }
}

var rules = []rule{
	{"A node asks", "Node i, which has not the token, raises its own request number RN[i] to n and sends REQUEST(i, n) to all others: N-1 messages. It does not know where the token is, and need not.",
		isKind(logs.Request, logs.RequestSent)},
	{"Everybody notes the request", "On REQUEST(j, n) a node sets RN[j] to n if that is higher. A number that is not higher is of an old request and changes nothing. Where the token is not, this is all.",
		func(e *logs.Event) bool { return e.Kind == logs.RequestReceived && e.LastGranted == nil }},
	{"The holder notes it too", "A holder that is in the critical section does the same: whoever has RN[j] above LN[j] is waiting, and is looked at when the holder leaves. A holder that does not use the token sends it off at once.",
		func(e *logs.Event) bool { return e.Kind == logs.RequestReceived && e.LastGranted != nil }},
	{"The holder leaves", "It notes its own request as granted, LN[i] = RN[i], and appends to the token's queue Q every node j that is not in it and has RN[j] above LN[j], scanning from its neighbour i+1 around the ring.",
		isKind(logs.Leave)},
	{"The token goes to the head of Q", "If Q is not empty, its head is taken off and gets the token, which carries LN and the rest of Q: one message. If Q is empty the token stays.",
		isKind(logs.TokenSent)},
	{"The next one enters", "Who receives the token enters the critical section. Each entry has a fence, a number higher than that of every entry before, by which a resource can refuse a holder that overslept.",
		isKind(logs.TokenReceived, logs.Enter)},
}

// algorithm tells the rules, each with lines of the run.
func (b *builder) algorithm() []Block {
	blocks := []Block{Paragraph("There is one token, and only who has it may be in the critical section. Each node i keeps RN, for each node the highest number of a request of which it has heard. The token carries LN, for each node the number of its request that was granted last, and Q, the queue of those who get it next. All below is Suzuki and Kasami's algorithm of 1985; the lines are of this run.")}
	for i, r := range rules {
		blocks = append(blocks, Subtitle(fmt.Sprintf("Step %d. %s", i+1, r.title)), Paragraph(r.text))
		lines := b.find(r.shows)
		if len(lines) == 0 {
			blocks = append(blocks, Paragraph("No line of this run shows it."))
			continue
		}
		blocks = append(blocks, b.main.quote(lines...))
	}
	if batch := b.main.run.LongestBatch(); batch > 1 {
		blocks = append(blocks, Paragraph(fmt.Sprintf("One thing differs from the paper in this run, since nodes were started with --local-batch (up to %d here): where others wait at the holder too, it puts itself at the head of Q, and not at its end, up to so many entries in a row. That spares the token's way, and each node still has its turn.", batch)))
	}
	return append(blocks, Paragraph("Two things that the paper leaves out are added. A session tells a live node from a dead one: a node uses a token only while a majority has lately answered it. A round of messages to all members makes the token at first, and anew if it is lost; section \"When a node dies\" shows one, if logs of such a run were given. In the paper's place of RN[j] = LN[j] + 1 stands RN[j] > LN[j], since numbers may have gaps when a node starts again."))
}

// maxExamples is how many lines show one rule.
const maxExamples = 3

// find takes lines that show a rule from the story of the report, or where that has
// none, from anywhere in the run.
func (b *builder) find(shows func(*logs.Event) bool) []*logs.Event {
	var lines []*logs.Event
	for _, s := range b.main.story.Steps {
		for _, e := range s.Lines {
			if shows(e) && len(lines) < maxExamples && (len(lines) == 0 || lines[0].Node == e.Node && lines[0].Number == e.Number) {
				lines = append(lines, e)
			}
		}
	}
	for _, e := range b.main.Events {
		if len(lines) > 0 {
			break
		}
		if shows(e) && e.Lock == b.main.lock() {
			lines = append(lines, e)
		}
	}
	return lines
}

// entry tells one entry, with all its lines, RN, LN and Q, and its diagram.
func (b *builder) entry() []Block {
	s := b.main
	enter := s.story.Entry.Enter
	blocks := []Block{Paragraph(fmt.Sprintf("How %s got lock %s with fence %d, line %s, told in causal order.", enter.Node, enter.Lock, enter.Fence, s.reference(enter)))}
	blocks = append(blocks, s.tell(s.story)...)
	blocks = append(blocks, Paragraph(s.story.Moral), s.values(s.story))
	if f, ok := s.figure("entry", draw.Options{Lock: enter.Lock, Fence: enter.Fence},
		"The same entry as a space-time diagram: a line down the page for each node, and a row for what one of them did at one point."); ok {
		blocks = append(blocks, f)
	}
	return blocks
}

// tell writes a story's steps, each with its lines.
func (s *source) tell(story *logs.Story) []Block {
	var blocks []Block
	for i, step := range story.Steps {
		blocks = append(blocks, Paragraph(fmt.Sprintf("%d. %s", i+1, step.Text)), s.quote(step.Lines...))
	}
	return blocks
}

// figure draws a part of the run.
func (s *source) figure(name string, o draw.Options, caption string) (Figure, bool) {
	picture, err := draw.Draw(s.run, o)
	if err != nil {
		return Figure{}, false // there is nothing to draw
	}
	return Figure{Name: name, Picture: picture,
		Caption: fmt.Sprintf("%s Lines %s.%d to %s.%d.", caption, s.Letter, picture.From, s.Letter, picture.To)}, true
}

// values is the table of RN, LN and Q along a story.
func (s *source) values(story *logs.Story) Table {
	var moments []*logs.Event
	for _, step := range story.Steps {
		for _, e := range step.Lines {
			switch e.Kind {
			case logs.Request, logs.RequestReceived, logs.Leave, logs.TokenSent, logs.TokenReceived, logs.TokenMade, logs.Enter:
				moments = append(moments, e)
			}
		}
	}
	return s.valuesAt(moments, "RN, LN and Q along the way.")
}

// valuesAt is a table of RN, LN and Q at some lines.
func (s *source) valuesAt(moments []*logs.Event, caption string) Table {
	single := oneSession(moments)
	numbers := func(all []logs.Number) string {
		var texts []string
		for _, n := range all {
			if single {
				texts = append(texts, fmt.Sprint(n.Count))
			} else {
				texts = append(texts, n.String())
			}
		}
		return strings.Join(texts, " ")
	}
	caption += fmt.Sprintf(" RN and LN have a place for each of %s, in this order.", strings.Join(s.run.Members, ", "))
	if single {
		caption += " Request numbers are shown without their session, which changes for no node here."
	}
	t := Table{Caption: caption + " LN and Q are known where the token is.", Head: []string{"line", "node", "event", "RN", "LN", "Q"}, Weights: []float64{1.3, 3, 2.6, 2, 2, 4}}
	for _, e := range moments {
		row := []string{s.reference(e), e.Node, e.Kind, numbers(e.RequestNumbers), "", ""}
		if e.LastGranted != nil {
			row[4], row[5] = numbers(e.LastGranted), "empty"
			if len(e.Queue) > 0 {
				row[5] = strings.Join(e.Queue, ", ")
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// oneSession reports whether each member's numbers are all of one session.
func oneSession(events []*logs.Event) bool {
	sessions := make(map[int]uint64)
	for _, e := range events {
		for _, numbers := range [][]logs.Number{e.RequestNumbers, e.LastGranted} {
			for member, n := range numbers {
				if known := sessions[member]; known != 0 && !n.IsZero() && known != n.Session {
					return false
				}
				if !n.IsZero() {
					sessions[member] = n.Session
				}
			}
		}
	}
	return true
}
