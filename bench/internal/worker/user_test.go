package worker

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
	"conch/token"
)

// never is a lock that nobody is granted.
type never struct{ waits int }

func (n *never) Lock(ctx context.Context) error {
	n.waits++
	<-ctx.Done()
	return context.Cause(ctx)
}
func (n *never) Unlock(context.Context) error { return errors.New("nobody holds it") }
func (n *never) Close() error                 { return nil }

// Whoever gives up goes on; the end of the measurement is an error, as without patience.
func TestUserGivesUp(t *testing.T) {
	b, err := board.Create(filepath.Join(t.TempDir(), "board"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	lock := &never{}
	w := newUser(b, 0, lock)
	w.patience = time.Millisecond
	for range 3 {
		if err := w.once(t.Context()); err != nil {
			t.Errorf("a wait that was given up: got %v, want no error", err)
		}
	}
	if lock.waits != 3 || b.Counts().Grants != 0 {
		t.Errorf("got %d waits and %d grants, want 3 and none", lock.waits, b.Counts().Grants)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnd)
	w.patience = time.Hour
	if err := w.once(ctx); !errors.Is(err, errEnd) {
		t.Errorf("at the end: got %v, want %v", err, errEnd)
	}
}

// several is a lock that anybody gets in any mode.
type several struct {
	never
	modes []token.Limit // that it was taken in
	mode  token.Limit
}

func (s *several) In(mode token.Limit) locks.Lock {
	s.mode = mode
	return s
}

func (s *several) Lock(context.Context) error {
	s.modes = append(s.modes, s.mode)
	return nil
}
func (s *several) Unlock(context.Context) error { return nil }

func TestUserShares(t *testing.T) {
	b, err := board.Create(filepath.Join(t.TempDir(), "board"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	lock := &several{}
	w := newUser(b, 0, lock)
	for _, mode := range []token.Limit{token.Exclusive, token.Unlimited, 2} {
		if mode != token.Exclusive {
			if err := w.share(mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.once(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if want := []token.Limit{token.Exclusive, token.Unlimited, 2}; !slices.Equal(lock.modes, want) {
		t.Errorf("taken in the modes %v, want %v", lock.modes, want)
	}
	if got, want := b.Counts(), (board.Counts{Grants: 3, Shared: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := newUser(b, 0, &never{}).share(2); err == nil {
		t.Error("a lock for one at a time was shared")
	}
}
