package report

import (
	"fmt"
	"slices"
	"strings"

	"conch/logs"
)

// Input is what a report is made of.
type Input struct {
	// Run is the run that the report is about; nil if no line could be read of it.
	Run *logs.Run
	// Crash is a second run, in which a node died; nil: none was given.
	Crash *logs.Run
	// Problems are what kept files from being read, beside the runs' findings.
	Problems   []string
	Repository string // where the program's source is; may be empty
	Authors    []string
	Command    string // by which the report was made, as it was given; may be empty
}

// builder is one report being made.
type builder struct {
	Input
	main, crash *source // nil: no such run, or nothing follows from its files
}

// The titles of the sections to which the text refers.
const (
	titleStart     = "How to start the system"
	titleAlgorithm = "The algorithm, step by step"
	titleEntry     = "One entry in full"
	titleCases     = "Three cases"
	titleSharing   = "When the lock is shared"
	titleChanges   = "When the members change"
	titleDeath     = "When a node dies"
	titleFigures   = "Measurements"
	titleVerdicts  = "Verdicts"
)

// Build makes the content of a report, and the worst verdict on its runs:
// insufficient if there is no run.
func Build(in Input) (*Document, logs.Verdict) {
	b := builder{Input: in}
	d := &Document{Title: "Distributed mutual exclusion with Suzuki and Kasami's broadcast token", Authors: in.Authors, Repository: in.Repository}
	verdict := logs.Insufficient
	if in.Run != nil {
		b.main = newSource(1, "The logs", in.Run)
		d.Appendices = append(d.Appendices, b.main.Appendix)
		verdict = b.main.report.Verdict()
	}
	if in.Crash != nil {
		b.crash = newSource(2, "The logs of the second run", in.Crash)
		d.Appendices = append(d.Appendices, b.crash.Appendix)
		verdict = max(verdict, b.crash.report.Verdict())
	}
	d.Missing = b.missing()
	d.Sections = append(d.Sections, Section{titleStart, b.start()})
	if b.tells(b.main) {
		d.Sections = append(d.Sections,
			Section{titleAlgorithm, b.algorithm()},
			Section{titleEntry, b.entry()},
			Section{titleCases, b.cases()})
	}
	if blocks := b.sharing(); len(blocks) > 0 {
		d.Sections = append(d.Sections, Section{titleSharing, blocks})
	}
	if blocks := b.changes(); len(blocks) > 0 {
		d.Sections = append(d.Sections, Section{titleChanges, blocks})
	}
	if b.tells(b.main) || b.tells(b.crash) {
		d.Sections = append(d.Sections, Section{titleDeath, b.death()})
	}
	if b.tells(b.main) {
		d.Sections = append(d.Sections, Section{titleFigures, b.figures()})
	}
	d.Sections = append(d.Sections,
		Section{titleVerdicts, b.verdicts()},
		Section{"What the logs do not show", b.limits()},
		Section{"Sources", b.sources()})
	d.First = b.first(d)
	numberFigures(d)
	return d, verdict
}

// numberFigures gives the figures numbers in the order in which they stand.
func numberFigures(d *Document) {
	number := 0
	for _, s := range d.Sections {
		for i, block := range s.Blocks {
			if f, ok := block.(Figure); ok {
				number++
				f.Caption = fmt.Sprintf("Figure %d. %s", number, f.Caption)
				s.Blocks[i] = f
			}
		}
	}
}

