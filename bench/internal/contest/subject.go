package contest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conch/bench/internal/worker"
)

// TTL is after how long a holder that is gone has lost the lock, in every system that
// has such a time. It is the product's own default, and the least that an etcd lease
// and a ZooKeeper session can have here.
const TTL = 2 * time.Second

// Subject is something that is measured.
type Subject struct {
	// Name identifies it: GROUP/NAME.
	Name string
	// Label says what it is, to people.
	Label string
	// Needs says why it cannot be played on this machine, nil if it can be.
	Needs func() error
	// Once: it is played in the first round alone, since it takes minutes.
	Once bool
	// round plays it once.
	round func(ctx context.Context, s *Stage) (*Sample, error)
}

// cast starts the workers of a turn.
type cast func(ctx context.Context, p *play) error

// warmGrants is how often the lock is granted before the warm-up's own time begins;
// once is for those whose worker enters the critical section only once.
const (
	warmGrants = 3
	once       = 1
)

// played makes the round of a subject that has no servers.
func played(workers cast, grants uint64) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (*Sample, error) {
		return s.turn(ctx, nil, workers, grants)
	}
}

// turn plays a subject once: starts the workers, waits until the lock has been
// granted a few times, measures, and collects what they say.
func (s *Stage) turn(ctx context.Context, prepare func(p *play), workers cast, grants uint64) (sample *Sample, err error) {
	p, err := newPlay(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if prepare != nil {
		prepare(p)
	}
	if err := workers(ctx, p); err != nil {
		return nil, err
	}
	if err := p.await(ctx, uint64(len(p.workers)), grants); err != nil {
		return nil, err
	}
	w, err := p.measure(ctx)
	if err != nil {
		return nil, err
	}
	reports, err := p.reports(ctx, endPatience)
	if err != nil {
		return nil, err
	}
	return w.sample(reports)
}

// startAll starts some workers.
func (p *play) startAll(jobs ...worker.Job) error {
	for i, job := range jobs {
		if err := p.start(job); err != nil {
			return fmt.Errorf("worker %d of %d: %w", i+1, len(jobs), err)
		}
	}
	return nil
}
