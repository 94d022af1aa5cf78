package fence

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// These tests need a process of its own, which can be killed, limited, or run by a
// user whom permissions bind: the test binary runs itself.

const (
	roleVariable = "CONCH_FENCE_TEST_ROLE"
	pathVariable = "CONCH_FENCE_TEST_PATH"
)

// roles are what such a process can do with a fence file.
var roles = map[string]func(path string) error{
	"raise forever": raiseForever,
	"count":         count,
	"exec":          execCat,
	"limited":       takeLimited,
	"small disk":    takeOnSmallDisk,
	"read-only":     takeReadOnly,
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](os.Getenv(pathVariable)); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// command is a process that plays a role on a file, not started yet.
func command(role, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	// The race detector would wait a second for other goroutines to report.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// process runs a role on a file; it ends with the test. Its standard input is open
// until the test closes it.
func process(t *testing.T, role, path string) (*exec.Cmd, io.Closer, *bufio.Scanner) {
	t.Helper()
	cmd := command(role, path)
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

// raiseForever prints each number that is on stable storage.
func raiseForever(path string) error {
	highest, err := fenceFile{path: path}.read()
	if err != nil {
		return err
	}
	for n := highest.writer + 1; ; n++ {
		g, err := Take(context.Background(), path, n)
		if err != nil {
			return err
		}
		fmt.Println(n)
		if err := g.Release(); err != nil {
			return err
		}
	}
}

// TestAKilledProcessLosesNothing kills processes wherever in Take they are. The file
// then has the number that the last one was told is safe, or the next, and lets the
// next holder in at once.
func TestAKilledProcessLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustRelease(t, mustTake(t, path, 1))
	for round := range 20 {
		cmd, _, lines := process(t, "raise forever", path)
		var last uint64
		read := func() {
			n, err := strconv.ParseUint(lines.Text(), 10, 64)
			if err != nil || n <= last {
				t.Fatalf("round %d: got %q after %d: %v", round, lines.Text(), last, err)
			}
			last = n
		}
		for range 1 + round {
			if !lines.Scan() {
				t.Fatal("the process ended by itself")
			}
			read()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// What it printed before it died counts too.
		for lines.Scan() {
			read()
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		got, err := fenceFile{path: path}.read()
		if err != nil || got.writer != last && got.writer != last+1 {
			t.Fatalf("round %d: after %d, the file has %v, %v; want %d or one more", round, last, got, err, last)
		}
		checkRefused(t, path, last-1, ErrStale)
		g, err := Take(impatient(), path, last+1)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		mustRelease(t, g)
	}
	if got := names(t, path+".lock"); len(got) > 3 {
		t.Errorf("the directory of locks holds %q", got)
	}
}

// count raises, as often as it is asked to, a number in a file that nothing but the
// fence file guards, each time with the fence that is the highest just then.
func count(path string) error {
	for range 10 {
		g, err := Take(context.Background(), path, 7)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path + ".count")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(text))
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+".count", []byte(strconv.Itoa(n+1)), 0o600); err != nil {
			return err
		}
		if err := g.Release(); err != nil {
			return err
		}
	}
	return nil
}

func TestProcessesExcludeEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	if err := os.WriteFile(path+".count", []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	const processes = 12
	var all []*exec.Cmd
	for range processes {
		cmd := command("count", path)
		cmd.Stdout = &bytes.Buffer{}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, cmd.Stdout)
		}
	}
	if text, err := os.ReadFile(path + ".count"); err != nil || string(text) != strconv.Itoa(processes*10) {
		t.Errorf("counted %s, %v; want %d", text, err, processes*10)
	}
	checkFile(t, path, 7)
}

// execCat lets a shell and what it starts take its place. The shell uses the low
// descriptors for itself, as scripts do, and ends before its child.
func execCat(path string) error {
	g, err := Take(context.Background(), path, 5)
	if err != nil {
		return err
	}
	if err := g.Inherit(); err != nil {
		return err
	}
	const script = "exec 3<&0; for i in 4 5 6 7 8 9; do eval \"exec $i>/dev/null\"; done; cat <&3 & echo started"
	return syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ())
}

