package datadir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"conch/hosts"
)

const member = "127.0.0.1:7401"

// testClock is where the numbers of a new directory begin in these tests.
var (
	testClock    = time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC)
	firstSession = uint64(1795379400000000)
	firstFloor   = uint64(28153800 * 256)
)

// mustOpen opens a directory for the test, until its end or Close.
func mustOpen(t *testing.T, dir string) *Store {
	t.Helper()
	return mustOpenAt(t, dir, testClock)
}

// noClock is one that numbers cannot begin at, so that only those on disk matter.
var noClock = time.Unix(0, 0)

// mustOpenAt is mustOpen by another clock.
func mustOpenAt(t *testing.T, dir string, now time.Time) *Store {
	t.Helper()
	s, err := Open(dir, member, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

func mustClose(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// names lists a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// checkState compares a store's numbers, and those on disk, with what is wanted.
// allNames are the files of a directory.
var allNames = []string{listName, listName + spareSuffix, lockName, stateName, stateName + spareSuffix}

func checkState(t *testing.T, s *Store, want State) {
	t.Helper()
	got := s.State()
	got.Fresh = false
	if got != want {
		t.Errorf("State() = %+v, want %+v", got, want)
	}
	line, err := os.ReadFile(filepath.Join(s.dir, stateName))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decode(line); err != nil || (State{Session: got.Session, Promised: got.Promised, Clients: got.Clients}) != want || got.Member != member {
		t.Errorf("on disk is %+v, %v; want %+v", got, err, want)
	}
}

func TestANewDirectoryBeginsAtTheClock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "conch", "a%3A1")
	s := mustOpen(t, dir)
	checkState(t, s, State{Session: firstSession, Promised: firstFloor, Clients: true})
	if got := names(t, dir); !slices.Equal(got, allNames) {
		t.Errorf("the directory holds %q, want %q", got, allNames)
	}
	for path, want := range map[string]fs.FileMode{
		filepath.Dir(dir):             fs.ModeDir | 0o700,
		dir:                           fs.ModeDir | 0o700,
		filepath.Join(dir, lockName):  0o600,
		filepath.Join(dir, stateName): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestEachStartTakesANewSession(t *testing.T) {
	dir := t.TempDir()
	for i := range uint64(3) {
		s := mustOpen(t, dir)
		checkState(t, s, State{Session: firstSession + i, Promised: firstFloor, Clients: true})
		mustClose(t, s)
	}
	// The clock matters no longer.
	s, err := Open(dir, member, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	checkState(t, s, State{Session: firstSession + 3, Promised: firstFloor, Clients: true})
}

// An older copy of a directory does not bring numbers back where the clock is right. What
// the clock says is no promise, and is not saved.
func TestAnOlderCopyGoesOnFromTheClock(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir))
	for _, later := range []time.Duration{time.Second, time.Hour, time.Minute} {
		s := mustOpenAt(t, dir, testClock.Add(later))
		if got, least := s.State(), firstSession+uint64(later.Microseconds()); got.Session < least ||
			got.Promised != firstFloor+256*uint64(later.Seconds()) {
			t.Errorf("%v later, State() = %+v; want a session from %d on, and a promise at the clock", later, got, least)
		}
		line, err := os.ReadFile(filepath.Join(dir, stateName))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := decode(line); err != nil || r.Promised != firstFloor || r.Session != s.State().Session {
			t.Errorf("%v later, on disk is %+v, %v; want the session, and the promise as it was", later, r, err)
		}
		mustClose(t, s)
	}
}

// A start pushes numbers no further ahead than the clock has moved on, however often it is
// repeated: here each makes a token and crashes, every 5 ms, and at last the directory is
// lost.
func TestCrashLoopsDoNotOutrunTheClock(t *testing.T) {
	dir, now := t.TempDir(), testClock
	var highest uint64
	for range 500 {
		s := mustOpenAt(t, dir, now)
		highest = s.State().Promised + 1 // the ballot's number
		if err := s.Save(s.State().Session, highest); err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
		now = now.Add(5 * time.Millisecond)
	}
	if got := mustOpenAt(t, t.TempDir(), now).State().Promised; got < highest {
		t.Errorf("a new directory begins at %d, and %d was promised before", got, highest)
	}
}

func TestSavedNumbersComeBackAndNeverFall(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for _, step := range []struct{ save, want State }{
		{State{Session: firstSession + 1, Promised: 0}, State{Session: firstSession + 1, Promised: firstFloor, Clients: true}},
		{State{Session: 0, Promised: firstFloor + 1024}, State{Session: firstSession + 1, Promised: firstFloor + 1024, Clients: true}},
		{State{Session: firstSession + 9, Promised: firstFloor + 2048}, State{Session: firstSession + 9, Promised: firstFloor + 2048, Clients: true}},
		{State{Session: firstSession + 8, Promised: firstFloor + 2047}, State{Session: firstSession + 9, Promised: firstFloor + 2048, Clients: true}},
		{State{Session: 0, Promised: 0}, State{Session: firstSession + 9, Promised: firstFloor + 2048, Clients: true}},
	} {
		if err := s.Save(step.save.Session, step.save.Promised); err != nil {
			t.Fatal(err)
		}
		checkState(t, s, step.want)
	}
	mustClose(t, s)
	checkState(t, mustOpen(t, dir), State{Session: firstSession + 10, Promised: firstFloor + 2048, Clients: true})
}

// TestSaveWritesOnlyWhatIsNew: most ballots cost nothing.
func TestSaveWritesOnlyWhatIsNew(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	before, err := os.Stat(filepath.Join(s.dir, stateName))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(firstSession, firstFloor); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(s.dir, stateName))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced (%v) though nothing had risen", err)
	}
	if err := s.Save(firstSession+1, firstFloor); err != nil {
		t.Fatal(err)
	}
	after, err = os.Stat(filepath.Join(s.dir, stateName))
	if err != nil || os.SameFile(before, after) {
		t.Errorf("the file was written in place (%v), which a crash could tear", err)
	}
}

