package fence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// impatient is a context that does not wait.
func impatient() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// mustTake takes a file until the end of the test, or Release.
func mustTake(t *testing.T, path string, n uint64) *Lock {
	t.Helper()
	g, err := Take(t.Context(), path, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustRelease(t, g) })
	return g
}

func mustRelease(t *testing.T, g *Lock) {
	t.Helper()
	if err := g.Release(); err != nil {
		t.Error(err)
	}
}

// checkFile compares the number in a file with what is wanted.
func checkFile(t *testing.T, path string, want uint64) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != string(encode(seen{writer: want})) {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, encode(seen{writer: want}))
	}
}

// checkRefused wants an error of one kind that says all of these texts.
func checkRefused(t *testing.T, path string, n uint64, kind error, says ...string) {
	t.Helper()
	g, err := Take(impatient(), path, n)
	if err == nil {
		mustRelease(t, g)
	}
	if !errors.Is(err, kind) {
		t.Errorf("Take(%s, %d) = %v, want %q", path, n, err, kind)
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("Take(%s, %d) = %v, want an error that says %q", path, n, err, text)
		}
	}
}

func TestANumberNeverFalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	var highest uint64
	for _, n := range []uint64{5, 5, 6, 5, 6, 0, 1 << 32, 1<<32 - 1, math.MaxInt64, math.MaxUint64, 1, math.MaxUint64} {
		g, err := Take(impatient(), path, n)
		if n < highest {
			if !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), fmt.Sprintf("got %d", n)) ||
				n > 0 && !strings.Contains(err.Error(), fmt.Sprintf("%s has seen %d", path, highest)) {
				t.Errorf("Take of %d after %d: %v; want ErrStale with both numbers", n, highest, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("Take of %d after %d: %v", n, highest, err)
		}
		mustRelease(t, g)
		highest = n
		checkFile(t, path, n)
	}
}

func TestNobodyHasTheFenceZero(t *testing.T) {
	dir := t.TempDir()
	checkRefused(t, filepath.Join(dir, "job.fence"), 0, ErrStale, "got 0, which is no holder's")
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("the directory holds %q, want nothing", got)
	}
}

func TestWhatIsMadeIsForThisUserOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustRelease(t, mustTake(t, path, 5))
	for path, want := range map[string]fs.FileMode{
		path:                                  0o600,
		path + ".lock":                        fs.ModeDir | 0o700,
		filepath.Join(path+".lock", "number"): 0o600,
		filepath.Join(path+".lock", "work"):   0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info, err, want)
		}
	}
	// What was granted to others later stays granted.
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	mustRelease(t, mustTake(t, path, 6))
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("after chmod 644 and a higher number, the mode is %v, %v", info.Mode(), err)
	}
}

func TestOneWorksAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	five := mustTake(t, path, 5)
	// An equal number and a higher one wait; the higher one is remembered at once.
	checkRefused(t, path, 5, ErrInUse, fmt.Sprintf("process %d with fence 5", os.Getpid()), path)
	checkRefused(t, path, 6, ErrInUse, "context canceled")
	checkFile(t, path, 6)
	checkRefused(t, path, 5, ErrStale, "has seen 6")
	mustRelease(t, five)
	mustRelease(t, five)
	mustRelease(t, mustTake(t, path, 6))
}

// TestAWaitEndsWhenAHigherNumberComes: 6 waits for 5, and 7 makes the wait vain.
func TestAWaitEndsWhenAHigherNumberComes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustTake(t, path, 5)
	six := make(chan error)
	go func() {
		_, err := Take(t.Context(), path, 6)
		six <- err
	}()
	p := fenceFile{path: path}
	for {
		if n, err := p.read(); err != nil {
			t.Fatal(err)
		} else if n.writer == 6 {
			break
		}
	}
	checkRefused(t, path, 7, ErrInUse)
	if err := <-six; !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), "has seen 7") {
		t.Errorf("6 got %v while it waited and 7 came; want ErrStale", err)
	}
}

// TestAWaitEndsWithTheWork: nobody has to come again.
func TestAWaitEndsWithTheWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	five := mustTake(t, path, 5)
	six := make(chan error)
	go func() {
		g, err := Take(t.Context(), path, 6)
		if err == nil {
			err = g.Release()
		}
		six <- err
	}()
	mustRelease(t, five)
	if err := <-six; err != nil {
		t.Error(err)
	}
}

func TestTheEndOfAWaitHasItsCause(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustTake(t, path, 5)
	cause := errors.New("the shop closes")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, cause)
	defer cancel()
	if _, err := Take(ctx, path, 6); !errors.Is(err, ErrInUse) || !errors.Is(err, cause) {
		t.Errorf("Take = %v; want ErrInUse and the cause", err)
	}
}

// TestGoroutinesExcludeEachOther: each raises a number that nothing else guards.
func TestGoroutinesExcludeEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	inside, count := false, 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				g, err := Take(t.Context(), path, 5)
				if err != nil {
					t.Error(err)
					return
				}
				if inside {
					t.Error("two at once")
				}
				inside = true
				count++
				inside = false
				mustRelease(t, g)
			}
		})
	}
	all.Wait()
	if count != 40 {
		t.Errorf("counted %d, want 40", count)
	}
}

func TestAllNamesOfAFileAreOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "job.fence")
	link, folder, early := filepath.Join(dir, "link"), filepath.Join(dir, "folder"), filepath.Join(dir, "early")
	for name, target := range map[string]string{link: path, folder: dir, early: "job.fence"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	checkRefused(t, early, 5, ErrFile, "symbolic link that leads nowhere")
	five := mustTake(t, filepath.Join(folder, "job.fence"), 5)
	for _, name := range []string{path, link, early, filepath.Join(folder, "link")} {
		checkRefused(t, name, 5, ErrInUse)
	}
	mustRelease(t, five)
	mustRelease(t, mustTake(t, link, 6))
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("the link was replaced: %q, %v", target, err)
	}
	t.Chdir(dir)
	checkRefused(t, "job.fence", 5, ErrStale, path)
}

func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	good := string(encode(seen{writer: 17}))
	steps := []error{
		syscall.Mkfifo(in("pipe"), 0o600),
		os.Mkdir(in("folder"), 0o700),
		os.Symlink("loop", in("loop")),
		os.WriteFile(in("twice"), []byte(good), 0o600), os.Link(in("twice"), in("again")),
		os.WriteFile(in("empty"), nil, 0o600),
		os.WriteFile(in("torn"), []byte(good[:4]), 0o600),
		os.WriteFile(in("long"), []byte(strings.Repeat("1", 1<<20)), 0o600),
		os.WriteFile(in("locks"), []byte(good), 0o600), os.WriteFile(in("locks.lock"), nil, 0o600),
		os.WriteFile(in("elsewhere"), []byte(good), 0o600), os.Symlink(t.TempDir(), in("elsewhere.lock")),
		os.WriteFile(in("planted"), []byte(good), 0o600), os.Mkdir(in("planted.lock"), 0o700),
		os.Symlink(in("victim"), in("planted.lock", "number")),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	for _, test := range []struct{ path, says string }{
		{"", "its name is empty"},
		{in("pipe"), "not a regular file (p"},
		{in("folder"), "not a regular file (d"},
		{os.DevNull, "not a regular file (D"},
		{in("loop"), "too many links"},
		{in("twice"), "2 names (hard links)"},
		{in("empty"), "it is empty; if nobody works with an old fence any more, move the file away"},
		{in("torn"), "it is torn"},
		{in("long"), "it is torn"},
		{in("locks"), "move it away"},
		{in("elsewhere"), "move it away"},
		{in("planted"), "too many levels of symbolic links"},
		{in("missing", "job.fence"), "make the directory"},
		{in("empty", "job.fence"), "not a directory"},
		{in(strings.Repeat("x", 255)), "file name too long"},
		{"a\x00b", "invalid argument"},
	} {
		checkRefused(t, test.path, 18, ErrFile, test.says)
	}
	if got := names(t, dir); !slices.Equal(got, before) {
		t.Errorf("the directory holds %q, want %q", got, before)
	}
}

// TestAFileThatIsSetBackIsNoticed: whoever waits looks at the number again.
func TestAFileThatIsSetBackIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustRelease(t, mustTake(t, path, 5))
	p := fenceFile{path: path}
	if err := p.check(visit{number: 6}); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "went back to 5 after 6") {
		t.Errorf("check(6) = %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := p.check(visit{number: 6}); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "was removed") {
		t.Errorf("check(6) = %v", err)
	}
}

// TestWhatACrashLeavesIsRemoved, and nothing else.
func TestWhatACrashLeavesIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	mustRelease(t, mustTake(t, path, 5))
	others := []string{".job.fence", ".job.fence1x", "job.fence1", "notes"}
	for _, name := range slices.Concat(others, []string{".job.fence1234567890123456789"}) {
		if err := os.WriteFile(filepath.Join(path+".lock", name), encode(seen{writer: 9})[:3], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRelease(t, mustTake(t, path, 6))
	want := slices.Concat(others, []string{numberLock, workLock})
	slices.Sort(want)
	if got := names(t, path+".lock"); !slices.Equal(got, want) {
		t.Errorf("the directory of locks holds %q, want %q", got, want)
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

func TestUnusableSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		cause syscall.Errno
		says  string
	}{
		{syscall.ENOSPC, "the disk is full: make room"},
		{syscall.EDQUOT, "share of the disk is used up"},
		{syscall.EROFS, "read-only: mount it for writing"},
		{syscall.EBUSY, "mount its directory"},
		{syscall.EACCES, "change their owner or permissions"},
		{syscall.ENOTDIR, "move it away"},
		{syscall.ENOENT, "make the directory"},
		{syscall.EIO, "see to the file and its disk"},
	} {
		err := unusable("/var/lib/x", &fs.PathError{Op: "write", Path: "/var/lib/x/f", Err: test.cause})
		if !errors.Is(err, ErrFile) || !errors.Is(err, test.cause) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("for %v: %v; want ErrFile and %q", test.cause, err, test.says)
		}
	}
}