// TestALockOutlivesExecAndTheShell: the process that took the file is a shell by now,
// then it is over, and what it started still works.
func TestALockOutlivesExecAndTheShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	cmd, stdin, lines := process(t, "exec", path)
	if !lines.Scan() {
		t.Fatal("the shell did not start")
	}
	if state, err := cmd.Process.Wait(); err != nil || !state.Success() {
		t.Fatalf("the shell ended with %v, %v", state, err)
	}
	checkRefused(t, path, 5, ErrInUse, fmt.Sprintf("process %d with fence 5, or what it started", cmd.Process.Pid))
	checkRefused(t, path, 6, ErrInUse)
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	mustTake(t, path, 6) // waits for cat
}

// report prints whether taking a file fails, and with what, and what number it has.
func report(path string, n uint64, cause error, says string) {
	g, err := Take(impatient(), path, n)
	if err == nil {
		_ = g.Release()
	}
	line, _ := os.ReadFile(path)
	fmt.Println("refused:", errors.Is(err, ErrFile), "cause:", errors.Is(err, cause),
		"remedy:", err != nil && strings.Contains(err.Error(), says), "file:", strings.TrimSpace(string(line)))
}

// reported is what report is to print with 5 in the file.
var reported = "refused: true cause: true remedy: true file: " + string(encode(seen{writer: 5}))

// mustReport runs a role and compares what it prints.
func mustReport(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	if out, err := cmd.Output(); err != nil || string(out) != want {
		t.Errorf("%v\n%swant\n%s", err, out, want)
	}
}

// takeLimited fails in the middle of writing the new file.
func takeLimited(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10, Max: 10}); err != nil {
		return err
	}
	report(path, 6, syscall.EFBIG, "see to the file and its disk")
	return nil
}

func TestAHalfWrittenFileIsNotTheNumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustRelease(t, mustTake(t, path, 5))
	mustReport(t, command("limited", path), reported)
	if got := names(t, path+".lock"); len(got) != 2 {
		t.Errorf("the directory of locks holds %q, want the two locks", got)
	}
	mustTake(t, path, 5)
}

// nobody is a user whom permissions bind, for tests that root runs.
const nobody = 65534

// takeReadOnly gives up being root, and meets what it may not write.
func takeReadOnly(path string) error {
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return err
		}
	}
	g, err := Take(impatient(), path, 5)
	if err != nil {
		return err
	}
	if err := g.Release(); err != nil {
		return err
	}
	const says = "must be writable for the user who works"
	for _, dir := range []string{filepath.Dir(path), path + ".lock"} {
		if err := os.Chmod(dir, 0o500); err != nil {
			return err
		}
		report(path, 6, os.ErrPermission, says)
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	if err := os.Chmod(path, 0); err != nil {
		return err
	}
	_, err = Take(impatient(), path, 6)
	fmt.Println("unreadable:", errors.Is(err, ErrFile), errors.Is(err, os.ErrPermission))
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	// It can be written and renamed, but the directory not opened to sync it. Renamed is
	// renamed; but who comes with that number again must not rely on it either.
	if err := os.Chmod(filepath.Dir(path), 0o300); err != nil {
		return err
	}
	report(path, 7, os.ErrPermission, says)
	report(path, 7, os.ErrPermission, says)
	return os.Chmod(filepath.Dir(path), 0o700)
}

func TestPermissionsAreNamed(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		// The folder above is root's alone.
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	unsynced := strings.Replace(reported, string(encode(seen{writer: 5})), string(encode(seen{writer: 7})), 1)
	mustReport(t, command("read-only", filepath.Join(dir, "job.fence")), reported+reported+"unreadable: true true\n"+unsynced+unsynced)
}
