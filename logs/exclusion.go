package logs

import "slices"

// order is what a journey's entries prove about their order.
type order struct {
	hops    int // handovers by a chain of hops
	stays   int // handovers within one visit
	rounds  int // handovers to a token made anew, shown by a chain of messages
	byLease int // handovers to a token made anew, that rest on a lease having ended
}

// checkOrder proves that each entry of a journey happened after the one before it
// had ended: within a visit by program order, between visits by the chain of hops,
// between epochs by the round's messages.
func (c *checker) checkOrder(j *Journey) {
	breaks := c.checkChain(j)
	alone := j.alone()
	for i := 1; i < len(alone); i++ {
		a, b := alone[i-1], alone[i]
		switch {
		case a.Visit.Epoch != b.Visit.Epoch:
			c.checkRemaking(a, b)
		case a.Visit == b.Visit:
			c.order.stays++
		case breaks[a.Visit] != breaks[b.Visit]:
			c.report(exclusion, Insufficient, []*Event{a.Enter, b.Enter}, "no whole chain of hops leads from the one entry to the other")
		default:
			c.order.hops++
		}
	}
	c.checkOldTokens(j)
	c.checkFences(j)
	c.checkSharing(j, alone)
}

// checkChain holds each visit's arrival against the departure of the visit before
// it. It returns, for each visit, how many links before it are missing.
func (c *checker) checkChain(j *Journey) map[*Visit]int {
	breaks := make(map[*Visit]int, len(j.Visits))
	missing := 0
	for i, v := range j.Visits {
		breaks[v] = missing
		if i == 0 || j.Visits[i-1].Epoch != v.Epoch {
			if v.Hop != 0 {
				c.report(oneToken, Insufficient, v.Events[:1], "the token of lock %s, epoch %s, is first seen with hop %d: no line says how it was made and came here", j.Lock, v.Epoch, v.Hop)
			}
			continue
		}
		before := j.Visits[i-1]
		if before.Hop == v.Hop {
			continue // reported with the doubles
		}
		if before.Departure != nil && v.Arrival != nil && v.Arrival.Cause == before.Departure {
			continue
		}
		missing++
		breaks[v] = missing
		c.report(oneToken, Insufficient, []*Event{before.Events[len(before.Events)-1], v.Events[0]},
			"lock %s, epoch %s: no line says how the token came from hop %d to hop %d", j.Lock, v.Epoch, before.Hop, v.Hop)
	}
	return breaks
}

// checkRemaking judges two entries of which the later is by a token that was made
// anew. Each member promised to the round, or was buried by it. A promise is a
// message, so what a promiser did before is ordered before the new token; of one
// that was buried, only its lease tells that it is over.
func (c *checker) checkRemaking(a, b *Entry) {
	end := a.End
	if end == nil {
		end = a.Enter.Life.last()
	}
	switch {
	case c.clocks[b.Enter].Includes(end):
		c.order.rounds++
	case end == a.End && end.Kind == Leave && end.Fence == a.Enter.Fence && c.clocks[end].Includes(b.Enter):
		c.report(exclusion, Violated, []*Event{a.Enter, b.Enter, end}, "%s was inside with fence %d, and %s entered with fence %d before it left",
			a.Enter.Node, a.Enter.Fence, b.Enter.Node, b.Enter.Fence)
	case a.Enter.Life.End == Crashed || c.buriedFor(b.Visit.Lock, b.Visit.Epoch, a.Enter.Node) || leftFor(b.Enter, a.Enter.Life.ID):
		c.order.byLease++
	default:
		c.report(exclusion, Insufficient, []*Event{end, b.Enter}, "neither a chain of messages nor a burial of %s orders these", a.Enter.Node)
	}
}

// buriedFor reports whether a round went on without a member.
func (c *checker) buriedFor(lock string, ballot Epoch, node string) bool {
	for _, e := range c.rounds[round{lock, ballot}] {
		if slices.Contains(e.Distant, node) || slices.Contains(e.Buried, node) {
			return true
		}
	}
	return false
}

// round names a ballot of one lock.
type round struct {
	lock   string
	ballot Epoch
}

// checkOldTokens finds grants by a token after a grant by one made later.
func (c *checker) checkOldTokens(j *Journey) {
	var firsts []*Entry // the first entry of each epoch
	for i, entry := range j.Entries {
		if i == 0 || j.Entries[i-1].Visit.Epoch != entry.Visit.Epoch {
			firsts = append(firsts, entry)
		}
	}
	for _, entry := range j.Entries {
		for _, first := range firsts {
			if first.Visit.Epoch.Compare(entry.Visit.Epoch) > 0 && c.clocks[entry.Enter].Includes(first.Enter) {
				c.report(oneToken, Violated, []*Event{first.Enter, entry.Enter}, "%s entered by the token of epoch %s after %s had entered by that of epoch %s",
					entry.Enter.Node, entry.Visit.Epoch, first.Enter.Node, first.Visit.Epoch)
				break
			}
		}
	}
}

// checkFences requires that each entry's fence is above all before it, except that of one
// who shares the lock with the one before, and that no line on the token's way shows a lower
// one.
func (c *checker) checkFences(j *Journey) {
	var latest *Event // with the highest fence so far
	for _, v := range j.Visits {
		for _, e := range v.Events {
			if !e.Has("fence") || !tellsTokensFence(e) {
				continue
			}
			if latest != nil {
				switch {
				case sameShare(latest, e):
				case e.Kind == Enter && e.Fence <= latest.Fence:
					c.report(risingFences, Violated, []*Event{latest, e}, "%s entered with fence %d, after fence %d was given", e.Node, e.Fence, latest.Fence)
				case e.Fence < latest.Fence:
					c.report(risingFences, Violated, []*Event{latest, e}, "the token's fence fell from %d to %d", latest.Fence, e.Fence)
				}
			}
			if latest == nil || e.Fence > latest.Fence || e.Kind == Enter {
				latest = e
			}
		}
	}
}

// tellsTokensFence reports whether a line's fence is the token's at that point, and not that
// of a hold which may be an older one, as that of a leader whose value or end comes late.
func tellsTokensFence(e *Event) bool {
	switch e.Kind {
	case Enter, TokenMade, TokenSent, TokenReceived, TokenDropped:
		return true
	case Leave:
		return !e.Mode().shares()
	}
	return false
}

// keepClocks notes the clocks that the checks between epochs need: of entries and
// their ends, for locks whose token was made more than once, or that are shared.
func (c *checker) keepClocks(journeys []*Journey) {
	wanted := make(map[*Event]bool)
	for _, j := range journeys {
		if len(j.Visits) == 0 || j.Visits[0].Epoch == j.Visits[len(j.Visits)-1].Epoch && !j.shared() {
			continue
		}
		for _, entry := range slices.Concat(j.Entries, j.Under) {
			wanted[entry.Enter] = true
			if entry.End != nil {
				wanted[entry.End] = true
			}
		}
	}
	c.clocks = make(map[*Event]Clock, len(wanted))
	if len(wanted) == 0 {
		return
	}
	for _, over := range c.run.sessionEnds() {
		wanted[over] = true
	}
	c.run.WalkClocks(func(e *Event, clock Clock) {
		if wanted[e] {
			c.clocks[e] = slices.Clone(clock)
		}
	})
}
