package report

import (
	"fmt"
	"slices"
	"strings"

	"conch/logs"
	"conch/logs/console"
	"conch/logs/draw"
)

// source is a run that the report tells of, judged.
type source struct {
	*Appendix
	run    *logs.Run
	report *logs.Report
	story  *logs.Story // nil: nobody entered
	names  *logs.Names

	numbers map[*logs.Event]int // of each line in the appendix
	single  bool                // all lines are of one lock, and so need not name it
	epoch   bool                // there is one token, and so its epoch tells nothing
}

func newSource(number int, title string, run *logs.Run) *source {
	s := &source{run: run, names: run.Names(), numbers: make(map[*logs.Event]int), single: true, epoch: true}
	s.report = logs.Check(run) // which finds more findings
	s.Appendix = &Appendix{Number: number, Title: title, Events: run.Merge()}
	lock := ""
	var epoch logs.Epoch
	for i, e := range s.Events {
		s.numbers[e] = i + 1
		if e.Lock != "" && lock != "" && e.Lock != lock {
			s.single = false
		}
		if e.Lock != "" {
			lock = e.Lock
		}
		if e.Has("epoch") {
			if epoch != (logs.Epoch{}) && e.Epoch != epoch {
				s.epoch = false
			}
			epoch = e.Epoch
		}
	}
	if story, err := run.Tell("", 0); err == nil {
		s.story = story
	}
	return s
}

// foreign reports that the files do not belong together, so that nothing follows
// from them.
func (s *source) foreign() bool {
	return slices.ContainsFunc(s.run.Findings, func(f logs.Finding) bool { return f.Kind == logs.Foreign })
}

// lock is the lock that the report tells of.
func (s *source) lock() string { return s.story.Entry.Enter.Lock }

// node is the short name of the node that wrote a line.
func (s *source) node(e *logs.Event) string { return s.names.Of(e.Node) }

// queue writes Q as the lines show it.
func (s *source) queue(nodes []string) string {
	var short []string
	for _, node := range nodes {
		short = append(short, s.names.Of(node))
	}
	return "[" + strings.Join(short, ",") + "]"
}

// numberOf is a node's number in RN or LN of a line, without its session; false if the
// line does not have it.
func (s *source) numberOf(node string, numbers []logs.Number) (logs.Number, bool) {
	i := slices.Index(s.run.Members, node)
	if i < 0 || i >= len(numbers) {
		return logs.Number{}, false
	}
	return numbers[i], true
}

// at is how the text refers to a line.
func (s *source) at(e *logs.Event) string { return "line " + reference(s.Number, s.numbers[e]) }

// line is how the text quotes a line. The lock is left out if there is but one, and the
// token's epoch but where that begins or comes.
func (s *source) line(e *logs.Event) Line {
	var without []string
	if s.single {
		without = append(without, "lock")
	}
	switch e.Kind {
	case logs.TokenSent:
		without = append(without, "session", "epoch")
	case logs.Enter, logs.Leave:
		without = append(without, "epoch")
	case logs.TokenReceived:
		if s.epoch {
			without = append(without, "epoch")
		}
	}
	return Line{Appendix: s.Number, Number: s.numbers[e], Node: s.node(e), Text: s.names.At(e).In(console.Line(e.Raw, without...))}
}

func (s *source) quote(events ...*logs.Event) Quote {
	var q Quote
	for _, e := range unique(events...) {
		q = append(q, s.line(e))
	}
	return q
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

// tell writes a story's steps, each with its lines.
func (s *source) tell(story *logs.Story) []Block {
	return append(s.steps(story.Steps), Paragraph(s.names.In(story.Summary)))
}

func (s *source) steps(steps []logs.Step) []Block {
	var blocks []Block
	for i, step := range steps {
		blocks = append(blocks, Paragraph(fmt.Sprintf("%d. %s", i+1, s.names.In(step.Text))), s.quote(step.Lines...))
	}
	return blocks
}

// figure draws a part of the run.
func (s *source) figure(name string, o draw.Options, caption string) (Figure, bool) {
	o.Name = s.names.Of
	picture, err := draw.Draw(s.run, o)
	if err != nil {
		return Figure{}, false // there is nothing to draw
	}
	return Figure{Name: name, Picture: picture,
		Caption: fmt.Sprintf("%s Lines %s to %s.", caption, reference(s.Number, picture.From), reference(s.Number, picture.To))}, true
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
	return s.valuesAt(moments, "RN, LN and Q step by step.")
}

// valuesAt is a table of RN, LN and Q at some lines.
func (s *source) valuesAt(moments []*logs.Event, caption string) Table {
	if !oneSession(moments) {
		caption += " A node began a new session meanwhile, in which its requests are counted from 1 again."
	}
	numbers := func(all []logs.Number) string {
		var texts []string
		for _, n := range all {
			texts = append(texts, fmt.Sprint(n.Count))
		}
		return "[" + strings.Join(texts, ",") + "]"
	}
	t := Table{Caption: caption + " LN and Q are known only where the token is.", Head: []string{"line", "node", "event", "RN", "LN", "Q"}, Weights: []float64{1.3, 1, 5, 2.2, 2.2, 2.2}}
	for _, e := range moments {
		row := []string{reference(s.Number, s.numbers[e]), s.node(e), e.Message, numbers(e.RequestNumbers), "", ""}
		if e.LastGranted != nil {
			row[4], row[5] = numbers(e.LastGranted), s.queue(e.Queue)
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
