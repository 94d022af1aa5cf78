package sim

import (
	"fmt"

	"conch/internal/leaders"
	"conch/token"
)

// leading is what the judges know of leaders, and who observes them.
type leading struct {
	terms [maxLocks]map[token.Fence]*term
	// marks are the latest that each node's process believed since it learned of the lock.
	marks [maxNodes][maxLocks]mark
	// heard is when a PING or SAY of the second node came to the first, by that one's clock.
	heard [maxNodes][maxNodes]token.Time
	// at are observers that stay at a node, also while it restarts; roaming are those that
	// go to whichever node has news.
	at      [maxNodes][maxLocks]observer
	roaming [maxLocks]observer
}

// term is a hold whose holder says values.
type term struct {
	node     int
	live     bool     // it holds the lock
	released bool     // if not, it gave it back
	values   []string // by count, from 1
}

// mark is a leader, and what it said.
type mark struct {
	fence token.Fence
	count uint64
}

func (m mark) before(o mark) bool {
	return m.fence < o.fence || m.fence == o.fence && m.count < o.count
}

// observer is told what a node believes.
type observer struct {
	leaders.Observer
	highest mark
}

// planSays plans the values of a hold.
func (w *World) planSays(k int32, hold Instant) {
	says := Instant(w.plan.Ops[k].Says)
	for j := range says {
		w.events.push(event{at: w.now + 1 + hold/(says+1)*j, kind: evSay, ref: k, gen: uint32(j) + 1})
	}
}

