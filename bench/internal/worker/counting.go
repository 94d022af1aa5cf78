package worker

import (
	"context"
	"time"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
)

// counting has a node that counts meet all others, and reads its counters when the
// measurement begins and when it ends. What it returns waits for the end, and reports.
func (j Job) counting(ctx context.Context, b *board.Board, lock locks.Lock) (func(*Report) error, error) {
	counted, ok := lock.(locks.Counted)
	if !ok || !j.Lock.Counting {
		return func(*Report) error { return nil }, nil
	}
	if err := counted.Meet(ctx); err != nil {
		return nil, err
	}
	type reading struct {
		counts locks.Counts
		took   time.Duration
		err    error
	}
	read := make(chan reading, 1)
	go func() {
		var r reading
		r.counts, r.took, r.err = countMeasured(ctx, b, counted)
		read <- r
	}()
	return func(report *Report) error {
		r := <-read
		report.Counts, report.CountedFor = r.counts, r.took
		return r.err
	}, nil
}

// countMeasured is what a node counts in the phase that is measured.
func countMeasured(ctx context.Context, b *board.Board, counted locks.Counted) (locks.Counts, time.Duration, error) {
	if err := b.AwaitPhase(ctx, board.Measure); err != nil {
		return locks.Counts{}, 0, err
	}
	start := time.Now()
	before, err := counted.Counts()
	if err != nil {
		return locks.Counts{}, 0, err
	}
	if err := b.AwaitPhase(ctx, board.End); err != nil {
		return locks.Counts{}, 0, err
	}
	took := time.Since(start)
	after, err := counted.Counts()
	return after.Since(before), took, err
}
