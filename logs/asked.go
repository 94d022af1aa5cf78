package logs

import (
	"slices"
	"time"
)

// fate is what became of a request.
type fate int

const (
	undecided fate = iota
	granted        // the node entered by it
	withdrawn      // its waiter gave up; it need not be granted
	lapsed         // the session ended under it; the node asked again, if it had to
	stopped        // the node stopped before its turn came
	crashed        // the node crashed
	helping        // made to find the token for another node; nobody need wait for it here
	unclear        // lines are missing
)

// asked is one request of one node: broadcast, or riding on the token.
type asked struct {
	begin *Event // request or ride
	end   *Event // the enter that granted it, or limit_set; nil where there is none
	fate  fate
}

// wait returns how long the request waited, by its own node's clock.
func (a *asked) wait() time.Duration { return a.end.Time.Sub(a.begin.Time) }

// checkRequests finds what became of each request.
//
// A request is granted by an entry with its number. It need not be if its waiter
// gave up, or its session lapsed, or its node crashed or stopped, or if it was made
// to help another node. A node has one request for a lock at a time: if it asks
// again and none of these was the case, the first was not granted.
func (c *checker) checkRequests() {
	for _, life := range c.run.Lives {
		outstanding := make(map[string]*asked) // by lock
		begun := make(map[string]Number)       // the latest number that a line began, by lock
		for _, e := range life.Events {
			if e.afterHole() {
				forgo(outstanding)
			}
			switch e.Kind {
			case RequestSent, Enter, Withdraw:
				if e.Number.Compare(begun[e.Lock]) > 0 {
					c.report(everyRequest, Insufficient, []*Event{e}, "no line says how request %s of %s began", e.Number, e.Node)
					begun[e.Lock] = e.Number
				}
			}
			switch e.Kind {
			case Request, Ride:
				if before := outstanding[e.Lock]; before != nil && before.begin.Number != e.Number {
					c.abandon(before, e)
				}
				begun[e.Lock] = e.Number
				a := &asked{begin: e}
				if helps(e) {
					a.fate = helping
				}
				c.asked = append(c.asked, a)
				outstanding[e.Lock] = a
			case Enter:
				if a := outstanding[e.Lock]; a != nil && e.Number.Compare(a.begin.Number) >= 0 {
					a.fate, a.end = granted, e
					delete(outstanding, e.Lock)
				}
			case LimitSet:
				if a := outstanding[e.Lock]; a != nil {
					a.fate, a.end = granted, e
					delete(outstanding, e.Lock)
				}
			case Withdraw:
				if a := outstanding[e.Lock]; a != nil {
					a.fate = withdrawn
				}
			case TokenSent:
				// The token leaves with this request counted as granted, but no line
				// says that anyone entered or gave up.
				if a := outstanding[e.Lock]; a != nil && a.fate == undecided && c.passedWithout(a, e) {
					a.fate = unclear
					c.report(everyRequest, Insufficient, []*Event{a.begin, e}, "request %s of %s counts as granted, but no line says that somebody entered by it or gave up", a.begin.Number, a.begin.Node)
				}
			case SessionLapsed, SessionEnded, MemberDeparted:
				for lock, a := range outstanding {
					if a.fate == undecided {
						a.fate = lapsed
					}
					delete(outstanding, lock)
				}
			}
		}
		for _, a := range outstanding {
			if a.fate == undecided {
				a.fate = map[EndKind]fate{Stopped: stopped, Crashed: crashed, Unknown: unclear}[life.End]
			}
		}
	}
}

// forgo leaves open what became of the requests that were outstanding: lines are missing.
func forgo(outstanding map[string]*asked) {
	for _, a := range outstanding {
		if a.fate == undecided {
			a.fate = unclear
		}
	}
	clear(outstanding)
}

