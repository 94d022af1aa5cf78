package notes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"conch/internal/datadir"
	"conch/token"
)

// note makes a lock's note of a run, and a kept hold with a fence that is not 0.
func note(lock string, tick token.Tick, state token.RunState, kept token.Fence) token.LockNotes {
	n := token.LockNotes{Lock: lock}
	if tick != 0 {
		n.Run = token.Run{RunMark: token.RunMark{Tick: tick, Fence: token.Fence(tick + 7), State: state}, Until: 1_800_000_000, About: `{"host":"a"}`}
	}
	if kept != 0 {
		n.Kept = token.KeptHold{Fence: kept, Over: kept%2 == 0, Owner: "job", Until: -5, About: `{"pid":1}`}
	}
	return n
}

func mustOpen(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mustAll(tb testing.TB, s *Store) []token.LockNotes {
	tb.Helper()
	all, err := s.All()
	must(tb, err)
	return all
}

func ticks(t *testing.T, s *Store, lock string) (list []token.Tick) {
	t.Helper()
	runs, err := s.Runs(lock)
	must(t, err)
	for _, r := range runs {
		list = append(list, r.Tick)
	}
	return list
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestNotesComeBack(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Put([]token.LockNotes{note("b", 7, token.RunBegun, 0), note("a", 0, 0, 3), note("\x00é", 9, token.RunVoid, 4)}))
	must(t, s.Put([]token.LockNotes{note("b", 7, token.RunDone, 0), note("c", 1, token.RunDone, 0), note("c", 2, token.RunDone, 0)}))
	must(t, s.Delete([]string{"a", "unknown"}))
	want := []token.LockNotes{note("\x00é", 9, token.RunVoid, 4), note("b", 7, token.RunDone, 0), note("c", 2, token.RunDone, 0)}
	for range 2 {
		if got := mustAll(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("All() = %+v, want %+v", got, want)
		}
		if got := ticks(t, s, "c"); !slices.Equal(got, []token.Tick{1, 2}) {
			t.Errorf("the runs of c are of ticks %d, want 1 and 2", got)
		}
		if runs, err := s.Runs("b"); err != nil || len(runs) != 1 || runs[0].State != token.RunDone {
			t.Errorf("the runs of b are %+v, %v; want one that is done", runs, err)
		}
		must(t, s.Close())
		s = mustOpen(t, dir)
	}
}

// TestANodeWithoutNotesHasNoFile: neither the start, nor what is forgotten, makes one.
func TestANodeWithoutNotesHasNoFile(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Delete([]string{"a"}))
	if all, runs := mustAll(t, s), ticks(t, s, "a"); all != nil || runs != nil {
		t.Errorf("found %v and %v; want nothing", all, runs)
	}
	if got := files(t, dir); got != nil {
		t.Errorf("the directory holds %q, want nothing", got)
	}
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 0)}))
	if got := files(t, dir); !slices.Equal(got, []string{fileName}) {
		t.Errorf("the directory holds %q, want %q alone", got, fileName)
	}
	if info, err := os.Stat(s.path()); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v; want it for its owner only", info.Mode(), err)
	}
}

// TestAFileThatWasBeingMadeIsNone: a crash before it had its name leaves no note.
func TestAFileThatWasBeingMadeIsNone(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, fileName+newSuffix), []byte("half"), 0o600))
	s := mustOpen(t, dir)
	if got := files(t, dir); got != nil {
		t.Errorf("the directory holds %q, want nothing", got)
	}
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 0)}))
}

