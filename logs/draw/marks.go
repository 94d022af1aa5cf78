package draw

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"conch/logs"
)

// ink is how a message is drawn.
type ink struct {
	role  Role
	c     color.NRGBA
	width float64
	dash  []float64
}

// inkOf tells the kinds of messages apart by colour, and by dash or width.
func inkOf(e *logs.Event) ink {
	switch e.Kind {
	case logs.RequestSent:
		return ink{RequestSent, requestC, 0.7, nil}
	case logs.TokenSent:
		return ink{TokenSent, tokenC, 1.5, nil}
	case logs.RecallSent:
		return ink{RecallSent, recallC, 0.7, []float64{1, 2}}
	case logs.DoneSent:
		return ink{RecallSent, recallC, 0.9, nil}
	case logs.WitnessSent:
		return ink{WitnessSent, witnessC, 0.7, nil}
	case logs.WitnessAnswerSent:
		return ink{WitnessSent, witnessC, 0.7, []float64{1, 2}}
	case logs.SaySent:
		return ink{SaySent, sayC, 0.7, []float64{1, 2}}
	}
	return ink{RoundSent, recoveryC, 0.7, []float64{3, 2}}
}

// drawMessages draws an arrow for each message that was sent or came in the window.
func (p *plan) drawMessages() {
	for _, e := range p.merged {
		if !e.Sent() || e.Lock != p.lock {
			continue
		}
		came := e.Receipt
		if !p.inside(e) && (came == nil || !p.inside(came)) {
			continue
		}
		fromX, toX := p.x[e.Node], p.x[e.Peer]
		if fromX == 0 || toX == 0 {
			continue // a node that no member list has
		}
		p.Messages++
		from := Point{fromX, p.yOf(e)}
		if came == nil {
			p.lostMessage(inkOf(e), from, toX)
			continue
		}
		to := Point{toX, p.yOf(came)}
		p.arrow(inkOf(e), from, to, p.inside(came))
	}
}

// arrow draws a message. One whose end is outside the window has no head.
func (p *plan) arrow(i ink, from, to Point, ended bool) {
	if from == to {
		return
	}
	length := math.Hypot(to.X-from.X, to.Y-from.Y)
	dx, dy := (to.X-from.X)/length, (to.Y-from.Y)/length
	const head, half = 4.5, 1.7
	shaft := to
	if ended {
		shaft = Point{to.X - dx*head, to.Y - dy*head}
	}
	p.line(i.role, i.c, i.width, i.dash, from, shaft)
	if ended {
		p.add(Element{Role: Arrowhead, Shape: Area, Colour: i.c, Points: []Point{
			to, {shaft.X - dy*half, shaft.Y + dx*half}, {shaft.X + dy*half, shaft.Y - dx*half}}})
	}
}

// lostMessage draws one that did not come: it ends in a cross on the way.
func (p *plan) lostMessage(i ink, from Point, toX float64) {
	end := Point{from.X + (toX-from.X)*0.35, from.Y + 4}
	p.line(i.role, i.c, i.width, i.dash, from, end)
	p.cross(MessageLost, i.c, end, 2, 0.8)
}

func (p *plan) cross(role Role, c color.NRGBA, at Point, half, width float64) {
	p.line(role, c, width, nil, Point{at.X - half, at.Y - half}, Point{at.X + half, at.Y + half})
	p.line(role, c, width, nil, Point{at.X - half, at.Y + half}, Point{at.X + half, at.Y - half})
}

// drawEvents draws a mark and a label for each row.
func (p *plan) drawEvents() {
	for _, r := range p.rowsOf {
		x, known := p.x[r.node()]
		if !known {
			continue
		}
		at := Point{x, r.y}
		c := black
		switch {
		case r.crash:
			c = crashC
			p.cross(Crash, c, at, 5, 2)
		case r.has(logs.SessionLapsed):
			c = crashC
			p.diamond(Lapse, c, at, 4.5)
		case marksMembers(r.first().Kind):
			c = memberC
			p.box(Membership, memberC, at.X-3, at.Y-3, at.X+3, at.Y+3)
		default:
			p.diamond(Dot, black, at, 1.5)
		}
		if r.label == "" {
			continue
		}
		left, width := x+labelGap, TextWidth(r.label, labelSize)
		halo := white
		halo.A = 215
		p.box(Halo, halo, left-1, r.y-labelSize/2-0.5, left+width+1, r.y+labelSize/2+0.3)
		p.text(Label, c, labelSize, 0, left, r.y+labelSize*0.34, r.label)
	}
}

func (p *plan) diamond(role Role, c color.NRGBA, at Point, half float64) {
	p.add(Element{Role: role, Shape: Area, Colour: c, Points: []Point{
		{at.X, at.Y - half}, {at.X + half, at.Y}, {at.X, at.Y + half}, {at.X - half, at.Y}}})
}

