package report

import (
	"fmt"
	"io"
	"strings"

	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-pdf/fpdf"
)

// Measures of a page, in points: A4.
const (
	pageWidth    = 595.28
	pageHeight   = 841.89
	sideMargin   = 50.0
	topMargin    = 50.0
	bottomMargin = 56.0
	textWidth    = pageWidth - 2*sideMargin
	textBottom   = pageHeight - bottomMargin

	bodySize     = 9.5
	bodyLine     = 13.0
	quoteSize    = 6.2
	quoteLine    = 7.6
	tableSize    = 8.0
	tableLine    = 10.0
	appendixSize = 4.8
	appendixLine = 5.9
	appendixSide = 28.0 // the appendix has a wider page
	monoAdvance  = 0.6  // of a character of the fixed font, in its size
)

// PDF writes the document as PDF, with page numbers, contents and bookmarks. The
// text is set in the Liberation fonts, which the file has in it.
func (d *Document) PDF(w io.Writer, progress Progress) error {
	p := newPrinter(d)
	p.firstPage(d)
	p.pdf.AddPage()
	contents := p.pdf.PageNo()
	for i, s := range d.Sections {
		if i == 0 {
			p.pdf.AddPage()
		}
		p.heading(fmt.Sprintf("%d. %s", i+1, s.Title))
		p.blocks(s.Blocks)
	}
	count := progress.begin(d.lines())
	for _, a := range d.Appendices {
		p.appendix(a, count)
	}
	p.contents(contents)
	if err := p.pdf.Error(); err != nil {
		return fmt.Errorf("make the PDF: %w", err)
	}
	return p.pdf.Output(w)
}

// printer is a PDF being made.
type printer struct {
	pdf      *fpdf.Fpdf
	links    map[string]int // by the reference of a line
	headings []heading
}

// heading is a line of the contents.
type heading struct {
	title string
	page  int
	link  int
}

func newPrinter(d *Document) *printer {
	pdf := fpdf.NewCustom(&fpdf.InitType{OrientationStr: "P", UnitStr: "pt", SizeStr: "A4"})
	p := &printer{pdf: pdf, links: make(map[string]int)}
	pdf.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	pdf.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	pdf.AddUTF8FontFromBytes("mono", "", liberationmonoregular.TTF)
	pdf.SetMargins(sideMargin, topMargin, sideMargin)
	pdf.SetAutoPageBreak(true, bottomMargin)
	pdf.SetCatalogSort(true) // the same logs make the same file
	pdf.SetTitle(d.Title, true)
	pdf.SetAuthor(strings.Join(d.Authors, ", "), true)
	pdf.SetLang("en")
	for _, a := range d.Appendices {
		pdf.SetCreationDate(a.Events[0].Time)
		pdf.SetModificationDate(a.Events[0].Time)
		break
	}
	pdf.SetFooterFunc(func() {
		p.font("sans", "", 8)
		pdf.SetTextColor(110, 110, 110)
		number := fmt.Sprintf("Page %d", pdf.PageNo())
		pdf.Text((pageWidth-pdf.GetStringWidth(number))/2, pageHeight-28, number)
		pdf.SetTextColor(0, 0, 0)
	})
	return p
}

// font sets the font, also where the page is another than the one that was written
// to last, of which the library does not know that its font is another.
func (p *printer) font(family, style string, size float64) {
	p.pdf.SetFont(family, style, size+1)
	p.pdf.SetFont(family, style, size)
}

func (p *printer) firstPage(d *Document) {
	p.pdf.AddPage()
	p.font("sans", "B", 19)
	p.pdf.MultiCell(textWidth, 24, d.Title, "", "L", false)
	p.pdf.Ln(6)
	if len(d.Authors) > 0 {
		p.paragraph(strings.Join(d.Authors, ", "))
	}
	if d.Repository != "" {
		p.font("sans", "", bodySize)
		p.pdf.Write(bodyLine, "Repository: ")
		p.pdf.SetTextColor(20, 70, 160)
		p.pdf.WriteLinkString(bodyLine, d.Repository, d.Repository)
		p.pdf.SetTextColor(0, 0, 0)
		p.pdf.Ln(bodyLine + 5)
	}
	p.blocks(d.First)
}

// room begins a new page if less than this height is left.
func (p *printer) room(height float64) {
	if p.pdf.GetY()+height > textBottom {
		p.pdf.AddPage()
	}
}

// heading begins a section.
func (p *printer) heading(title string) {
	p.room(90)
	p.pdf.Ln(8)
	link := p.pdf.AddLink()
	p.pdf.SetLink(link, p.pdf.GetY(), -1)
	p.headings = append(p.headings, heading{title, p.pdf.PageNo(), link})
	p.font("sans", "B", 14)
	p.pdf.Bookmark(title, 0, -1)
	p.pdf.MultiCell(textWidth, 19, title, "", "L", false)
	p.pdf.Ln(4)
}

func (p *printer) paragraph(text string) {
	p.font("sans", "", bodySize)
	p.room(4 * bodyLine) // not a line alone, and not without the quote that may follow
	p.pdf.MultiCell(textWidth, bodyLine, text, "", "L", false)
	p.pdf.Ln(5)
}

