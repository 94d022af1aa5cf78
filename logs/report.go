package logs

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is what Check found.
type Report struct {
	Requirements []Requirement `json:"requirements"`
	Findings     []Quote       `json:"findings"` // about the files, that take nothing away
	Figures      Figures       `json:"figures"`
}

// Requirement is the verdict on one requirement.
type Requirement struct {
	ID      string   `json:"id"` // R1, R2, R3; paper; logs
	Name    string   `json:"name"`
	Verdict Verdict  `json:"verdict"`
	Reason  string   `json:"reason"` // how it was shown, or what is in the way
	Details []Detail `json:"details,omitempty"`
}

// Detail is one thing that keeps a requirement from holding, with the lines that
// show it.
type Detail struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
	Lines   []Quote `json:"lines,omitempty"`
}

// Quote is a line of a log and where it stands.
type Quote struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1; 0: the whole file
	Text string `json:"text"`
}

func quote(e *Event) Quote { return Quote{File: e.File, Line: e.Line, Text: string(e.Raw)} }

// Verdict is the worst of the requirements' verdicts.
func (r *Report) Verdict() Verdict {
	worst := Holds
	for _, requirement := range r.Requirements {
		worst = max(worst, requirement.Verdict)
	}
	return worst
}

// add puts a requirement into the report that was judged elsewhere.
func (r *Report) add(requirement Requirement) { r.Requirements = append(r.Requirements, requirement) }

// newReport makes the table of verdicts.
func (c *checker) newReport() *Report {
	sortProblems(c.problems)
	r := &Report{Figures: c.figures}
	complete := Requirement{Reason: fmt.Sprintf("%s, %s, %s, every receipt with its sending", counted(len(c.run.Files), "file", "files"), counted(c.run.everListed(), "member", "members"), counted(len(c.run.Lives), "process", "processes"))}
	for _, f := range c.run.Findings {
		q := Quote{File: f.File, Line: f.Line, Text: f.Problem}
		if f.Kind == Note {
			r.Findings = append(r.Findings, q)
			continue
		}
		q.Text = f.Text
		complete.Details = append(complete.Details, Detail{Verdict: Insufficient, Reason: f.Problem, Lines: []Quote{q}})
	}
	incomplete := len(complete.Details) > 0
	if incomplete {
		complete.Verdict = Insufficient
		complete.Reason = complete.Details[0].Reason
	}
	for id := range requirements {
		if !c.run.judges(id) && !((id == permits || id == oneList) && c.violated(id)) {
			continue
		}
		requirement := complete
		if id != completeLogs {
			requirement = c.judge(id, incomplete)
		}
		requirement.ID, requirement.Name = titles[id].id, titles[id].name
		if id == exclusion && c.beside.sharers > 0 {
			requirement.Name = nameOfSharing
		}
		r.add(requirement)
	}
	return r
}

// violated reports whether a requirement is known not to be met.
func (c *checker) violated(id requirementID) bool {
	return slices.ContainsFunc(c.problems, func(p problem) bool { return p.requirement == id && p.verdict == Violated })
}

// judge comes to a verdict on one requirement.
func (c *checker) judge(id requirementID, incomplete bool) Requirement {
	var r Requirement
	for _, p := range c.problems {
		if p.requirement != id {
			continue
		}
		d := Detail{Verdict: p.verdict, Reason: p.reason}
		for _, e := range p.lines {
			d.Lines = append(d.Lines, quote(e))
		}
		if p.verdict > r.Verdict {
			r.Verdict, r.Reason = p.verdict, p.reason
		}
		r.Details = append(r.Details, d)
	}
	switch {
	case r.Verdict != Holds:
	case c.foreign, incomplete && id != peersEnter:
		r.Verdict, r.Reason = Insufficient, "the logs are not complete"
	default:
		r.Reason = c.proof(id)
	}
	return r
}

