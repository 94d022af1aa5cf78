package report

import (
	"fmt"
	"strings"
)

// This file sets running text: what begins a page, and what stays together.

// newPage begins a page, with the figures that wait for one.
func (p *printer) newPage() {
	p.pdf.AddPage()
	p.y = topMargin
	for len(p.waiting) > 0 {
		f := p.waiting[0]
		if p.y > topMargin && p.y+figureHeight(f) > textBottom {
			return
		}
		p.waiting = p.waiting[1:]
		p.paint(f)
	}
}

// flush draws the figures that wait.
func (p *printer) flush() {
	for len(p.waiting) > 0 {
		f := p.waiting[0]
		if p.y+figureHeight(f) > textBottom {
			p.newPage()
			continue
		}
		p.waiting = p.waiting[1:]
		p.paint(f)
	}
}

// room begins a new page if less than this height is left.
func (p *printer) room(height float64) {
	for p.y > topMargin && p.y+min(height, textBottom-topMargin) > textBottom {
		p.newPage() // more than once if figures fill a page
	}
}

// split breaks a text into rows of this width in the current font.
func (p *printer) split(text string, width float64) []string {
	return p.pdf.SplitText(p.glyphs.text(text), width)
}

// The heights of what heads a section and a part of it, with the space around.
const (
	headingHeight  = 8 + 19 + 4
	subtitleHeight = 3 + 15 + 2
)

// need is the least height with which a block may begin on a page: with what it heads,
// or announces by a colon.
func (p *printer) need(blocks []Block, i int) float64 {
	if i >= len(blocks) {
		return 0
	}
	switch b := blocks[i].(type) {
	case Subtitle:
		return subtitleHeight + p.need(blocks, i+1)
	case Paragraph:
		p.font("sans", "", bodySize)
		rows := len(p.split(string(b), textWidth))
		if i+1 < len(blocks) && announces(string(b), blocks[i+1]) {
			return float64(rows)*bodyLine + 5 + p.need(blocks, i+1)
		}
		if rows > 3 {
			rows = 2
		}
		return float64(rows) * bodyLine
	case Code:
		return float64(len(codeRows(string(b)))) * codeLine
	case Quote:
		if len(b) == 0 {
			return 0
		}
		height := 0.0
		for _, line := range b {
			height += float64(len(p.quoteRows(line))) * quoteLine
		}
		return min(height, 12*quoteLine)
	case Table:
		return p.tableNeed(b)
	case Warning:
		return 5 * bodyLine
	}
	return 0 // a figure may stand on the next page
}

// announces reports whether a paragraph belongs to the block below it.
func announces(text string, next Block) bool {
	switch next.(type) {
	case Quote, Code:
		return true
	case Table:
		return strings.HasSuffix(text, ":")
	}
	return false
}

// heading begins a section, whose first block needs this much.
func (p *printer) heading(title string, need float64) {
	p.room(headingHeight + need)
	p.y += 8
	link := p.pdf.AddLink()
	p.pdf.SetLink(link, p.y, -1)
	title = p.glyphs.text(title)
	p.headings = append(p.headings, heading{title, p.pdf.PageNo(), link})
	p.font("sans", "B", 14)
	p.bookmark(title, 0)
	p.text("heading", sideMargin, p.y, 19, 0, title)
	p.y += 19 + 4
}

func (p *printer) bookmark(title string, level int) {
	p.pdf.SetY(p.y)
	p.pdf.Bookmark(title, level, p.y)
}

// mostRows is how many rows of running text there are on a page.
const mostRows = 56

// paragraph writes running text. No row of it stands alone on a page if it has more than
// three. It begins where there is room for need.
func (p *printer) paragraph(text string, need float64) {
	p.font("sans", "", bodySize)
	rows := p.split(text, textWidth)
	p.room(need)
	p.font("sans", "", bodySize) // a figure may have come first
	for len(rows) > 0 {
		fit := int((textBottom - p.y + 0.01) / bodyLine)
		switch {
		case fit >= len(rows):
			fit = len(rows)
		case len(rows) <= 3 || fit < 2:
			fit = 0
		case len(rows)-fit < 2:
			fit = len(rows) - 2
		}
		if fit == 0 {
			p.newPage()
			p.font("sans", "", bodySize)
			if p.y == topMargin { // else a figure has come first: see once more what fits
				fit = min(len(rows), mostRows)
			}
		}
		for _, row := range rows[:fit] {
			p.text("paragraph", sideMargin, p.y, bodyLine, 0, row)
			p.y += bodyLine
		}
		rows = rows[fit:]
	}
	p.y += 5
}

