package sim

import (
	"slices"

	"conch/token"
)

// notesDraw is what the requests of a run have in common.
type notesDraw struct {
	source
	kind   [maxLocks]int64   // of each lock: 0 runs, 1 kept holds, 2 both
	period [maxLocks]Instant // between two ticks
	skip   int64             // percent
	finish int64
}

// drawNotes lets some runs ask for runs of ticks and for kept holds. It draws from a source of
// its own, so that all other runs are as they were before.
func (p *Plan) drawNotes() {
	s := &notesDraw{source: source(p.Seed ^ 0x0ce9e57)}
	if p.Notes = s.chance(30); !p.Notes {
		return
	}
	T := int64(p.TTL)
	p.Writes, p.Tells = Instant(pick(&s.source, 1, T/1000, T/50, T/8)), Instant(pick(&s.source, 1, T/1000, T/50))
	p.MaxNotes = int(pick[int64](&s.source, 100, 100, 100, 100, 100, 100, 100, 100, 100, 1))
	if s.chance(92) {
		for i := range p.Nodes {
			p.Machines[i].Disk = true
		}
	}
	if s.chance(75) {
		p.Ops = slices.DeleteFunc(p.Ops, func(op Op) bool {
			return op.Kind == SetBack || op.Kind == SetBackAll || op.Kind == LoseDisk
		})
	}
	s.skip, s.finish = pick[int64](&s.source, 0, 50, 50, 100), pick[int64](&s.source, 40, 70, 90)
	for l := range p.Locks {
		s.kind[l] = pick[int64](&s.source, 0, 0, 0, 1, 1, 2)
		s.period[l] = Instant(pick(&s.source, T/8, T/2, 2*T))
	}
	share := pick[int64](&s.source, 40, 80, 100)
	for k := range p.Ops {
		op := &p.Ops[k]
		switch {
		case op.asks() && op.Kind != SetLimit && op.Limit == token.Exclusive && s.chance(share):
			p.drawWish(s, op)
		case op.On != 0 && s.chance(60):
			op.On = pick(&s.source, token.Witness, token.Witness, token.WitnessAnswer, token.WitnessAnswer, token.BallotAnswer, token.TokenMessage)
		case op.Kind == CrashSave && s.chance(70):
			op.Kind = CrashStore
		}
	}
	p.drawRounds(s)
	p.drawTending(s)
	p.drawClientWishes(s)
}

// drawClientWishes lets clients ask for runs and kept holds.
func (p *Plan) drawClientWishes(s *notesDraw) {
	share := pick[int64](&s.source, 0, 40, 80)
	for k := range p.Ops {
		if op := &p.Ops[k]; (op.Kind == ClientAcquire || op.Kind == ClientTry) && op.Limit == token.Exclusive && s.chance(share) {
			p.drawWish(s, op)
		}
	}
}

// drawWish draws what a request wants beside the lock.
func (p *Plan) drawWish(s *notesDraw, op *Op) {
	op.Says = 0
	n := &op.Note
	n.Late = int8(s.between(-1, int64(p.Nodes)-1))
	if s.kind[op.Lock] == 1 || s.kind[op.Lock] == 2 && s.chance(50) {
		n.Keep = true
		n.Owner = pick[int8](&s.source, 0, 1, 1, 2)
		n.Adopt = s.chance(40)
		n.Ends = pick(&s.source, Releases, Releases, Releases, Vanishes)
		return
	}
	n.Tick = token.Tick(op.At/s.period[op.Lock]) + 3 + pick[token.Tick](&s.source, 0, 0, 0, 0, 0, 0, -1, -2, 1)
	n.Skip = s.chance(s.skip)
	switch {
	case s.chance(s.finish):
		n.Ends = Finishes
	case s.chance(50):
		n.Ends = Vanishes
	}
}

// drawRounds lets several members ask for the same ticks, at about the same time or some
// time later.
func (p *Plan) drawRounds(s *notesDraw) {
	for l := range p.Locks {
		if s.kind[l] == 1 || s.chance(30) {
			continue
		}
		period, late := int64(s.period[l]), pick(&s.source, 1, int64(p.TTL)/50, int64(s.period[l])/2, int64(s.period[l])*2)
		length := pick(&s.source, int64(p.TTL)/100, period/4, period)
		for at := s.below(period); at < int64(p.Settle) && len(p.Ops) < 400; at += period {
			for i := range p.Nodes {
				if s.chance(20) {
					continue
				}
				op := Op{At: Instant(at), Kind: pick(&s.source, Acquire, Acquire, Try), Node: int8(i), Lock: int8(l), Length: Instant(s.below(length) + 1)}
				p.drawWish(s, &op)
				if op.At += Instant(s.below(late)); op.At < p.Settle {
					p.Ops = append(p.Ops, op)
				}
			}
		}
	}
}

// drawTending draws operators that free kept holds, and notes that are forgotten.
func (p *Plan) drawTending(s *notesDraw) {
	pace := int64(p.TTL) * pick[int64](&s.source, 1, 3, 10)
	for at := s.below(2 * pace); at < int64(p.Settle); at += s.below(2*pace) + 1 {
		p.Ops = append(p.Ops, Op{At: Instant(at), Kind: FreeKept, Node: int8(s.below(int64(p.Nodes))), Lock: int8(s.below(int64(p.Locks)))})
	}
	if !s.chance(15) {
		return
	}
	for range pick(&s.source, 1, 3, 10) {
		p.Ops = append(p.Ops, Op{
			At: Instant(s.below(int64(p.Settle))), Kind: ForgetNotes,
			Node: int8(s.below(int64(p.Nodes))), Lock: int8(s.below(int64(p.Locks))),
		})
	}
}
