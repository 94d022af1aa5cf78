package logs

import "slices"

// sharing is what is known of those who share a lock at a process that is followed.
type sharing struct {
	holds []*Entry // those who are in, first come first; they may outlast the session by a lapse
	// before are those who were in before lines that are missing, and may be in still.
	before []*Entry
	own    ownShare
	crowds []crowd
}

// ownShare is what the lines tell of the process's own share.
type ownShare struct {
	known    bool   // false: lines are missing that may tell
	open     bool   // with Fence and Permits of share
	share    Share  // if it is not open, Fence is the highest that any share of before has
	line     *Event // that tells; nil at the beginning
	recalled *Event // recall_received, since which nobody enters under the share; nil: none
}

// crowd is a line by which too many are in, if nobody of them had left without a line.
type crowd struct {
	requirement requirementID
	at          *Event
	in          []*Entry
	allowed     int
	deed        string
}

// followShares takes a line of a lock, after the visit and the one who is in alone.
func (t *tracer) followShares(s *stay, e *Event) {
	switch e.Kind {
	case Enter:
		t.enterWithToken(s, e)
	case ShareEnter:
		t.enterUnderShare(s, e)
	case Leave, ShareLeave, Lost:
		if e.Mode().shares() {
			t.exitShared(s, e)
		}
	case TokenReceived, TokenMade:
		if !droppedAsItCame(e) {
			s.own.recalled = nil
		}
	case TokenSent:
		t.keepShare(s, e)
	case TokenDropped:
		if v := s.gone[e.Hop]; v != nil && v.Departure == e {
			t.keepShare(s, e)
		}
	case RecallReceived:
		if t.ownShare(e) && s.visit == nil && s.own.open && e.Shared.Share.Fence == s.own.share.Fence {
			s.own.recalled = e
		}
	case DoneSent:
		t.tellKept(s, e, e.Shared.Kept)
	case AnswerSent:
		if e.Answer == "promise" && e.Has("limit") {
			t.tellKept(s, e, e.Shared.Share.Permits)
		}
	}
}

// ownShare reports whether a line is about the share of the member that wrote it.
func (t *tracer) ownShare(e *Event) bool {
	return e.Has("share") && e.Shared.Share.Member == t.run.member(e.Node)
}

// enterWithToken is called at an entry, for which the token is here.
func (t *tracer) enterWithToken(s *stay, e *Event) {
	if !e.Mode().shares() {
		s.own = ownShare{known: true, share: Share{Fence: e.Fence}, line: e}
		t.expectNoShares(e)
		return
	}
	s.holds = append(s.holds, t.journeys[e.Lock].Entries[len(t.journeys[e.Lock].Entries)-1])
	s.own = ownShare{known: true, open: true, share: Share{Fence: e.Fence, Permits: uint64(e.Mode())}, line: e}
	if e.Mode() != Unlimited {
		t.expectPermit(s, e)
	}
}

// expectPermit is called where somebody enters with a permit: the token's shares have no more
// than there are. The line shows them as they were when the node was done with what let the
// waiter in, and maybe others: those of other members can only have been larger before.
func (t *tracer) expectPermit(s *stay, e *Event) {
	limit := uint64(max(e.Mode(), e.Shared.Limit)) // which somebody may have raised just then
	shares, _ := e.shares()
	self := t.run.member(e.Node)
	sum, others := uint64(0), uint64(0)
	for _, share := range shares {
		sum += share.Permits
		if share.Member != self {
			others += share.Permits
		}
	}
	if sum > limit {
		t.report(permits, Violated, []*Event{e}, "%s entered with one of %d permits, though the token's shares have %d in all", e.Node, limit, sum)
		return
	}
	t.crowd(s, permits, e, int(limit-others), "beside the shares of others")
}

// expectNoShares is called where somebody enters alone: the token has no share of another.
func (t *tracer) expectNoShares(e *Event) {
	self := t.run.member(e.Node)
	shares, _ := e.shares()
	for _, share := range shares {
		if self >= 0 && share.Member != self {
			t.report(exclusion, Violated, []*Event{e}, "%s entered alone with fence %d, though the token has a share of %s", e.Node, e.Fence, t.run.name(share.Member))
		}
	}
}

// enterUnderShare is called at an entry without the token.
//
// Protocol, section 5: only under a share that is open and was not recalled, as far as its
// permits go. Its number is the fence.
func (t *tracer) enterUnderShare(s *stay, e *Event) {
	entry := &Entry{Enter: e}
	j := t.journey(e.Lock)
	j.Under = append(j.Under, entry)
	s.holds = append(s.holds, entry)
	own := &s.own
	switch {
	case s.visit != nil:
		t.report(oneToken, Insufficient, []*Event{s.visit.Events[len(s.visit.Events)-1], e}, "%s entered under its share with fence %d, as if the token were elsewhere, but no line says that it went", e.Node, e.Fence)
	case !own.known:
		t.crowd(s, permits, e, s.allowed(uint64(e.Mode())), "under its share")
	case e.Fence > own.share.Fence:
		t.report(risingFences, Insufficient, own.lines(e), "%s entered under a share with fence %d, but no line says how that was opened", e.Node, e.Fence)
	case !own.open || e.Fence < own.share.Fence:
		t.report(risingFences, Violated, own.lines(e), "%s entered under a share with fence %d, which it did not have any more", e.Node, e.Fence)
	case own.recalled != nil:
		t.report(exclusion, Violated, own.lines(own.recalled, e), "%s let another in under its share with fence %d, after that was recalled", e.Node, e.Fence)
	case e.Mode() != Unlimited:
		t.crowd(s, permits, e, int(own.share.Permits), "under its share")
	}
}

