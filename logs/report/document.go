package report

import (
	"fmt"

	"conch/logs"
	"conch/logs/draw"
)

// Document is a report's content, for Markdown, HTML and PDF to set.
type Document struct {
	Title      string
	Authors    []string
	Repository string
	First      []Block // on the first page
	Sections   []Section
	Appendices []*Appendix
}

// Section is a section, numbered from 1 in the order in which they stand.
type Section struct {
	Title  string
	Blocks []Block
}

// Block is one of Paragraph, Warning, Code, Quote, Table and Figure.
type Block interface{ block() }

// Paragraph is running text.
type Paragraph string

// Subtitle is a heading within a section.
type Subtitle string

// Warning says what is wrong with the evidence, one problem each.
type Warning struct {
	Title    string
	Problems []string
}

// Code is what is typed at a terminal.
type Code string

// Quote is lines of the logs.
type Quote []Line

// Line is a line of the logs, and under which number it stands in the appendix.
type Line struct {
	Letter string // of the appendix
	Number int    // from 1
	Text   string
}

// Reference is how the text refers to the line, such as "A.17".
func (l Line) Reference() string { return fmt.Sprintf("%s.%d", l.Letter, l.Number) }

// Table is a table. Weights say how wide its columns are, each to the others.
type Table struct {
	Caption string
	Head    []string
	Weights []float64
	Rows    [][]string
}

// Figure is a diagram.
type Figure struct {
	Name    string // short, for the name of a file
	Caption string
	Picture *draw.Picture
}

func (Paragraph) block() {}
func (Subtitle) block()  {}
func (Warning) block()   {}
func (Code) block()      {}
func (Quote) block()     {}
func (Table) block()     {}
func (Figure) block()    {}

// Appendix is the merged lines of one run.
type Appendix struct {
	Letter string
	Title  string
	Events []*logs.Event // in the order of logs.Run.Merge

	numbers map[*logs.Event]int
}

func newAppendix(letter, title string, run *logs.Run) *Appendix {
	a := &Appendix{Letter: letter, Title: title, Events: run.Merge(), numbers: make(map[*logs.Event]int)}
	for i, e := range a.Events {
		a.numbers[e] = i + 1
	}
	return a
}

// line is how the text quotes a line.
func (a *Appendix) line(e *logs.Event) Line {
	return Line{Letter: a.Letter, Number: a.numbers[e], Text: string(e.Raw)}
}

func (a *Appendix) quote(events ...*logs.Event) Quote {
	var q Quote
	for _, e := range events {
		if e != nil {
			q = append(q, a.line(e))
		}
	}
	return q
}

func (a *Appendix) reference(e *logs.Event) string { return a.line(e).Reference() }

// lines is how many lines the appendices have together.
func (d *Document) lines() int {
	total := 0
	for _, a := range d.Appendices {
		total += len(a.Events)
	}
	return total
}
