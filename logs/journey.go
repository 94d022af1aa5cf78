package logs

import (
	"cmp"
	"maps"
	"slices"
)

// Journey is where one lock's token was, as the lines tell it, and who entered by
// it.
type Journey struct {
	Lock    string
	Visits  []*Visit // by epoch, then hop
	Entries []*Entry // in the order of the visits; within one, in program order
	// Under are the entries under a node's share, with the token elsewhere: by process, and
	// in program order.
	Under []*Entry
}

// Visit is one stay of the token at one process.
type Visit struct {
	Lock      string
	Epoch     Epoch
	Hop       uint64
	Life      *Life
	Arrival   *Event   // token_made or token_received; nil where no line tells
	Departure *Event   // token_sent with hop+1, token_dropped or session_lapsed; nil where it stayed, or no line tells
	Events    []*Event // the process's lines about the lock, from the arrival to the departure
}

// holed reports whether lines are missing from the midst of a visit, or after its last.
func (v *Visit) holed() bool {
	to := v.Events[len(v.Events)-1].Seq
	if v.Departure == nil {
		to++
	}
	return v.Life.holeBetween(v.Events[0].Seq, to)
}

// Entry is one stay in the critical section.
type Entry struct {
	Enter *Event // enter, or share_enter
	End   *Event // leave, share_leave, lost or session_lapsed; nil where the process ended inside, or no line tells
	Visit *Visit // nil for share_enter
}

// Journeys returns the journey of each lock's token, by lock name.
func (r *Run) Journeys() []*Journey {
	journeys, _ := r.trace()
	return journeys
}

// trace follows the tokens and says what is wrong with their ways.
func (r *Run) trace() ([]*Journey, []problem) {
	t := &tracer{run: r, journeys: make(map[string]*Journey), passed: make(map[tokenPosition][]*Event)}
	for _, life := range r.Lives {
		for _, e := range life.Events {
			switch e.Kind {
			case TokenMade, TokenSent, TokenReceived:
				at := e.tokenPosition(e.Kind)
				t.passed[at] = append(t.passed[at], e)
			}
		}
	}
	t.findDoubles()
	for _, life := range r.Lives {
		t.follow(life)
	}
	var journeys []*Journey
	for _, lock := range slices.Sorted(maps.Keys(t.journeys)) {
		j := t.journeys[lock]
		slices.SortStableFunc(j.Visits, func(a, b *Visit) int {
			return cmp.Or(a.Epoch.Compare(b.Epoch), cmp.Compare(a.Hop, b.Hop))
		})
		slices.SortStableFunc(j.Entries, func(a, b *Entry) int {
			return cmp.Or(a.Visit.Epoch.Compare(b.Visit.Epoch), cmp.Compare(a.Visit.Hop, b.Visit.Hop))
		})
		journeys = append(journeys, j)
	}
	return journeys, t.problems
}

// tracer follows all tokens through all processes.
type tracer struct {
	run      *Run
	journeys map[string]*Journey
	passed   map[tokenPosition][]*Event // token_made, token_sent and token_received; the event's kind stands in place of the node
	problems []problem

	// Of the process that is being followed, by lock:
	stays map[string]*stay
}

// stay is what is known about one lock while one process is followed.
type stay struct {
	visit   *Visit            // the token is here; nil: it is not
	inside  *Entry            // somebody is in the critical section alone; it may outlast the visit by a lapse
	sharing                   // the others
	gone    map[uint64]*Visit // visits that are over, by hop, of the epoch followed last
	epoch   Epoch

	// slipped is the entry that was not ended, by the lines, when the token went.
	slipped *Entry

	// What was so before lines that are missing, and may be so still.
	visitBefore  *Visit
	insideBefore *Entry
}

func (t *tracer) report(requirement requirementID, verdict Verdict, lines []*Event, format string, args ...any) {
	t.problems = append(t.problems, newProblem(requirement, verdict, lines, format, args...))
}

// findDoubles reports what can happen once only to a token: that it is made, that
// it takes a hop, that the hop ends.
func (t *tracer) findDoubles() {
	for at, events := range t.passed {
		if len(events) < 2 {
			continue
		}
		switch at.node {
		case TokenMade:
			t.report(oneToken, Violated, events, "the token of lock %s, epoch %s, was made %d times", at.lock, at.epoch, len(events))
		case TokenSent:
			t.report(oneToken, Violated, events, "hop %d of lock %s, epoch %s, was sent %d times", at.hop, at.lock, at.epoch, len(events))
		case TokenReceived:
			t.report(oneToken, Violated, events, "hop %d of lock %s, epoch %s, was received %d times", at.hop, at.lock, at.epoch, len(events))
		}
	}
}

