package growth

import (
	"conch/bench/internal/contest"
	"conch/bench/internal/theory"
)

// Figures are what a run has found.
type Figures struct {
	results map[string]*contest.Result
	rounds  int
}

// Of are the figures of a run.
func Of(outcome *contest.Outcome) Figures {
	f := Figures{results: map[string]*contest.Result{}, rounds: outcome.Rounds}
	for _, result := range outcome.Results {
		f.results[result.Subject.Name] = result
	}
	return f
}

// in is a figure of a subject in one round; false if there is none.
func (f Figures) in(round int, subject string, figure contest.Figure) (float64, bool) {
	result := f.results[subject]
	if result == nil {
		return 0, false
	}
	return result.In(round, figure)
}

// over sums up a value that may be had of each round.
func (f Figures) over(value func(round int) (float64, bool)) contest.Spread {
	var values []float64
	for round := range f.rounds {
		if v, ok := value(round); ok {
			values = append(values, v)
		}
	}
	return contest.SpreadOf(values)
}

// Of is a figure of a subject as it was measured.
func (f Figures) Of(subject string, figure contest.Figure) contest.Spread {
	return f.over(func(round int) (float64, bool) { return f.in(round, subject, figure) })
}

// perGrant is what a grant takes of something that is measured by the second, without
// what the same nodes take of it at rest.
func (f Figures) perGrant(use theory.Use, n int, figure contest.Figure) contest.Spread {
	return f.over(func(round int) (float64, bool) {
		all, ok := f.in(round, contest.OfSize(use, n), figure)
		grants, granted := f.in(round, contest.OfSize(use, n), contest.Grants)
		rest, rested := f.in(round, contest.AtRest(n), figure)
		if !ok || !granted || !rested || grants == 0 {
			return 0, false
		}
		return (all - rest) / grants, true
	})
}

// Processor is the processor time of a grant between n nodes, in µs, without that of
// sessions.
func (f Figures) Processor(use theory.Use, n int) contest.Spread {
	return f.perGrant(use, n, contest.Processor)
}

// Bytes is what all nodes write for a grant, without what they write for sessions.
func (f Figures) Bytes(use theory.Use, n int) contest.Spread {
	return f.perGrant(use, n, contest.Written)
}

// RestOfNode is what one of n nodes takes a second of something when it has nothing to
// do.
func (f Figures) RestOfNode(n int, figure contest.Figure) contest.Spread {
	return f.over(func(round int) (float64, bool) {
		all, ok := f.in(round, contest.AtRest(n), figure)
		return all / float64(n), ok
	})
}

// Gain is how many times as many grants there are on all cores as on one.
func (f Figures) Gain(load contest.Load, locks int) contest.Spread {
	return f.over(func(round int) (float64, bool) {
		all, ok := f.in(round, contest.Many(load, locks, contest.AllCores), contest.Grants)
		one, known := f.in(round, contest.Many(load, locks, contest.OneCore), contest.Grants)
		if !ok || !known || one == 0 {
			return 0, false
		}
		return all / one, true
	})
}
