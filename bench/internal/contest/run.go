package contest

import (
	"context"
	"fmt"
)

// Subjects are all that is compared, in the order in which a round has them.
func Subjects() []*Subject {
	all := append(bareSubjects(), conchSubjects()...)
	all = append(all, clientSubjects()...)
	all = append(all, idleSubjects()...)
	all = append(all, shareSubjects()...)
	all = append(all, valueSubjects()...)
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
	Rounds  int
	// Busy is how many cores others kept busy before each turn.
	Busy []float64
}

// Run plays the subjects in rounds, and tells what it does and finds. A turn that
// fails is noted, and the others go on; the error is that of ctx or of the system.
func Run(ctx context.Context, s *Stage, subjects []*Subject, rounds int, tell func(text string)) (*Outcome, error) {
	outcome := &Outcome{Rounds: rounds}
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
		tell(fmt.Sprintf("round %d of %d", round+1, rounds))
		for _, result := range outcome.Results {
			if result.LeftOut != "" || result.Subject.Once && round > 0 {
				continue
			}
			busy, err := s.awaitCalm(ctx)
			if err != nil {
				return nil, err
			}
			outcome.Busy = append(outcome.Busy, busy)
			if err := result.play(ctx, s, round, busy, tell); err != nil {
				return nil, err
			}
		}
	}
	return outcome, nil
}

// play has one more round of a subject, while others keep so many cores busy.
func (r *Result) play(ctx context.Context, s *Stage, round int, busy float64, tell func(string)) error {
	sample, err := r.Subject.round(ctx, s)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		tell(fmt.Sprintf("  FAILED: %s: %v", r.Subject.Name, err))
		r.Failures = append(r.Failures, fmt.Errorf("round %d: %w", round+1, err))
		sample = nil
	} else {
		tell(fmt.Sprintf("  %-30s %s (others keep %.2f cores busy)", r.Subject.Name, sample, busy))
	}
	r.Samples = append(r.Samples, sample)
	return nil
}