// follow goes through one process's lines.
func (t *tracer) follow(life *Life) {
	t.stays = make(map[string]*stay)
	for _, e := range life.Events {
		if e.afterHole() {
			t.skip()
		}
		switch e.Kind {
		case SessionLapsed:
			t.lapse(e)
		case SessionEnded, MemberDeparted:
			t.endShares(e)
		}
		if e.Lock == "" {
			continue
		}
		s := t.stays[e.Lock]
		if s == nil {
			s = &stay{gone: make(map[uint64]*Visit)}
			s.own.known = life.Started != nil && !life.holeBetween(0, e.Seq)
			t.stays[e.Lock] = s
		}
		s.resume(e)
		switch e.Kind {
		case TokenMade, TokenReceived:
			if !droppedAsItCame(e) {
				t.arrive(s, e)
			}
		case TokenSent:
			t.expect(s, e, e.Hop-1)
			t.expectOutside(s, e)
			t.depart(s, e)
		case TokenDropped:
			if s.visit != nil && s.visit.Epoch == e.Epoch && s.visit.Hop == e.Hop {
				t.depart(s, e)
			}
		case Enter:
			t.expect(s, e, e.Hop)
			entry := &Entry{Enter: e, Visit: s.visit}
			if !e.Mode().shares() {
				t.expectOutside(s, e)
				s.inside = entry
			}
			j := t.journeys[e.Lock]
			j.Entries = append(j.Entries, entry)
		case Leave, Lost:
			if !e.Mode().shares() {
				t.exit(s, e)
			}
		}
		t.followShares(s, e)
		if s.visit != nil && e.Kind != TokenMade && e.Kind != TokenReceived && e.Kind != TokenDropped && s.visit.has(e) {
			s.visit.Events = append(s.visit.Events, e)
		}
	}
	for _, lock := range slices.Sorted(maps.Keys(t.stays)) {
		s := t.stays[lock]
		t.judgeCrowds(s)
		if s.inside != nil && s.inside.End == nil {
			s.holds = append(s.holds, s.inside)
		}
		for _, entry := range s.holds {
			if life.End == Stopped && entry.End == nil {
				t.report(exclusion, Insufficient, []*Event{entry.Enter, life.Stopped}, "%s stopped, but no line says that the one inside left", life.Node)
			}
		}
	}
}

// droppedAsItCame reports whether the line after a token's coming says that the token was
// not taken: the node had a later one, or had promised one, or was in another session.
func droppedAsItCame(received *Event) bool {
	next := received.Seq + 1
	if received.Kind != TokenReceived || next == len(received.Life.Events) {
		return false
	}
	e := received.Life.Events[next]
	return e.Kind == TokenDropped && e.tokenPosition("") == received.tokenPosition("")
}

// begin starts a visit; arrival is nil where no line tells of it.
func (t *tracer) begin(s *stay, e *Event, hop uint64, arrival *Event) {
	if s.epoch != e.Epoch {
		clear(s.gone)
		s.epoch = e.Epoch
	}
	s.visit = &Visit{Lock: e.Lock, Epoch: e.Epoch, Hop: hop, Life: e.Life, Arrival: arrival}
	if arrival != nil {
		s.visit.Events = append(s.visit.Events, arrival)
	}
	j := t.journey(e.Lock)
	j.Visits = append(j.Visits, s.visit)
}

func (t *tracer) arrive(s *stay, e *Event) {
	if v := s.visit; v != nil {
		t.report(oneToken, Insufficient, []*Event{v.Events[len(v.Events)-1], e},
			"a token came to %s, which had one of lock %s, epoch %s, hop %d, and no line says what became of that", e.Node, e.Lock, v.Epoch, v.Hop)
		s.gone[v.Hop] = v
	}
	t.begin(s, e, e.Hop, e)
}

// depart ends the visit; e may be the line of another lock's event, or of none.
func (t *tracer) depart(s *stay, e *Event) {
	s.visit.Departure = e
	s.visit.Events = append(s.visit.Events, e)
	s.gone[s.visit.Hop] = s.visit
	s.visit = nil
}

// lapse takes every token of the process away: a lapse is final.
func (t *tracer) lapse(e *Event) {
	for _, s := range t.stays {
		s.visitBefore, s.insideBefore = nil, nil
		if s.visit != nil {
			t.depart(s, e)
		}
		if s.inside != nil && s.inside.End == nil {
			s.inside.End = e // until the line that says lost
		}
		s.sharing.lapse(e)
	}
}

func (t *tracer) exit(s *stay, e *Event) {
	in := s.inside
	switch {
	case in == nil && s.slipped != nil && s.slipped.Enter.Fence == e.Fence && e.Kind == Leave:
		out := s.slipped
		out.End, s.slipped = e, nil
		t.report(exclusion, Violated, []*Event{out.Enter, out.Visit.Departure, e}, "%s was still inside with fence %d when the token went to %s", e.Node, e.Fence, out.Visit.Departure.Peer)
		return
	case in == nil && e.Life.quiet():
		return // it does not log entries
	case in == nil || in.End != nil && in.End.Kind != SessionLapsed:
		t.report(exclusion, Insufficient, []*Event{e}, "%s left with fence %d, but no line says that it entered", e.Node, e.Fence)
		return
	case in.Enter.Fence != e.Fence:
		t.report(exclusion, Insufficient, []*Event{in.Enter, e}, "%s entered with fence %d and left with fence %d: lines between are missing", e.Node, in.Enter.Fence, e.Fence)
	case in.End != nil && e.Kind == Leave:
		t.report(outsideSession, Violated, []*Event{in.End, e}, "%s left with fence %d as if it had still held the lock, but its session had lapsed", e.Node, e.Fence)
	}
	in.End = e
	s.inside = nil
}

// expectOutside is called where nobody may be inside: at an entry, and as the token
// goes. LN tells whether the leave rule ran, and so, whether it is only its line
// that is missing.
func (t *tracer) expectOutside(s *stay, e *Event) {
	in := s.inside
	if in == nil || in.End != nil {
		return
	}
	s.inside = nil
	if e.Kind == TokenSent && in.Visit == s.visit {
		s.slipped = in
	}
	self := t.run.member(e.Node)
	number := in.Enter.Number
	lines := []*Event{in.Enter, e}
	if number.IsZero() || self < 0 || self >= len(e.LastGranted) || e.LastGranted[self].Compare(number) >= 0 {
		t.report(exclusion, Insufficient, lines, "no line says that %s left the critical section that it entered with fence %d", e.Node, in.Enter.Fence)
		return
	}
	what := "another was let in at " + e.Node
	if e.Kind == TokenSent {
		what = "the token went to " + e.Peer
	}
	t.report(exclusion, Violated, lines, "%s was still inside with fence %d (LN does not have its request %s yet), and %s", e.Node, in.Enter.Fence, number, what)
}
