package logs

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// section is one line of the file that the critical sections of all nodes append
// to, and that is a witness of its own beside the logs.
type section struct {
	grant
	verb  string // enter, leave or lost
	quote Quote
}

// grant names one entry of a lock.
type grant struct {
	node  string
	fence uint64
}

// CheckCriticalSectionFile judges the file that the nodes' critical sections share
// (--cs-file): lines "enter NODE FENCE", "leave NODE FENCE" and "lost NODE FENCE",
// in the order in which they were appended. Entries and leaves must alternate, with
// rising fences, and the entries must be those of the logs. A node that crashed, or
// lost its session, need not have left before the next enters.
//
// The verdict becomes a row of the report. The error is one of r.
func (r *Report) CheckCriticalSectionFile(run *Run, name string, in io.Reader) error {
	w := witness{run: run, name: name, requirement: Requirement{ID: "R2", Name: "the shared file agrees"}}
	sections, err := w.read(in)
	if err != nil {
		return err
	}
	w.alternates(sections)
	w.agrees(sections)
	if w.requirement.Verdict == Holds {
		w.requirement.Reason = fmt.Sprintf("%d lines: entries alternate with leaves, and are those of the logs", len(sections))
	}
	r.add(w.requirement)
	return nil
}

// witness is the state of one CheckCriticalSectionFile.
type witness struct {
	run         *Run
	name        string
	requirement Requirement
}

func (w *witness) report(verdict Verdict, lines []Quote, format string, args ...any) {
	d := Detail{Verdict: verdict, Reason: fmt.Sprintf(format, args...), Lines: lines}
	if verdict > w.requirement.Verdict {
		w.requirement.Verdict, w.requirement.Reason = verdict, d.Reason
	}
	w.requirement.Details = append(w.requirement.Details, d)
}

func (w *witness) read(in io.Reader) ([]section, error) {
	var sections []section
	c := decode(w.name, in)
	if c.refusal != "" {
		w.report(Insufficient, []Quote{{File: w.name}}, "%s %s", w.name, c.refusal)
		return nil, nil
	}
	lines := bufio.NewScanner(c.text)
	for number := 1; lines.Scan(); number++ {
		q := Quote{File: w.name, Line: number, Text: excerpt(lines.Bytes())}
		s := section{quote: q}
		words := strings.Fields(lines.Text())
		var err error
		if len(words) == 3 {
			s.verb, s.node = words[0], words[1]
			s.fence, err = parseDecimal(words[2])
		}
		if len(words) != 3 || err != nil || s.verb != "enter" && s.verb != "leave" && s.verb != "lost" {
			w.report(Insufficient, []Quote{q}, "got %q, want enter, leave or lost, a node and a fence: is this the file of --cs-file?", q.Text)
			continue
		}
		sections = append(sections, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", w.name, err)
	}
	return sections, nil
}

// alternates requires that nobody enters while another is inside, except one that
// is gone and cannot have known.
func (w *witness) alternates(sections []section) {
	ended := make(map[grant]*section) // how each stay ended
	for i := range sections {
		if s := &sections[i]; s.verb != "enter" {
			ended[s.grant] = s
		}
	}
	var inside, highest *section
	for i := range sections {
		s := &sections[i]
		if s.verb != "enter" {
			switch {
			case inside != nil && inside.grant == s.grant:
				inside = nil
			case s.verb == "leave":
				w.report(Insufficient, []Quote{s.quote}, "%s left with fence %d, but is not the one inside", s.node, s.fence)
			}
			continue
		}
		if inside != nil {
			end := ended[inside.grant]
			switch {
			case end != nil && end.verb == "leave":
				w.report(Violated, []Quote{inside.quote, s.quote, end.quote}, "%s entered while %s was inside", s.node, inside.node)
			case end == nil && !w.crashed(inside.node):
				w.report(Insufficient, []Quote{inside.quote, s.quote}, "%s entered, and nothing says that %s had left or crashed", s.node, inside.node)
			}
		}
		if highest != nil && s.fence <= highest.fence {
			w.report(Violated, []Quote{highest.quote, s.quote}, "fence %d after fence %d", s.fence, highest.fence)
		} else {
			highest = s
		}
		inside = s
	}
}

func (w *witness) crashed(node string) bool {
	for _, life := range w.run.Lives {
		if life.address == node && life.End == Crashed {
			return true
		}
	}
	return false
}

// agrees holds the file's entries against those of the logs. The nodes append for
// one lock: the one that has the most of the file's entries.
func (w *witness) agrees(sections []section) {
	var logged map[grant]*Event // the entries of the file's lock
	most := -1
	for _, j := range w.run.Journeys() {
		entries := make(map[grant]*Event)
		for _, entry := range j.Entries {
			entries[grant{entry.Enter.Life.address, entry.Enter.Fence}] = entry.Enter
		}
		both := 0
		for _, s := range sections {
			if s.verb == "enter" && entries[s.grant] != nil {
				both++
			}
		}
		if both > most {
			logged, most = entries, both
		}
	}
	for _, s := range sections {
		if s.verb != "enter" {
			continue
		}
		if logged[s.grant] == nil {
			w.report(Insufficient, []Quote{s.quote}, "the logs have no entry of %s with fence %d: a log is incomplete, or the file is of another run", s.node, s.fence)
		}
		delete(logged, s.grant)
	}
	for _, life := range w.run.Lives { // in order, for a report that is always the same
		for _, e := range life.Events {
			if e.Kind == Enter && logged[grant{e.Life.address, e.Fence}] == e {
				w.unseen(e)
			}
		}
	}
}

// unseen judges an entry of the logs that is not in the file. One that crashed, or
// stopped, right after the line of the log may not have come to append its own. Nor has one
// whose wait ended since the node stops: the lock may be granted at that moment, and is then
// left at once.
func (w *witness) unseen(e *Event) {
	left, again := false, false
	for _, later := range e.Life.Events[e.Seq+1:] {
		if later.Lock == e.Lock {
			left = left || later.Kind == Leave && later.Fence == e.Fence
			again = again || later.Kind == Request || later.Kind == Enter
		}
	}
	if left && (again || e.Life.End != Stopped) {
		w.report(Insufficient, []Quote{quote(e)}, "%s entered with fence %d by its log, but the file does not have it", e.Node, e.Fence)
	}
}