// runs returns the sources of the given runs, the main one first.
func (b *builder) runs() []*source {
	var all []*source
	for _, s := range []*source{b.main, b.crash} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

// tells reports whether there is something to tell of a run.
func (b *builder) tells(s *source) bool { return s != nil && s.story != nil && !s.foreign() }

// first is what stands on the first page: what is wrong before all else.
func (b *builder) first(d *Document) []Block {
	var blocks []Block
	if len(d.Missing) > 0 {
		blocks = append(blocks, Warning{Title: "Before you hand this in", Problems: d.Missing})
	}
	if w, found := b.warning(); found {
		blocks = append(blocks, w)
	}
	for _, s := range b.runs() {
		violated := Warning{Title: fmt.Sprintf("The logs of appendix %d show a violation.", s.Number)}
		for _, q := range s.report.Requirements {
			if q.Verdict == logs.Violated {
				violated.Problems = append(violated.Problems, fmt.Sprintf("%s, %s: %s", q.ID, q.Name, s.names.In(q.Reason)))
			}
		}
		if len(violated.Problems) > 0 {
			blocks = append(blocks, violated)
		}
	}
	if notes := b.notes(); len(notes.Problems) > 0 {
		blocks = append(blocks, notes)
	}
	for _, s := range b.runs() {
		if !s.foreign() {
			blocks = append(blocks, Paragraph(b.about(s)))
		}
	}
	if len(b.runs()) > 0 {
		blocks = append(blocks, Paragraph("The text calls the nodes by letters. A number such as 1.17 means line 17 of appendix 1. The text quotes lines as a terminal shows them, with the time in UTC; the appendix has them as they were written."), b.addresses())
	}
	for _, s := range b.runs() {
		blocks = append(blocks, summary(s))
	}
	return append(blocks, b.assignment(d))
}

// about says what run it was.
func (b *builder) about(s *source) string {
	first := s.Events[0]
	text := fmt.Sprintf("Appendix %d has the logs of a run of %s", s.Number, count(len(s.names.Nodes), "node", "nodes"))
	if s == b.crash {
		text = fmt.Sprintf("Appendix %d has the logs of a second run, of %s", s.Number, count(len(s.names.Nodes), "node", "nodes"))
		if s.crashed() != nil {
			text += ", one of which died"
		}
	}
	text += fmt.Sprintf(": %s, from %s on.", count(len(s.Events), "line", "lines"), first.Time.UTC().Format("2 January 2006, 15:04:05 UTC"))
	if s.changed() {
		text += fmt.Sprintf(" The members changed while it ran: of these nodes, %s were members at a time (section \"%s\").", s.run.Sizes(), titleChanges)
	}
	var versions []string
	for _, life := range s.run.Lives {
		if life.Started != nil && !slices.Contains(versions, life.Started.Version) {
			versions = append(versions, life.Started.Version)
		}
	}
	switch len(versions) {
	case 0:
		return text
	case 1:
		return text + fmt.Sprintf(" The nodes ran version %s of the program.", versions[0])
	}
	return text + fmt.Sprintf(" The nodes ran the versions %s of the program.", list(versions))
}

// addresses says which node has which address, and which files are its logs.
func (b *builder) addresses() Table {
	t := Table{Caption: "The nodes.", Head: []string{"node"}, Weights: []float64{1.5}}
	most := 0
	for _, s := range b.runs() {
		most = max(most, len(s.names.Nodes))
	}
	t.Rows = make([][]string, most)
	same := len(b.runs()) > 1 && slices.Equal(b.main.names.Nodes, b.crash.names.Nodes)
	for k, s := range b.runs() {
		of := ""
		if len(b.runs()) > 1 {
			of = fmt.Sprintf(" in appendix %d", s.Number)
		}
		switch {
		case !same:
			t.Head = append(t.Head, "address"+of)
			t.Weights = append(t.Weights, 4)
		case k == 0:
			t.Head = append(t.Head, "address")
			t.Weights = append(t.Weights, 4)
		}
		t.Head = append(t.Head, "log"+of)
		t.Weights = append(t.Weights, 5)
		for i := range most {
			if len(t.Rows[i]) == 0 && i < len(s.names.Nodes) {
				t.Rows[i] = []string{s.names.Of(s.names.Nodes[i])}
			}
			address, files := "", ""
			if i < len(s.names.Nodes) {
				address = s.names.Nodes[i]
				files = strings.Join(s.filesOf(address), ", ")
			}
			if !same || k == 0 {
				t.Rows[i] = append(t.Rows[i], address)
			}
			t.Rows[i] = append(t.Rows[i], files)
		}
	}
	return t
}

// filesOf are the files that have lines of a node.
func (s *source) filesOf(node string) []string {
	var files []string
	seen := make(map[string]bool)
	for _, life := range s.run.Lives {
		if life.Node != node {
			continue
		}
		for _, e := range life.Events {
			if !seen[e.File] {
				seen[e.File] = true
				files = append(files, e.File)
			}
		}
	}
	return files
}

// maxProblems is how many problems the first page lists of each run.
const maxProblems = 12

// warning lists what takes something away from the proof.
func (b *builder) warning() (Warning, bool) {
	w := Warning{Title: "The evidence is not complete. What follows is what the lines at hand show, and no more."}
	w.Problems = append(w.Problems, b.Problems...)
	for _, s := range b.runs() {
		if s.foreign() {
			w.Title = "These logs do not belong together, so nothing is claimed that would need them to. Give the logs of one run alone; a second run, in which a node died, goes with --crash FOLDER."
		}
		listed := 0
		for _, f := range s.run.Findings {
			if f.Kind == logs.Note {
				continue
			}
			if listed++; listed <= maxProblems {
				w.Problems = append(w.Problems, f.String())
			}
		}
		if listed > maxProblems {
			w.Problems = append(w.Problems, fmt.Sprintf("and %d more of the same run; conch logs check --json lists them all", listed-maxProblems))
		}
	}
	return w, len(w.Problems) > 0
}

// notes lists what is odd about the files, but takes nothing away.
func (b *builder) notes() Warning {
	w := Warning{Title: "About the files"}
	for _, s := range b.runs() {
		for _, f := range s.run.Findings {
			if f.Kind == logs.Note && len(w.Problems) < maxProblems {
				w.Problems = append(w.Problems, f.String())
			}
		}
	}
	return w
}

// summary is the verdicts in short.
func summary(s *source) Table {
	t := Table{Caption: fmt.Sprintf("What the logs of appendix %d show.", s.Number), Head: []string{"", "requirement", "verdict", "reason"}, Weights: []float64{1.1, 3.8, 2.7, 8.5}}
	for _, q := range s.report.Requirements {
		t.Rows = append(t.Rows, []string{q.ID, q.Name, strings.ToUpper(q.Verdict.String()), s.names.In(q.Reason)})
	}
	return t
}
