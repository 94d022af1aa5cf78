package logs

import "time"

// judgeIdle holds the holder to the rule that an idle token goes at once to
// somebody who waits for it: after the line of a request, the next about the lock
// is a sending or an entry. To read one more request first is a fault.
//
// What is found is kept until the next line shows that the token was idle indeed:
// if that is a leave, it was the line of an entry that is missing.
func (o *overtaken) judgeIdle(e *Event) {
	switch e.Kind {
	case Enter, TokenSent:
		o.tellLate()
		o.idle = nil
		if e.Mode().shares() {
			o.idle = e // the turn is over at once
		}
	case Leave:
		if !e.Mode().shares() {
			o.late = nil
			o.idle = e
		}
	case TokenMade, TokenReceived:
		o.idle = e
	case RequestReceived:
		if o.idle == nil || !o.whole || o.keeps(e) {
			return
		}
		for member, t := range o.waiting {
			node := o.run.Members[member]
			if t != nil && !t.told && t.since.Life == e.Life && o.reaches(o.idle, node) && o.reaches(e, node) {
				t.told = true
				o.late = append(o.late, newProblem(everyRequest, o.run.worst(), []*Event{t.since, e},
					"request %s of %s had reached the token, which lay idle at %s and did not go there", t.number, node, e.Node))
			}
		}
	}
}

// keeps reports whether the node with the token has a request of its own that is not
// granted, and keeps the token meanwhile: it waits for shares that are out, for a quorum to
// remember a note, or until a kept hold is over.
func (o *overtaken) keeps(e *Event) bool {
	self := o.run.member(e.Node)
	return o.mayKeep && (self < 0 || self >= len(e.RequestNumbers) || !o.served(e, self, e.RequestNumbers[self]))
}

// tellLate reports what judgeIdle found.
func (o *overtaken) tellLate() {
	o.problems = append(o.problems, o.late...)
	o.late = nil
}

// keptTooLong is how long, by its own clock, a node may have an idle token that
// somebody waits for until that needs a reason. A node that is about to stop may
// still read a request.
const keptTooLong = time.Second

// rest judges a token that stayed where it was to the end of the logs. That it was
// sent on may be a line that is missing, so this is never a violation.
func (o *overtaken) rest(v *Visit) {
	for _, p := range o.late {
		p.verdict = Insufficient
		o.problems = append(o.problems, p)
	}
	if o.idle == nil || v.Life.End != Stopped || o.shown != nil && o.keeps(o.shown) {
		return
	}
	for member, t := range o.waiting {
		if t == nil || t.told || t.since.Life != v.Life || !o.reaches(v.Life.Stopped, o.run.Members[member]) {
			continue
		}
		if kept := v.Life.Stopped.Time.Sub(t.since.Time); kept > keptTooLong {
			o.report(everyRequest, Insufficient, []*Event{t.since, v.Life.Stopped}, "request %s of %s had reached the token, which lay idle at %s for %s, and no line says why it did not go there",
				t.number, o.run.Members[member], v.Life.Node, kept)
		}
	}
}
