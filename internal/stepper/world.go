package stepper

import (
	"errors"
	"fmt"

	"conch/token"
)

// What the cluster is like. Times are in nanoseconds.
const (
	millisecond token.Time = 1e6
	ttl                    = 2000 * millisecond // T
	lockName               = "lock"

	shortestWay = 30 * millisecond // of a message
	wayJitter   = 30 * millisecond
	// redialAfter is how long a stream that ended stays closed, if it can be opened.
	redialAfter = 250 * millisecond
	// stay is how long a client stays in the critical section, if it is up to Auto.
	stay = 300 * millisecond
)

// ErrNotNow is wrapped by the error of an operation that makes no sense at present;
// the text says why.
var ErrNotNow = errors.New("stepper: not possible now")

// world is the cluster and all around it.
type world struct {
	members []member
	streams [MaxMembers][MaxMembers]stream // from, to
	now     token.Time
	seed    uint64
	draws   uint64
	sent    int          // how many messages were sent; their numbers
	clients token.Waiter // the latest

	judge judge
	teller
}

// newWorld is what a scenario begins with.
func newWorld(s Scenario) *world {
	w := &world{members: make([]member, s.Members), seed: s.Seed}
	for i := range w.members {
		m := &w.members[i]
		m.ahead = token.Time(i*i+1) * 7919 * millisecond
		w.start(i)
	}
	for i := range w.members {
		for j := range w.members {
			w.streams[i][j].dialAt = w.draw(redialAfter / 5)
		}
	}
	if s.Beginning == Idle {
		w.makeReady()
	}
	w.forgetWhatWasSaid()
	return w
}

// makeReady lets everybody begin a session, and A make the first token and use it.
func (w *world) makeReady() {
	w.passUntil(func() bool {
		for i := range w.members {
			if !w.inSession(i) {
				return false
			}
		}
		return true
	})
	w.pass(ttl / 2) // everybody has answered everybody: no helper is asked for
	w.ask(0, token.Exclusive)
	w.passUntil(func() bool { return len(w.members[0].inside) > 0 })
	w.leave(0)
	w.passUntil(func() bool {
		for i := range w.members {
			for j := range w.members {
				if len(w.streams[i][j].queue) > 0 {
					return false
				}
			}
		}
		return true
	})
}

// passUntil lets time pass until something is so. That it comes about is a property
// of the code: nothing that a user says has an influence.
func (w *world) passUntil(so func() bool) {
	for range 10_000 {
		if so() {
			return
		}
		w.happen(w.next())
	}
	panic("stepper: the cluster does not come to its beginning")
}

// apply performs an operation. Errors wrap ErrNotNow; then nothing has happened.
func (w *world) apply(op Op) error {
	if reason := w.objection(op); reason != "" {
		return fmt.Errorf("%w: %s: %s", ErrNotNow, op, reason)
	}
	w.forgetWhatWasSaid()
	w.judge.beginStep()
	switch op.Kind {
	case Auto:
		w.auto()
	case Tick:
		w.pass(token.Time(op.Millis) * millisecond)
	case Ask:
		w.ask(op.Member, token.Exclusive)
	case Read:
		w.ask(op.Member, token.Unlimited)
	case Permit:
		w.ask(op.Member, permits)
	case Withdraw:
		w.withdraw(op.Member)
	case Leave:
		w.leave(op.Member)
	case Crash:
		w.crash(op.Member)
	case Restart:
		w.restart(op.Member)
	case Deliver:
		w.deliver(op.From, op.To)
	case Delay:
		w.delay(op.From, op.To)
	case Resume:
		w.resume(op.From, op.To)
	case Drop:
		w.drop(op.From, op.To)
	case Open:
		w.open(op.From, op.To)
	case Cut:
		w.cut(op.From, op.To)
	case Heal:
		w.heal(op.From, op.To)
	case Duplicate:
		w.duplicate(op.From, op.To)
	}
	w.judge.check(w)
	return nil
}

// objection tells why an operation makes no sense at present; "" if it does.
func (w *world) objection(op Op) string {
	m, s := &w.members[op.Member], &w.streams[op.From][op.To]
	switch op.Kind {
	case Ask, Read, Permit:
		switch {
		case m.node == nil:
			return name(op.Member) + " does not run"
		case len(m.waiting) >= maxWaiting:
			return "enough clients wait there"
		}
	case Withdraw:
		if len(m.waiting) == 0 {
			return "nobody waits there"
		}
	case Leave:
		if len(m.inside) == 0 {
			return "nobody is in the critical section there"
		}
	case Crash:
		if m.node == nil {
			return name(op.Member) + " does not run"
		}
	case Restart:
		if m.node != nil {
			return name(op.Member) + " runs"
		}
	default:
		return w.streamObjection(op, s)
	}
	return ""
}

// draw draws a time below bound.
func (w *world) draw(bound token.Time) token.Time {
	w.draws++
	x := w.seed*0x632be59bd9b4e019 + w.draws*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // splitmix64's finalizer
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return token.Time(x % uint64(bound))
}
