package sim

// never is later than every moment.
const never Instant = 1<<63 - 1

// World is a cluster and its surroundings. One World runs one plan after another.
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
	orphans []orphan

	clients       [maxClients]client
	clientStreams []*clientStream
	links         []*link
	held          []int32 // ops of clients that hold; some may be over

	cutUntil, slowUntil, slowBy [maxNodes][maxNodes]Instant
	armed                       []armed

	service
	leading
	noting
	changing
	// What the judges keep; see judge.go.
	judges
	Coverage

	trace func(string)
	log   *logbook // nil: no logs are written
}

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
	for i := range p.first() {
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
		plan: p, random: source(p.Seed ^ 0x5eed), streams: w.streams, Coverage: w.Coverage, trace: w.trace, log: w.log,
		events: w.events, armed: w.armed[:0], claims: append(w.claims[:0], make([]claim, len(p.Ops))...),
		orphans: w.orphans[:0], judges: w.judges, changing: w.changing,
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
	w.layDisks()
	for k := range p.Processes {
		w.clients[k].clock = clock{base: p.ClientMachines[k].Offset, drift: p.ClientMachines[k].Drift}
		w.startClient(k)
	}
	w.disks = source(p.Seed ^ 0xd15c)
	w.events.push(event{at: p.Settle, kind: evSettle})
	for k := range p.Ops {
		w.events.push(event{at: p.Ops[k].At, kind: evOp, ref: int32(k)})
	}
}

// take performs an event. It reports false if the event no longer applied.
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
		if m := &w.members[e.node]; m.node == nil && m.process == e.gen && !m.waits {
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
	case evCheckServed:
		w.checkServed()
	case evToNode:
		return w.deliverToNode(w.clientStreams[e.ref])
	case evToClient:
		return w.deliverToClient(w.clientStreams[e.ref])
	case evClientNotice:
		return w.noticeClientStream(e)
	case evClientDial:
		return w.dialClient(e)
	case evClientTick:
		return w.takeClientTick(e)
	case evClientDone, evClientGiveUp:
		return w.clientWord(e)
	case evSay:
		return w.say(e)
	case evWritten:
		return w.written(e)
	case evStored:
		return w.stored(e)
	case evAsk:
		return w.ask(e)
	case evAnswer:
		return w.answered(e)
	case evClientStart:
		if c := &w.clients[e.node]; !c.alive && c.process == e.gen && !w.closing {
			w.startClient(int(e.node))
		}
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
	process := m.process
	m.node.Tick(m.clock.read(w.now))
	if w.performed(int(e.node)); m.node != nil && m.process == process && w.failure == nil {
		m.table.Tick(m.clock.read(w.now))
		w.performed(int(e.node))
		w.judgeDoubts(int(e.node))
	}
	return true
}

var lockNames = [maxLocks]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"}

func (w *World) lockOf(name string) int { return int(name[0] - 'a') }

// mark adds to the hash of all that happened.
func (w *World) mark(a, b, c uint64) {
	h := (w.hash ^ a) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ b) * 0xbf58476d1ce4e5b9
	w.hash = (h ^ h>>32 ^ c) * 0x94d049bb133111eb
}
