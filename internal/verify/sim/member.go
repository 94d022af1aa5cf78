package sim

import (
	"encoding/binary"

	"conch/internal/claims"
	"conch/token"
)

// member is one member's machine, and the process that runs on it.
type member struct {
	clock clock
	disk  disk
	// process counts the processes that ran here; node is nil if none runs.
	process     uint32
	encumbered  bool // the present process is
	served      bool // it may have left clients behind
	node        *token.Node
	table       *claims.Table // of the claims at the node
	incarnation token.Incarnation
	gone        bool // it has said BYE, and is about to exit
	leaveFor    Instant
	pausedUntil Instant
	// tickAt is when the process is next told the time, by the event tick; never if none is
	// planned.
	tickAt Instant
	tick   uint32
	// crash is how many more effects are performed before the process dies; -1: it does
	// not. crashSave likewise, counted from the next effect of the kind crashAt.
	crash, crashSave int32
	crashFor         Instant
	crashSaveUntil   Instant
	crashAt          token.EffectKind
	// promised is the highest ballot that it ever promised.
	promised uint64
	session  token.Session // the highest it ever had
	// copies are the disk's contents before each of the latest starts, the latest first.
	// setBack: one of them was restored, the last at setBackAt.
	copies    [maxCopies]disk
	setBack   bool
	setBackAt Instant
	lostAt    Instant // when the disk was lost last
	startedAt Instant // the latest process
	lapsed    bool    // and no later session is saved yet

	storing
	belonging

	out, in [maxNodes]*stream
	dialing [maxNodes]bool

	views [maxLocks]view
}

// view is what the judges know of a lock at a node.
type view struct {
	hasToken bool
	holder   token.Waiter
	epoch    token.Epoch
}

// disk is what outlasts a crash.
type disk struct {
	session  token.Session
	promised uint64
	clients  bool // the mark that clients may have been served
	lost     bool // it is a new one, after another
	// notes are by lock; nil while there are none. Copies of the disk have them, too, so they
	// do not change.
	notes []token.Notes

	listing
}

// clock is a node's own: it read base at since, and runs drift millionths too fast.
type clock struct {
	base  int64
	since Instant
	drift int64
}

const million = 1_000_000

func (c *clock) read(at Instant) token.Time {
	g := int64(at - c.since)
	return token.Time(c.base + g + g/million*c.drift + g%million*c.drift/million)
}

// when returns the first moment at which the clock reads t or more.
func (c *clock) when(t token.Time) Instant {
	g := (int64(t) - c.base) / (million + c.drift) * million
	at := c.since + Instant(g)
	for short := t - c.read(at); short > 0; short = t - c.read(at) {
		at += max(1, Instant(int64(short)*million/(million+c.drift)))
	}
	return at
}

// start starts a process.
func (w *World) start(i int) {
	m := &w.members[i]
	machine := &w.plan.Machines[i]
	if !w.startsNode(i) {
		return
	}
	copy(m.copies[1:], m.copies[:])
	m.copies[0] = m.disk
	session, floor := w.remembered(m, machine)
	w.judgeStart(i, m, floor)
	binary.LittleEndian.PutUint64(m.incarnation[:], w.random.next())
	binary.LittleEndian.PutUint64(m.incarnation[8:], w.random.next())
	fresh := m.fresh(machine, w.plan.Changes)
	m.encumbered, m.served = fresh || w.encumbered(i), false
	if m.disk.lost = false; fresh {
		m.disk.clients = true
	}
	if m.encumbered {
		w.count(Encumbered)
	}
	cfg := token.Config{
		Incarnation: m.incarnation, Session: session, Floor: floor, Encumbered: m.encumbered, Fresh: fresh,
		TTL:       token.Time(w.plan.TTL),
		IdleToken: token.Time(w.plan.IdleToken), IdleLock: token.Time(w.plan.IdleLock),
		FencesPerEpoch: w.plan.FencesPerEpoch, LocalBatch: machine.LocalBatch,
		Remembers: w.remembers(i), Notes: m.disk.lockNotes(), MaxNotes: w.plan.MaxNotes,
	}
	w.asMember(i, &cfg)
	m.startedFresh, m.floor = fresh, floor
	node, err := token.New(m.clock.read(w.now), cfg)
	if err != nil {
		panic(err) // a plan that no configuration allows
	}
	if w.plan.Changes && node.InspectMembership().Departed {
		m.leaves, m.turns, m.departed = true, true, true
	}
	w.log.started(w, i, m.incarnation, session)
	m.process++
	m.startedAt = w.now
	m.table = w.newTable(node)
	m.node, m.gone, m.pausedUntil, m.tickAt = node, false, 0, never
	m.crash, m.crashSave, m.lapsed = -1, -1, false
	m.storing = storing{}
	if w.trace != nil {
		w.tracef("%d starts process %d, session %d, floor %d, clock %d", i, m.process, session, floor, m.clock.read(w.now))
	}
	for j := range w.plan.Nodes {
		m.dialing[j] = false
		if j != i {
			w.planDial(i, j, Instant(w.random.below(int64(w.plan.TTL/20))))
		}
	}
	w.performed(i)
}

