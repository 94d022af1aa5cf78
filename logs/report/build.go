package report

import (
	"fmt"
	"strings"

	"conch/logs"
)

// Input is what a report is made of.
type Input struct {
	// Run is the run that the report is about; nil if no line could be read of it.
	Run *logs.Run
	// Crash is a run in which a node died; nil: none was given.
	Crash *logs.Run
	// Problems are what kept files from being read, beside the runs' findings.
	Problems   []string
	Repository string // where the program's source is; may be empty
	Authors    []string
}

// builder is one report being made.
type builder struct {
	Input
	main, crash *source // nil: no such run, or nothing follows from its files
}

// source is a run that the report tells of, judged.
type source struct {
	*Appendix
	run    *logs.Run
	report *logs.Report
	story  *logs.Story // nil: nobody entered
}

func newSource(letter, title string, run *logs.Run) *source {
	s := &source{run: run, report: logs.Check(run)} // Check finds more findings
	s.Appendix = newAppendix(letter, title, run)
	if story, err := run.Tell("", 0); err == nil {
		s.story = story
	}
	return s
}

// foreign reports that the files do not belong together, so that nothing follows
// from them.
func (s *source) foreign() bool {
	for _, f := range s.run.Findings {
		if f.Kind == logs.Foreign {
			return true
		}
	}
	return false
}

// lock is the lock that the report tells of.
func (s *source) lock() string { return s.story.Entry.Enter.Lock }

// Build makes the content of a report, and the worst verdict on its runs:
// insufficient if there is no run.
func Build(in Input) (*Document, logs.Verdict) {
	b := builder{Input: in}
	d := &Document{Title: "Distributed mutual exclusion by Suzuki and Kasami's broadcast token", Authors: in.Authors, Repository: in.Repository}
	verdict := logs.Insufficient
	if in.Run != nil {
		b.main = newSource("A", "The logs", in.Run)
		d.Appendices = append(d.Appendices, b.main.Appendix)
		verdict = b.main.report.Verdict()
	}
	if in.Crash != nil {
		b.crash = newSource("B", "The logs of the run in which a node died", in.Crash)
		d.Appendices = append(d.Appendices, b.crash.Appendix)
		verdict = max(verdict, b.crash.report.Verdict())
	}
	d.First = b.first()
	d.Sections = append(d.Sections, Section{"How to start the system", b.start()})
	if b.tells(b.main) {
		d.Sections = append(d.Sections,
			Section{"The algorithm, step by step", b.algorithm()},
			Section{"One entry in full", b.entry()},
			Section{"Three cases", b.cases()})
	}
	if b.tells(b.crash) {
		d.Sections = append(d.Sections, Section{"When a node dies", b.death()})
	} else if b.tells(b.main) && in.Crash == nil {
		d.Sections = append(d.Sections, Section{"When a node dies", []Block{Paragraph(
			"No logs of a run in which a node died were given, so nothing is shown of it here. conch demo --kill makes such a run; conch report --crash takes its logs.")}})
	}
	if b.tells(b.main) {
		d.Sections = append(d.Sections, Section{"Figures", b.figures()})
	}
	d.Sections = append(d.Sections,
		Section{"Verdicts", b.verdicts()},
		Section{"What is not shown", b.limits()},
		Section{"Sources", b.sources()})
	return d, verdict
}

// tells reports whether there is something to tell of a run.
func (b *builder) tells(s *source) bool { return s != nil && s.story != nil && !s.foreign() }

// first is what stands on the first page: what is wrong before all else.
func (b *builder) first() []Block {
	var blocks []Block
	if w, found := b.warning(); found {
		blocks = append(blocks, w)
	}
	for _, s := range []*source{b.main, b.crash} {
		if s == nil {
			continue
		}
		violated := Warning{Title: fmt.Sprintf("The logs of appendix %s show a violation.", s.Letter)}
		for _, q := range s.report.Requirements {
			if q.Verdict == logs.Violated {
				violated.Problems = append(violated.Problems, fmt.Sprintf("%s, %s: %s", q.ID, q.Name, q.Reason))
			}
		}
		if len(violated.Problems) > 0 {
			blocks = append(blocks, violated)
		}
	}
	if notes := b.notes(); len(notes.Problems) > 0 {
		blocks = append(blocks, notes)
	}
	if b.main != nil && !b.main.foreign() {
		blocks = append(blocks, Paragraph(b.about(b.main)))
	}
	if b.crash != nil && !b.crash.foreign() {
		blocks = append(blocks, Paragraph("A second run, in which a node died, is in appendix B. "+b.about(b.crash)))
	}
	for _, s := range []*source{b.main, b.crash} {
		if s != nil {
			blocks = append(blocks, summary(s))
		}
	}
	return blocks
}

// about says what run it was.
func (b *builder) about(s *source) string {
	first := s.Events[0]
	text := fmt.Sprintf("The run of appendix %s was logged from %s on, by %d members: %s.", s.Letter,
		first.Time.UTC().Format("2 January 2006, 15:04:05 UTC"), len(s.run.Members), strings.Join(s.run.Members, ", "))
	for _, life := range s.run.Lives {
		if life.Started != nil {
			text += fmt.Sprintf(" The program's version was %s.", life.Started.Version)
			break
		}
	}
	return text + fmt.Sprintf(" Its logs are %d lines. A reference such as %s.1 means a line of the appendix, where every line stands as it was written.", len(s.Events), s.Letter)
}

// maxProblems is how many problems the first page lists of each run.
const maxProblems = 12

// warning lists what takes something away from the proof.
func (b *builder) warning() (Warning, bool) {
	w := Warning{Title: "The evidence is not complete. Read what follows as what the lines that are there show, and no more."}
	w.Problems = append(w.Problems, b.Problems...)
	for _, s := range []*source{b.main, b.crash} {
		if s == nil {
			continue
		}
		if s.foreign() {
			w.Title = "These logs do not belong together. Nothing is claimed that would need them to."
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
	for _, s := range []*source{b.main, b.crash} {
		if s == nil {
			continue
		}
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
	t := Table{Caption: fmt.Sprintf("What the logs of appendix %s show.", s.Letter), Head: []string{"", "requirement", "verdict", "by what"}, Weights: []float64{1.1, 3.8, 2.7, 8.5}}
	for _, q := range s.report.Requirements {
		t.Rows = append(t.Rows, []string{q.ID, q.Name, strings.ToUpper(q.Verdict.String()), q.Reason})
	}
	return t
}
