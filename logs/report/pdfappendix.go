package report

import (
	"fmt"
	"strings"
)

// leastLast is the least share of a page that the last page of an appendix fills: so
// much is left to it.
const leastLast = 0.35

// appendix writes all lines of a run, each with its number, below what comes before.
func (p *printer) appendix(a *Appendix, count func()) {
	p.heading(a.Heading(), 12*bodyLine)
	p.paragraph(a.Introduction(), 0)
	rows := 0
	for i := range a.Events {
		rows += len(p.appendixRows(a, i))
	}
	pages := newPages(rows, fitting(textBottom-p.y), fitting(textBottom-topMargin))
	p.font("mono", "", appendixSize)
	for i := range a.Events {
		for k, row := range p.appendixRows(a, i) {
			if pages.full() {
				p.newPage()
				p.font("mono", "", appendixSize)
			}
			if link, wanted := p.links[reference(a.Number, i+1)]; wanted && k == 0 {
				p.pdf.SetLink(link, p.y, -1)
			}
			p.text("appendix", appendixSide, p.y, appendixLine, pageWidth-appendixSide, row)
			p.y += appendixLine
		}
		count()
	}
	p.y += 10
}

func fitting(height float64) int { return max(0, int((height+0.01)/appendixLine)) }

func (p *printer) appendixRows(a *Appendix, i int) []string {
	text := p.glyphs.text(fmt.Sprintf("%-7s %s", reference(a.Number, i+1), a.Events[i].Raw))
	return breakText(text, columns(pageWidth-2*appendixSide, appendixSize), strings.Repeat(" ", 8))
}

// pages deals rows out to pages so that the last one is not nearly blank.
type pages struct {
	left int // on this page
	each int // on each page that follows
}

// newPages deals out rows to a page with room for first, and pages with room for whole.
func newPages(rows, first, whole int) *pages {
	rest := rows - first
	if rest <= 0 {
		return &pages{left: rows}
	}
	count := (rest + whole - 1) / whole
	least := int(leastLast * float64(whole))
	short := least - (rest - (count-1)*whole)
	switch {
	case short <= 0:
		return &pages{left: first, each: whole}
	case count == 1:
		return &pages{left: max(0, first-short), each: whole}
	}
	return &pages{left: first, each: whole - (short+count-2)/(count-1)}
}

// full reports whether the next row goes to a new page.
func (p *pages) full() bool {
	full := p.left == 0
	if full {
		p.left = p.each
	}
	p.left--
	return full
}

// breakText cuts a text into rows of so many characters; rows after the first are
// indented.
func breakText(text string, columns int, indent string) []string {
	all := []rune(text)
	rows := []string{string(all[:min(columns, len(all))])}
	all = all[min(columns, len(all)):]
	room := columns - len(indent)
	for len(all) > 0 {
		part := min(room, len(all))
		rows = append(rows, indent+string(all[:part]))
		all = all[part:]
	}
	return rows
}
