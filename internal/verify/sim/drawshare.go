package sim

import "conch/token"

// drawShares lets some runs share locks: it gives requests other modes, and adds changes of
// limits. It draws from a source of its own, so that all other runs are as they were before
// locks could be shared.
func (p *Plan) drawShares() {
	s := source(p.Seed ^ 0x5a4ed10c5)
	if p.Shared = s.chance(35); !p.Shared {
		return
	}
	var limits [maxLocks]token.Limit
	for l := range p.Locks {
		limits[l] = pick(&s, token.Exclusive, token.Unlimited, token.Unlimited, 1, 2, 2, 3, 5)
	}
	share := pick[int64](&s, 30, 60, 90, 100)
	other := pick[int64](&s, 0, 0, 0, 10)
	var changed [maxLocks]token.Limit
	clients := s ^ 0xc11e275
	if s.chance(30) {
		p.drawLimits(&s, &limits, &changed)
	}
	for range pick(&s, 0, 1, 1, 2) {
		p.drawLostShare(&s, &limits)
	}
	for k := range p.Ops {
		op := &p.Ops[k]
		switch {
		case op.Limit != token.Exclusive:
		case op.asks() && s.chance(share):
			op.Limit = limits[op.Lock]
			if changed[op.Lock] != 0 && s.chance(50) {
				op.Limit = changed[op.Lock]
			}
			if s.chance(other) {
				op.Limit = pick[token.Limit](&s, token.Unlimited, 1, 2, 4)
			}
		case op.ofClient() && clients.chance(share):
			op.Limit = limits[op.Lock]
			if changed[op.Lock] != 0 && clients.chance(50) {
				op.Limit = changed[op.Lock]
			}
		case op.On != 0 && s.chance(50):
			op.On = pick(&s, token.Recall, token.Done, token.Done, token.TokenMessage)
		}
	}
}

// drawLimits draws changes of limits, back and forth between two.
func (p *Plan) drawLimits(s *source, limits, changed *[maxLocks]token.Limit) {
	for range pick(s, 1, 2, 4, 10) {
		op := Op{At: Instant(s.below(int64(p.Settle))), Kind: SetLimit, Node: int8(s.below(int64(p.Nodes))), Lock: int8(s.below(int64(p.Locks)))}
		if changed[op.Lock] == 0 {
			changed[op.Lock] = pick[token.Limit](s, 1, 2, 3, 6)
		}
		op.Limit = pick(s, changed[op.Lock], changed[op.Lock], limits[op.Lock])
		if op.Limit == token.Exclusive || op.Limit == token.Unlimited {
			op.Limit = changed[op.Lock]
		}
		if s.chance(30) {
			op.Patience = Instant(s.between(1, int64(p.TTL)))
		}
		p.Ops = append(p.Ops, op)
	}
}

// drawLostShare lets a node die with a share, for so long that it can be buried. Before, a
// second one has taken the token away; and a third one wants the lock for itself.
func (p *Plan) drawLostShare(s *source, limits *[maxLocks]token.Limit) {
	T := int64(p.TTL)
	op := Op{
		At: Instant(s.below(int64(p.Settle))), Kind: Acquire, Node: int8(s.below(int64(p.Nodes))),
		Lock: int8(s.below(int64(p.Locks))), Length: Instant(s.between(1, T)),
	}
	op.Limit = limits[op.Lock]
	taken, alone := op, op
	taken.At, taken.Node = op.At+Instant(s.below(T/4)), int8(s.below(int64(p.Nodes)))
	dies := Op{At: taken.At + Instant(s.below(T/2)), Kind: Crash, Node: op.Node}
	if dies.At >= p.Settle {
		return
	}
	dies.Length = min(p.TTL*Instant(s.between(2, 5)), p.Settle-dies.At)
	alone.At, alone.Node, alone.Limit = dies.At+Instant(s.below(T)), int8(s.below(int64(p.Nodes))), token.Exclusive
	p.Ops = append(p.Ops, op, taken, dies, alone)
}
