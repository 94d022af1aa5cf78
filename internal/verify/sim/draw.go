package sim

import (
	"slices"

	"conch/token"
)

// Draw draws a plan from a seed. Some runs leave out a kind of fault altogether, and each
// has its own measure of a long time: runs with a bit of everything would all be alike.
func Draw(seed uint64) *Plan {
	s := source(seed)
	p := &Plan{
		Seed:           seed,
		Nodes:          pick(&s, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 6, 7),
		Locks:          pick(&s, 1, 1, 1, 2, 3),
		TTL:            Instant(pick(&s, token.MinTTL, 2e9, 2e9, 10e9)),
		IdleToken:      Instant(token.DefaultIdleToken),
		IdleLock:       Instant(token.DefaultIdleLock),
		FencesPerEpoch: pick[uint64](&s, token.MaxFencesPerEpoch, token.MaxFencesPerEpoch, 1, 3, 7),
	}
	p.drawLists()
	T := int64(p.TTL)
	if s.chance(40) {
		p.IdleToken = Instant(s.between(T/4, 2*T))
		p.IdleLock = max(p.IdleToken, p.TTL) + Instant(s.between(T/10, T))
	}
	p.Delay = Instant(pick(&s, T/5000, T/500, T/100, T/40, T/12))
	p.Jitter = Instant(pick(&s, 1, T/500, T/50, T/12))
	p.Creep = pick[int64](&s, 0, 0, 2, 20)
	p.TickLate = Instant(pick(&s, 0, 0, T/1000, T/50))
	if settle := Instant(s.between(3*T, pick(&s, 5*T, 8*T, 12*T, 25*T))); !p.Changes {
		p.Settle = settle
	}
	if p.Nodes > 2 && s.chance(15) {
		p.Cut[0] = int(s.below(int64(p.Nodes)))
		p.Cut[1] = int(s.below(int64(p.Nodes)))
	}
	p.drawMachines(&s)
	p.drawRequests(&s)
	p.drawFaults(&s)
	p.drawClients(&s)
	p.drawBatches(&s)
	p.drawProcesses(&s)
	p.drawDisks(&s)
	p.drawShares()
	p.drawLostDisks()
	p.drawValues()
	p.drawNotes()
	p.drawMembers()
	slices.SortStableFunc(p.Ops, func(a, b Op) int { return int(min(max(a.At-b.At, -1), 1)) })
	return p
}

func (p *Plan) drawMachines(s *source) {
	disks := pick[int64](s, 0, 50, 100, 100)
	drift := pick[int64](s, 0, maxDrift, maxDrift)
	odd := int(s.between(-1, int64(p.Nodes)-1)) // one slow clock among fast ones
	for i := range p.Nodes {
		m := &p.Machines[i]
		m.Disk = s.chance(disks)
		m.Wall = Instant(s.between(1e9, pick[int64](s, 2e9, 3600e9, 1e17)))
		m.Offset = pick(s, s.below(1e9), s.below(1e15))
		switch odd {
		case -1:
			m.Drift = pick(s, -drift, drift, s.between(-drift, drift))
		case i:
			m.Drift = -drift
		default:
			m.Drift = drift
		}
	}
}

func (p *Plan) drawClients(s *source) {
	p.Clients = s.chance(40)
	for i := range p.Nodes {
		p.Machines[i].ClientDrift = pick(s, -maxDrift, p.Machines[i].Drift, s.between(-maxDrift, maxDrift))
	}
}

// drawDisks draws whether starts read the clock, whether all clocks are right, and disks
// that are set back: of one member, by some starts, or of all.
func (p *Plan) drawDisks(s *source) {
	clocked, right := s.chance(50), s.chance(50)
	for i := range p.Nodes {
		p.Machines[i].Clocked = clocked
		if right {
			p.Machines[i].Wall = p.Machines[0].Wall
		}
	}
	if !s.chance(35) {
		return
	}
	T := int64(p.TTL)
	for range pick(s, 1, 1, 2, 4) {
		op := Op{
			At: Instant(s.below(int64(p.Settle))), Kind: pick(s, SetBack, SetBack, SetBack, SetBackAll),
			Node: int8(s.below(int64(p.Nodes))), Effects: int32(s.between(1, 3)), Patience: Instant(pick(s, 1, T/10, T)),
		}
		op.Length = p.drawLength(s, op.At)
		p.Ops = append(p.Ops, op)
		if op.Kind == SetBack && p.Nodes > 2 && s.chance(40) {
			p.drawForgetting(s, &op)
		}
		// The starts by which the disk is set back, if there is time for them.
		for at := op.At; op.Kind == SetBack && op.Effects > 1 && at > 0 && s.chance(70); {
			length := Instant(s.between(1, T/4))
			at -= length + Instant(s.below(2*T))
			if at > 0 {
				p.Ops = append(p.Ops, Op{At: at, Kind: Crash, Node: op.Node, Length: length})
			}
		}
	}
}

