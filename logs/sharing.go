package logs

import (
	"slices"
	"sort"
)

// How entries of a lock that is shared are held against each other. Those who share it may
// be in beside each other; who is in alone may not be beside anybody. The tracer has judged
// what the lines of one process show (sharers.go).

// beside counts the entries that were held against each other.
type beside struct {
	sharers int
	byLease int // pairs of which the order rests on a session having ended
}

// shared reports whether the lock was shared.
func (j *Journey) shared() bool {
	return len(j.Under) > 0 || slices.ContainsFunc(j.Entries, func(entry *Entry) bool { return entry.Enter.Mode().shares() })
}

// alone are the entries of those who had the lock alone.
func (j *Journey) alone() []*Entry {
	if !j.shared() {
		return j.Entries
	}
	return slices.DeleteFunc(slices.Clone(j.Entries), func(entry *Entry) bool { return entry.Enter.Mode().shares() })
}

// sharers are the entries of those who shared the lock, by process, each in program order.
func (j *Journey) sharers() map[*Life][]*Entry {
	sharers := make(map[*Life][]*Entry)
	for _, entry := range slices.Concat(j.Entries, j.Under) {
		if life := entry.Enter.Life; entry.Enter.Mode().shares() {
			sharers[life] = append(sharers[life], entry)
		}
	}
	for _, entries := range sharers {
		slices.SortFunc(entries, func(a, b *Entry) int { return a.Enter.Seq - b.Enter.Seq })
	}
	return sharers
}

// sameShare reports whether an entry has the fence of the one before since both share the
// lock under one share. Between them, somebody may have changed how many permits there are.
func sameShare(before, e *Event) bool {
	return e.Kind == Enter && before.Kind == Enter && e.Fence == before.Fence && e.Life == before.Life &&
		e.Mode().shares() && before.Mode().shares() && (e.Mode() == Unlimited) == (before.Mode() == Unlimited)
}

// checkSharing proves that of each two entries of which one is alone and the other is not,
// one happened after the other had ended.
func (c *checker) checkSharing(j *Journey, alone []*Entry) {
	if !j.shared() {
		return
	}
	if c.news == nil {
		c.findNews()
	}
	c.checkShares(j)
	sharers := j.sharers()
	for _, life := range c.run.Lives {
		entries := sharers[life]
		if len(entries) == 0 {
			continue
		}
		c.beside.sharers += len(entries)
		last := make([]int, len(entries)) // when the last of those up to here was out, by Seq
		for i, entry := range entries {
			last[i] = entry.ended()
			if i > 0 {
				last[i] = max(last[i], last[i-1])
			}
		}
		for _, writer := range alone {
			c.holdAgainst(writer, entries, last)
		}
	}
}

// ended is the place of the line after which an entry was over; behind all lines if no line
// tells.
func (entry *Entry) ended() int {
	if entry.End == nil {
		return len(entry.Enter.Life.Events)
	}
	return entry.End.Seq
}

// holdAgainst holds an entry of one who is alone against those of a process who are not.
func (c *checker) holdAgainst(writer *Entry, sharers []*Entry, last []int) {
	life := sharers[0].Enter.Life
	known := int(c.clocks[writer.Enter][life.Index]) // of the process's lines, so many were before the entry
	next := sort.Search(len(sharers), func(i int) bool { return sharers[i].Enter.Seq >= known })
	for i := next - 1; i >= 0 && last[i] >= known; i-- {
		if sharers[i].ended() >= known {
			c.judgePair(sharers[i], writer)
		}
	}
	end := writer.End
	if end == nil {
		end = writer.Enter.Life.last()
	}
	for ; next < len(sharers) && !c.clocks[sharers[next].Enter].Includes(end); next++ {
		c.judgePair(sharers[next], writer)
	}
}

// judgePair judges two entries that no chain of messages orders, one shared and one alone.
func (c *checker) judgePair(sharer, writer *Entry) {
	switch {
	case c.overlap(sharer, writer), c.overlap(writer, sharer):
		first, second := sharer, writer
		if c.clocks[sharer.Enter].Includes(writer.Enter) {
			first, second = writer, sharer
		}
		c.report(exclusion, Violated, []*Event{first.Enter, second.Enter, first.End}, "%s was inside %s with fence %d, and %s entered %s with fence %d before it left",
			first.Enter.Node, howIn(first.Enter), first.Enter.Fence, second.Enter.Node, howIn(second.Enter), second.Enter.Fence)
		return
	case sharer.Enter.Fence < writer.Enter.Fence && c.overFor(sharer, writer),
		sharer.Enter.Fence > writer.Enter.Fence && c.overFor(writer, sharer):
		c.beside.byLease++
		return
	}
	lines := []*Event{sharer.Enter, writer.Enter}
	if sharer.End != nil {
		lines = append(lines, sharer.End)
	}
	c.report(exclusion, Insufficient, lines, "no chain of messages orders these: %s was inside %s with fence %d, and %s alone with fence %d",
		sharer.Enter.Node, howIn(sharer.Enter), sharer.Enter.Fence, writer.Enter.Node, writer.Enter.Fence)
}

// overlap reports whether the second entered while the first was inside, for certain.
func (c *checker) overlap(first, second *Entry) bool {
	end := first.End
	return end != nil && (end.Kind == Leave || end.Kind == ShareLeave) &&
		c.clocks[second.Enter].Includes(first.Enter) && c.clocks[end].Includes(second.Enter)
}

