package sim

import "slices"

// drawProcesses draws the client processes, their callers' requests, their faults, and
// which withdrawals of local callers are lost.
func (p *Plan) drawProcesses(s *source) {
	lost := pick[int64](s, 0, 0, 50)
	for k := range p.Ops {
		if op := &p.Ops[k]; op.asks() && op.Patience > 0 && s.chance(lost) {
			op.Effects = 1
		}
	}
	p.Processes = pick(s, 0, 0, 0, 1, 2, 3, maxClients)
	p.ClientPatience = pick(s, p.TTL, 30*p.TTL, 30*p.TTL)
	for k := range p.Processes {
		m := &p.ClientMachines[k]
		m.Offset = pick(s, s.below(1e9), s.below(1e15))
		m.Drift = pick(s, -maxDrift, maxDrift, s.between(-maxDrift, maxDrift))
		for i := range p.Nodes {
			m.Nodes = append(m.Nodes, int8(i))
		}
		for i := range m.Nodes {
			j := s.below(int64(i + 1))
			m.Nodes[i], m.Nodes[j] = m.Nodes[j], m.Nodes[i]
		}
		m.Nodes = m.Nodes[:s.between(1, int64(p.Nodes))]
	}
	if p.Processes > 0 {
		p.drawClientRequests(s)
		p.drawClientFaults(s)
	}
}

func (p *Plan) drawClientRequests(s *source) {
	T := int64(p.TTL)
	pace := pick(s, T/40, T/8, T/2)
	hold := pick(s, T/1000, T/20, T/2, 3*T)
	// Many give up about when the answer comes.
	hasty := pick[int64](s, 0, 30, 90)
	patience := pick(s, 4*int64(p.Delay)+1, T/10, T)
	many := s.chance(20) // more holds and waits than one frame restates
	start := s.below(2 * pace)
	for at := start; at < int64(p.Settle) && len(p.Ops) < 700; at += s.below(2 * pace) {
		op := Op{At: Instant(at), Kind: ClientAcquire, Node: int8(s.below(int64(p.Processes))), Lock: int8(s.below(int64(p.Locks)))}
		op.Length = Instant(s.below(2*hold) + 1)
		if s.chance(hasty) {
			op.Patience = Instant(s.between(1, patience))
			op.Kind = pick(s, ClientAcquire, ClientAcquire, ClientTry)
		}
		p.Ops = append(p.Ops, op)
		for many && len(p.Ops) < 700 && s.chance(90) {
			more := op
			more.At += Instant(s.below(1000))
			p.Ops = append(p.Ops, more)
		}
	}
	for k := range p.Processes {
		if s.chance(70) {
			p.Ops = append(p.Ops, Op{
				At: p.Settle + Instant(s.below(T/2)), Kind: ClientAcquire, Node: int8(k),
				Lock: int8(s.below(int64(p.Locks))), Length: Instant(s.below(T/50) + 1),
			})
		}
	}
}

func (p *Plan) drawClientFaults(s *source) {
	kinds := []OpKind{ClientPause, ClientCut, ClientCut, ClientStall, ClientStall, ClientBreak, ClientBreak, ClientBreak, ClientKill}
	var chosen []OpKind
	for range pick(s, 0, 1, 2, 4, 8) {
		chosen = append(chosen, pick(s, kinds...))
	}
	if len(chosen) == 0 {
		return
	}
	slices.Sort(chosen)
	T := int64(p.TTL)
	pace := pick(s, T/8, T/4, T/2, T)
	for at := s.below(2 * pace); at < int64(p.Settle) && len(p.Ops) < 900; at += s.below(2 * pace) {
		op := Op{At: Instant(at), Kind: pick(s, chosen...), Node: int8(s.below(int64(p.Processes)))}
		op.Length = p.drawLength(s, op.At)
		switch op.Kind {
		case ClientCut:
			op.Effects = int32(s.between(1, 3))
		case ClientStall:
			op.Effects = int32(s.below(8))
			op.Patience = p.TTL
		case ClientBreak:
			op.Effects = pick[int32](s, 0, 1, 2, 5, 1000)
			op.Length = min(op.Length, Instant(pick(s, 1, T/100, T/4)))
		}
		p.Ops = append(p.Ops, op)
	}
}
