package board

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

// boards maps one page twice, as two processes would.
func boards(t *testing.T) (first, second *Board) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "board")
	first, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(first.Close(), second.Close()); err != nil {
			t.Error(err)
		}
	})
	return first, second
}

func TestHandOffIsAGrantToAnotherWhoWaited(t *testing.T) {
	a, b := boards(t)
	turn := func(board *Board, client int) { board.Enter(client); board.Leave(client) }
	a.Ask(0)
	turn(a, 0) // the first
	a.Ask(0)
	turn(a, 0) // the same again
	b.Ask(1)
	turn(b, 1) // another, who had not been waiting
	a.Ask(0)
	b.Ask(1)
	turn(b, 1)
	turn(a, 0) // another, who had
	want := Counts{Grants: 5, HandOffs: 1}
	if got := a.Counts(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTwoInsideAtOnceIsAViolation(t *testing.T) {
	a, b := boards(t)
	a.Enter(0)
	b.Enter(1)
	b.Leave(1)
	a.Leave(0)
	if got := b.Counts().Violations; got != 1 {
		t.Errorf("got %d violations, want 1", got)
	}
	a.Enter(0)
	a.Vacate() // 0 is dead
	b.Enter(1)
	if got := b.Counts().Violations; got != 1 {
		t.Errorf("after the end of who was inside: got %d violations, want 1", got)
	}
}

func TestTwoInsideOneOfManyLocksIsAViolation(t *testing.T) {
	a, b := boards(t)
	nothing := func() {}
	a.Visit(7, 0, nothing)
	b.Visit(7, 1, nothing)
	if got, want := a.Counts(), (Counts{Grants: 2}); got != want {
		t.Errorf("one after the other: got %+v, want %+v", got, want)
	}
	a.page.many[7].word.Store(1) // client 0 stays inside
	b.Visit(8, 1, nothing)
	if got := a.Counts().Violations; got != 0 {
		t.Errorf("another lock: got %d violations, want none", got)
	}
	b.Visit(7, 1, nothing)
	if got := a.Counts().Violations; got != 1 {
		t.Errorf("the same lock: got %d violations, want 1", got)
	}
}

func TestCountsAreOfAllProcesses(t *testing.T) {
	a, b := boards(t)
	before := a.Counts()
	a.Hop(0)
	b.Hop(1)
	b.AddMessages(5)
	want := Counts{Hops: 2, Messages: 5}
	if got := a.Counts().Since(before); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAwaitPhaseEndsWithThePhase(t *testing.T) {
	a, b := boards(t)
	ended := make(chan error)
	for _, phase := range []Phase{Measure, End} {
		go func() { ended <- a.AwaitPhase(t.Context(), phase) }()
	}
	b.SetPhase(Measure)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := a.Phase(); got != Measure {
		t.Errorf("phase: got %d, want %d", got, Measure)
	}
	select {
	case err := <-ended:
		t.Fatalf("the wait for the end is over before it: %v", err)
	default:
	}
	b.SetPhase(End)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := a.AwaitPhase(t.Context(), Measure); err != nil {
		t.Errorf("a phase that is past: %v", err)
	}
}

func TestAwaitPhaseEndsWithItsContext(t *testing.T) {
	a, _ := boards(t)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if err := a.AwaitPhase(ctx, End); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
	a.SetPhase(End)
	if err := a.AwaitPhase(ctx, End); err != nil {
		t.Errorf("a phase that has begun: got %v, want no error", err)
	}
}

func TestAwaitFailsWithItsCheck(t *testing.T) {
	a, b := boards(t)
	b.Ready()
	b.Enter(0)
	if err := a.Await(1, 1, func() error { return errors.New("asked") }); err != nil {
		t.Errorf("await what is there: %v", err)
	}
	gone := errors.New("gone")
	if err := a.Await(2, 1, func() error { return gone }); !errors.Is(err, gone) {
		t.Errorf("await what does not come: got %v, want %v", err, gone)
	}
}

func TestCheckPlace(t *testing.T) {
	for _, client := range []int{-1, MaxClients} {
		if err := CheckPlace(client); !errors.Is(err, ErrPlace) {
			t.Errorf("place %d: got %v, want %v", client, err, ErrPlace)
		}
	}
	if err := CheckPlace(MaxClients - 1); err != nil {
		t.Error(err)
	}
}
