package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"conch"
)

// ErrInUse is wrapped by the error for a lock that somebody else uses.
var ErrInUse = errors.New("the lock is in use")

// patience is how long a client may have to wait for a lock that nobody else uses.
const patience = 20 * time.Second

// run is a run.
type run struct {
	plan    Plan
	clients []Client
	meter   Meter
	single  []*section // the one lock of all workloads but Many
	many    []*section
}

// Run measures what the plan says, by clients of which there is one at least, and tells
// what it is about to do. A nil meter is none. It returns what the rounds have found
// that were played to the end, also where it fails.
//
// The errors wrap [ErrClients]; [ErrInUse]; [ErrOverlap] or [ErrFence]; what the clients
// and the meter say; or the cause of the context's end.
func Run(ctx context.Context, plan Plan, clients []Client, meter Meter, tell func(text string)) ([]*Result, error) {
	r := &run{plan: plan, clients: clients, meter: meter, single: []*section{{lock: plan.Lock}}}
	var results []*Result
	for _, w := range plan.Workloads {
		if err := w.Check(clients[len(clients)-1].Node+1, len(clients)); err != nil {
			return nil, err
		}
		result := &Result{Workload: w, Clients: len(w.players(clients)), Locks: 1}
		if w == Many {
			r.many = manySections(plan)
			result.Locks = len(r.many)
		}
		results = append(results, result)
	}
	tell("the first grants")
	if err := r.prepare(ctx); err != nil {
		return results, err
	}
	for n := range plan.Rounds {
		for _, result := range results {
			tell(fmt.Sprintf("round %d of %d: %s", n+1, plan.Rounds, result.Workload))
			found, err := r.round(ctx, result.Workload)
			if err != nil {
				return results, err
			}
			result.Rounds = append(result.Rounds, found)
		}
	}
	return results, nil
}

// manySections are those of the locks of Many.
func manySections(plan Plan) []*section {
	var all []*section
	for i := range plan.Locks {
		all = append(all, &section{lock: fmt.Sprintf("%s/%d", plan.Lock, i+1)})
	}
	return all
}

// prepare sees that nobody else uses the locks, so that each has its token when it is
// measured, and that every client is granted one.
func (r *run) prepare(ctx context.Context) error {
	for _, s := range append(append([]*section(nil), r.single...), r.many...) {
		if err := r.first(ctx, s, r.clients[0], r.clients[0].TryLock); err != nil {
			return err
		}
	}
	for _, c := range r.clients {
		if err := r.first(ctx, r.single[0], c, c.Lock); err != nil {
			return err
		}
	}
	return nil
}

// first has a client enter once. A node that has no session yet is given time.
func (r *run) first(ctx context.Context, s *section, c Client, lock func(context.Context, string) (Hold, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the lock %q was not granted within %v", s.lock, patience))
	defer cancel()
	for {
		asked := time.Now()
		hold, err := lock(ctx, s.lock)
		switch {
		case errors.Is(err, conch.ErrNoSession) && ctx.Err() == nil:
			continue // it has taken a session's time to live to say so
		case errors.Is(err, conch.ErrBusy):
			return fmt.Errorf("%w by somebody else: %q", ErrInUse, s.lock)
		case err != nil:
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if _, err := s.enter(c.Name, hold, asked); err != nil {
			return errors.Join(err, hold.Unlock())
		}
		s.leave(hold)
		if err := hold.Unlock(); !errors.Is(err, conch.ErrLost) {
			return err
		}
		return nil
	}
}

// round plays a round of a workload.
func (r *run) round(ctx context.Context, w Workload) (Round, error) {
	sections := r.single
	if w == Many {
		sections = r.many
	}
	players := w.players(r.clients)
	played := newRound(r.plan, w, sections, len(players))
	before, err := r.counts(ctx)
	if err != nil {
		return Round{}, err
	}
	used := ownProcessor()
	length, err := played.play(ctx, played.workers(players))
	if err != nil {
		return Round{}, err
	}
	used = ownProcessor() - used
	after, err := r.counts(ctx)
	if err != nil {
		return Round{}, err
	}
	found := Round{Figures: played.figures(length), Judged: played.entered, Lost: played.lost, Others: math.NaN()}
	if played.entered > 0 {
		found.Figures[OwnProcessor] = used.Seconds() * 1e6 / float64(played.entered)
	}
	if r.meter != nil {
		found.Others = max(0, after.Grants-before.Grants-float64(played.entered))
		after.since(before, found.Figures)
	}
	return found, nil
}

// counts reads the meter, if there is one.
func (r *run) counts(ctx context.Context) (Counts, error) {
	if r.meter == nil {
		return Counts{}, nil
	}
	return r.meter(ctx)
}
