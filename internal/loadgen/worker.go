package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"conch"
)

// worker is a client at work in a round.
type worker struct {
	round  *round
	number int // among those who take part
	client Client
	// turn is where it hears that it is its turn, and next where it tells the next one
	// so; nil where nobody waits for turns.
	turn <-chan struct{}
	next chan<- struct{}
}

// workers are those who have a part in a round.
func (r *round) workers(players []Client) []*worker {
	all := make([]*worker, len(players))
	for i, c := range players {
		all[i] = &worker{round: r, number: i, client: c}
	}
	if r.workload != Remote {
		return all
	}
	for i, w := range all {
		turn := make(chan struct{}, 1)
		w.turn, all[(i+len(all)-1)%len(all)].next = turn, turn
	}
	all[len(all)-1].next <- struct{}{} // the first one begins
	return all
}

// work asks for locks until ctx ends, which is no error.
func (w *worker) work(ctx context.Context) error {
	for {
		if w.turn != nil {
			select {
			case <-w.turn:
			case <-ctx.Done():
				return nil
			}
		}
		if !sleep(ctx, w.round.plan.Think) {
			return nil
		}
		if err := w.lap(ctx); err != nil {
			if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
				return nil
			}
			return err
		}
		if w.next != nil {
			w.next <- struct{}{} // there is room: one at a time has its turn
		}
	}
}

// lap asks for a lock, enters the critical section, and leaves it.
func (w *worker) lap(ctx context.Context) error {
	s := w.round.sections[rand.IntN(len(w.round.sections))]
	asked := time.Now()
	hold, err := w.client.Lock(ctx, s.lock)
	if err != nil {
		return fmt.Errorf("%s: %w", w.client.Name, err)
	}
	l := lap{client: w.number, measured: w.round.measuring.Load(), wait: time.Since(asked)}
	e, err := s.enter(w.client.Name, hold, asked)
	if err != nil {
		return errors.Join(err, hold.Unlock())
	}
	l.entered, l.handOff = !e.lost, e.handOff
	if l.entered {
		sleep(ctx, w.round.plan.Hold)
		s.leave(hold)
	}
	left := time.Now()
	err = hold.Unlock()
	l.unlock = time.Since(left)
	switch {
	case errors.Is(err, conch.ErrLost):
		l.lost = true // before it entered, or since
	case err != nil:
		return fmt.Errorf("%s: unlock: %w", w.client.Name, err)
	}
	w.round.record(l)
	return nil
}

// sleep waits for some time, or until ctx ends. It reports whether the time passed in
// full.
func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