// say lets a holder say a value, even if it has lost its lock without knowing it.
func (w *World) say(e event) bool {
	op, c := &w.plan.Ops[e.ref], &w.claims[e.ref]
	value := fmt.Sprintf("%d.%d", e.ref+1, e.gen)
	if op.ofClient() {
		p := &w.clients[op.Node]
		switch {
		case !p.alive || p.process != c.process || c.state != claimHolding:
			return false
		case p.pausedUntil > w.now:
			e.at = p.pausedUntil
			w.events.push(e)
			return false
		}
		c.link.core.Say(p.clock.read(w.now), c.handle, value)
		w.afterLink(c.link)
		return true
	}
	m := &w.members[op.Node]
	switch {
	case m.node == nil || m.process != c.process || c.state != claimHolding:
		return false
	case m.pausedUntil > w.now:
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	if m.table.Say(m.clock.read(w.now), token.Waiter(e.ref+1), value) == nil {
		w.count(SaidValue)
	}
	w.touched = int(op.Lock)
	w.performed(int(op.Node))
	return true
}

// hears notes a sign of a leader's node. A PING does not count if its sender goes by an older
// membership.
func (w *World) hears(s *stream, m *token.Message) {
	switch m.Kind {
	case token.MembershipMessage:
		s.shown = version(m.Change.Membership)
		return
	case token.Ping:
		if s.shown < version(w.members[s.to].membership) {
			return
		}
	case token.Say:
	default:
		return
	}
	w.heard[s.to][s.from] = w.members[s.to].clock.read(w.now)
}

// leadersDie is called when a node's process ends.
func (w *World) leadersDie(i int) {
	for l := range w.plan.Locks {
		for _, t := range w.terms[l] {
			t.live = t.live && t.node != i
		}
		w.marks[i][l] = mark{}
	}
}

// judgeLed judges what a node believes from now on. Where a node may make fences again that
// were made before, there is nothing to compare.
func (w *World) judgeLed(i int, e *token.Effect) {
	if w.forgetful || w.again {
		return
	}
	l, s := w.lockOf(e.Lock), e.Message.Saying
	if e.Peer == w.members[i].id {
		w.noteTerm(i, l, e)
	} else {
		w.judgeBelief(i, l, e)
	}
	now := mark{s.Fence, s.Count}
	if now.before(w.marks[i][l]) {
		w.fail(Leaders, "node %d believes %v about %s, after %v", i, now, e.Lock, w.marks[i][l])
	}
	w.marks[i][l] = now
	told := leaders.Leader{Member: w.addressOf(e.Peer), Term: s.Fence, Count: s.Count, Value: s.Value, InDoubt: e.Reason == token.ReasonDoubt}
	if s.None {
		told = leaders.Leader{}
	}
	w.tellObserver(&w.at[i][l], told)
	w.tellObserver(&w.roaming[l], told)
}

// tellObserver: an observer is told of no older leader after a newer one.
func (w *World) tellObserver(o *observer, l leaders.Leader) {
	if l.Term != 0 && (mark{l.Term, l.Count}).before(o.highest) {
		w.count(OlderLeader)
	}
	o.Hear(l)
	told := o.Told()
	if told.Term == 0 {
		return
	}
	now := mark{told.Term, told.Count}
	if now.before(o.highest) {
		w.fail(Leaders, "an observer is told of %+v, after %v", told, o.highest)
	}
	o.highest = now
}

// noteTerm notes what a holder says.
func (w *World) noteTerm(i, l int, e *token.Effect) {
	s := e.Message.Saying
	if w.terms[l] == nil {
		w.terms[l] = make(map[token.Fence]*term)
	}
	t := w.terms[l][s.Fence]
	switch {
	case s.None && t != nil:
		t.live, t.released = false, e.Reason == ""
	case s.None:
		w.fail(Leaders, "node %d ends a term of %s that did not begin", i, e.Lock)
	case t == nil:
		t = &term{node: i, live: true}
		w.terms[l][s.Fence] = t
		fallthrough
	default:
		t.values = append(t.values, s.Value)
	}
}

// judgeBelief: what a node believes was said; nobody counts as over who leads; and nobody is
// in doubt whose node was heard within T.
func (w *World) judgeBelief(i, l int, e *token.Effect) {
	s := e.Message.Saying
	t := w.terms[l][s.Fence]
	switch {
	case s.None && (t == nil || !t.live || w.plan.Changes && !w.inSession(t.node)):
	case s.None:
		w.fail(Leaders, "node %d believes that nobody leads under %s (%s), and node %d does", i, e.Lock, e.Reason, t.node)
	case t == nil || t.node != w.machineOf(e.Peer) || s.Count > uint64(len(t.values)) || t.values[s.Count-1] != s.Value:
		w.fail(Leaders, "node %d believes that node %d said %+v about %s", i, e.Peer, *s, e.Lock)
	case e.Reason == token.ReasonDoubt && w.members[i].clock.read(w.now) < w.heard[i][w.machineOf(e.Peer)]+token.Time(w.plan.TTL):
		w.fail(Leaders, "node %d doubts the leader of %s, and heard node %d within T", i, e.Lock, e.Peer)
	}
}

// judgeDoubts is called when a node was told the time: leaders whose nodes it has not heard
// for T are in doubt.
func (w *World) judgeDoubts(i int) {
	m := &w.members[i]
	if !w.plan.Values || m.node == nil || w.forgetful || w.again {
		return
	}
	for l := range w.plan.Locks {
		v := m.node.InspectLeader(lockNames[l])
		if silent := m.clock.read(w.now) - w.heard[i][w.machineOf(v.Member)]; v.Fence != 0 && v.Member != m.id && !v.InDoubt && silent >= token.Time(w.plan.TTL) {
			w.fail(Leaders, "node %d does not doubt the leader of %s, and has not heard node %d for %d ns", i, lockNames[l], v.Member, silent)
		}
	}
}

// judgeHeard is called when a stream has brought a message. If nothing is under way on it,
// its receiver knows what its sender says, or a later leader: a sender that stood still may
// not know that its session is over. It also knows what the sender gave back.
func (w *World) judgeHeard(s *stream) {
	from, to := &w.members[s.from], &w.members[s.to]
	if !w.plan.Values || w.forgetful || w.again || w.failure != nil || !s.up || s.over || s.closed || s.broken || s.length() > 0 ||
		from.node == nil || to.node == nil || from.process != s.sender || to.in[s.from] != s || !from.knows(to) || !to.knows(from) ||
		s.shown < version(to.membership) || w.adoptedLately(s.from) || w.adoptedLately(s.to) {
		return
	}
	for l := range w.plan.Locks {
		said, believed := from.node.InspectLeader(lockNames[l]), to.node.InspectLeader(lockNames[l])
		if said.Member == from.id && said.Fence != 0 && w.marks[s.to][l].before(mark{said.Fence, said.Count}) {
			w.fail(Leaders, "node %d says %+v of %s, and node %d has heard all and believes %+v", s.from, said, lockNames[l], s.to, believed)
		}
		if believed.Fence == 0 || w.machineOf(believed.Member) != s.from || !w.isMember(s.from, believed.Member) || from.node.InspectSession().Waiting {
			continue
		}
		if t := w.terms[l][believed.Fence]; t != nil && t.released && !from.departed {
			w.fail(Leaders, "node %d gave %s back, and node %d has heard all and believes %+v", s.from, lockNames[l], s.to, believed)
		}
	}
}

// judgeLeft is called when all holds have long been given back: nobody believes in a leader,
// unless its node is gone, and then in doubt.
func (w *World) judgeLeft() {
	if w.forgetful || w.again {
		return
	}
	for i := range w.plan.Nodes {
		for l := range w.plan.Locks {
			if !w.isUp(i) || !w.isListed(i) {
				continue
			}
			v := w.members[i].node.InspectLeader(lockNames[l])
			if j := w.machineOf(v.Member); v.Fence != 0 && (w.reaches(i, j) && !w.members[j].departed && w.isMember(j, v.Member) || !v.InDoubt) {
				w.fail(Leaders, "node %d believes %+v about %s when all is over", i, v, lockNames[l])
			}
		}
	}
}
