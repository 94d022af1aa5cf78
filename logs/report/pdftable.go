package report

import (
	"image/color"

	"conch/logs/draw"
)

// table writes a table; a row does not break over pages, and the head stands on
// each page.
func (p *printer) table(t Table) {
	sum := 0.0
	for _, weight := range t.Weights {
		sum += weight
	}
	widths := make([]float64, len(t.Weights))
	for i, weight := range t.Weights {
		widths[i] = textWidth * weight / sum
	}
	p.font("sans", "", tableSize)
	whole := 3*tableLine + p.rowHeight(t.Head, widths)
	for _, cells := range t.Rows {
		whole += p.rowHeight(cells, widths)
	}
	if whole > (textBottom-topMargin)/2 { // a long one may break
		whole = 70
	}
	p.room(whole)
	p.pdf.MultiCell(textWidth, tableLine, t.Caption, "", "L", false)
	p.pdf.Ln(2)
	p.row(t.Head, widths, "B")
	for _, cells := range t.Rows {
		if p.pdf.GetY()+p.rowHeight(cells, widths) > textBottom {
			p.pdf.AddPage()
			p.row(t.Head, widths, "B")
		}
		p.row(cells, widths, "")
	}
	p.pdf.Ln(9)
}

// cellPadding is the space on both sides of a cell's text.
const cellPadding = 3.0

func (p *printer) rowHeight(cells []string, widths []float64) float64 {
	rows := 1
	for i, cell := range cells {
		rows = max(rows, len(p.pdf.SplitText(cell, widths[i]-2*cellPadding)))
	}
	return float64(rows)*tableLine + 3
}

// row writes one row of a table.
func (p *printer) row(cells []string, widths []float64, style string) {
	p.font("sans", style, tableSize)
	height := p.rowHeight(cells, widths)
	p.pdf.SetDrawColor(190, 190, 190)
	p.pdf.SetLineWidth(0.5)
	x, y := sideMargin, p.pdf.GetY()
	for i, cell := range cells {
		p.pdf.Rect(x, y, widths[i], height, "D")
		switch cell { // the verdicts stand out
		case "HOLDS":
			p.pdf.SetTextColor(0, 110, 40)
		case "VIOLATED", "INSUFFICIENT":
			p.pdf.SetTextColor(180, 0, 0)
		}
		for k, line := range p.pdf.SplitText(cell, widths[i]-2*cellPadding) {
			p.pdf.Text(x+cellPadding, y+float64(k)*tableLine+tableLine*0.82+1, line)
		}
		p.pdf.SetTextColor(0, 0, 0)
		x += widths[i]
	}
	p.pdf.SetXY(sideMargin, y+height)
}

// figure paints a diagram, as lines and text, at most as wide as the text.
func (p *printer) figure(f Figure) {
	const captionRoom = 40
	scale := min(1, textWidth/f.Picture.Width, (textBottom-topMargin-captionRoom)/f.Picture.Height)
	height := f.Picture.Height * scale
	p.room(height + captionRoom)
	left, top := sideMargin+(textWidth-f.Picture.Width*scale)/2, p.pdf.GetY()
	at := func(point draw.Point) (x, y float64) { return left + point.X*scale, top + point.Y*scale }
	p.pdf.SetLineCapStyle("butt")
	for _, e := range f.Picture.Elements {
		p.element(e, scale, at)
	}
	p.pdf.SetDashPattern(nil, 0)
	p.pdf.SetTextColor(0, 0, 0)
	p.pdf.SetXY(sideMargin, top+height+2)
	p.font("sans", "", tableSize)
	p.pdf.MultiCell(textWidth, tableLine, f.Caption, "", "L", false)
	p.pdf.Ln(9)
}

func (p *printer) element(e draw.Element, scale float64, at func(draw.Point) (x, y float64)) {
	r, g, b := rgb(e.Colour)
	if e.Shape == draw.Text {
		p.pdf.SetTextColor(r, g, b)
		p.font("sans", "", e.Size*scale)
		x, y := at(e.Points[0])
		p.pdf.Text(x-e.Align*draw.TextWidth(e.Text, e.Size)*scale, y, e.Text)
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