// proof says in a few words what a requirement that holds was seen to hold by.
func (c *checker) proof(id requirementID) string {
	f, m := &c.figures, &c.figures.Messages
	switch id {
	case peersEnter:
		return c.run.entered(f.Entered)
	case exclusion:
		text := fmt.Sprintf("%s, each after the one before had ended: %d by a chain of hops, %d at one node", counted(f.Entries-c.beside.sharers, "entry", "entries"), c.order.hops, c.order.stays)
		if c.beside.sharers > 0 {
			text = strings.Replace(text, ", each", " alone, each", 1) // after the count
		}
		if c.order.rounds+c.order.byLease > 0 {
			text += fmt.Sprintf(", %d by a round, %d by the end of a lease", c.order.rounds, c.order.byLease)
		}
		if c.beside.sharers > 0 {
			text += fmt.Sprintf("; and none beside %s of those who shared the lock", counted(c.beside.sharers, "entry", "entries"))
		}
		if c.beside.byLease > 0 {
			text += fmt.Sprintf(", %d times by the end of a lease", c.beside.byLease)
		}
		return text
	case permits:
		return "at each entry, the shares had no more permits than there are, and nowhere were more in than its share had"
	case oneToken:
		return fmt.Sprintf("each token made once, each of %s sent and received at most once", counted(m.Token, "hop", "hops"))
	case risingFences:
		if c.beside.sharers > 0 {
			return "the fence of each entry is above all those before, except that those under one share have the same"
		}
		return "the fence of each entry is above all those before"
	case outsideSession:
		return counted(c.grants, "entry, inside a session", "entries, each inside a session")
	case ticksOnce:
		return counted(c.runs, "run", "runs") + ", none of a tick that needed no other"
	case keptStays:
		return counted(c.keptHolds, "hold that is kept", "holds that are kept") + ", each given back, freed or adopted before the next entry"
	case oneList:
		return c.changesProof()
	case everyRequest:
		return c.fates()
	case overtaking:
		if f.MostOvertaken == 0 {
			return "no entry of others went ahead of a request that had reached the token"
		}
		if batch := c.run.LongestBatch(); batch > 1 {
			return fmt.Sprintf("at most %s went ahead of a request that had reached the token, of each node no more than its local batch, which is up to %d", counted(f.MostOvertaken, "entry", "entries"), batch)
		}
		return fmt.Sprintf("at most %s of others went ahead of a request that had reached the token", counted(f.MostOvertaken, "entry", "entries"))
	case messageCost:
		return fmt.Sprintf("%.2f messages an entry. Entries for which the token was here: %d; that cost N = %s: %d; that rode: %d; with fewer requests: %d; by a new token: %d",
			f.PerEntry, m.Here, c.run.Sizes(), m.Asked, m.Rode, m.Fewer, m.Remade) + m.apart()
	}
	return ""
}

// apart says what the paper does not count, of locks that are shared, of runs and kept
// holds, and of members that change.
func (m *Messages) apart() string {
	text := ""
	if m.Under+m.Recall+m.Done > 0 {
		text = fmt.Sprintf("; under a share, for nothing: %d; to call in shares, apart: %d RECALL and %d DONE", m.Under, m.Recall, m.Done)
	}
	if m.Witness+m.Noted > 0 {
		text += fmt.Sprintf("; to have notes remembered, apart: %d WITNESS and %d answers", m.Witness, m.Noted)
	}
	if m.Change > 0 {
		text += fmt.Sprintf("; to change the members, apart: %d", m.Change)
	}
	return text
}

// fates adds up what became of the requests.
func (c *checker) fates() string {
	count := make(map[fate]int)
	for _, a := range c.asked {
		count[a.fate]++
	}
	text := fmt.Sprintf("%d of %d granted", count[granted], len(c.asked))
	for _, f := range []struct {
		fate fate
		name string
	}{{withdrawn, "given up"}, {stopped, "open as the node stopped"}, {crashed, "open as the node crashed"}, {lapsed, "void by a lapse"}, {helping, "to help another"}} {
		if count[f.fate] > 0 {
			text += fmt.Sprintf(", %d %s", count[f.fate], f.name)
		}
	}
	return text
}

// WriteJSON writes the report for scripts: one object, verdict first.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Verdict Verdict `json:"verdict"`
		*Report
	}{r.Verdict(), r})
}

// How much of what is in the way WriteTable shows of each requirement.
const (
	shownDetails = 5
	shownLines   = 6
)

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	p := &printer{w: w}
	table := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	for _, q := range r.Requirements {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", q.ID, q.Name, strings.ToUpper(q.Verdict.String()), q.Reason)
	}
	_ = table.Flush() // p keeps the first error
	for _, q := range r.Requirements {
		p.details(q)
	}
	for i, f := range r.Findings {
		if i == 0 {
			p.printf("\nnotes\n")
		}
		p.printf("  %s: %s\n", location(f), f.Text)
	}
	p.figures(&r.Figures)
	return p.err
}

// details writes what is in the way of one requirement.
func (p *printer) details(q Requirement) {
	if len(q.Details) == 0 {
		return
	}
	p.printf("\n%s, %s: %s\n", q.ID, q.Name, q.Verdict)
	for i, d := range q.Details {
		if i == shownDetails {
			p.printf("  and %d more; --json has them all\n", len(q.Details)-i)
			break
		}
		p.printf("  %s\n", d.Reason)
		for k, line := range d.Lines {
			if k == shownLines {
				p.printf("    and %d more lines\n", len(d.Lines)-k)
				break
			}
			if line.File != "" {
				p.printf("    %s: %s\n", location(line), line.Text)
			}
		}
	}
}

// location is where a quoted line stands.
func location(q Quote) string {
	if q.Line == 0 {
		return q.File
	}
	return fmt.Sprintf("%s:%d", q.File, q.Line)
}