// drawForgetting makes all members but one forget what they know of a member that is set
// back, and cuts that one off from it.
func (p *Plan) drawForgetting(s *source, op *Op) {
	knows := s.below(int64(p.Nodes))
	length := min(p.TTL*Instant(s.between(2, 5)), p.Settle-op.At)
	pairs := pairBit(int(op.Node), int(knows)) | pairBit(int(knows), int(op.Node))
	p.Ops = append(p.Ops, Op{At: op.At, Kind: CutOff, Node: op.Node, Length: length, Pairs: pairs, Effects: 1})
	for i := range int64(p.Nodes) {
		if i != knows && i != int64(op.Node) {
			p.Ops = append(p.Ops, Op{At: op.At, Kind: Crash, Node: int8(i), Length: Instant(s.between(1, int64(p.TTL/10)))})
		}
	}
}

// rightClocks reports whether all starts read the clock, and all clocks are the same.
func (p *Plan) rightClocks() bool {
	for i := range p.Nodes {
		if m := &p.Machines[i]; m.Wall != p.Machines[0].Wall || m.Disk && !m.Clocked {
			return false
		}
	}
	return true
}

func (p *Plan) drawBatches(s *source) {
	longest := pick[int64](s, 1, 1, 2, 4, 16)
	for i := range p.Nodes {
		p.Machines[i].LocalBatch = int(s.between(1, longest))
	}
}

// drawRequests draws the local requests of the whole run and, at its end, one more of most
// nodes for each lock, which nothing may block any more.
func (p *Plan) drawRequests(s *source) {
	T := int64(p.TTL)
	pace := pick(s, T/40, T/8, T/2, 2*T)
	hold := pick(s, T/1000, T/20, T/2, 3*T)
	hasty := pick[int64](s, 0, 0, 30, 80)
	keen := s.below(int64(p.Nodes))
	for at := s.below(2 * pace); at < int64(p.Settle) && len(p.Ops) < 300; at += s.below(2 * pace) {
		op := Op{At: Instant(at), Kind: Acquire, Node: int8(s.below(int64(p.Nodes))), Lock: int8(s.below(int64(p.Locks)))}
		if s.chance(30) {
			op.Node = int8(keen)
		}
		op.Length = Instant(s.below(2*hold) + 1)
		if s.chance(5) {
			op.Length = Instant(s.below(10 * T))
		}
		if s.chance(hasty) {
			op.Patience = Instant(s.between(1, T))
			op.Kind = pick(s, Acquire, Acquire, Try)
		}
		p.Ops = append(p.Ops, op)
	}
	for i := range p.Nodes {
		for l := range p.Locks {
			if s.chance(60) {
				p.Ops = append(p.Ops, Op{
					At: p.Settle + Instant(s.below(T/2)), Kind: Acquire,
					Node: int8(i), Lock: int8(l), Length: Instant(s.below(T/50) + 1),
				})
			}
		}
	}
}