func (p *printer) blocks(blocks []Block) {
	for _, block := range blocks {
		switch b := block.(type) {
		case Paragraph:
			p.paragraph(string(b))
		case Subtitle:
			p.room(60)
			p.pdf.Ln(3)
			p.font("sans", "B", 10.5)
			p.pdf.Bookmark(string(b), 1, -1)
			p.pdf.MultiCell(textWidth, 15, string(b), "", "L", false)
			p.pdf.Ln(2)
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
	p.room(50)
	p.font("sans", "B", bodySize)
	p.pdf.SetTextColor(170, 0, 0)
	p.pdf.MultiCell(textWidth, bodyLine, w.Title, "", "L", false)
	p.pdf.SetTextColor(0, 0, 0)
	p.font("sans", "", tableSize)
	for _, problem := range w.Problems {
		p.pdf.MultiCell(textWidth, tableLine+1, "– "+problem, "", "L", false)
	}
	p.pdf.Ln(8)
}

// shaded writes rows of the fixed font on grey. The first carries a link if it is
// not 0.
func (p *printer) shaded(rows []string, size, line float64, link int) {
	if height := line * float64(len(rows)); height < textBottom-topMargin {
		p.room(height)
	}
	for i, row := range rows {
		p.room(line)
		y := p.pdf.GetY()
		p.pdf.SetFillColor(244, 244, 244)
		p.pdf.Rect(sideMargin, y, textWidth, line, "F")
		p.font("mono", "", size)
		p.pdf.Text(sideMargin+3, y+line*0.78, row)
		if i == 0 && link != 0 {
			p.pdf.Link(sideMargin, y, textWidth, line, link)
		}
		p.pdf.SetXY(sideMargin, y+line)
	}
}

func (p *printer) code(c Code) {
	const size, line = 7.0, 9.0
	for text := range strings.SplitSeq(string(c), "\n") {
		p.shaded(breakText(text, columns(textWidth-6, size), "    "), size, line, 0)
	}
	p.pdf.Ln(7)
}

func (p *printer) quote(q Quote) {
	for _, line := range q {
		link := p.link(line.Reference())
		text := fmt.Sprintf("%-7s %s", line.Reference(), line.Text)
		p.shaded(breakText(text, columns(textWidth-6, quoteSize), "        "), quoteSize, quoteLine, link)
	}
	p.pdf.Ln(6)
}

// link is the link to a line of an appendix.
func (p *printer) link(reference string) int {
	link, known := p.links[reference]
	if !known {
		link = p.pdf.AddLink()
		p.links[reference] = link
	}
	return link
}

// columns is how many characters of the fixed font there is room for.
func columns(width, size float64) int { return int(width / (monoAdvance * size)) }

// breakText cuts a text into rows of so many characters; rows after the first are
// indented.
func breakText(text string, columns int, indent string) []string {
	all := []rune(strings.ReplaceAll(text, "\t", " "))
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

// appendix writes all lines of a run, each with its number.
func (p *printer) appendix(a *Appendix, count func()) {
	p.pdf.AddPage()
	p.heading(fmt.Sprintf("Appendix %s. %s", a.Letter, a.Title))
	p.paragraph(fmt.Sprintf("%d lines of all nodes, as they were written, in causal order: a node's lines in their order, and each receipt below its sending.", len(a.Events)))
	width := columns(pageWidth-2*appendixSide, appendixSize)
	y := p.pdf.GetY()
	p.font("mono", "", appendixSize)
	for i, e := range a.Events {
		rows := breakText(fmt.Sprintf("%-7s %s", fmt.Sprintf("%s.%d", a.Letter, i+1), e.Raw), width, "        ")
		for k, row := range rows {
			if y+appendixLine > textBottom {
				p.pdf.AddPage()
				p.font("mono", "", appendixSize)
				y = topMargin
			}
			if link, wanted := p.links[fmt.Sprintf("%s.%d", a.Letter, i+1)]; wanted && k == 0 {
				p.pdf.SetLink(link, y, -1)
			}
			p.pdf.Text(appendixSide, y+appendixLine*0.8, row)
			y += appendixLine
		}
		count()
	}
	p.pdf.SetY(min(y, textBottom))
}

// contents fills the page that was left for the contents.
func (p *printer) contents(page int) {
	last := p.pdf.PageCount()
	p.pdf.SetPage(page)
	p.pdf.SetXY(sideMargin, topMargin)
	p.font("sans", "B", 14)
	p.pdf.CellFormat(textWidth, 24, "Contents", "", 1, "L", false, 0, "")
	p.font("sans", "", 10.5)
	for _, h := range p.headings {
		p.pdf.SetX(sideMargin)
		p.pdf.CellFormat(textWidth-40, 18, h.title, "", 0, "L", false, h.link, "")
		p.pdf.CellFormat(40, 18, fmt.Sprint(h.page), "", 1, "R", false, h.link, "")
	}
	p.pdf.SetPage(last) // whose footer is still to come
}