// TestSaveWritesBesideTheState: a rename from another disk would not be atomic.
func TestSaveWritesBesideTheState(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	elsewhere := t.TempDir()
	if err := os.Chtimes(elsewhere, testClock, testClock); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", elsewhere)
	if err := s.Save(firstSession+1, firstFloor); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(elsewhere); err != nil || !info.ModTime().Equal(testClock) {
		t.Errorf("a file was made in the directory for temporary files, %v", err)
	}
}

func TestAClosedStoreSavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustClose(t, s)
	mustClose(t, s)
	if err := s.Save(firstSession+5, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("Save after Close = %v, want ErrClosed", err)
	}
	checkState(t, mustOpen(t, dir), State{Session: firstSession + 1, Promised: firstFloor, Clients: true})
}

func TestOpenRefusesAnotherMembersDirectory(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir))
	_, err := Open(dir, "127.0.0.1:7402", testClock)
	if !errors.Is(err, ErrForeign) {
		t.Fatalf("Open = %v, want ErrForeign", err)
	}
	for _, says := range []string{dir, member, "127.0.0.1:7402", "another data directory"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("error %q does not say %q", err, says)
		}
	}
	checkState(t, mustOpen(t, dir), State{Session: firstSession + 1, Promised: firstFloor, Clients: true})
}

func TestOpenRefusesAnAddressInAnotherForm(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "never")
	for _, member := range []string{"", "a", "A:1", "[0::1]:7400"} {
		if _, err := Open(dir, member, testClock); !errors.Is(err, hosts.ErrAddress) {
			t.Errorf("Open for %q = %v, want hosts.ErrAddress", member, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

func TestOpenRefusesADamagedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, stateName)
	good := encode(record{Version: 2, Member: member, Session: 7, Promised: 9})
	for _, content := range []string{
		"", string(good[:len(good)/2]), string(good) + "x", strings.Repeat("x", 1<<20),
		string(seal([]byte(`{"version":3`))),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, member, testClock)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move the file away") {
			t.Errorf("with %.100q in it, Open = %v; want ErrDamaged, the file, and what to do", content, err)
		}
		if kept, err := os.ReadFile(path); err != nil || string(kept) != content {
			t.Errorf("the damaged file was changed to %.100q, %v", kept, err)
		}
	}
	// What the error says to do.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	checkState(t, mustOpen(t, dir), State{Session: firstSession, Promised: firstFloor, Clients: true})
}

func TestANewDirectoryNeedsARightClock(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, member, time.Unix(0, 0)); !errors.Is(err, ErrClock) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open in 1970 = %v, want ErrClock and the directory", err)
	}
	checkState(t, mustOpen(t, dir), State{Session: firstSession, Promised: firstFloor, Clients: true}) // the lock was given back
}

// TestWhatACrashLeavesIsOldOrNew sets up each state of the directory that a crash in
// Save can leave: a spare file that is written up to any byte, over a longer line or not,
// and the exchange.
func TestWhatACrashLeavesIsOldOrNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, stateName)
	spare := path + spareSuffix
	old := record{Version: 2, Member: member, Session: 7, Promised: 9}
	line := encode(record{Version: 2, Member: member, Session: 8, Promised: 1024})
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want State) {
		t.Helper()
		s := mustOpenAt(t, dir, noClock)
		checkState(t, s, want)
		if got := names(t, dir); !slices.Equal(got, allNames) {
			t.Errorf("the directory holds %q, want %q", got, allNames)
		}
		mustClose(t, s)
	}
	for n := 0; n <= len(line); n += 10 {
		write(path, encode(old))
		write(spare, line[:n])
		check(State{Session: 8, Promised: 9})
		write(path, encode(old))
		write(spare, append(line[:n:n], bytes.Repeat([]byte("x"), maxStateBytes)...))
		check(State{Session: 8, Promised: 9})
	}
	write(path, line)
	write(spare, encode(old))
	check(State{Session: 9, Promised: 1024})
}

func TestOpenSaysWhyADirectoryCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A pipe has no writer: to open it would wait for ever.
	pipe := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(pipe, stateName), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ dir, says string }{
		{file, "a file stands where a directory is wanted"},
		{filepath.Join(file, "below"), "a file stands where a directory is wanted"},
		{pipe, "not a regular file"},
	} {
		_, err := Open(test.dir, member, testClock)
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), test.dir) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("Open(%s) = %v; want ErrUnusable, the directory, and %q", test.dir, err, test.says)
		}
	}
}

func TestUnusableSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		cause syscall.Errno
		says  string
	}{
		{syscall.ENOSPC, "the disk is full: make room"},
		{syscall.EDQUOT, "share of the disk is used up"},
		{syscall.EROFS, "read-only: mount it for writing"},
		{syscall.EACCES, "change its owner or permissions"},
		{syscall.EPERM, "change its owner or permissions"},
		{syscall.ENOTDIR, "move it away"},
		{syscall.EIO, "see to the disk"},
	} {
		err := Unusable("/var/lib/x", fmt.Errorf("step: %w", &fs.PathError{Op: "write", Path: "/var/lib/x/f", Err: test.cause}))
		if !errors.Is(err, ErrUnusable) || !errors.Is(err, test.cause) || !strings.Contains(err.Error(), test.says) ||
			!strings.Contains(err.Error(), "another data directory") {
			t.Errorf("for %v: %v; want ErrUnusable and %q", test.cause, err, test.says)
		}
	}
}