// remembered returns the numbers with which a process starts: those of its disk, of the
// wall clock, or the higher of them.
func (w *World) remembered(m *member, machine *Machine) (token.Session, uint64) {
	wall := int64(w.now + machine.Wall)
	session, floor := token.Session(wall/1000), uint64(wall/1e9*token.BallotsPerSecond+wall%1e9*token.BallotsPerSecond/1e9)
	if !machine.Disk {
		return session, floor
	}
	if !machine.Clocked && !m.disk.lost {
		session, floor = 0, 0
	}
	m.disk.session = max(session, m.disk.session+1)
	return m.disk.session, max(floor, m.disk.promised)
}

// crashNow ends a process; another starts after length, or never if that is 0.
func (w *World) crashNow(i int, length Instant) {
	m := &w.members[i]
	if m.node == nil {
		return
	}
	w.tracef("%d dies", i)
	if m.encumbered && !m.served && !m.node.InspectSession().Waiting {
		m.disk.clients = false // clients of earlier processes are over, and there are no others
	}
	w.leaveOrphans(i)
	w.forgetSharers(i)
	w.leadersDie(i)
	w.loseStores(i)
	w.promises[i] = [maxLocks][]promise{}
	w.orphanStreams(i)
	m.node, m.table = nil, nil
	m.views = [maxLocks]view{}
	for j := range w.plan.Nodes {
		m.in[j] = nil
		if s := m.out[j]; s != nil {
			s.over = true
			w.truncate(s, int(w.random.below(8)))
			m.out[j] = nil
		}
		if s := w.members[j].out[i]; s != nil {
			w.breakOff(s, 0, w.backoff())
		}
	}
	m.membership, m.ended = nil, m.membership
	for k := range w.claims {
		if c, op := &w.claims[k], &w.plan.Ops[k]; op.asks() && int(op.Node) == i && c.state != claimNone {
			c.state = claimOver
		}
	}
	if length > 0 {
		w.events.push(event{at: w.now + length, kind: evStart, node: int8(i), gen: m.process})
	}
}

// reboot starts a machine's clock anew.
func (w *World) reboot(i int) {
	m := &w.members[i]
	m.clock.base, m.clock.since = w.random.below(1000), w.now
}

// exit ends a process that has said BYE: its streams are drained.
func (w *World) exit(i int) {
	m := &w.members[i]
	for j := range w.plan.Nodes {
		if s := m.out[j]; s != nil {
			s.over, s.closed = true, true
			m.out[j] = nil
		}
	}
	if !m.encumbered || !m.node.InspectSession().Waiting { // otherwise others' clients may be left
		m.disk.clients = false
	}
	w.log.stopped(w, i)
	w.crashNow(i, m.leaveFor)
}

// planTick plans the node's next tick.
func (w *World) planTick(m *member, i int) {
	next := min(m.node.NextTick(), m.table.NextTick())
	if next == token.Never {
		return
	}
	at := max(m.clock.when(next), w.now)
	if m.tickAt <= at+w.plan.TickLate {
		return // it comes up early, and is put back then
	}
	m.tick++
	m.tickAt = at + Instant(w.random.below(int64(w.plan.TickLate)))
	w.events.push(event{at: m.tickAt, kind: evTick, node: int8(i), gen: m.tick})
}
