package logs

import "slices"

// checkOvertaking walks the token's way and counts, for each request, the entries
// of other nodes after the request had reached the token. The package's comment
// has the theorem.
func (c *checker) checkOvertaking(j *Journey) {
	o := overtaken{checker: c, waiting: make([]*turn, len(c.run.Members)), mayKeep: j.shared() || j.noted()}
	for i, v := range j.Visits {
		if i > 0 && (j.Visits[i-1].Epoch != v.Epoch || j.Visits[i-1].Hop+1 != v.Hop) || v.Arrival == nil {
			// Made anew, or lines are missing in which somebody was passed over.
			clear(o.waiting)
		}
		if v.holed() {
			clear(o.waiting) // somebody may have been passed over there
			continue
		}
		last := i+1 == len(j.Visits) || j.Visits[i+1].Epoch != v.Epoch
		// Where the line of the token's leaving is missing, what came later may not
		// have found the token there any more.
		o.whole = v.Departure != nil || last
		o.idle, o.late, o.shown, o.latest = nil, nil, nil, nil
		for _, e := range v.Events {
			o.step(e)
		}
		switch {
		case v.Departure != nil:
		case last:
			o.rest(v)
		default:
			clear(o.waiting) // somebody may have been passed over in the line that is missing
		}
	}
}

// turn is a request that has reached the token and was not granted yet.
type turn struct {
	number Number
	since  *Event // the line that shows it at the token
	others []*Event
	told   bool
}

// overtaken is the state of one walk.
type overtaken struct {
	*checker
	waiting []*turn // by member; nil: its request is not at the token, or it has none
	whole   bool    // the visit is known to its end
	idle    *Event  // the line since which nobody uses the token; nil: somebody does
	mayKeep bool    // a node may keep the token for its own waiter
	latest  *Event  // the visit's latest line
	late    []problem
	shown   *Event // the visit's latest line that shows Q
}

func (o *overtaken) step(e *Event) {
	o.forget(e)
	o.judgeIdle(e)
	switch e.Kind {
	case Enter:
		if member := o.run.member(e.Node); member >= 0 {
			o.waiting[member] = nil
		}
		if o.latest != nil && sameTurn(o.latest, e) {
			break
		}
		for member, t := range o.waiting {
			if t != nil {
				o.overtake(o.run.Members[member], t, e)
			}
		}
	case RequestReceived, ProbeReceived, BallotReceived:
		if o.whole {
			o.wait(o.run.member(e.Peer), e.Number, e)
		}
	}
	if len(e.RequestNumbers) > 0 {
		for _, node := range e.Queue {
			if member := o.run.member(node); member >= 0 && member < len(e.RequestNumbers) {
				o.wait(member, e.RequestNumbers[member], e)
			}
		}
	}
	o.forget(e)
	if e.Has("queue") {
		o.shown = e
	}
	o.latest = e
}

// sameTurn reports whether an entry is of one turn with that of the line before: readers
// enter together, however many they are.
func sameTurn(before, e *Event) bool {
	return sameShare(before, e) && e.Mode() == Unlimited && e.Number.IsZero()
}

// forget takes out whom the line shows as served, or as passed over, and who is to leave the
// list: nobody waits there any more.
func (o *overtaken) forget(e *Event) {
	m := e.Membership()
	for member, t := range o.waiting {
		if t != nil && (o.served(e, member, t.number) || o.passedOver(e, o.run.Members[member]) || m != nil && !m.Stays(member)) {
			o.waiting[member] = nil
		}
	}
}

func (o *overtaken) wait(member int, number Number, e *Event) {
	if member >= 0 && o.waiting[member] == nil && !o.served(e, member, number) {
		o.waiting[member] = &turn{number: number, since: e}
	}
}

func (o *overtaken) overtake(node string, t *turn, e *Event) {
	t.others = append(t.others, e)
	o.figures.MostOvertaken = max(o.figures.MostOvertaken, len(t.others))
	batch := e.Life.localBatch()
	if batch == 0 || t.told {
		return
	}
	entries := []*Event{t.since}
	for _, other := range t.others {
		if other.Node == e.Node {
			entries = append(entries, other)
		}
	}
	if times := len(entries) - 1; times > batch {
		t.told = true
		o.report(overtaking, o.run.worst(), entries, "request %s of %s had reached the token, and %s entered %d times before it, more often than its local batch of %d",
			t.number, node, e.Node, times, batch)
	}
}

// passedOver reports whether a holder that does not reach a node took it off Q, or
// did not put it there: now, or right after its line before this one.
func (o *overtaken) passedOver(e *Event, node string) bool {
	if e.Kind == PassedOver {
		return e.Peer == node
	}
	if e.Queue == nil || e.Peer == node && e.Kind == TokenSent || slices.Contains(e.Queue, node) {
		return false
	}
	stood := o.shown != nil && slices.Contains(o.shown.Queue, node)
	if e.Kind != Leave && e.Kind != TokenSent && e.Kind != Enter && !stood {
		return false // its turn to be put into Q has not come
	}
	return !o.reaches(e, node) || o.shown != nil && !o.reaches(o.shown, node)
}