// drawFaults draws what goes wrong until Settle.
func (p *Plan) drawFaults(s *source) {
	var kinds []OpKind
	for range pick(s, 0, 1, 1, 2, 2, 3, 4, 8, 8) {
		kinds = append(kinds, pick(s, faults...))
	}
	if len(kinds) == 0 {
		return
	}
	T := int64(p.TTL)
	pace := pick(s, T/8, T/4, T/2, T, 3*T)
	dead := 0 // nodes that stay dead
	for at := s.below(2 * pace); at < int64(p.Settle) && len(p.Ops) < 500; at += s.below(2 * pace) {
		op := Op{At: Instant(at), Kind: pick(s, kinds...), Node: int8(s.below(int64(p.Nodes))), Peer: int8(s.below(int64(p.Nodes)))}
		p.drawFault(s, &op)
		if op.Lock = int8(s.below(int64(p.Locks))); s.chance(40) {
			op.Node = whoHasToken
		}
		forever := op.Kind == Crash || op.Kind == Reboot || op.Kind == Leave
		if forever && dead < p.Nodes-p.quorum() && s.chance(10) {
			dead++
			op.Length = 0
		}
		stops := op.Kind == Pause && s.chance(50)
		if stops {
			op.Length = min(Instant(s.between(T, 2*T)), p.Settle-op.At)
		}
		p.Ops = append(p.Ops, op)
		if stops { // the first thing that the process then hears is that it is to stop
			op.Kind, op.At = Leave, op.At+op.Length
			op.Length = p.drawLength(s, op.At)
			p.Ops = append(p.Ops, op)
		}
	}
}

// faults are the faults of a run, each as often as it is drawn.
var faults = []OpKind{
	Crash, Crash, Reboot, CrashSave, CrashAll, Pause, Leave, CutOff, CutOff, CutOff, CutOff,
	Break, Slow, DelayNext, DelayNext, CrashOn, PauseOn, CutOn, CutOn,
}

func (p *Plan) drawFault(s *source, op *Op) {
	op.Length = p.drawLength(s, op.At)
	switch op.Kind {
	case Crash, Reboot:
		if s.chance(50) {
			op.Effects = int32(s.below(6))
			op.Patience = p.TTL / 4
		}
	case CrashSave:
		op.Effects = int32(s.below(3))
		op.Patience = min(p.TTL*2, p.Settle-op.At)
	case CrashAll:
		op.Patience = pick(s, 1, p.TTL/10, p.TTL)
	case CutOff:
		op.Pairs, op.Effects = p.drawPairs(s), int32(s.below(2))
	case Break:
		op.Effects = pick[int32](s, 0, 1, 3, 1000)
	case Slow:
		op.Patience = p.drawLength(s, op.At)
	case DelayNext, CrashOn, PauseOn, CutOn:
		op.On = pick(s, triggers...)
		op.Effects = int32(s.below(2))
		op.Patience = p.TTL
		if s.chance(70) {
			op.Peer = -1
		}
	}
}

// triggers are the messages that can trigger a fault: rare ones, which chance alone would
// hardly hit.
var triggers = []token.MessageKind{
	token.TokenMessage, token.TokenMessage, token.Pong, token.Ping, token.Clear, token.Bye,
	token.Probe, token.ProbeAnswer, token.Ballot, token.BallotAnswer, token.BallotAnswer, token.Abort,
}

// drawLength draws how long something lasts, mostly near the times in the protocol.
func (p *Plan) drawLength(s *source, from Instant) Instant {
	T := int64(p.TTL)
	length := pick(s, s.below(T/20), s.below(T/2), s.between(T*3/8, T*5/8), s.between(T*9/10, T*13/10), s.between(T, 2*T), s.between(T, 5*T))
	return max(1, min(Instant(length), p.Settle-from))
}

// drawPairs draws a partition: whole, of one node, one way, or of any directions.
func (p *Plan) drawPairs(s *source) uint64 {
	var pairs uint64
	side := s.next()
	if s.chance(50) {
		side = 1 << s.below(int64(p.Nodes))
	}
	shape := s.below(6)
	one, other := int(s.below(int64(p.Nodes))), int(s.below(int64(p.Nodes)))
	density := s.between(10, 70)
	for from := range p.Nodes {
		for to := range p.Nodes {
			a, b := side>>from&1, side>>to&1
			cut := false
			switch shape {
			case 0, 1: // whole
				cut = a != b
			case 2: // one way
				cut = a == 1 && b == 0
			case 3: // any
				cut = s.chance(density)
			case 4: // one pair, one way
				cut = from == one && to == other
			case 5: // one pair
				cut = from == one && to == other || from == other && to == one
			}
			if cut && from != to {
				pairs |= pairBit(from, to)
			}
		}
	}
	return pairs
}
