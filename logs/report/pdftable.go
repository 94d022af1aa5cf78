package report

import (
	"image/color"
	"strings"

	"conch/logs"
	"conch/logs/draw"
)

// A table whose height is less than this share of a page stays on one.
const wholeTable = 0.55

func columnWidths(t Table) []float64 {
	sum := 0.0
	for _, weight := range t.Weights {
		sum += weight
	}
	widths := make([]float64, len(t.Weights))
	for i, weight := range t.Weights {
		widths[i] = textWidth * weight / sum
	}
	return widths
}

// tableNeed is the height with which a table may begin on a page.
func (p *printer) tableNeed(t Table) float64 {
	widths := columnWidths(t)
	p.font("sans", "", tableSize)
	head := float64(len(p.split(t.Caption, textWidth)))*tableLine + 2 + p.rowHeight(t.Head, widths, "B")
	whole, least := head, head
	for i, cells := range t.Rows {
		height := p.rowHeight(cells, widths, "")
		whole += height
		if i < 2 {
			least += height
		}
	}
	if whole > (textBottom-topMargin)*wholeTable {
		return least
	}
	return whole
}

// table writes a table; a row does not break over pages, and the head stands on
// each page.
func (p *printer) table(t Table) {
	widths := columnWidths(t)
	p.room(p.tableNeed(t))
	p.caption(t.Caption)
	p.y += 2
	p.row(t.Head, widths, "B")
	for _, cells := range t.Rows {
		if p.y+p.rowHeight(cells, widths, "") > textBottom {
			p.newPage()
			p.row(t.Head, widths, "B")
		}
		p.row(cells, widths, "")
	}
	p.y += 9
}

func (p *printer) caption(text string) {
	p.font("sans", "", tableSize)
	for _, row := range p.split(text, textWidth) {
		p.text("body", sideMargin, p.y, tableLine, 0, row)
		p.y += tableLine
	}
}

// cellPadding is the space on both sides of a cell's text.
const cellPadding = 3.0

func (p *printer) rowHeight(cells []string, widths []float64, style string) float64 {
	p.font("sans", style, tableSize)
	rows := 1
	for i, cell := range cells {
		rows = max(rows, len(p.split(cell, widths[i]-cellPadding)))
	}
	return float64(rows)*tableLine + 3
}

// row writes one row of a table.
func (p *printer) row(cells []string, widths []float64, style string) {
	height := p.rowHeight(cells, widths, style)
	p.pdf.SetDrawColor(190, 190, 190)
	p.pdf.SetLineWidth(0.5)
	x, y := sideMargin, p.y
	for i, cell := range cells {
		p.pdf.Rect(x, y, widths[i], height, "D")
		switch word, _, _ := strings.Cut(strings.ReplaceAll(cell, ",", ":"), ":"); { // the verdicts stand out
		case strings.HasPrefix(word, strings.ToUpper(logs.Holds.String())):
			p.pdf.SetTextColor(0, 110, 40)
		case word == "VIOLATED", word == noProof, word == missed, word == notMet:
			p.pdf.SetTextColor(180, 0, 0)
		}
		for k, line := range p.split(cell, widths[i]-cellPadding) {
			p.text("cell", x+cellPadding, y+float64(k)*tableLine+1, tableLine, x+widths[i], line)
		}
		p.pdf.SetTextColor(0, 0, 0)
		x += widths[i]
	}
	p.y = y + height
}

// captionRoom is for the words below a figure.
const captionRoom = 40

// figureScale is by how much a figure is made smaller to fit on a page.
func figureScale(f Figure) float64 {
	return min(1, textWidth/f.Picture.Width, (textBottom-topMargin-captionRoom)/f.Picture.Height)
}

func figureHeight(f Figure) float64 { return f.Picture.Height*figureScale(f) + captionRoom }

// figure paints a diagram here, or on the next page if there is no room.
func (p *printer) figure(f Figure) {
	if len(p.waiting) > 0 || p.y+figureHeight(f) > textBottom {
		p.waiting = append(p.waiting, f)
		return
	}
	p.paint(f)
}

// paint paints a diagram, as lines and text, at most as wide as the text.
func (p *printer) paint(f Figure) {
	scale := figureScale(f)
	left, top := sideMargin+(textWidth-f.Picture.Width*scale)/2, p.y
	at := func(point draw.Point) (x, y float64) { return left + point.X*scale, top + point.Y*scale }
	p.pdf.SetLineCapStyle("butt")
	for _, e := range f.Picture.Elements {
		p.element(e, scale, at)
	}
	p.pdf.SetDashPattern(nil, 0)
	p.pdf.SetTextColor(0, 0, 0)
	if p.drawn != nil {
		p.drawn(element{kind: "figure", page: p.pdf.PageNo(), x: left, y: top, width: f.Picture.Width * scale, height: f.Picture.Height * scale, text: f.Name})
	}
	p.y = top + f.Picture.Height*scale + 2
	p.caption(f.Caption)
	p.y += 9
}

func (p *printer) element(e draw.Element, scale float64, at func(draw.Point) (x, y float64)) {
	r, g, b := rgb(e.Colour)
	if e.Shape == draw.Text {
		p.pdf.SetTextColor(r, g, b)
		p.font("sans", "", e.Size*scale)
		x, y := at(e.Points[0])
		p.pdf.Text(x-e.Align*draw.TextWidth(e.Text, e.Size)*scale, y, p.glyphs.text(e.Text))
		return
	}
	// Colours and widths are set before a path begins: PDF allows nothing else.
	var dash []float64
	for _, length := range e.Dash {
		dash = append(dash, length*scale)
	}
	p.pdf.SetDashPattern(dash, 0)
	p.pdf.SetLineWidth(e.Width * scale)
	p.pdf.SetDrawColor(r, g, b)
	p.pdf.SetFillColor(r, g, b)
	p.pdf.SetAlpha(float64(e.Colour.A)/255, "Normal")
	how := "D"
	if e.Shape == draw.Area {
		how = "F" // which closes the path
	}
	x, y := at(e.Points[0])
	p.pdf.MoveTo(x, y)
	for _, point := range e.Points[1:] {
		p.pdf.LineTo(at(point))
	}
	p.pdf.DrawPath(how)
	p.pdf.SetAlpha(1, "Normal")
}

func rgb(c color.NRGBA) (r, g, b int) { return int(c.R), int(c.G), int(c.B) }