// drawOverview draws the strip of the whole run, and which part of it the window
// is. It returns where it ends.
func (p *plan) drawOverview(y float64) float64 {
	left, right := float64(margin+gutter), p.Width-margin
	const track = 6
	at := func(line int) float64 {
		return left + (right-left)*float64(line-1)/float64(max(1, p.Lines-1))
	}
	nodes := p.nodes()
	bottom := y + track*float64(len(nodes))
	row := make(map[string]float64)
	for i, node := range nodes {
		row[node] = y + track*(float64(i)+0.5)
		p.line(Overview, pale, 0.5, nil, Point{left, row[node]}, Point{right, row[node]})
		p.text(Overview, grey, 5, 1, left-3, row[node]+1.8, p.shortName(node))
	}
	drawn := make(map[string]float64) // how far each track is painted
	for _, j := range p.run.Journeys() {
		if j.Lock != p.lock {
			continue
		}
		for _, entry := range slices.Concat(j.Entries, j.Under) {
			node := entry.Enter.Node
			from, to := at(p.at[entry.Enter]), 0.0
			if entry.End != nil {
				to = at(p.at[entry.End])
			}
			to = max(to, from+0.8)
			if row[node] == 0 || to <= drawn[node] { // a long run has more than there are dots
				continue
			}
			p.box(Overview, sectionC, max(from, drawn[node]), row[node]-2, to, row[node]+2)
			drawn[node] = to
		}
	}
	for _, life := range p.run.Lives {
		if life.End == logs.Crashed && row[life.Node] != 0 {
			p.cross(Overview, crashC, Point{at(p.at[life.Events[len(life.Events)-1]]), row[life.Node]}, 2.2, 1)
		}
	}
	from, to := at(p.from), at(p.to)
	p.line(Window, black, 0.8, nil, Point{from, y - 1}, Point{to, y - 1}, Point{to, bottom + 1}, Point{from, bottom + 1}, Point{from, y - 1})
	return bottom
}

// drawLegend explains the marks below the picture and ends it.
func (p *plan) drawLegend() {
	x, y := float64(margin), p.bottom+14
	sample := func(width float64, text string, draw func(x, y float64)) {
		need := width + 4 + TextWidth(text, labelSize) + 12
		if x+need > p.Width && x > margin {
			x, y = margin, y+11
		}
		draw(x, y-2)
		p.text(Legend, black, labelSize, 0, x+width+4, y, text)
		x += need
	}
	message := func(i ink, text string) {
		i.role = Legend
		sample(22, text, func(x, y float64) { p.arrow(i, Point{x, y}, Point{x + 22, y}, true) })
	}
	message(inkOf(&logs.Event{Kind: logs.RequestSent}), "REQUEST, with its number")
	message(inkOf(&logs.Event{Kind: logs.TokenSent}), "TOKEN")
	if p.hasRole(RoundSent) {
		message(inkOf(&logs.Event{Kind: logs.BallotSent}), "recovery: probe, ballot, answer, abort")
	}
	if p.hasRole(RecallSent) {
		message(inkOf(&logs.Event{Kind: logs.RecallSent}), "RECALL")
		message(inkOf(&logs.Event{Kind: logs.DoneSent}), "DONE")
	}
	if p.hasRole(WitnessSent) {
		message(inkOf(&logs.Event{Kind: logs.WitnessSent}), "WITNESS")
		message(inkOf(&logs.Event{Kind: logs.WitnessAnswerSent}), "its answer")
	}
	if p.hasRole(SaySent) {
		message(inkOf(&logs.Event{Kind: logs.SaySent}), "SAY, of a leader")
	}
	sample(8, "waiting", func(x, y float64) { p.box(Legend, waitingC, x, y-3, x+8, y+3) })
	sample(8, "in the critical section, with the end of its fence", func(x, y float64) { p.box(Legend, sectionC, x, y-3, x+8, y+3) })
	if p.hasRole(Shared) {
		sample(8, "the same, beside others (readers, permits)", func(x, y float64) { p.box(Legend, sharedC, x, y-3, x+8, y+3) })
	}
	sample(6, "the token is here", func(x, y float64) {
		p.line(Legend, tokenC, 2.2, nil, Point{x + 3, y - 3}, Point{x + 3, y + 3})
	})
	if p.hasRole(Crash) {
		sample(8, "crash", func(x, y float64) { p.cross(Legend, crashC, Point{x + 4, y}, 3, 1.5) })
	}
	if p.hasRole(Lapse) {
		sample(8, "session lapses", func(x, y float64) { p.diamond(Legend, crashC, Point{x + 4, y}, 3.5) })
	}
	if p.hasRole(Membership) {
		sample(8, "the members change", func(x, y float64) { p.box(Legend, memberC, x+1, y-3, x+7, y+3) })
	}
	if p.hasRole(MessageLost) {
		sample(8, "no line says that it came", func(x, y float64) { p.cross(Legend, grey, Point{x + 4, y}, 2, 0.8) })
	}
	if p.options.By == ByTime {
		sample(0, fmt.Sprintf("pauses longer than %.1f ms are cut", float64(longestPause)/scale), func(float64, float64) {})
	}
	p.Height = y + margin
}

func (p *Picture) hasRole(role Role) bool {
	for _, e := range p.Elements {
		if e.Role == role {
			return true
		}
	}
	return false
}
