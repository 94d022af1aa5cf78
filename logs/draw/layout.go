package draw

import (
	"fmt"
	"slices"
	"time"

	"conch/logs"
)

// Measures, in points.
const (
	margin       = 8
	gutter       = 42 // for the rows' numbers
	labelSize    = 6.5
	headingSize  = 7.5
	titleSize    = 8
	narrowColumn = 74
	wideColumn   = 150
	labelledRow  = 9.5
	plainRow     = 6.5
	longestPause = 30 // by time: a longer one is cut to this
	scale        = 2  // by time: points for a millisecond
	labelGap     = 7  // from a node's line to its labels
	halfSection  = 4
	halfWaiting  = 2.5
	sectionGap   = 0.5 // keeps two entries in a row apart
)

// plan is a picture being laid out.
type plan struct {
	*scope
	*Picture
	rowsOf      []*row
	row         map[*logs.Event]*row
	x           map[string]float64 // of each node's line
	top, bottom float64            // of the nodes' lines
	ends        map[*logs.Life]*row
}

// Draw lays out a picture of a run. The error wraps ErrNothing.
func Draw(run *logs.Run, o Options) (*Picture, error) {
	s, err := newScope(run, o)
	if err != nil {
		return nil, err
	}
	p := &plan{scope: s, Picture: &Picture{From: s.from, To: s.to, Lines: len(s.merged)},
		row: make(map[*logs.Event]*row), x: make(map[string]float64), ends: make(map[*logs.Life]*row)}
	p.rowsOf = s.rows()
	for _, r := range p.rowsOf {
		if r.crash {
			p.ends[r.first().Life] = r
			continue
		}
		for _, e := range r.events {
			p.row[e] = r
		}
	}
	p.setColumns()
	y := p.drawHead()
	p.setRows(y)
	p.drawTracks()
	p.drawMessages()
	p.drawEvents()
	p.drawLegend()
	return p.Picture, nil
}

// nodes are all that were members, or where no line lists them, who wrote lines.
func (s *scope) nodes() []string {
	var nodes []string
	for id, member := range s.run.Members {
		if s.run.Listed(id) {
			nodes = append(nodes, member)
		}
	}
	if len(nodes) > 0 {
		return nodes
	}
	for _, life := range s.run.Lives {
		if !slices.Contains(nodes, life.Node) {
			nodes = append(nodes, life.Node)
		}
	}
	return nodes
}

// setColumns gives each node a column that has room for its labels.
func (p *plan) setColumns() {
	nodes := p.nodes()
	least := float64(narrowColumn)
	if len(nodes) <= 4 {
		least = wideColumn
	}
	x := float64(margin + gutter)
	for _, node := range nodes {
		width := least
		for _, r := range p.rowsOf {
			if r.node() == node {
				width = max(width, TextWidth(r.label, labelSize)+3*labelGap)
			}
		}
		width = max(width, TextWidth(p.name(node), headingSize)+labelGap)
		p.x[node] = x + max(12, TextWidth(p.name(node), headingSize)/2)
		if len(nodes) <= 4 { // room on both sides reads more easily
			p.x[node] = x + width/3
		}
		right := p.x[node] + labelGap + p.widestLabel(node)
		x = max(x+width, right+labelGap)
	}
	p.Width = max(x+margin, 440)
}

func (p *plan) widestLabel(node string) float64 {
	widest := 0.0
	for _, r := range p.rowsOf {
		if r.node() == node {
			widest = max(widest, TextWidth(r.label, labelSize))
		}
	}
	return widest
}

// drawHead writes the title, the overview where the window is not the whole run,
// and the names of the nodes. It returns where the rows begin.
func (p *plan) drawHead() float64 {
	y := float64(margin + titleSize)
	order := "in causal order; on the left, lines of the merged logs"
	if p.options.By == ByTime {
		order = "by the nodes' clocks; on the left, milliseconds since the first row"
	}
	part := fmt.Sprintf("all %d lines", p.Lines)
	if p.from > 1 || p.to < p.Lines {
		part = fmt.Sprintf("lines %d to %d of %d", p.from, p.to, p.Lines)
	}
	p.text(Heading, black, titleSize, 0, margin, y, fmt.Sprintf("Lock %s, %s, %s", p.lock, part, order))
	if p.from > 1 || p.to < p.Lines {
		y = p.drawOverview(y + 8)
	}
	y += 16
	for _, node := range p.nodes() {
		p.text(Heading, black, headingSize, 0.5, p.x[node], y, p.name(node))
	}
	return y + 5
}

// setRows gives each row its place.
func (p *plan) setRows(y float64) {
	p.top = y
	order := slices.Clone(p.rowsOf)
	if p.options.By == ByTime {
		slices.SortStableFunc(order, func(a, b *row) int { return a.began().Compare(b.began()) })
	}
	for i, r := range order {
		gap := float64(plainRow)
		if r.label != "" {
			gap = labelledRow
		}
		if p.options.By == ByTime && i > 0 {
			passed := r.began().Sub(order[i-1].began())
			gap = max(gap, min(longestPause, passed.Seconds()*1000*scale))
		}
		y += gap
		r.y = y
		if r.label == "" {
			continue
		}
		number := fmt.Sprint(p.at[r.first()])
		if p.options.By == ByTime {
			number = fmt.Sprintf("%.1f", float64(r.began().Sub(order[0].began()))/float64(time.Millisecond))
		}
		if !r.crash {
			p.text(RowNumber, grey, labelSize-1, 1, margin+gutter-14, y+2, number)
		}
	}
	p.bottom = y + 8
}

// yOf is where a line stands: above or below all rows if it is not in the window.
// Of a line that has no row, it is the next row below.
func (p *plan) yOf(e *logs.Event) float64 {
	if r := p.row[e]; r != nil {
		return r.y
	}
	if p.at[e] < p.from {
		return p.top
	}
	for _, r := range p.rowsOf {
		if p.at[r.first()] >= p.at[e] {
			return r.y
		}
	}
	return p.bottom
}

// endOf is where a process ends.
func (p *plan) endOf(life *logs.Life) float64 {
	switch {
	case p.ends[life] != nil:
		return p.ends[life].y
	case life.End == logs.Unknown:
		return p.bottom
	}
	return p.yOf(life.Events[len(life.Events)-1])
}
