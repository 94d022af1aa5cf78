package contest

import (
	"context"
	"fmt"
)

// Subjects are all that is compared, in the order in which a round has them.
func Subjects() []*Subject {
	all := append(bareSubjects(), conchSubjects()...)
	all = append(all, idleSubjects()...)
	for _, peer := range Peers() {
		all = append(all, peer.subjects()...)
	}
	return append(all, &Subject{
		Name:  ConchFailover,
		Label: "conch 3 nodes, the holder in its node's own process",
		round: conchFailover,
	})
}

// Outcome is what a run has found.
type Outcome struct {
	Results []*Result
	// Busy is how many cores others kept busy at the start of each round.
	Busy []float64
}

// Run plays the subjects in rounds, and tells what it does and finds. A turn that
// fails is noted, and the others go on; the error is that of ctx or of the system.
func Run(ctx context.Context, s *Stage, subjects []*Subject, rounds int, tell func(text string)) (*Outcome, error) {
	outcome := &Outcome{}
	for _, subject := range subjects {
		result := &Result{Subject: subject}
		outcome.Results = append(outcome.Results, result)
		if subject.Needs == nil {
			continue
		}
		if err := subject.Needs(); err != nil {
			result.LeftOut = err.Error()
			tell(fmt.Sprintf("LEFT OUT: %s: %v", subject.Name, err))
		}
	}
	for round := range rounds {
		busy, err := busyCores(ctx)
		if err != nil {
			return nil, err
		}
		outcome.Busy = append(outcome.Busy, busy)
		tell(fmt.Sprintf("round %d of %d; others keep %.2f cores busy", round+1, rounds, busy))
		for _, result := range outcome.Results {
			if result.LeftOut != "" || result.Subject.Once && round > 0 {
				continue
			}
			if err := result.play(ctx, s, round, tell); err != nil {
				return nil, err
			}
		}
	}
	return outcome, nil
}

// play has one more round of a subject.
func (r *Result) play(ctx context.Context, s *Stage, round int, tell func(string)) error {
	sample, err := r.Subject.round(ctx, s)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		tell(fmt.Sprintf("  FAILED: %s: %v", r.Subject.Name, err))
		r.Failures = append(r.Failures, fmt.Errorf("round %d: %w", round+1, err))
		sample = nil
	} else {
		tell(fmt.Sprintf("  %-30s %s", r.Subject.Name, sample))
	}
	r.Samples = append(r.Samples, sample)
	return nil
}
