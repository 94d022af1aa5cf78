package sim

import (
	"conch/token"
)

// never is later than every moment.
const never Instant = 1<<63 - 1

// World is a cluster and all around it. One World runs one plan after another.
type World struct {
	plan   *Plan
	now    Instant
	steps  int64
	hash   uint64
	events eventQueue
	random source
	delays [maxNodes][maxNodes]source

	members [maxNodes]member
	streams []*stream // used of them in this run
	used    int
	claims  []claim // by op

	cutUntil, slowUntil, slowBy [maxNodes][maxNodes]Instant
	armed                       []armed

	service
	// What the judges keep; see judge.go.
	judges
	Coverage

	trace func(string)
}

// claim is what became of an Acquire.
type claim struct {
	state   claimState
	process uint32 // where the waiter is
}

type claimState uint8

const (
	claimNone claimState = iota // not asked, or nobody there to ask
	claimWaiting
	claimHolding
	claimOver
)

// Result is what came of a run.
type Result struct {
	Steps   int64
	Hash    uint64 // of all that happened
	Failure *Failure
	// Slowest is the longest that a node waited for its turn after the faults.
	Slowest Instant
}

// Run runs a plan.
func (w *World) Run(p *Plan) Result {
	w.reset(p)
	for i := range p.Nodes {
		w.start(i)
	}
	for len(w.events.heap) > 0 && w.failure == nil && !w.settled {
		e := w.events.pop()
		w.now = e.at
		if w.take(e) {
			w.judgeRest()
			w.steps++
			w.mark(uint64(e.kind), uint64(e.at), uint64(e.node))
		}
	}
	return Result{Steps: w.steps, Hash: w.hash, Failure: w.failure, Slowest: w.slowest}
}

func (w *World) reset(p *Plan) {
	for i := range w.used {
		clear(w.streams[i].queue)
	}
	*w = World{
		plan: p, random: source(p.Seed ^ 0x5eed), streams: w.streams, Coverage: w.Coverage, trace: w.trace,
		events: w.events, armed: w.armed[:0], claims: append(w.claims[:0], make([]claim, len(p.Ops))...), judges: w.judges,
	}
	w.events.reset()
	w.judges.reset()
	for i := range p.Nodes {
		m, machine := &w.members[i], &p.Machines[i]
		m.clock = clock{base: machine.Offset, drift: machine.Drift}
		m.tickAt = never
		for j := range p.Nodes {
			w.delays[i][j] = source(p.Seed + uint64(8*i+j+1)*0x632be59bd9b4e019)
		}
	}
	w.events.push(event{at: p.Settle, kind: evSettle})
	for k := range p.Ops {
		w.events.push(event{at: p.Ops[k].At, kind: evOp, ref: int32(k)})
	}
}

// take lets an event happen. It reports false if there was nothing to it any more.
func (w *World) take(e event) bool {
	switch e.kind {
	case evOp:
		return w.takeOp(int(e.ref), e)
	case evTick:
		return w.takeTick(e)
	case evDeliver:
		return w.deliver(w.streams[e.ref])
	case evOpen:
		if m := &w.members[e.node]; m.node != nil && m.process == e.gen {
			if m.pausedUntil > w.now {
				e.at = m.pausedUntil
				w.events.push(e)
				return false
			}
			w.dial(int(e.node), int(e.peer))
		}
		return false
	case evUp:
		return w.up(e)
	case evDown:
		return w.down(e)
	case evRelease, evWithdraw:
		return w.takeClaim(e)
	case evStart:
		if m := &w.members[e.node]; m.node == nil && m.process == e.gen {
			w.start(int(e.node))
			return true
		}
	case evCrash:
		m := &w.members[e.node]
		if m.node != nil && m.process == e.gen {
			w.crashNow(int(e.node), m.crashFor)
			return true
		}
	case evSettle:
		w.settle()
	case evLook:
		w.lookAround()
	}
	return false
}