func TestTheLatestRunsOfALockAreKept(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var batch []token.LockNotes
	for tick := token.Tick(1); tick <= maxRunsOfLock+10; tick++ {
		batch = append(batch, note("a", 1000+tick, token.RunDone, 0), note("aa", tick, token.RunDone, 0))
	}
	must(t, s.Put(batch))
	must(t, s.Put([]token.LockNotes{note("a", 5, token.RunDone, 0)})) // older than all that are kept
	must(t, s.Put([]token.LockNotes{note("a", 1000+maxRunsOfLock+10, token.RunDone, 0)}))
	for range 2 {
		for lock, first := range map[string]token.Tick{"a": 1011, "aa": 11} {
			got := ticks(t, s, lock)
			if len(got) != maxRunsOfLock || got[0] != first || got[maxRunsOfLock-1] != first+maxRunsOfLock-1 {
				t.Errorf("the runs of %s are of ticks %d; want the latest %d, from %d on", lock, got, maxRunsOfLock, first)
			}
		}
		if s.runs != 2*maxRunsOfLock {
			t.Errorf("counts %d runs, want %d", s.runs, 2*maxRunsOfLock)
		}
		must(t, s.Close())
		s = mustOpen(t, dir)
	}
	must(t, s.Delete([]string{"a"}))
	if got := ticks(t, s, "a"); got != nil || s.runs != maxRunsOfLock {
		t.Errorf("after a was forgotten, it has runs of ticks %d, and %d are counted; want none, and %d", got, s.runs, maxRunsOfLock)
	}
}

// TestRunsAreBoundedInTotal: where there is no more room, a lock's new run takes the place
// of its oldest, and a lock without earlier ones shows its latest.
func TestRunsAreBoundedInTotal(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 0), note("a", 2, token.RunDone, 0)}))
	s.runs = maxRuns
	must(t, s.Put([]token.LockNotes{note("a", 3, token.RunDone, 0), note("b", 4, token.RunDone, 0), note("b", 5, token.RunDone, 0)}))
	if got := ticks(t, s, "a"); !slices.Equal(got, []token.Tick{2, 3}) {
		t.Errorf("the runs of a are of ticks %d, want 2 and 3", got)
	}
	if got := ticks(t, s, "b"); !slices.Equal(got, []token.Tick{5}) || s.runs != maxRuns {
		t.Errorf("the runs of b are of ticks %d, and %d are counted; want 5, and %d", got, s.runs, maxRuns)
	}
}

func TestOpenRefusesAnotherFile(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 0)}))
	must(t, s.Close())
	edit(t, s.path(), func(tx *bolt.Tx) error { return tx.Bucket(headBucket).Put(formatKey, []byte("2")) })
	if _, err := Open(dir); !errors.Is(err, datadir.ErrDamaged) || !strings.Contains(err.Error(), "run the version of conch that wrote it") {
		t.Errorf("Open of another format = %v; want ErrDamaged, and what to do", err)
	}
	edit(t, s.path(), func(tx *bolt.Tx) error { return tx.DeleteBucket(headBucket) })
	if _, err := Open(dir); !errors.Is(err, datadir.ErrForeign) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("Open of another program's file = %v; want ErrForeign, and what to do", err)
	}

	other := t.TempDir()
	must(t, os.Mkdir(filepath.Join(other, fileName), 0o700))
	if _, err := Open(other); !errors.Is(err, datadir.ErrUnusable) || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("Open of a directory = %v; want ErrUnusable", err)
	}
}

// edit changes a file behind the store's back.
func edit(t *testing.T, path string, f func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	must(t, err)
	must(t, db.Update(f))
	must(t, db.Close())
}

func TestAFileThatAnotherProgramHasOpen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 0)}))
	if _, err := Open(dir); !errors.Is(err, datadir.ErrUnusable) || !strings.Contains(err.Error(), "another program has "+s.path()+" open") {
		t.Errorf("Open = %v; want ErrUnusable, and why", err)
	}
}

