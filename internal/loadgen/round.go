package loadgen

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest time that a histogram tells from longer ones.
const longest = time.Hour

// newHistogram makes a histogram of nanoseconds, three digits of them significant.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Nanoseconds(), 3) }

// errOver is the cause that ends the waits at the end of a round.
var errOver = errors.New("the round is over")

// round is one round of a workload, while it is played.
type round struct {
	plan      Plan
	workload  Workload
	sections  []*section // one of which is drawn for each entry
	measuring atomic.Bool

	mu      sync.Mutex
	failed  error  // the first failure of a worker
	entered uint64 // all entries, those of the warm-up too
	// What follows is of the time that is measured.
	served       []uint64 // grants by client
	handOffs     uint64
	lost         uint64 // holds
	wait, unlock *hdrhistogram.Histogram
}

// newRound prepares a round of a number of clients.
func newRound(plan Plan, workload Workload, sections []*section, clients int) *round {
	return &round{
		plan: plan, workload: workload, sections: sections, served: make([]uint64, clients),
		wait: newHistogram(), unlock: newHistogram(),
	}
}

// play has the workers work through the warm-up and the time that is measured, and
// returns how long that was. The first failure of any of them ends it.
func (r *round) play(ctx context.Context, workers []*worker) (time.Duration, error) {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			if err := w.work(working); err != nil {
				r.fail(err)
				stop(err)
			}
		})
	}
	sleep(working, r.plan.WarmUp)
	r.measuring.Store(true)
	begin := time.Now()
	sleep(working, r.plan.Duration)
	r.measuring.Store(false)
	length := time.Since(begin)
	stop(errOver)
	all.Wait()
	if r.failed != nil {
		return 0, r.failed
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return length, nil
}

// fail notes why the round fails, if it did not before.
func (r *round) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil {
		r.failed = err
	}
}

// lap is what a worker has to tell of one grant.
type lap struct {
	client        int
	measured      bool
	entered, lost bool
	handOff       bool
	wait, unlock  time.Duration
}

// record takes in what a worker has to tell.
func (r *round) record(l lap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.entered {
		r.entered++
	}
	if !l.measured {
		return
	}
	if l.entered {
		r.served[l.client]++
		add(r.wait, l.wait)
	}
	if l.handOff {
		r.handOffs++
	}
	if l.lost {
		r.lost++
		return
	}
	add(r.unlock, l.unlock)
}

// add adds a time to a histogram.
func add(h *hdrhistogram.Histogram, d time.Duration) {
	if err := h.RecordValue(min(d, longest).Nanoseconds()); err != nil {
		panic(err) // it is within the histogram's range
	}
}

// figures are what was found in a round of some length. It is to be called when nobody
// works any more.
func (r *round) figures(length time.Duration) map[Figure]float64 {
	found := map[Figure]float64{}
	var grants uint64
	for _, n := range r.served {
		grants += n
	}
	found[Grants] = float64(grants) / length.Seconds()
	found[HandOffs] = float64(r.handOffs) / length.Seconds()
	if r.workload.competes() && len(r.served) > 1 {
		found[LeastServed] = float64(slices.Min(r.served))
		found[MostServed] = float64(slices.Max(r.served))
		if index := jain(r.served); !math.IsNaN(index) {
			found[Fairness] = index
		}
	}
	for _, h := range []struct {
		of         *hdrhistogram.Histogram
		percentile func(key string) Figure
		most       Figure
	}{{r.wait, waitPercentile, WaitMax}, {r.unlock, unlockPercentile, UnlockMax}} {
		if h.of.TotalCount() == 0 {
			continue
		}
		for _, p := range percentiles {
			found[h.percentile(p.key)] = float64(h.of.ValueAtQuantile(p.percent)) / 1e3
		}
		found[h.most] = float64(h.of.Max()) / 1e3
	}
	return found
}
