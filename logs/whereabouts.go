package logs

// expect is called where a line shows the token at its writer: e enters by it, or
// sends it on. If the token is not here by the lines before, it says what is wrong,
// and begins the visit that the line speaks of.
func (t *tracer) expect(s *stay, e *Event, hop uint64) {
	if v := s.visit; v != nil && v.Epoch == e.Epoch && v.Hop == hop {
		return
	}
	t.explainAbsence(s, e, hop)
	t.begin(s, e, hop, nil)
}

// explainAbsence tells a line that is missing from a token that was not here.
//
// It is a violation only if no line that may have been lost could make it right:
// the token had left this process, or the hop that it shows led to another member.
func (t *tracer) explainAbsence(s *stay, e *Event, hop uint64) {
	deed := "entered"
	requirement := exclusion
	if e.Kind == TokenSent {
		deed, requirement = "sent the token", oneToken
	}
	if v := s.gone[hop]; v != nil && s.epoch == e.Epoch {
		t.explainReturn(v, e, deed, requirement)
		return
	}
	if v := s.visit; v != nil && v.Epoch.Compare(e.Epoch) > 0 {
		t.report(requirement, Violated, []*Event{v.Events[0], e}, "%s %s by the token of epoch %s, hop %d, but had the newer one of epoch %s",
			e.Node, deed, e.Epoch, hop, v.Epoch)
		return
	}
	var arrivals []*Event
	at := tokenPosition{lock: e.Lock, epoch: e.Epoch, hop: hop, node: TokenSent}
	if hop == 0 {
		at.node = TokenMade
	}
	arrivals = t.passed[at]
	for _, a := range arrivals {
		if a.Peer == e.Node || hop == 0 && a.Node == e.Node {
			t.report(oneToken, Insufficient, []*Event{a, e}, "%s %s with hop %d of epoch %s, but no line says that the token came there: a line is missing from the file of %s",
				e.Node, deed, hop, e.Epoch, e.Node)
			return
		}
	}
	if len(arrivals) == 0 {
		t.report(oneToken, Insufficient, []*Event{e}, "%s %s with hop %d of epoch %s, but no line says how the token came there", e.Node, deed, hop, e.Epoch)
		return
	}
	went := arrivals[0].Peer
	if hop == 0 {
		went = arrivals[0].Node
	}
	t.report(requirement, Violated, []*Event{arrivals[0], e}, "%s %s with hop %d of epoch %s, but that token was at %s", e.Node, deed, hop, e.Epoch, went)
}

// explainReturn is about a token that was here and went.
func (t *tracer) explainReturn(v *Visit, e *Event, deed string, requirement requirementID) {
	switch {
	case v.Departure == nil:
		// Its loss was reported when the next token came.
		t.report(requirement, Violated, []*Event{v.Events[0], e}, "%s %s by the token of epoch %s, hop %d, after a later one had come", e.Node, deed, v.Epoch, v.Hop)
	case e.Kind == TokenSent && v.Departure.Kind == TokenSent:
		// That one hop was sent twice is reported with the doubles.
	case v.Departure.Kind == SessionLapsed:
		t.report(outsideSession, Violated, []*Event{v.Departure, e}, "%s %s by a token that was lost with its session", e.Node, deed)
	default:
		t.report(requirement, Violated, []*Event{v.Departure, e}, "%s %s after the token had left it", e.Node, deed)
	}
}

// skip is called where lines are missing: what was so before may be so no more.
func (t *tracer) skip() {
	for _, s := range t.stays {
		if s.visit != nil {
			s.visitBefore, s.visit = s.visit, nil
		}
		if s.inside != nil {
			s.insideBefore, s.inside = s.inside, nil
		}
		s.sharing.skip()
	}
}

// resume takes up what was so before lines that are missing, if this line shows that it
// is so still: the token is here with the same hop, or the one inside leaves.
func (s *stay) resume(e *Event) {
	if v := s.visitBefore; v != nil && e.Has("hop") && s.visit == nil {
		hop := e.Hop
		if e.Kind == TokenSent {
			hop--
		}
		if v.Epoch == e.Epoch && v.Hop == hop && e.Kind != TokenMade && e.Kind != TokenReceived {
			s.visit = v
		}
		s.visitBefore = nil
	}
	if in := s.insideBefore; in != nil && (e.Kind == Leave || e.Kind == Lost) && e.Fence == in.Enter.Fence && s.inside == nil {
		s.inside, s.insideBefore = in, nil
	}
}

// has reports whether a line that shows a token shows that of the visit.
func (v *Visit) has(e *Event) bool {
	return !e.Has("hop") || !e.Has("epoch") || e.Epoch == v.Epoch && (e.Hop == v.Hop || e.Kind == TokenSent)
}
