package logs

import "slices"

// checkSessions requires that every grant lies inside a session of its process:
// after session_started, before session_lapsed or session_ended.
func (c *checker) checkSessions() {
	if !c.run.Sessions {
		return
	}
	for _, life := range c.run.Lives {
		c.checkSessionsOf(life)
	}
}

func (c *checker) checkSessionsOf(life *Life) {
	var began, over *Event // the session that runs; the end of the one before it
	var outside []*Event   // grants since then
	known := true          // no line is missing since the latest of a session
	for _, e := range life.Events {
		if e.afterHole() {
			c.reportOutside(life, over, outside)
			known, outside = false, nil
		}
		switch e.Kind {
		case SessionStarted, SessionLapsed, SessionEnded, MemberDeparted:
			known = true
		}
		switch e.Kind {
		case SessionStarted:
			c.reportOutside(life, over, outside)
			began, over, outside = e, nil, nil
		case SessionWarned, SessionLapsed, SessionEnded, MemberDeparted:
			if len(outside) > 0 && (over == nil || over.Session != e.Session) {
				// A session that began nowhere ends here: its beginning is missing.
				c.report(outsideSession, Insufficient, []*Event{outside[0], e}, "%s was in session %d here, but no line says that it began", life.Node, e.Session)
				outside = nil
			}
			if e.Kind != SessionWarned {
				began, over = nil, e
			}
		case Enter, ShareEnter:
			c.grants++
			if began == nil && known {
				outside = append(outside, e)
			}
		}
	}
	c.reportOutside(life, over, outside)
}

// reportOutside judges grants that no session is known to hold. It may be only the
// line of the session's beginning that is missing: if the process shows no session
// at all, or numbers its requests by a later one than that which ended.
func (c *checker) reportOutside(life *Life, over *Event, outside []*Event) {
	for _, e := range outside {
		verdict, lines, when := Violated, []*Event{e}, "before its first session began"
		if over != nil {
			lines, when = []*Event{over, e}, "after its session had ended"
			if c.sessionOf(e) > over.Session {
				verdict = Insufficient
			}
		} else if life.Started == nil || !slices.ContainsFunc(life.Events, func(e *Event) bool { return e.Kind == SessionStarted }) {
			verdict = Insufficient
		}
		c.report(outsideSession, verdict, lines, "%s entered with fence %d %s", e.Node, e.Fence, when)
	}
}

// sessionOf returns the session in which the writer of a line last asked.
func (c *checker) sessionOf(e *Event) uint64 {
	if self := c.run.member(e.Node); self >= 0 && self < len(e.RequestNumbers) {
		return max(e.Number.Session, e.RequestNumbers[self].Session)
	}
	return e.Number.Session
}
