package notes

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"conch/internal/datadir"
	"conch/token"
)

// These tests need a process of its own, which can be killed or limited: the test binary
// runs itself.

const (
	roleVariable = "CONCH_NOTES_TEST_ROLE"
	dirVariable  = "CONCH_NOTES_TEST_DIR"
)

// roles are what such a process can do with a directory. What it prints is compared.
var roles = map[string]func(dir string) error{
	"put forever": putForever,
	"limited":     putLimited,
	"read-only":   putReadOnly,
	"small disk":  putOnSmallDisk,
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

const batchSize = 40

// batchOf is the notes that the process puts in one write: all of the same tick.
func batchOf(tick token.Tick) (batch []token.LockNotes) {
	for i := range batchSize {
		batch = append(batch, note(fmt.Sprintf("lock %d", i), tick, token.RunDone, token.Fence(tick)))
	}
	return batch
}

// putForever prints each tick that is on stable storage.
func putForever(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	all, err := s.All()
	if err != nil {
		return err
	}
	tick := token.Tick(0)
	if len(all) > 0 {
		tick = all[0].Run.Tick
	}
	for {
		tick++
		if err := s.Put(batchOf(tick)); err != nil {
			return err
		}
		fmt.Println(tick)
	}
}

// TestAKilledProcessLosesNothing kills processes wherever in Put they are, the first of them
// while it makes the file. The next one finds all of the batch that the last was told is safe,
// or all of the one that was being written.
func TestAKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for round := range 12 {
		cmd := command("put forever", dir)
		stdout, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended already, as a rule
		lines := bufio.NewScanner(stdout)
		var last token.Tick
		for range round {
			if !lines.Scan() {
				t.Fatal("the process ended by itself")
			}
			_, err := fmt.Sscan(lines.Text(), &last)
			must(t, err)
		}
		must(t, cmd.Process.Kill())
		// What it printed before it died counts too.
		for lines.Scan() {
			_, err := fmt.Sscan(lines.Text(), &last)
			must(t, err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		s := mustOpen(t, dir)
		all := mustAll(t, s)
		if len(all) != batchSize && (len(all) != 0 || last != 0) {
			t.Fatalf("round %d: found %d notes, want %d", round, len(all), batchSize)
		}
		for _, n := range all {
			if n.Run.Tick != all[0].Run.Tick || last != 0 && n.Run.Tick != last && n.Run.Tick != last+1 {
				t.Errorf("round %d: after tick %d, %s has tick %d, and %s %d", round, last, n.Lock, n.Run.Tick, all[0].Lock, all[0].Run.Tick)
			}
			if runs := ticks(t, s, n.Lock); runs[len(runs)-1] != n.Run.Tick {
				t.Errorf("round %d: the latest run of %s has tick %d, want %d", round, n.Lock, runs[len(runs)-1], n.Run.Tick)
			}
		}
		must(t, s.Close())
	}
}

// report prints whether writes fail, for good, with a cause and a remedy.
func report(s *Store, cause error, says string) {
	var first error
	for i := 0; i < 10_000 && first == nil; i++ {
		first = s.Put([]token.LockNotes{note(fmt.Sprintf("more %d", i), 1, token.RunDone, 0)})
	}
	second := s.Delete([]string{"a"})
	fmt.Println("unusable:", errors.Is(first, datadir.ErrUnusable), "cause:", first != nil && strings.Contains(first.Error(), cause.Error()),
		"remedy:", first != nil && strings.Contains(first.Error(), says), "for good:", first != nil && errors.Is(second, first))
}

const reported = "unusable: true cause: true remedy: true for good: true"

// start opens a directory and puts a batch there.
func start(dir string) (*Store, error) {
	s, err := Open(dir)
	if err != nil {
		return nil, err
	}
	return s, s.Put(batchOf(1))
}

// again opens a directory again, and says how many notes there are.
func again(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	all, err := s.All()
	fmt.Println("all there:", len(all) >= batchSize)
	return errors.Join(err, s.Close())
}

// putLimited fails when the file is to grow.
func putLimited(dir string) error {
	s, err := start(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(s.path())
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	most := uint64(info.Size())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return err
	}
	report(s, syscall.EFBIG, "see to the disk")
	if err := s.Close(); err != nil {
		return err
	}
	return again(dir)
}

func TestAWriteThatFailsLeavesTheRest(t *testing.T) {
	mustPrint(t, command("limited", t.TempDir()), reported, "all there: true")
}

// mustPrint runs a process to its end and wants it to succeed.
func mustPrint(t *testing.T, cmd *exec.Cmd, want ...string) {
	t.Helper()
	out, err := cmd.Output()
	if text := strings.Join(want, "\n") + "\n"; err != nil || string(out) != text {
		t.Errorf("%v\n%s\nwant\n%s", err, out, text)
	}
}

// nobody is a user whom permissions bind, for tests that root runs.
const nobody = 65534

// putReadOnly cannot make the file, and cannot open one that is another user's.
func putReadOnly(dir string) error {
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return err
		}
	}
	whole := filepath.Join(dir, "whole")
	if err := os.Mkdir(whole, 0o700); err != nil {
		return err
	}
	s, err := start(whole)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Close(), os.Chmod(s.path(), 0o400)); err != nil {
		return err
	}
	_, err = Open(whole)
	fmt.Println("unusable:", errors.Is(err, datadir.ErrUnusable), "remedy:", err != nil && strings.Contains(err.Error(), "change its owner or permissions"))

	if s, err = Open(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		return err
	}
	report(s, os.ErrPermission, "change its owner or permissions")
	return errors.Join(s.Close(), os.Chmod(dir, 0o700))
}

func TestAReadOnlyDirectoryIsAnError(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		// The folder above is root's alone.
		must(t, errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)))
	}
	mustPrint(t, command("read-only", dir), "unusable: true remedy: true", reported)
}

// noMount begins what is printed where there cannot be a disk for the test.
const noMount = "no mount: "

// putOnSmallDisk fills a disk, has the store write until it cannot, and opens it again; then
// the same where there is no room for the first note.
func putOnSmallDisk(dir string) error {
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=512k", "conch", dir).CombinedOutput(); err != nil {
		fmt.Printf("%s%v: %s\n", noMount, err, out)
		return nil
	}
	s, err := start(dir)
	if err != nil {
		return err
	}
	report(s, syscall.ENOSPC, "the disk is full: make room")
	if err := errors.Join(s.Close(), again(dir)); err != nil {
		return err
	}
	for _, name := range []string{"ballast", "more ballast"} {
		err := os.WriteFile(filepath.Join(dir, name), make([]byte, 1<<20), 0o600)
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("the disk should be full: %w", err)
		}
	}
	fresh := filepath.Join(dir, "fresh")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if s, err = Open(fresh); err != nil {
		return err
	}
	report(s, syscall.ENOSPC, "the disk is full: make room")
	left, err := os.ReadDir(fresh)
	fmt.Println("left behind:", len(left))
	return errors.Join(err, s.Close())
}
