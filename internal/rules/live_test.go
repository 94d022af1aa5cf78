package rules

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFileIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "rules")
		alice := Identity{Kind: Client, Name: "alice"}
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(path, nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Open of no file = %v; want ErrNotExist", err)
		}
		write("alice lock a\n")
		var troubles []error
		taken := 0
		f, err := Open(path, func(err error) {
			if err == nil {
				taken++
				return
			}
			troubles = append(troubles, err)
		})
		if err != nil {
			t.Fatal(err)
		}
		may := func(lock string) bool {
			time.Sleep(checkInterval)
			return f.Rules().Check(alice, Lock, lock) == nil
		}
		if !may("a") || may("b") {
			t.Error("the file as it was first is not what holds")
		}
		write("alice lock b\n")
		if may("a") || !may("b") {
			t.Error("the changed file is not what holds")
		}
		if taken != 1 {
			t.Errorf("told %d times that it was taken up; want once", taken)
		}
		write("alice may everything\n")
		may("b")
		if !may("b") || len(troubles) != 1 || !errors.Is(troubles[0], ErrFile) {
			t.Errorf("with a wrong file, told of %v; want the rules before it, and to be told once", troubles)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		may("b")
		if !may("b") || len(troubles) != 2 {
			t.Errorf("without the file, told of %v; want the rules before it, and to be told once", troubles)
		}
		write("alice lock a\n")
		if !may("a") {
			t.Error("the file that came back is not what holds")
		}
	})
}

// The callback may ask for the rules, even when the file has changed again: it then gets the
// newer rules, and is called for that change afterwards.
func TestCallbackMayAskForTheRules(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "rules")
		alice := Identity{Kind: Client, Name: "alice"}
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(checkInterval)
		}
		write("alice lock a\n")
		var f *File
		var told []string
		running := false
		changed := func(err error) {
			if running {
				t.Error("the callback was called while it ran")
			}
			running = true
			defer func() { running = false }()
			if !f.mu.TryLock() {
				t.Error("the callback is called with the lock held")
				return
			}
			f.mu.Unlock()
			if err != nil {
				told = append(told, "wrong")
				return
			}
			told = append(told, "good")
			if len(told) > 1 {
				return
			}
			if f.Rules().Check(alice, Lock, "bb") != nil {
				t.Error("the callback does not get the rules that it was called for")
			}
			write("alice may everything\n") // which is found while the callback runs
			f.Rules()
			write("alice lock cccc\n")
			if f.Rules().Check(alice, Lock, "cccc") != nil {
				t.Error("the callback does not get the newest rules")
			}
		}
		var err error
		if f, err = Open(path, changed); err != nil {
			t.Fatal(err)
		}
		write("alice lock bb\n")
		f.Rules()
		if want := []string{"good", "wrong", "good"}; !slices.Equal(told, want) {
			t.Errorf("the callback was told %q; want %q", told, want)
		}
	})
}
