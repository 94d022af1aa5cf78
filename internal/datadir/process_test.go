package datadir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// These tests need a process of its own, which can be killed, limited, or run by a
// user whom permissions bind: the test binary runs itself.

const (
	roleVariable = "CONCH_DISK_TEST_ROLE"
	dirVariable  = "CONCH_DISK_TEST_DIR"
)

// roles are what such a process can do with a directory. What it prints is compared.
var roles = map[string]func(dir string) error{
	"hold":         hold,
	"save forever": saveForever,
	"limited":      saveLimited,
	"unsynced":     saveUnsynced,
	"read-only":    saveReadOnly,
	"small disk":   saveOnSmallDisk,
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](os.Getenv(dirVariable)); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// command is a process that plays a role on a directory, not started yet.
func command(role, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	// The race detector would wait a second for other goroutines to report.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// process runs a role on a directory; it ends with the test. Its standard input is
// open until the test closes it.
func process(t *testing.T, role, dir string) (*exec.Cmd, io.Closer, *bufio.Scanner) {
	t.Helper()
	cmd := command(role, dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended already, as a rule
		_ = cmd.Wait()
	})
	return cmd, stdin, bufio.NewScanner(stdout)
}

// mustPrint runs a role to its end and wants it to succeed.
func mustPrint(t *testing.T, role, dir, want string) {
	t.Helper()
	_, stdin, lines := process(t, role, dir)
	defer stdin.Close()
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
	}
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("a process that is to be %q printed\n%s\nwant\n%s", role, text, want)
	}
}

// hold keeps a directory until standard input ends.
func hold(dir string) error {
	s, err := Open(dir, member, testClock)
	if err != nil {
		return err
	}
	fmt.Println("holds")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close())
}

func TestASecondProcessIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	cmd, stdin, lines := process(t, "hold", dir)
	if !lines.Scan() || lines.Text() != "holds" {
		t.Fatalf("the first process printed %q", lines.Text())
	}
	_, err := Open(dir, member, testClock)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another conch node runs with it; stop that one") {
		t.Errorf("Open = %v; want ErrInUse, the directory, and what to do", err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	checkState(t, s, State{Session: firstSession + 1, Promised: firstFloor, Clients: true})

	// Nor does one process open it twice.
	if _, err := Open(dir, member, testClock); !errors.Is(err, ErrInUse) {
		t.Errorf("Open of a directory that this process holds = %v, want ErrInUse", err)
	}
}

// saveForever prints each state that is on stable storage.
func saveForever(dir string) error {
	s, err := Open(dir, member, testClock)
	if err != nil {
		return err
	}
	for {
		state := s.State()
		fmt.Println(state.Session, state.Promised)
		if err := s.Save(state.Session+1, state.Promised+1); err != nil {
			return err
		}
	}
}

// TestAKilledProcessLosesNothing kills processes wherever in Save they are. The next
// one finds what the last one was told is safe, or the state that was being written.
func TestAKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for round := range 10 {
		cmd, _, lines := process(t, "save forever", dir)
		var last State
		for range 5 + round {
			if !lines.Scan() {
				t.Fatal("the process ended by itself")
			}
			if _, err := fmt.Sscan(lines.Text(), &last.Session, &last.Promised); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// What it printed before it died counts too.
		for lines.Scan() {
			if _, err := fmt.Sscan(lines.Text(), &last.Session, &last.Promised); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		s := mustOpen(t, dir)
		old, next := State{Session: last.Session + 1, Promised: last.Promised, Clients: true}, State{Session: last.Session + 2, Promised: last.Promised + 1, Clients: true}
		if got := s.State(); got != old && got != next {
			t.Errorf("round %d: after %+v, a start found %+v; want %+v or %+v", round, last, got, old, next)
		}
		mustClose(t, s)
	}
}

// report prints whether the second of two saves fails as the first, and with what.
func report(s *Store, cause error, says string) {
	first := s.Save(firstSession+7, firstFloor+1024)
	second := errors.Join(s.Save(firstSession+8, firstFloor+2048), s.SetClients(true))
	fmt.Println("unusable:", errors.Is(first, ErrUnusable), "cause:", errors.Is(first, cause),
		"remedy:", first != nil && strings.Contains(first.Error(), says), "for good:", first != nil && second.Error() == first.Error()+"\n"+first.Error())
}

const reported = "unusable: true cause: true remedy: true for good: true"

// saveLimited fails in the middle of writing the new file.
func saveLimited(dir string) error {
	s, err := Open(dir, member, testClock)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10, Max: 10}); err != nil {
		return err
	}
	report(s, syscall.EFBIG, "see to the disk")
	return s.Close()
}

func TestAHalfWrittenFileIsNotTheState(t *testing.T) {
	dir := t.TempDir()
	mustPrint(t, "limited", dir, reported)
	if got := names(t, dir); !slices.Equal(got, allNames) {
		t.Errorf("the directory holds %q, want %q", got, allNames)
	}
	checkState(t, mustOpen(t, dir), State{Session: firstSession + 1, Promised: firstFloor, Clients: true})
}

// nobody is a user whom permissions bind, for tests that root runs.
const nobody = 65534

// unprivileged gives up being root, and opens a directory.
func unprivileged(dir string) (*Store, error) {
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return nil, err
		}
	}
	return Open(dir, member, testClock)
}

// unprivilegedDir returns a directory that unprivileged can open.
func unprivilegedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() == 0 {
		// The folder above is root's alone.
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// saveUnsynced can write and rename, but not open the directory to sync it.
func saveUnsynced(dir string) error {
	s, err := unprivileged(dir)
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o300); err != nil {
		return err
	}
	report(s, os.ErrPermission, "change its owner or permissions")
	return errors.Join(os.Chmod(dir, 0o700), s.Close())
}

func TestAnUnsyncedRenameIsAFailure(t *testing.T) {
	dir := unprivilegedDir(t)
	mustPrint(t, "unsynced", dir, reported)
	// Renamed is renamed, so the new state it is, but nobody was promised that.
	checkState(t, mustOpen(t, dir), State{Session: firstSession + 8, Promised: firstFloor + 1024, Clients: true})
}

// saveReadOnly may no longer write into the directory, and then not even open it.
func saveReadOnly(dir string) error {
	s, err := unprivileged(dir)
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		return err
	}
	report(s, os.ErrPermission, "change its owner or permissions")
	if err := s.Close(); err != nil {
		return err
	}
	for _, dir := range []string{dir, filepath.Join(dir, "below")} {
		_, err = Open(dir, member, testClock)
		fmt.Println("unusable:", errors.Is(err, ErrUnusable), "cause:", errors.Is(err, os.ErrPermission),
			"dir:", err != nil && strings.Contains(err.Error(), dir))
	}
	return os.Chmod(dir, 0o700)
}

func TestAReadOnlyDirectoryIsAnError(t *testing.T) {
	dir := unprivilegedDir(t)
	refused := "unusable: true cause: true dir: true"
	mustPrint(t, "read-only", dir, strings.Join([]string{reported, refused, refused}, "\n"))
	checkState(t, mustOpen(t, dir), State{Session: firstSession + 1, Promised: firstFloor, Clients: true})
}