// howIn says in words how somebody has a lock.
func howIn(e *Event) string {
	switch e.Mode() {
	case 0:
		return "alone"
	case Unlimited:
		return "as a reader"
	}
	return "with a permit"
}

// overFor reports whether the first of two entries was over for the second since its
// session was: it lapsed, or its process crashed, or a round buried the node, or it was no
// member any more for the second, or the second had heard so.
func (c *checker) overFor(first, second *Entry) bool {
	e := first.Enter
	switch {
	case e.Life.End == Crashed && !c.clocks[e.Life.last()].Includes(second.Enter),
		first.End != nil && (first.End.Kind == SessionLapsed || first.End.Kind == Lost),
		c.buriedBetween(e.Lock, c.epochOf(first), c.epochOf(second), e.Node),
		leftFor(second.Enter, e.Life.ID):
		return true
	}
	return c.heardOver(e.Node, c.sessionAt(e), func(line *Event) bool { return c.clocks[second.Enter].Includes(line) })
}

// epochOf is the token's by which somebody entered; of an entry under a share, that by which
// the share was opened.
func (c *checker) epochOf(entry *Entry) Epoch {
	if entry.Visit != nil {
		return entry.Visit.Epoch
	}
	e := entry.Enter
	for _, before := range slices.Backward(e.Life.Events[:e.Seq]) {
		if before.Kind == Enter && before.Lock == e.Lock && before.Fence == e.Fence {
			return before.Epoch
		}
	}
	return Epoch{}
}

// buriedBetween reports whether a round went on without a member, of those that made the
// tokens after one, up to another.
func (c *checker) buriedBetween(lock string, from, to Epoch, node string) bool {
	for r := range c.rounds {
		if r.lock == lock && r.ballot.Compare(from) > 0 && r.ballot.Compare(to) <= 0 && c.buriedFor(lock, r.ballot, node) {
			return true
		}
	}
	return false
}

// sessionAt is the session of a process at one of its lines; 0 if no line tells.
func (c *checker) sessionAt(e *Event) uint64 {
	for _, before := range slices.Backward(e.Life.Events[:e.Seq]) {
		if before.Kind == SessionStarted {
			return before.Session
		}
	}
	return 0
}

// heardOver reports whether one of some lines says that a member's session is over, since
// the member said BYE, or began another.
func (c *checker) heardOver(node string, session uint64, line func(*Event) bool) bool {
	return slices.ContainsFunc(c.news[node], func(e *Event) bool {
		over := e.Session > session || e.Kind == ByeReceived && e.Session == session || e.Number.Session > session
		return over && line(e)
	})
}

// findNews notes the lines that tell of members' sessions, by member.
func (c *checker) findNews() {
	c.news = make(map[string][]*Event)
	for _, life := range c.run.Lives {
		for _, e := range life.Events {
			switch e.Kind {
			case Guard, ByeReceived, RequestReceived, ProbeReceived, BallotReceived:
				c.news[e.Peer] = append(c.news[e.Peer], e)
			}
		}
	}
}

// checkShares follows the shares along the token's way: one that is out leaves the token, or
// has fewer permits, by DONE alone, by its own member, or since its session is over.
func (c *checker) checkShares(j *Journey) {
	for _, v := range j.Visits {
		if v.Arrival == nil || v.holed() {
			continue
		}
		self := c.run.member(v.Life.Node)
		carried, shown := map[int]Share{}, (*Event)(nil)
		for _, e := range v.Events {
			if e.Kind == DoneReceived && e.Shared.Recaller == e.Node {
				done := e.Shared.Share
				if s, here := carried[done.Member]; here && s.Session == done.Session && s.Fence == done.Fence {
					s.Permits = min(s.Permits, e.Shared.Kept)
					carried[done.Member] = s
				}
			}
			shares, known := e.shares()
			if !known || !e.Has("last_granted") {
				continue
			}
			now := make(map[int]Share, len(shares))
			for _, s := range shares {
				now[s.Member] = s
			}
			for member, s := range carried {
				if n := now[member]; shown != nil && member != self && (n.Fence != s.Fence || n.Permits < s.Permits) && s.Permits > 0 && !c.gone(s, e) {
					c.report(exclusion, Insufficient, []*Event{shown, e}, "the share %s of %s is out no more, or smaller, and no line says why", s, c.run.name(member))
				}
			}
			carried, shown = now, e
		}
	}
}

// gone reports whether, by some line, a share's session was over at a line that does not
// show the share any more.
func (c *checker) gone(s Share, e *Event) bool {
	if leftFor(e, s.Member) {
		return true
	}
	node := c.run.name(s.Member)
	if c.heardOver(node, s.Session, func(line *Event) bool { return line.Life == e.Life && line.Seq < e.Seq }) {
		return true
	}
	// A PING of a later session has no line at its receiver.
	return slices.ContainsFunc(c.run.sessionEnds(), func(end *Event) bool {
		next := end.Life.Index + 1
		again := end.Kind == SessionLapsed || next < len(c.run.Lives) && c.run.Lives[next].Node == node
		ours := end.Session == s.Session || end.Kind != SessionLapsed && end.Kind != SessionEnded // a crash
		return end.Node == node && again && ours && !c.clocks[end].Includes(e)
	})
}

// sessionEnds are the lines with which sessions end, and the last lines of processes that
// crashed.
func (r *Run) sessionEnds() (ends []*Event) {
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if e.Kind == SessionLapsed || e.Kind == SessionEnded || e.Kind == MemberDeparted {
				ends = append(ends, e)
			}
		}
		if life.End == Crashed {
			ends = append(ends, life.last())
		}
	}
	return ends
}
