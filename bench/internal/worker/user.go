package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
	"conch/token"
)

const (
	// longest is the longest time that a histogram tells from longer ones.
	longest = time.Minute
	// batch is how many operations are timed as one where each is too short.
	batch = 100
)

// newHistogram makes a histogram of nanoseconds, three digits of them significant.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Nanoseconds(), 3) }

// user uses a lock.
type user struct {
	board  *board.Board
	client int
	lock   locks.Lock
	// patience is Job.Patience, and stay Job.Stay; mode is how the user shares the lock.
	patience, stay time.Duration
	mode           token.Limit

	wait, cycle             *hdrhistogram.Histogram
	operations, allocations uint64
	spent                   time.Duration
}

// newUser makes a user that has measured nothing yet.
func newUser(b *board.Board, client int, lock locks.Lock) *user {
	return &user{board: b, client: client, lock: lock, wait: newHistogram(), cycle: newHistogram()}
}

// enter waits for the lock, and notes that it is held.
func (w *user) enter(ctx context.Context) error {
	w.board.Ask(w.client)
	if err := w.lock.Lock(ctx); err != nil {
		return err
	}
	w.board.Enter(w.client)
	return nil
}

// hold keeps the lock until ctx ends, which is an error. A lock that is to be renewed is
// renewed this often.
func (w *user) hold(ctx context.Context, every time.Duration) error {
	if err := w.enter(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if renewed, ok := w.lock.(locks.Renewed); ok {
			if err := renewed.Renew(ctx); err != nil {
				return fmt.Errorf("renew: %w", err)
			}
		}
	}
}

// once locks and unlocks, and records how long that took; or gives up.
func (w *user) once(ctx context.Context) error {
	start := time.Now()
	w.board.Ask(w.client)
	if err := w.await(ctx); err != nil {
		if errors.Is(err, errGaveUp) {
			return nil
		}
		return err
	}
	waited := time.Since(start)
	w.visit()
	// An unlock is not cut short, or others would wait for a lock that nobody has.
	if err := w.lock.Unlock(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	if w.board.Phase() != board.Measure {
		return nil
	}
	if err := w.wait.RecordValue(min(waited, longest).Nanoseconds()); err != nil {
		return err
	}
	return w.cycle.RecordValue(min(time.Since(start), longest).Nanoseconds())
}

// errGaveUp is the cause of a wait's end that was given up.
var errGaveUp = errors.New("gave up")

// await waits for the lock, as long as the user has patience. The error is errGaveUp once
// that is over.
func (w *user) await(ctx context.Context) error {
	if w.patience == 0 {
		return w.lock.Lock(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, rand.N(w.patience), errGaveUp)
	defer cancel()
	return w.lock.Lock(ctx)
}

// loops has several users in this process, each with a place of its own, and takes
// over what the others have measured.
func (j Job) loops(ctx context.Context, w *user) error {
	all := []*user{w}
	for i := 1; i < j.Users; i++ {
		shared, ok := w.lock.(locks.Shared)
		if !ok {
			return errors.New("several users: the lock has room for one in a process")
		}
		client := w.client + i*j.Stride
		if err := board.CheckPlace(client); err != nil {
			return err
		}
		another := newUser(w.board, client, shared.Another())
		another.patience, another.stay = w.patience, w.stay
		all = append(all, another)
	}
	if j.Share != token.Exclusive {
		for _, one := range all[min(j.Alone, len(all)):] {
			if err := one.share(j.Share); err != nil {
				return err
			}
		}
	}
	ended := make(chan error, len(all))
	for _, one := range all {
		go func() { ended <- one.loop(ctx) }()
	}
	var failures []error
	for range all {
		failures = append(failures, <-ended)
	}
	for _, one := range all[1:] {
		w.wait.Merge(one.wait)
		w.cycle.Merge(one.cycle)
	}
	return errors.Join(failures...)
}

// share has the user share the lock from now on.
func (w *user) share(mode token.Limit) error {
	sharing, ok := w.lock.(locks.Sharing)
	if !ok {
		return errors.New("share: the lock is for one at a time")
	}
	w.lock, w.mode = sharing.In(mode), mode
	return nil
}

// visit is what the user does in the critical section.
func (w *user) visit() {
	if w.mode == token.Exclusive {
		w.board.Enter(w.client)
		w.linger()
		w.board.Leave(w.client)
		return
	}
	w.board.Share(uint64(w.mode))
	w.linger()
	w.board.Unshare()
}

// linger stays in the critical section for as long as the user is to.
func (w *user) linger() {
	if w.stay > 0 {
		time.Sleep(w.stay)
	}
}

func (w *user) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.once(ctx); err != nil {
			return err
		}
	}
	return nil
}

// batches uses the lock many times in a row. It notes on the board only that it has
// begun to: the board would cost more than the lock.
func (w *user) batches(ctx context.Context) error {
	if err := w.once(ctx); err != nil {
		return err
	}
	var before, after runtime.MemStats
	for ctx.Err() == nil {
		measured := w.board.Phase() == board.Measure
		if measured && w.operations == 0 {
			runtime.ReadMemStats(&before)
		}
		start := time.Now()
		for range batch {
			if err := w.lock.Lock(ctx); err != nil {
				return err
			}
			if err := w.lock.Unlock(ctx); err != nil {
				return err
			}
		}
		if measured {
			w.spent += time.Since(start)
			w.operations += batch
		}
	}
	runtime.ReadMemStats(&after)
	w.allocations = after.Mallocs - before.Mallocs
	return nil
}

// report says what was measured.
func (w *user) report() Report {
	return Report{
		Wait:        encode(w.wait),
		Cycle:       encode(w.cycle),
		Operations:  w.operations,
		Allocations: w.allocations,
		Spent:       w.spent,
	}
}

func encode(h *hdrhistogram.Histogram) []byte {
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		panic(fmt.Sprintf("worker: encode a histogram of our own: %v", err))
	}
	return data
}