func (w *World) takeTick(e event) bool {
	m := &w.members[e.node]
	if m.node == nil || m.tick != e.gen {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	m.tickAt = never
	m.node.Tick(m.clock.read(w.now))
	w.performed(int(e.node))
	return true
}

// takeOp does what the plan wants done.
func (w *World) takeOp(k int, e event) bool {
	op := &w.plan.Ops[k]
	i := int(op.Node)
	m := &w.members[i]
	length := max(op.Length, 1)
	switch op.Kind {
	case Acquire, Try:
		return w.acquire(k, op, e)
	case CutOff:
		w.cutOff(op)
	case CrashAll:
		for j := range w.plan.Nodes {
			if w.members[j].node != nil {
				again := w.restartAfter(op.Length) + Instant(w.random.below(int64(op.Patience)))
				w.crashNow(j, max(1, min(again, w.plan.Settle-w.now)))
			}
		}
	case Slow:
		w.slowUntil[i][op.Peer], w.slowBy[i][op.Peer] = w.now+length, op.Patience
	case Snag, CrashOn, PauseOn, CutOn:
		w.armed = append(w.armed, armed{op: op, until: w.now + op.Patience})
	case Break:
		if s := m.out[op.Peer]; s != nil {
			w.breakOff(s, int(op.Effects), length)
		}
	default:
		if m.node == nil {
			return false
		}
		w.strike(op, i, m)
	}
	w.ops[op.Kind]++
	if w.trace != nil {
		w.tracef("op %d: %v", k, op)
	}
	return true
}

// restartAfter is how long a process stays away: no more than the faults last, and
// so long that a wall clock moves on; 0 is for ever.
func (w *World) restartAfter(length Instant) Instant {
	if length == 0 {
		return 0
	}
	return max(length, w.plan.TTL/1000)
}

// strike does what the plan wants done to one node.
func (w *World) strike(op *Op, i int, m *member) {
	switch op.Kind {
	case Crash, Reboot:
		if op.Kind == Reboot {
			w.crashNow(i, w.restartAfter(op.Length))
			w.reboot(i)
			return
		}
		if op.Effects == 0 {
			w.crashNow(i, w.restartAfter(op.Length))
			return
		}
		m.crash, m.crashFor = op.Effects, w.restartAfter(op.Length)
		w.events.push(event{at: min(w.now+op.Patience, w.plan.Settle), kind: evCrash, node: int8(i), gen: m.process})
	case CrashSave:
		m.crashSave, m.crashSaveUntil, m.crashFor = op.Effects, w.now+op.Patience, w.restartAfter(op.Length)
	case Pause:
		m.pausedUntil = max(m.pausedUntil, w.now+op.Length)
	case Leave:
		m.leaveFor = w.restartAfter(op.Length)
		w.retire(i, m)
	}
}

// retire lets a node leave, as a driver would: waiters are withdrawn first.
func (w *World) retire(i int, m *member) {
	now := m.clock.read(w.now)
	for k := range w.claims {
		c, op := &w.claims[k], &w.plan.Ops[k]
		if op.asks() && int(op.Node) == i && c.state == claimWaiting && c.process == m.process {
			c.state = claimOver
			m.node.Withdraw(now, lockNames[op.Lock], token.Waiter(k+1))
		}
	}
	m.node.Retire(now)
	w.performed(i)
}

// armed is an op that waits for a message to be sent.
type armed struct {
	op    *Op
	until Instant
}

// sprung lets the ops happen that have waited for a node to send a message of this
// kind to another. It returns by how much longer the message takes.
func (w *World) sprung(i, to int, kind token.MessageKind) (extra Instant) {
	for k := 0; k < len(w.armed); k++ {
		a := w.armed[k]
		if w.now <= a.until && (int(a.op.Node) != i || a.op.On != kind || a.op.Peer >= 0 && int(a.op.Peer) != to) {
			continue
		}
		w.armed[k] = w.armed[len(w.armed)-1]
		w.armed = w.armed[:len(w.armed)-1]
		k--
		if w.now > a.until {
			continue
		}
		length := max(1, min(a.op.Length, w.plan.Settle-w.now))
		m := &w.members[i]
		w.tracef("%v springs", a.op)
		switch a.op.Kind {
		case Snag:
			extra += length
		case CrashOn:
			m.crash, m.crashFor = a.op.Effects, w.restartAfter(length)
		case PauseOn:
			m.pausedUntil = max(m.pausedUntil, w.now+length)
		case CutOn:
			cut := Op{Length: length, Effects: a.op.Effects}
			for j := range w.plan.Nodes {
				cut.Pairs |= pairBit(i, j) | pairBit(j, i)
			}
			w.cutOff(&cut)
		}
	}
	return extra
}

// cutOff keeps messages from arriving in some directions.
func (w *World) cutOff(op *Op) {
	for from := range w.plan.Nodes {
		for to := range w.plan.Nodes {
			if op.Pairs&pairBit(from, to) == 0 {
				continue
			}
			w.cutUntil[from][to] = max(w.cutUntil[from][to], w.now+op.Length)
			if s := w.members[from].out[to]; s != nil && op.Effects == 1 {
				w.breakOff(s, int(w.random.below(4)), Instant(w.random.below(int64(w.plan.TTL))))
			}
		}
	}
}

var lockNames = [maxLocks]string{"a", "b", "c"}

func (w *World) lockOf(name string) int { return int(name[0] - 'a') }

// acquire lets a local waiter ask.
func (w *World) acquire(k int, op *Op, e event) bool {
	m := &w.members[op.Node]
	if m.node == nil || m.gone {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	if m.node.InspectSession().Leaving {
		return false
	}
	w.claims[k] = claim{state: claimWaiting, process: m.process}
	if m.node.InspectLock(lockNames[op.Lock], &w.look); w.look.Waiters == 0 {
		w.lastTurn[op.Node][op.Lock] = w.now
	}
	if w.trace != nil {
		w.tracef("waiter %d: %v", k+1, op)
	}
	if op.Patience > 0 {
		w.events.push(event{at: w.now + op.Patience, kind: evWithdraw, ref: int32(k)})
	}
	now, waiter := m.clock.read(w.now), token.Waiter(k+1)
	if op.Kind == Try {
		m.node.Try(now, lockNames[op.Lock], waiter)
	} else {
		m.node.Acquire(now, lockNames[op.Lock], waiter)
	}
	w.ops[op.Kind]++
	w.touched = int(op.Lock)
	w.performed(int(op.Node))
	return true
}

// granted plans the end of a hold.
func (w *World) granted(i int, e *token.Effect) {
	k := int(e.Waiter) - 1
	w.claims[k].state = claimHolding
	w.served(i, w.lockOf(e.Lock))
	hold := w.plan.Ops[k].Length
	if rest := w.plan.Settle - w.now; hold > rest {
		hold = max(1, rest) + Instant(w.random.below(int64(w.plan.TTL/20)))
	}
	w.events.push(event{at: w.now + hold, kind: evRelease, ref: int32(k)})
}

// takeClaim lets a waiter give up, or leave its critical section. One that has lost
// its lock may say so too: it cannot know.
func (w *World) takeClaim(e event) bool {
	op, c := &w.plan.Ops[e.ref], &w.claims[e.ref]
	m := &w.members[op.Node]
	if m.node == nil || m.process != c.process {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	now, name, waiter := m.clock.read(w.now), lockNames[op.Lock], token.Waiter(e.ref+1)
	switch {
	case e.kind == evRelease:
		if c.state == claimOver {
			w.count(LateWord)
		}
		m.node.Release(now, name, waiter)
	case c.state == claimWaiting:
		w.count(Withdrawal)
		m.node.Withdraw(now, name, waiter)
	default:
		return false
	}
	w.tracef("%d: waiter %d is done with %s", op.Node, waiter, name)
	c.state = claimOver
	w.touched = int(op.Lock)
	w.performed(int(op.Node))
	return true
}

// mark adds to the hash of all that happened.
func (w *World) mark(a, b, c uint64) {
	h := (w.hash ^ a) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ b) * 0xbf58476d1ce4e5b9
	w.hash = (h ^ h>>32 ^ c) * 0x94d049bb133111eb
}
