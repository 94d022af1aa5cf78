package sim

import (
	"errors"
	"fmt"

	"conch/token"
)

// Processes that wait to be listed, and nodes whose stream was refused, ask a member for its
// membership.

// answer is a membership on its way.
type answer struct {
	from, to   int
	process    uint32       // that asked
	peer       token.Member // whom it asked; NoMember if it knows none
	membership *token.Membership
}

// planAsk plans the next question of a process that waits to be listed.
func (w *World) planAsk(i int) {
	pause := w.plan.TTL/100 + Instant(w.changes.below(int64(w.plan.TTL/6)))
	w.events.push(event{at: w.now + pause, kind: evAsk, node: int8(i), gen: w.members[i].process})
}

// ask lets a process that waits to be listed ask some machine.
func (w *World) ask(e event) bool {
	i := int(e.node)
	m := &w.members[i]
	switch {
	case !m.waits || m.process != e.gen:
		return false
	case m.pausedUntil > w.now:
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	w.planAsk(i)
	if j := int(w.changes.below(int64(w.plan.Nodes))); j != i {
		w.show(j, i, token.NoMember)
	}
	return false
}

// show lets machine j show machine i the membership of its node. The answer may be lost.
func (w *World) show(j, i int, peer token.Member) {
	from, to := &w.members[j], &w.members[i]
	cut := w.cutUntil[i][j] > w.now || w.cutUntil[j][i] > w.now || w.plan.cutForGood(i, j)
	if cut || from.node == nil || from.pausedUntil > w.now || from.membership == nil || w.now < w.plan.Settle && w.changes.chance(20) {
		return
	}
	w.answers = append(w.answers, answer{from: j, to: i, process: to.process, peer: peer, membership: from.membership})
	w.events.push(event{at: w.now + w.delay(j, i), kind: evAnswer, ref: int32(len(w.answers) - 1)})
}

// answered gives a process the membership that it has asked for.
func (w *World) answered(e event) bool {
	a := &w.answers[e.ref]
	m := &w.members[a.to]
	switch {
	case m.process != a.process:
		return false
	case m.pausedUntil > w.now:
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	case m.waits:
		if !a.membership.Born() || a.membership.Find(address(token.Member(a.to)), m.disk.id) == token.NoMember {
			return false
		}
		w.count(JoinerListed)
		m.disk.membership, m.waits = a.membership, false
		for l := range w.overtook {
			w.overtook[l][a.to] = [maxNodes]int{} // it is another member
		}
		w.start(a.to)
		return true
	case m.node == nil || m.gone:
		return false
	}
	removed := m.disk.removed
	err := m.node.ReceiveMembership(m.clock.read(w.now), a.peer, a.membership)
	if w.trace != nil {
		w.tracef("%d is shown by %d: %s: %v", a.to, a.from, membershipText(a.membership), err)
	}
	if err != nil && !errors.Is(err, token.ErrMembership) {
		w.fail(Invariant, "node %d takes a membership with the error %v", a.to, err)
	}
	if w.performed(a.to); m.disk.removed && !removed {
		w.count(RemovedByRefusal)
	}
	return true
}

// errUnlisted refuses a stream of a process of which a node knows nothing.
var errUnlisted = fmt.Errorf("%w: no such address", token.ErrStranger)

// believe finds out as whom a node knows the sender of a stream. If it does not know it, its HELLO
// may show a later membership that lists it.
func (w *World) believe(s *stream) {
	m := &w.members[s.to]
	s.as = w.senderOf(s)
	shown := s.hello.Membership
	if m.membership == nil || shown == nil || shown.Version <= m.membership.Version && m.membership.Born() || m.membership.Find(address(token.Member(s.from)), s.hello.Disk) != token.NoMember {
		return
	}
	if shown.Find(address(token.Member(s.from)), s.hello.Disk) == token.NoMember || shown.Find(address(token.Member(s.to)), m.disk.id) == token.NoMember {
		return
	}
	if m.node.ReceiveMembership(m.clock.read(w.now), s.as, shown) == nil {
		w.count(BelievedHello)
	}
	if w.performed(s.to); m.node != nil && m.membership != nil {
		s.as = w.senderOf(s)
	}
}

// refusedStream lets the sender of a refused stream ask the refuser for its membership.
func (w *World) refusedStream(s *stream, err error) {
	if !w.plan.Changes || errors.Is(err, token.ErrOldStream) {
		return
	}
	w.count(StrangerRefused)
	w.show(s.to, s.from, s.peer)
}