func (p *printer) blocks(blocks []Block) {
	for i, block := range blocks {
		need := p.need(blocks, i)
		switch b := block.(type) {
		case Paragraph:
			p.paragraph(string(b), need)
		case Subtitle:
			p.room(need)
			p.y += 3
			p.font("sans", "B", 10.5)
			p.bookmark(p.glyphs.text(string(b)), 1)
			p.text("heading", sideMargin, p.y, 15, 0, p.glyphs.text(string(b)))
			p.y += 15 + 2
		case Warning:
			p.warning(b)
		case Code:
			p.code(b)
		case Quote:
			p.quote(b)
		case Table:
			p.table(b)
		case Figure:
			p.figure(b)
		}
	}
}

func (p *printer) warning(w Warning) {
	p.room(5 * bodyLine)
	p.pdf.SetTextColor(170, 0, 0)
	p.font("sans", "B", bodySize)
	for _, row := range p.split(w.Title, textWidth) {
		p.text("body", sideMargin, p.y, bodyLine, 0, row)
		p.y += bodyLine
	}
	p.pdf.SetTextColor(0, 0, 0)
	for _, problem := range w.Problems {
		p.font("sans", "", tableSize)
		for i, row := range p.split("– "+problem, textWidth) {
			if i > 0 {
				row = "  " + row
			}
			p.room(tableLine + 1)
			p.font("sans", "", tableSize)
			p.text("body", sideMargin, p.y, tableLine+1, 0, row)
			p.y += tableLine + 1
		}
	}
	p.y += 8
}

// shaded writes rows of the fixed font on grey. The first carries a link if it is
// not 0.
func (p *printer) shaded(rows []string, size, line float64, link int) {
	p.room(line * float64(len(rows)))
	for i, row := range rows {
		p.room(line)
		p.pdf.SetFillColor(244, 244, 244)
		p.pdf.Rect(sideMargin, p.y, textWidth, line, "F")
		p.font("mono", "", size)
		p.text("quote", sideMargin+3, p.y, line, 0, row)
		if i == 0 && link != 0 {
			p.pdf.Link(sideMargin, p.y, textWidth, line, link)
		}
		p.y += line
	}
}

const codeSize, codeLine = 7.0, 9.0

// codeRows breaks what is typed at a terminal.
func codeRows(text string) []string {
	var rows []string
	for line := range strings.SplitSeq(text, "\n") {
		rows = append(rows, breakWords(line, columns(textWidth-6, codeSize), "    ")...)
	}
	return rows
}

func (p *printer) code(c Code) {
	for i, row := range codeRows(string(c)) {
		if i == 0 {
			p.room(p.need([]Block{c}, 0))
		}
		p.shaded([]string{p.glyphs.text(row)}, codeSize, codeLine, 0)
	}
	p.y += 7
}

// quoteRows are a quoted line, broken at spaces.
func (p *printer) quoteRows(line Line) []string {
	text := p.glyphs.text(fmt.Sprintf("%-6s %-2s %s", line.Reference(), line.Node, line.Text))
	return breakWords(text, columns(textWidth-6, quoteSize), strings.Repeat(" ", 10))
}

func (p *printer) quote(q Quote) {
	for _, line := range q {
		p.shaded(p.quoteRows(line), quoteSize, quoteLine, p.link(line.Reference()))
	}
	p.y += 6
}

// columns is how many characters of the fixed font there is room for.
func columns(width, size float64) int { return int(width / (monoAdvance * size)) }

// breakWords cuts a text into rows of so many characters, at spaces where it can; rows
// after the first are indented.
func breakWords(text string, columns int, indent string) []string {
	rest := []rune(text)
	var rows []string
	for prefix := ""; ; prefix = indent {
		room := columns - len(prefix)
		if len(rest) <= room {
			return append(rows, prefix+string(rest))
		}
		cut := room
		for cut > room/2 && rest[cut] != ' ' {
			cut--
		}
		if rest[cut] != ' ' {
			cut = room
		}
		rows = append(rows, prefix+strings.TrimRight(string(rest[:cut]), " "))
		rest = rest[cut:]
		for len(rest) > 0 && rest[0] == ' ' {
			rest = rest[1:]
		}
	}
}
