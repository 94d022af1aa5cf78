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
	quoteSize    = 6.6
	quoteLine    = 8.4
	tableSize    = 8.0
	tableLine    = 10.0
	appendixSize = 4.8
	appendixLine = 5.9
	appendixSide = 28.0 // the appendix has a wider page
	contentsLine = 15.0
	monoAdvance  = 0.6 // of a character of the fixed font, in its size
)

// PDF writes the document as PDF, with page numbers, contents and bookmarks. The
// text is set in the Liberation fonts, which the file has in it. A character that these
// lack is replaced by its code, and the first page says so.
func (d *Document) PDF(w io.Writer, progress Progress) error {
	return d.print(newPrinter(d), w, progress)
}

func (d *Document) print(p *printer, w io.Writer, progress Progress) error {
	p.firstPage(d)
	p.reserveContents(len(d.Sections) + len(d.Appendices))
	for i, s := range d.Sections {
		p.heading(fmt.Sprintf("%d. %s", i+1, s.Title), p.need(s.Blocks, 0))
		p.blocks(s.Blocks)
	}
	p.flush()
	count := progress.begin(d.lines())
	for _, a := range d.Appendices {
		p.appendix(a, count)
	}
	p.contents()
	if err := p.pdf.Error(); err != nil {
		return fmt.Errorf("make the PDF: %w", err)
	}
	return p.pdf.Output(w)
}

// printer is a PDF being made.
type printer struct {
	pdf      *fpdf.Fpdf
	glyphs   *glyphs
	y        float64        // where the next element begins
	size     float64        // of the current font
	links    map[string]int // by the reference of a line
	headings []heading
	waiting  []Figure // figures that had no room where they belong

	contentsPage int
	contentsY    float64

	drawn func(element) // told of each element; may be nil
}

// element is something that was drawn on a page, for tests of the layout.
type element struct {
	kind                string // heading, paragraph, body, quote, cell, figure, appendix
	page                int
	x, y, width, height float64 // of the text, or the figure, from the upper left corner
	box                 float64 // where the box around a cell ends on the right; 0: the margin
	size                float64 // of the font
	text                string
}

// heading is a line of the contents.
type heading struct {
	title string
	page  int
	link  int
}

func newPrinter(d *Document) *printer {
	pdf := fpdf.NewCustom(&fpdf.InitType{OrientationStr: "P", UnitStr: "pt", SizeStr: "A4"})
	p := &printer{pdf: pdf, glyphs: newGlyphs(), links: make(map[string]int)}
	pdf.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	pdf.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	pdf.AddUTF8FontFromBytes("mono", "", liberationmonoregular.TTF)
	pdf.SetMargins(sideMargin, topMargin, sideMargin)
	pdf.SetAutoPageBreak(false, bottomMargin)
	pdf.SetCatalogSort(true) // the same logs make the same file
	pdf.SetTitle(p.glyphs.text(d.Title), true)
	pdf.SetAuthor(p.glyphs.text(strings.Join(d.Authors, ", ")), true)
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
	p.size = size
}

// text draws one row of text, whose upper left corner is at x and y, in the current
// font, and tells what it has drawn.
func (p *printer) text(kind string, x, y, line, box float64, text string) {
	p.pdf.Text(x, y+line*0.77, text)
	if p.drawn != nil {
		p.drawn(element{kind: kind, page: p.pdf.PageNo(), x: x, y: y, width: p.pdf.GetStringWidth(text), height: line, box: box, size: p.size, text: text})
	}
}

func (p *printer) firstPage(d *Document) {
	p.newPage()
	p.font("sans", "B", 19)
	for _, row := range p.split(d.Title, textWidth) {
		p.text("body", sideMargin, p.y, 24, 0, row)
		p.y += 24
	}
	p.y += 6
	if len(d.Authors) > 0 {
		p.paragraph(strings.Join(d.Authors, ", "), 0)
	}
	if d.Repository != "" {
		p.font("sans", "", bodySize)
		const label = "Repository: "
		p.text("body", sideMargin, p.y, bodyLine, 0, label)
		x := sideMargin + p.pdf.GetStringWidth(label)
		p.pdf.SetTextColor(20, 70, 160)
		for _, row := range p.split(d.Repository, sideMargin+textWidth-x) {
			p.text("body", x, p.y, bodyLine, 0, row)
			p.pdf.LinkString(x, p.y, p.pdf.GetStringWidth(row), bodyLine, d.Repository)
			p.y += bodyLine
		}
		p.pdf.SetTextColor(0, 0, 0)
		p.y += 5
	}
	if codes := d.Undrawable(); len(codes) > 0 {
		p.warning(undrawn(codes))
	}
	p.blocks(d.First)
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

// reserveContents leaves room for the contents, whose pages are known at the end.
func (p *printer) reserveContents(lines int) {
	height := 24 + float64(lines)*contentsLine
	p.room(height)
	p.contentsPage, p.contentsY = p.pdf.PageNo(), p.y
	p.y += height + 6
}

// contents fills the room that was left for the contents.
func (p *printer) contents() {
	last := p.pdf.PageCount()
	p.pdf.SetPage(p.contentsPage)
	y := p.contentsY
	p.font("sans", "B", 12)
	p.text("heading", sideMargin, y, 20, 0, "Contents")
	y += 20
	p.font("sans", "", bodySize)
	for _, h := range p.headings {
		p.text("body", sideMargin, y, contentsLine, 0, h.title)
		page := fmt.Sprint(h.page)
		p.text("body", sideMargin+textWidth-p.pdf.GetStringWidth(page), y, contentsLine, 0, page)
		p.pdf.Link(sideMargin, y, textWidth, contentsLine, h.link)
		y += contentsLine
	}
	p.pdf.SetPage(last) // whose footer is still to come
}