// lines are the line that tells of the share, and others.
func (o *ownShare) lines(others ...*Event) []*Event {
	if o.line == nil {
		return others
	}
	return append([]*Event{o.line}, others...)
}

// exitShared ends the stay of one who shared the lock: of those with the line's fence and
// mode, no line tells which.
func (t *tracer) exitShared(s *stay, e *Event) {
	same := func(entry *Entry) bool { return entry.Enter.Fence == e.Fence && entry.Enter.Mode() == e.Mode() }
	if i := slices.IndexFunc(s.holds, same); i >= 0 {
		in := s.holds[i]
		if in.End != nil && e.Kind != Lost {
			t.report(outsideSession, Violated, []*Event{in.End, e}, "%s left with fence %d as if it had still held the lock, but its session had lapsed", e.Node, e.Fence)
		}
		in.End = e
		s.holds = slices.Delete(s.holds, i, i+1)
		return
	}
	if i := slices.IndexFunc(s.before, same); i >= 0 {
		s.before[i].End = e
		s.before = slices.Delete(s.before, i, i+1)
		return
	}
	if !e.Life.quiet() {
		t.report(exclusion, Insufficient, []*Event{e}, "%s left with fence %d, but no line says that it entered", e.Node, e.Fence)
	}
}

// keepShare is called as the token goes: the own share is what its line shows.
func (t *tracer) keepShare(s *stay, e *Event) {
	shares, known := e.shares()
	self := t.run.member(e.Node)
	if self < 0 || !known {
		s.own.known = false
		return
	}
	s.own = ownShare{known: true, share: Share{Fence: e.Fence}, line: e}
	for _, share := range shares {
		if share.Member == self {
			s.own.open, s.own.share = true, share
		}
	}
	t.crowd(s, exclusion, e, s.allowed(s.own.share.Permits), "as the token went")
}

// tellKept is called where the process tells how many are in under its share.
func (t *tracer) tellKept(s *stay, e *Event, kept uint64) {
	if e.Kind == DoneSent && !t.ownShare(e) {
		return // it passes on what another tells
	}
	if e.Kind == DoneSent && (!s.own.open || s.own.share.Fence != e.Shared.Share.Fence) {
		return // of a share that it does not have, none is used
	}
	t.crowd(s, exclusion, e, s.allowed(kept), "as it told how many are in")
	if e.Kind == DoneSent && kept == 0 {
		s.own.open, s.own.line = false, e
	}
}

// allowed is how many may be in under a share of so many permits. Of readers, one stands
// for all.
func (s *sharing) allowed(permits uint64) int {
	if permits > 0 && len(s.holds) > 0 && s.holds[0].Enter.Mode() == Unlimited {
		return len(s.holds)
	}
	return int(min(permits, maxPermits))
}

// crowd notes that more are in than may be. Whether it is so shows only later: of one whom
// no line lets leave, it may be that line that is missing.
func (t *tracer) crowd(s *stay, id requirementID, at *Event, allowed int, deed string) {
	in := slices.DeleteFunc(slices.Clone(s.holds), func(entry *Entry) bool { return entry.End != nil })
	if len(in) > allowed {
		s.crowds = append(s.crowds, crowd{id, at, in, allowed, deed})
	}
}

// judgeCrowds judges what crowd noted, at the process's end.
func (t *tracer) judgeCrowds(s *stay) {
	for _, c := range s.crowds {
		verdict, lines := Violated, []*Event{c.at}
		left := 0
		for _, entry := range c.in {
			if entry.Enter != c.at {
				lines = append(lines, entry.Enter)
			}
			if entry.End != nil && entry.End.Kind != SessionLapsed && !entry.Enter.Life.holeBetween(entry.Enter.Seq, entry.End.Seq) {
				left++
				lines = append(lines, entry.End)
			}
		}
		if left <= c.allowed {
			verdict = Insufficient
		}
		t.report(c.requirement, verdict, lines, "%d were in at %s %s, and at most %d may be", len(c.in), c.at.Node, c.deed, c.allowed)
	}
}

// endShares is called where the process says BYE: nobody may be in.
func (t *tracer) endShares(e *Event) {
	for _, s := range t.stays {
		t.crowd(s, exclusion, e, 0, "as its session ended on purpose")
		s.own.open, s.own.recalled, s.own.line = false, nil, e
	}
}

// lapse ends the share, and the stays of all who are in, with the session.
func (s *sharing) lapse(e *Event) {
	for _, entry := range s.holds {
		if entry.End == nil {
			entry.End = e // until the line that says lost
		}
	}
	s.before = nil
	s.own.open, s.own.recalled, s.own.line = false, nil, e
}

// skip is called where lines are missing.
func (s *sharing) skip() {
	s.before = append(s.before, s.holds...)
	s.holds, s.own = nil, ownShare{}
}

// journey is that of a lock, which may be new.
func (t *tracer) journey(lock string) *Journey {
	j := t.journeys[lock]
	if j == nil {
		j = &Journey{Lock: lock}
		t.journeys[lock] = j
	}
	return j
}
