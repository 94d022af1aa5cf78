package sim

import "slices"

// Shrink cuts a failing plan down to one that still fails for the same judge: it removes
// ops, first many at once and then one by one, and simplifies the rest. It runs at most so
// many plans.
func Shrink(p *Plan, runs int) *Plan {
	s := &shrinker{best: p, runs: runs}
	failure := s.world.Run(p).Failure
	if failure == nil {
		return p
	}
	s.judge = failure.Judge
	for before := -1; before != len(s.best.Ops) && s.runs > 0; {
		before = len(s.best.Ops)
		s.plainer()
		for size := max(1, len(s.best.Ops)/2); size > 0; size /= 2 {
			s.takeOut(size)
		}
	}
	return s.best
}

type shrinker struct {
	world World
	judge Judge
	best  *Plan
	runs  int
}

// try keeps a plan if it still fails for the same judge.
func (s *shrinker) try(p *Plan) bool {
	if s.runs--; s.runs < 0 {
		return false
	}
	f := s.world.Run(p).Failure
	if f == nil || f.Judge != s.judge {
		return false
	}
	s.best = p
	return true
}

// takeOut tries to do without so many ops in a row, at every position.
func (s *shrinker) takeOut(size int) {
	for from := 0; from < len(s.best.Ops) && s.runs > 0; {
		p := *s.best
		p.Ops = slices.Delete(slices.Clone(p.Ops), from, min(from+size, len(p.Ops)))
		if !s.try(&p) {
			from += size
		}
	}
}

// plainer tries to do without each irregularity of a run.
func (s *shrinker) plainer() {
	change := func(edit func(p *Plan)) {
		p := *s.best
		p.Ops = slices.Clone(p.Ops)
		edit(&p)
		s.try(&p)
	}
	change(func(p *Plan) { p.Jitter = 1 })
	change(func(p *Plan) { p.Creep = 0 })
	change(func(p *Plan) { p.TickLate = 0 })
	change(func(p *Plan) { p.Cut = [2]int{} })
	for i := range s.best.Nodes {
		change(func(p *Plan) { p.Machines[i].Drift = 0 })
	}
}
