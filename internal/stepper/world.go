package stepper

import (
	"errors"
	"fmt"
	"slices"

	"conch/internal/protocolcheck"
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

// member is one member's machine, and the process that runs on it.
type member struct {
	node    *token.Node // nil while none runs
	ahead   token.Time  // by how much its clock is ahead of the world's
	starts  int
	session token.Session // on disk
	floor   uint64        // on disk: no higher ballot was promised

	waiting []token.Waiter
	inside  []holder // first come first
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

// crash ends a process. What it has sent is still under way; what is under way to it
// is lost.
func (w *world) crash(i int) {
	w.say(i, "", "%s crashes. What it sent before is still under way.", name(i))
	m := &w.members[i]
	m.node, m.waiting, m.inside = nil, nil, nil
	for j := range w.members {
		w.streams[i][j].up = false
		w.lose(j, i)
	}
	for j := range w.members {
		w.hangUp(j, i)
	}
}

// restart starts another process. Streams are opened to it and by it before long.
func (w *world) restart(i int) {
	w.say(i, ruleStart, "%s is started again. It has forgotten all but what is on its disk.", name(i))
	w.start(i)
	for j := range w.members {
		w.streams[i][j].dialAt = w.now + w.draw(redialAfter)
		w.streams[j][i].dialAt = w.now + w.draw(redialAfter)
	}
}

func (w *world) start(i int) {
	m := &w.members[i]
	m.starts++
	m.session++
	n, err := token.New(w.now+m.ahead, token.Config{
		Self: token.Member(i), Members: len(w.members),
		Incarnation: token.Incarnation{0: byte(i + 1), 1: byte(m.starts), 2: byte(m.starts >> 8)},
		Session:     m.session, Floor: m.floor,
		TTL:       ttl,
		IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
	})
	if err != nil {
		panic(fmt.Sprintf("stepper: member %d: %v", i, err))
	}
	m.node = n
	w.perform(i)
}

// input gives a node an input, and does what comes of it.
func (w *world) input(i int, give func(n *token.Node, now token.Time)) {
	m := &w.members[i]
	if m.node == nil {
		return
	}
	give(m.node, w.now+m.ahead)
	w.perform(i)
	w.judge.check(w)
}

// perform does what a node wants done.
func (w *world) perform(i int) {
	m := &w.members[i]
	effects := m.node.Effects()
	w.tell(i, effects)
	for k := range effects {
		e := &effects[k]
		switch e.Kind {
		case token.Send:
			w.send(i, int(e.Peer), e.Message)
		case token.Grant:
			m.stopsWaiting(e.Waiter)
			m.inside = append(m.inside, holder{e.Waiter, w.now + stay + w.draw(stay/3)})
			w.judge.granted(w, i, e)
		case token.Refuse:
			m.stopsWaiting(e.Waiter)
		case token.Revoke:
			m.inside = slices.DeleteFunc(m.inside, func(h holder) bool { return h.client == e.Waiter })
		case token.Save:
			w.judge.saved(i, m.session, e.Session)
			m.session, m.floor = e.Session, e.Promised
		}
	}
}

// inSession reports whether a node is inside a session, by its own clock.
func (w *world) inSession(i int) bool {
	m := &w.members[i]
	return protocolcheck.InSession(m.node, w.now+m.ahead)
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
