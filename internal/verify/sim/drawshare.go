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
	if s.chance(30) {
		p.drawLimits(&s, &limits, &changed)
	}
	for k := range p.Ops {
		op := &p.Ops[k]
		switch {
		case op.asks() && s.chance(share):
			op.Limit = limits[op.Lock]
			if changed[op.Lock] != 0 && s.chance(50) {
				op.Limit = changed[op.Lock]
			}
			if s.chance(other) {
				op.Limit = pick[token.Limit](&s, token.Unlimited, 1, 2, 4)
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
