package draw

import (
	"slices"

	"conch/logs"
)

// drawTracks draws what lasts: processes, the token's visits, waits and critical
// sections.
func (p *plan) drawTracks() {
	for _, node := range p.nodes() {
		p.line(Absence, pale, 0.6, []float64{1, 3}, Point{p.x[node], p.top}, Point{p.x[node], p.bottom})
	}
	for _, life := range p.run.Lives {
		x, known := p.x[life.Node]
		from, to := p.top, p.endOf(life)
		if life.Started != nil {
			from = p.yOf(life.Started)
		}
		if known && to > from {
			p.line(Lifeline, grey, 0.8, nil, Point{x, from}, Point{x, to})
		}
		p.drawWaits(life)
	}
	for _, j := range p.run.Journeys() {
		if j.Lock != p.lock {
			continue
		}
		for _, v := range j.Visits {
			end := v.Departure
			p.bar(v.Life, v.Events[0], end, func(x, from, to float64) {
				p.line(TokenHere, tokenC, 2.2, nil, Point{x, from}, Point{x, to})
			})
		}
		for _, entry := range j.Entries {
			if entry.Enter.Mode() != 0 {
				continue
			}
			p.bar(entry.Enter.Life, entry.Enter, entry.End, func(x, from, to float64) {
				p.box(Section, sectionC, x-halfSection, from+sectionGap, x+halfSection, to-sectionGap)
			})
		}
		p.drawShared(j)
	}
}

// bar draws what lasts from one line to another, or to the end of the process, as
// far as it is in the window.
func (p *plan) bar(life *logs.Life, begin, end *logs.Event, draw func(x, from, to float64)) {
	x, known := p.x[life.Node]
	if !known || p.at[begin] > p.to || end != nil && p.at[end] < p.from {
		return
	}
	from, to := p.yOf(begin), p.endOf(life)
	if end != nil {
		to = p.yOf(end)
	}
	if to > from {
		draw(x, from, to)
	}
}

// drawWaits draws from each request of a process to what became of it. A token that the
// process sends and that counts the request as granted ends the wait too: the request was
// made to help another node.
func (p *plan) drawWaits(life *logs.Life) {
	var begin *logs.Event
	done := func(end *logs.Event) {
		if begin == nil {
			return
		}
		p.bar(life, begin, end, func(x, from, to float64) {
			p.box(Waiting, waitingC, x-halfWaiting, from, x+halfWaiting, to)
		})
		begin = nil
	}
	for _, e := range life.Events {
		switch {
		case e.Kind == logs.SessionLapsed:
			done(e)
		case e.Lock != p.lock:
		case e.Kind == logs.Request || e.Kind == logs.Ride:
			done(e)
			begin = e
		case e.Kind == logs.Enter && !e.Number.IsZero(), e.Kind == logs.Withdraw, e.Kind == logs.LimitSet:
			done(e)
		case e.Kind == logs.TokenSent && begin != nil && p.countsAsGranted(e, begin):
			done(e)
		}
	}
	done(nil)
}

// countsAsGranted reports whether the token that e sends counts a request of its sender as
// granted.
func (p *plan) countsAsGranted(e, request *logs.Event) bool {
	i := slices.Index(p.run.Members, e.Node)
	return i >= 0 && i < len(e.LastGranted) && e.LastGranted[i].Compare(request.Number) >= 0
}
