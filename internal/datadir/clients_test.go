package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// reopened is a store of the next process in a directory.
func reopened(t *testing.T, s *Store) *Store {
	t.Helper()
	mustClose(t, s)
	return mustOpen(t, s.dir)
}

func setClients(t *testing.T, s *Store, clients bool) {
	t.Helper()
	if err := s.SetClients(clients); err != nil {
		t.Fatal(err)
	}
}

// marked reads from disk whether the mark is set.
func marked(t *testing.T, s *Store) bool {
	t.Helper()
	line, err := os.ReadFile(filepath.Join(s.dir, stateName))
	if err != nil {
		t.Fatal(err)
	}
	r, err := decode(line)
	if err != nil {
		t.Fatal(err)
	}
	return r.Clients
}

// A new directory may stand for one that was removed, with whose node clients were left
// behind.
func TestANewDirectoryHasTheMark(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	if !s.State().Clients || !s.State().Fresh || !marked(t, s) {
		t.Errorf("State() = %+v, and on disk is %t; want the mark, and fresh", s.State(), marked(t, s))
	}
	s = reopened(t, s) // killed at once, perhaps
	if !s.State().Clients {
		t.Errorf("State() = %+v; want the mark, which nobody took away", s.State())
	}
}

// unmarked opens a directory whose last process took the mark away.
func unmarked(t *testing.T) *Store {
	t.Helper()
	s := mustOpen(t, t.TempDir())
	setClients(t, s, false)
	return reopened(t, s)
}

// The mark is on disk when SetClients returns.
func TestTheMarkIsOnDiskAtOnce(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	for _, clients := range []bool{true, false, true} {
		setClients(t, s, clients)
		if got := marked(t, s); got != clients {
			t.Errorf("after SetClients(%t), on disk is %t", clients, got)
		}
	}
}

// State tells of the earlier processes, whatever this one serves.
func TestTheMarkOfEarlierProcessesIsFound(t *testing.T) {
	s := unmarked(t)
	setClients(t, s, true)
	if s.State().Clients {
		t.Error("the process found the mark that it has set itself")
	}
	s = reopened(t, s)
	if !s.State().Clients {
		t.Error("the mark was not found")
	}
	s = reopened(t, s) // which served nobody, but came too soon, perhaps
	if !s.State().Clients || !marked(t, s) {
		t.Error("the mark is gone, though nobody took it away")
	}
	setClients(t, s, false)
	if !s.State().Clients {
		t.Error("the process no longer knows what it has found")
	}
	s = reopened(t, s)
	if s.State().Clients {
		t.Error("the mark was found, though it was taken away")
	}
}

// The numbers and the mark do not disturb each other.
func TestSaveKeepsTheMarkAndTheMarkTheNumbers(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	setClients(t, s, true)
	if err := s.Save(firstSession+4, firstFloor+9); err != nil {
		t.Fatal(err)
	}
	if !marked(t, s) {
		t.Error("Save took the mark away")
	}
	setClients(t, s, false)
	if marked(t, s) {
		t.Error("the mark is still there")
	}
	checkState(t, reopened(t, s), State{Session: firstSession + 5, Promised: firstFloor + 9})
}

// A line of before there was a mark is read as one without, and is not written anew
// for that.
func TestALineOfBeforeTheMarkIsRead(t *testing.T) {
	dir := t.TempDir()
	line, err := os.ReadFile("testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, stateName), line, 0o600); err != nil {
		t.Fatal(err)
	}
	checkState(t, mustOpenAt(t, dir, noClock), State{Session: goldenRecord.Session + 1, Promised: goldenRecord.Promised})
}

// To set a mark that is set writes nothing: it may be done for each client.
func TestSetClientsWritesOnlyWhatIsNew(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	setClients(t, s, true)
	before, err := os.Stat(filepath.Join(s.dir, stateName))
	if err != nil {
		t.Fatal(err)
	}
	setClients(t, s, true)
	after, err := os.Stat(filepath.Join(s.dir, stateName))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced (%v) though the mark was set", err)
	}
}

func TestAClosedStoreSetsNoMark(t *testing.T) {
	s := unmarked(t)
	mustClose(t, s)
	if err := s.SetClients(true); !errors.Is(err, ErrClosed) {
		t.Errorf("SetClients after Close: %v, want ErrClosed", err)
	}
	if marked(t, s) {
		t.Error("the mark was set after Close")
	}
}

// Whoever serves clients and whoever saves numbers are not the same goroutine.
func TestSaveAndSetClientsMayBeCalledAtOnce(t *testing.T) {
	s := unmarked(t)
	const times = 20
	var group sync.WaitGroup
	group.Go(func() {
		for i := range uint64(times) {
			if err := s.Save(firstSession+i+1, firstFloor+i); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		group.Go(func() {
			for i := range times {
				if err := s.SetClients(i%2 == 1); err != nil {
					t.Error(err)
				}
				_ = s.State()
			}
		})
	}
	group.Wait()
	if !marked(t, s) {
		t.Error("the mark is not what was set last")
	}
	checkState(t, reopened(t, s), State{Session: firstSession + times + 1, Promised: firstFloor + times - 1, Clients: true})
}