// helps reports whether a request was made as the helper of a probe, or may have been:
// right after the probe and its answer, or, if the helper had no session then, as its
// session began (protocol, section 3, helper). In the latter case somebody may wait at
// the node as well, but no line tells of that.
func helps(request *Event) bool {
	before := request.Life.Events[:request.Seq]
	for i := len(before) - 1; i >= 0; i-- {
		switch e := before[i]; {
		case request.Life.Events[i+1].afterHole():
			return true // perhaps
		case e.Kind == SessionStarted:
			return namedBefore(before[:i], request)
		case e.Kind == ProbeReceived && e.Lock == request.Lock:
			return e.Helper == request.Node
		case e.Lock == "", e.Lock == request.Lock && e.Kind == AnswerSent:
		case e.Lock != request.Lock && asks[e.Kind]:
		default:
			return false
		}
	}
	return request.Life.Started == nil // perhaps: the beginning is missing
}

// asks are the events of a node that asks for its locks one by one, as its session begins.
var asks = map[string]bool{Request: true, RequestSent: true, Probe: true, ProbeSent: true}

// notTaken are the reasons for which a token is dropped as it comes.
var notTaken = map[string]bool{"addressed to another session": true, "promised to a later token": true}

// namedBefore reports whether a probe named the node as helper, and the token has not
// been there since, which would have ended the helping.
func namedBefore(lines []*Event, request *Event) bool {
	refused := false // the line behind says that the token that came was not taken
	for _, e := range slices.Backward(lines) {
		switch {
		case e.Lock != request.Lock:
		case e.Kind == ProbeReceived && e.Helper == request.Node:
			return true
		case e.Kind == TokenDropped && notTaken[e.Reason]:
			refused = true
		case e.Kind == TokenReceived && refused:
			refused = false
		case e.Has("last_granted"):
			return false
		}
		if e.afterHole() {
			return true // perhaps
		}
	}
	return request.Life.Started == nil // perhaps
}

// abandon judges a request after which the node asked anew.
func (c *checker) abandon(a *asked, next *Event) {
	if a.fate != undecided {
		return
	}
	a.fate = unclear
	verdict := Violated
	// In another session it asks for what a lapse or a new process made void.
	if a.begin.Number.Session != next.Number.Session || c.leftBetween(a.begin, next) || c.servedBy(next, a.begin.Node, a.begin.Number) || c.run.everShared(a.begin.Lock) {
		verdict = Insufficient
	}
	c.report(everyRequest, verdict, []*Event{a.begin, next}, "request %s of %s was not granted, and the node asked anew", a.begin.Number, a.begin.Node)
}

// everShared reports whether a lock has a limit by some line. Then it may be one line that is
// missing by which a request was granted: to one who shares the lock and is in still, or who
// changed the limit.
func (r *Run) everShared(lock string) bool {
	return r.logsAny(func(e *Event) bool { return e.Has("limit") && e.Lock == lock })
}

// leftBetween reports whether the node left the critical section between two of
// its lines: it must have entered, whatever lines are missing.
func (c *checker) leftBetween(from, to *Event) bool {
	for _, e := range from.Life.Events[from.Seq:to.Seq] {
		if e.Lock == from.Lock && (e.Kind == Leave || e.Kind == TokenReceived) {
			return true
		}
	}
	return false
}

// passedWithout reports whether the token leaves a node with its request counted as
// granted. Where the lines do not show LN, it does if it came for a request that was sent.
func (c *checker) passedWithout(a *asked, sent *Event) bool {
	if !sent.Has("last_granted") {
		return a.begin.Kind == Request
	}
	return c.servedBy(sent, a.begin.Node, a.begin.Number)
}

// servedBy reports whether LN on a line counts a node's request as granted.
func (c *checker) servedBy(e *Event, node string, number Number) bool {
	return c.served(e, c.run.member(node), number)
}

func (c *checker) served(e *Event, member int, number Number) bool {
	return member >= 0 && member < len(e.LastGranted) && e.LastGranted[member].Compare(number) >= 0
}
