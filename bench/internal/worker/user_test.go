package worker

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"conch/bench/internal/board"
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
