package token

// A node's whole state, encoded so that the exhaustive search recognises a state it has
// been in before. No rule of the algorithm calls anything here. Two nodes with equal
// encodings do the same in answer to the same inputs, so whatever no longer makes a
// difference is left out or made equal: times count from now, all past deadlines are equal,
// and numbers of probes count from the latest.

// ClockModel says how the nodes of a search are told the time.
type ClockModel struct {
	// Readings are those of the members' clocks now, by ID.
	Readings []Time
	// Step: each reading that the node will be told differs from the present one by a
	// multiple of this. Deadlines between the same two steps are equal. 1 if nothing is
	// known.
	Step Time
	// Horizon: the search does not go further than this from now. Only the deadlines for
	// forgetting are beyond it.
	Horizon Time
}

// AppendState appends the canonical encoding of the node's state to b, without effects not
// fetched yet.
//
// One choice is hidden: the pause of a node that was outbid depends on the number of its
// probes, which is left out. With a Step of at least 5T/64 every such pause is one step
// long.
func (n *Node) AppendState(b []byte, c ClockModel) []byte {
	e := encoder{b: b, node: n, clocks: c, now: c.Readings[n.self]}
	e.session()
	for k := range n.peers {
		e.peer(&n.peers[k], c.Readings[k])
	}
	e.changing()
	e.uint(uint64(len(n.order)))
	for _, l := range n.order {
		e.lock(l)
	}
	e.uint(uint64(len(n.active)))
	for _, l := range n.active {
		if n.knows(l) {
			e.uint(uint64(l.position) + 1)
		} else {
			e.uint(0)
			e.lock(l)
		}
	}
	return e.b
}

// AppendMessage appends the canonical encoding of a message on its way. owner is the node
// that set its stamp, or counted its probe or its question: the sender of a PING, a PROBE or a
// JOINED, the receiver of an answer to one; nil if that node does not run. now is what the owner's
// clock reads.
func AppendMessage(b []byte, m *Message, owner *Node, now Time) []byte {
	e := encoder{b: b}
	switch {
	case owner == nil:
		e.message(m, 0, 0, 0)
	case owner.cfg.Incarnation != m.Incarnation:
		e.message(m, 0, owner.probes, owner.joining.ask) // nobody reads the stamp
	default:
		e.message(m, age(m.Stamp, now, owner.cfg.TTL), owner.probes, owner.joining.ask)
	}
	return e.b
}

// sharing encodes how a lock is shared here.
func (e *encoder) sharing(s *sharing) {
	e.bools(s != nil)
	if s == nil {
		return
	}
	e.share(s.share)
	e.uint(uint64(len(s.inside)))
	for _, h := range s.inside {
		e.uint(uint64(h.Waiter))
		e.uint(uint64(h.Limit))
		e.uint(uint64(h.Fence))
	}
	e.bools(s.recalled, s.visited)
	if s.recalled {
		e.int(int64(s.recaller))
		e.int(int64(s.via))
	}
	e.uint(uint64(s.limit))
	e.int(int64(s.limitBy))
	e.uint(uint64(s.limitAt))
	e.uint(uint64(len(s.answered)))
	for _, id := range s.answered {
		e.uint(uint64(id))
	}
}

// said encodes what was heard about who leads.
func (e *encoder) said(s *said) {
	e.bools(s != nil)
	if s == nil {
		return
	}
	e.saying(&s.Saying)
	e.int(int64(s.by))
	e.bools(s.unsaid)
}

func (e *encoder) saying(s *Saying) {
	e.bools(s != nil)
	if s == nil {
		return
	}
	e.uint(uint64(s.Session))
	e.uint(uint64(s.Fence))
	e.uint(s.Count)
	e.string(s.Value)
	e.bools(s.None)
}

// session encodes what the node knows apart from its peers and locks.
func (e *encoder) session() {
	n := e.node
	e.b = append(e.b, n.cfg.Incarnation[:]...)
	e.uint(uint64(n.boot))
	e.uint(uint64(n.session))
	e.bools(n.begun, n.waiting, n.leaving, n.gone, n.waiting && n.clientsLeft, n.fresh)
	if n.begun {
		e.until(n.leaseEnd)
	}
	if n.waiting {
		e.until(n.startedAt + n.cfg.TTL)
	}
	e.until(n.nextPing)
	e.uint(n.promised)
	e.uint(n.floor)
	e.uint(n.forgotten)
	e.uint(n.count)
	e.uint(uint64(n.values))
	e.bools(n.cfg.Remembers)
	e.remembered()
}

