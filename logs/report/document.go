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
	First      []Block // before the contents
	Sections   []Section
	Appendices []*Appendix
	// Missing says what a hand-in needs and this report lacks, each with the flag that
	// adds it.
	Missing []string
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

// Line is a line of the logs as a terminal shows it, and under which number it stands
// in the appendix.
type Line struct {
	Appendix int
	Number   int    // from 1
	Node     string // its short name
	Text     string
}

// Reference is how the text refers to the line, such as "1.17".
func (l Line) Reference() string { return reference(l.Appendix, l.Number) }

func reference(appendix, number int) string { return fmt.Sprintf("%d.%d", appendix, number) }

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
	Number int // from 1
	Title  string
	Events []*logs.Event // in the order of logs.Run.Merge
}

// Heading is the title with the number.
func (a *Appendix) Heading() string { return fmt.Sprintf("Appendix %d. %s", a.Number, a.Title) }

// Introduction says what the lines are.
func (a *Appendix) Introduction() string {
	return fmt.Sprintf("All %s of the nodes, as they were written. They stand in causal order: each node's lines in the order in which it wrote them, and the receipt of a message below its sending.",
		count(len(a.Events), "line", "lines"))
}

// lines is how many lines the appendices have together.
func (d *Document) lines() int {
	total := 0
	for _, a := range d.Appendices {
		total += len(a.Events)
	}
	return total
}
