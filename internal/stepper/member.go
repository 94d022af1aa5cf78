package stepper

import (
	"fmt"
	"slices"

	"conch/internal/protocolcheck"
	"conch/token"
)

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
