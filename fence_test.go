package conch_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"conch"
)

// TestDoFencedGivesTheFileBack, whatever the work returns.
func TestDoFencedGivesTheFileBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "job.fence")
	failed := errors.New("the work failed")
	impatient, cancel := context.WithCancel(t.Context())
	cancel()

	if err := conch.DoFenced(impatient, file, 5, func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("DoFenced = %v, want the error of the work", err)
	}
	func() {
		defer func() {
			if got := recover(); got != "the work panicked" {
				t.Errorf("the panic is %v", got)
			}
		}()
		_ = conch.DoFenced(impatient, file, 5, func() error { panic("the work panicked") })
	}()
	called := false
	if err := conch.DoFenced(impatient, file, 5, func() error {
		err := conch.DoFenced(impatient, file, 5, func() error { called = true; return nil })
		if !errors.Is(err, conch.ErrFenceInUse) || !errors.Is(err, context.Canceled) {
			t.Errorf("DoFenced inside = %v; want ErrFenceInUse and the context's end", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := conch.DoFenced(impatient, file, 4, func() error { called = true; return nil }); !errors.Is(err, conch.ErrStaleFence) {
		t.Errorf("DoFenced of 4 after 5 = %v, want ErrStaleFence", err)
	}
	if err := conch.DoFenced(impatient, t.TempDir(), 6, func() error { called = true; return nil }); !errors.Is(err, conch.ErrFenceFile) {
		t.Errorf("DoFenced of a directory = %v, want ErrFenceFile", err)
	}
	if called {
		t.Error("work was done that should have been refused")
	}
}

// TestDoFencedSharedLetsReadersInAtOnce, and each of the two sorts keeps the other out.
func TestDoFencedSharedLetsReadersInAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "job.fence")
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	nothing := func() error { return nil }
	inside := false
	if err := conch.DoFencedShared(impatient, file, 6, func() error {
		if err := conch.DoFenced(impatient, file, 7, nothing); !errors.Is(err, conch.ErrFenceInUse) {
			t.Errorf("DoFenced beside a reader = %v, want ErrFenceInUse", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := conch.DoFencedShared(impatient, file, 6, nothing); !errors.Is(err, conch.ErrStaleFence) {
		t.Errorf("DoFencedShared of 6 after DoFenced of 7 = %v, want ErrStaleFence", err)
	}
	if err := conch.DoFencedShared(impatient, file, 9, func() error {
		return conch.DoFencedShared(impatient, file, 8, func() error { inside = true; return nil })
	}); err != nil || !inside {
		t.Errorf("a reader with 8 beside one with 9: %v", err)
	}
	if err := conch.DoFenced(impatient, file, 8, nothing); !errors.Is(err, conch.ErrStaleFence) {
		t.Errorf("DoFenced of 8 after a reader's 9 = %v, want ErrStaleFence", err)
	}
}
