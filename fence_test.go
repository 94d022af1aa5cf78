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
