package sim

import "conch/token"

// drawValues lets some runs have leaders: who holds a lock alone says values. It draws from
// a source of its own, so that all other runs are as they were before.
func (p *Plan) drawValues() {
	s := source(p.Seed ^ 0x1eade25)
	if p.Values = s.chance(30); !p.Values {
		return
	}
	share := pick[int64](&s, 30, 70, 100)
	most := pick[int64](&s, 1, 2, 5)
	for k := range p.Ops {
		op := &p.Ops[k]
		switch {
		case op.Kind == SetLimit || op.Limit != token.Exclusive:
		case (op.asks() || op.ofClient()) && s.chance(share):
			op.Says = int8(s.between(1, most))
			if s.chance(30) { // it leads for long
				op.Length += Instant(s.below(int64(6 * p.TTL)))
			}
		case op.On != 0 && s.chance(50):
			op.On = pick(&s, token.Say, token.Say, token.Ping)
		}
	}
}