// TestDamageIsFound changes a file in each of its pages, and cuts it off. A store says that
// it is damaged, or has all that was put into it.
func TestDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var batch []token.LockNotes
	for i := range 200 {
		batch = append(batch, note(fmt.Sprintf("lock%03d", i), token.Tick(i+1), token.RunDone, token.Fence(i+1)))
	}
	must(t, s.Put(batch))
	must(t, s.Close())
	whole, err := os.ReadFile(s.path())
	must(t, err)

	found := 0
	check := func(what string, content []byte) {
		t.Helper()
		dir := filepath.Join(dir, what)
		must(t, os.Mkdir(dir, 0o700))
		path := filepath.Join(dir, fileName)
		must(t, os.WriteFile(path, content, 0o600))
		err := use(dir, batch)
		switch {
		case err == nil:
		case !errors.Is(err, datadir.ErrDamaged) && !errors.Is(err, datadir.ErrForeign):
			t.Errorf("%s: %v; want ErrDamaged", what, err)
		case errors.Is(err, datadir.ErrDamaged) && (!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away")):
			t.Errorf("%s: %v; want the file, and what to do", what, err)
		case strings.Contains(err.Error(), "runtime error"):
			t.Errorf("%s: %v; want what is wrong with the file, not with the program", what, err)
		default:
			found++
		}
	}
	page := os.Getpagesize()
	tried := 0
	for at := 0; at < len(whole); at += page / 4 {
		for _, fill := range []byte{0, 0xff, 'x'} {
			tried++
			content := slices.Clone(whole)
			for i := at; i < min(at+page/4, len(content)); i++ {
				content[i] = fill
			}
			check(fmt.Sprintf("bytes from %d on are %d", at, fill), content)
		}
		check(fmt.Sprintf("cut off at %d", at), whole[:at])
	}
	if found < tried/4 {
		t.Errorf("%d of %d faults were found; want more", found, tried)
	}
}

// TestAFileThatIsCutOff: the error of a file that was not copied whole says so, what to do,
// and what becomes of it.
func TestAFileThatIsCutOff(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 1)}))
	must(t, s.Close())
	info, err := os.Stat(s.path())
	must(t, err)
	for size := info.Size() / 2; size > 0; size /= 2 {
		must(t, os.Truncate(s.path(), size))
		_, err := Open(dir)
		if !errors.Is(err, datadir.ErrDamaged) {
			t.Errorf("Open of %d bytes = %v; want ErrDamaged", size, err)
			continue
		}
		for _, want := range []string{
			fmt.Sprintf("%s: it is cut off: it has %d bytes", s.path(), size),
			"put a copy of it back", "or move it away, and the member has forgotten them", "a kept hold given to somebody else",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Open of %d bytes = %v; want %q in it", size, err, want)
			}
		}
	}
}

// TestAFileThatIsCutOffWhileOpen: a page that is gone is no fault of the program's.
func TestAFileThatIsCutOffWhileOpen(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	must(t, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 1)}))
	must(t, os.Truncate(s.path(), int64(2*os.Getpagesize())))
	_, err := s.All()
	if !errors.Is(err, datadir.ErrDamaged) || !strings.Contains(err.Error(), "a page of it refers to what is not there") {
		t.Errorf("All = %v; want ErrDamaged, and what is wrong with the file", err)
	}
}

// use reads all, and writes. It returns an error that wraps nothing if what it finds is wrong.
func use(dir string, want []token.LockNotes) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	defer s.Close() // the file is thrown away
	all, err := s.All()
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(all, want) {
		return fmt.Errorf("found %d notes, not the %d that were put there", len(all), len(want))
	}
	for _, n := range want {
		if _, err := s.Runs(n.Lock); err != nil {
			return err
		}
	}
	return s.Put(want[:1])
}

func TestAClosedStoreRemembersNothing(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	must(t, s.Close())
	must(t, s.Close())
	_, errAll := s.All()
	_, errRuns := s.Runs("a")
	for _, err := range []error{errAll, errRuns, s.Put([]token.LockNotes{note("a", 1, token.RunDone, 0)}), s.Delete([]string{"a"})} {
		if !errors.Is(err, datadir.ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	}
}