// peer encodes what the node knows of a member, whose own clock reads now.
func (e *encoder) peer(p *peer, now Time) {
	n := e.node
	answered := p.hasAnswered && e.now < p.pongAt+n.cfg.TTL
	cleared := p.clear && n.waiting // no longer matters after the wait
	held := p.heldPing.Kind != 0
	e.bools(p.connected, p.heard, p.returned, answered, cleared, held)
	e.uint(p.opened)
	e.b = append(e.b, p.hello.Incarnation[:]...)
	e.uint(uint64(p.hello.Boot))
	e.uint(p.hello.Counter)
	e.uint(p.hello.Floor)
	e.bools(p.hello.Remembers)
	e.uint(uint64(p.session))
	e.uint(uint64(p.highest))
	e.uint(uint64(p.over))
	e.b = append(e.b, p.highestOf[:]...)
	if answered { // else no lease rests on it
		e.bools(p.answeredBefore)
		e.since(p.answered, n.cfg.TTL)
		e.since(p.pongAt, n.cfg.TTL)
	}
	e.until(p.guardEnd)
	if p.guardEnd > e.now {
		e.uint(uint64(p.guarded))
	}
	e.until(p.burialEnd)
	if held {
		e.message(&p.heldPing, age(p.heldPing.Stamp, now, n.cfg.TTL), 0, 0)
	}
	e.uint(uint64(p.values))
	if p.values > 0 || n.changes() {
		e.until(p.shownAt + n.cfg.TTL)
		e.bools(p.doubted, p.unsaid)
	}
}

// lock encodes what is known about a lock. A lock at rest has the encoding of one awake
// with the same facts.
func (e *encoder) lock(l *lock) {
	n := e.node
	l = n.awake(l)
	e.string(l.name)
	e.numbers(l.requestNumbers)
	e.token(l.token)
	e.uint(uint64(l.holder))
	if l.holder != 0 || l.waits {
		e.uint(uint64(l.ahead))
	}
	e.requests(l.waiters.entries[l.waiters.head:])
	e.bools(l.outstanding, l.heardOf, l.waits)
	e.sharing(l.sharing)
	e.said(l.said)
	e.noting(l)
	e.until(l.helpEnd)
	e.epoch(l.epoch)
	e.uint(l.highest)
	e.uint(uint64(len(l.promises)))
	for _, b := range l.promises {
		e.epoch(b)
	}
	e.epoch(l.floor)
	e.since(l.passedAt, n.recently())
	if e.now < l.passedAt+n.cfg.TTL/4 { // after that nobody reads it
		e.members(l.passedQueue)
	}
	e.until(min(l.usedAt+n.cfg.IdleToken, e.far()))
	e.until(min(l.usedAt+n.cfg.IdleLock, e.far()))
	e.search(l)
	e.timer(l)
}

// search encodes how the node looks for the token. Between two searches only the latest
// helper matters.
func (e *encoder) search(l *lock) {
	s := l.search
	if s == nil {
		s = &search{helper: e.node.self}
	}
	e.int(int64(s.helper))
	if l.outstanding {
		e.int(int64(s.patience))
		e.until(s.suspectAt)
		e.bools(s.probe != 0, s.open)
		e.uint(uint64(s.limitAt))
		e.waiters(s.tries)
	}
	if s.probe != 0 && (l.outstanding || s.balloting) {
		e.uint(e.node.probes - s.probe)
		for i := range s.answers {
			h := &s.answers[i]
			e.bools(h.answered, h.none, h.missed)
			e.members(h.buriable)
		}
	}
	e.bools(s.balloting)
	if !s.balloting {
		return
	}
	e.epoch(s.ballot)
	e.until(s.ballotEnd)
	for i := range s.votes {
		v := &s.votes[i]
		e.bools(v.promised, v.waiting)
		e.number(v.number)
		e.members(v.buried)
		e.share(v.share)
		e.uint(uint64(v.limit))
		e.int(int64(v.limitBy))
		e.uint(uint64(v.limitAt))
		e.note(v.note)
	}
}

// timer encodes whether the lock will be told the time when it needs it. An entry that
// comes up early is put back and makes no difference.
func (e *encoder) timer(l *lock) {
	when := e.far()
	if l.timer != 0 {
		when = min(when, e.node.timers[l.timer-1].when)
	}
	late := when > min(e.far(), e.node.due(l))
	e.bools(late)
	if late {
		e.until(when)
	}
}

// message encodes a message whose stamp is age old. Its probes count from the latest, probes, and
// its questions from asks.
func (e *encoder) message(m *Message, age int64, probes, asks uint64) {
	e.b = append(e.b, byte(m.Kind), byte(m.Answer))
	e.bools(m.Begun, m.InUse, m.Waiting)
	e.string(m.Lock)
	e.number(m.Number)
	e.token(m.Token)
	e.uint(uint64(m.Session))
	e.b = append(e.b, m.Incarnation[:]...)
	e.int(age)
	e.uint(uint64(len(m.Locks)))
	for _, name := range m.Locks {
		e.string(name)
	}
	if m.Probe != 0 {
		e.int(int64(probes - m.Probe))
	}
	e.int(int64(m.Helper))
	e.epoch(m.Ballot)
	e.epoch(m.Highest)
	e.members(m.Members)
	e.bools(m.Anyhow)
	e.share(m.Share)
	e.int(int64(m.Recaller))
	e.uint(uint64(m.Kept))
	e.uint(uint64(m.Limit))
	e.int(int64(m.LimitBy))
	e.uint(uint64(m.LimitAt))
	e.saying(m.Saying)
	e.note(m.Note)
	e.change(m.Change, asks)
}
