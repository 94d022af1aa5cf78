package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// counted keeps what is written, call by call.
type counted struct{ calls []string }

func (c *counted) Write(lines []byte) (int, error) {
	c.calls = append(c.calls, string(lines))
	return len(lines), nil
}

func write(t *testing.T, log *Writer, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := log.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("write: %d, %v; want %d and no error: the logger is not to complain too", n, err, len(line))
		}
	}
}

func checkFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", filepath.Base(path), got, err, want)
	}
}

// TestLinesAreWrittenTogether shows that lines wait for Flush, or until there are too many
// to collect.
func TestLinesAreWrittenTogether(t *testing.T) {
	out := &counted{}
	log := New(out, Config{})
	write(t, log, "one\n", "two\n")
	if len(out.calls) != 0 {
		t.Errorf("written before Flush: %q", out.calls)
	}
	log.Flush()
	log.Flush()
	if len(out.calls) != 1 || out.calls[0] != "one\ntwo\n" {
		t.Errorf("got %q, want both lines at one go", out.calls)
	}
	for range most / 4 {
		write(t, log, "one\n")
	}
	if len(out.calls) != 2 || len(out.calls[1]) != most {
		t.Errorf("got %d calls, want a second as soon as there are %d bytes", len(out.calls), most)
	}
	write(t, log, "end\n")
	if err := log.Close(); err != nil || len(out.calls) != 3 || out.calls[2] != "end\n" {
		t.Errorf("got %d calls, %v, want the last line written by Close", len(out.calls), err)
	}
}

// TestLogIsAppended shows that a log goes on where it ended, and that a torn last line does
// not spoil the next one.
func TestLogIsAppended(t *testing.T) {
	for _, rotation := range []Rotation{{}, {MaxMegabytes: 1, Keep: 1}} {
		for _, test := range []struct{ name, before, want string }{
			{"new", "", "{}\n"},
			{"whole", "{\"a\":1}\n", "{\"a\":1}\n{}\n"},
			{"torn", "{\"a\":1}\n{\"a\":", "{\"a\":1}\n{\"a\":\n{}\n"},
			{"torn first line", "{", "{\n{}\n"},
		} {
			t.Run(fmt.Sprint(test.name, rotation), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "node.log")
				if test.before != "" {
					if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				log, err := Open(path, Config{Rotation: rotation})
				if err != nil {
					t.Fatal(err)
				}
				write(t, log, "{}\n")
				if err := log.Close(); err != nil {
					t.Error(err)
				}
				checkFile(t, path, test.want)
			})
		}
	}
}

// disk is a writer with room for so many bytes.
type disk struct {
	mu    sync.Mutex
	room  int
	has   bytes.Buffer
	tries int
}

func (d *disk) Write(lines []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tries++
	n := min(d.room, len(lines))
	d.room -= n
	d.has.Write(lines[:n])
	if n < len(lines) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// makeRoom gives the disk room for so many more bytes.
func (d *disk) makeRoom(bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = bytes
}

// TestCompleteLogEndsWithItsFirstGap shows that nothing follows a missing line in a log
// that must be complete, and that the gap is reported once.
func TestCompleteLogEndsWithItsFirstGap(t *testing.T) {
	var told []error
	full := &disk{room: 3}
	log := New(full, Config{Complete: true, Failed: func(err error) { told = append(told, err) }})
	for range 3 {
		write(t, log, "{}\n")
		log.Flush()
	}
	full.makeRoom(100)
	write(t, log, "{}\n")
	log.Flush()
	if full.tries != 2 {
		t.Errorf("tried to write %d times, want twice: nothing follows a line that is missing", full.tries)
	}
	if len(told) != 1 || !errors.Is(told[0], syscall.ENOSPC) {
		t.Errorf("told %v, want %v once", told, syscall.ENOSPC)
	}
	if err := log.Close(); err != nil || full.has.String() != "{}\n" {
		t.Errorf("Close: %v; the log has %q, want its first line alone", err, full.has.String())
	}
}

// TestGapIsTold fills the disk at each byte of three lines, and makes room later: each line
// is written whole, or counted as missing before the next line.
func TestGapIsTold(t *testing.T) {
	lines := []string{"{1}\n", "{22}\n", "{333}\n"}
	all := strings.Join(lines, "")
	for room := range len(all) {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testGap(t, lines, room) })
		})
	}
}

func testGap(t *testing.T, lines []string, room int) {
	var mu sync.Mutex
	var sentences []string // guarded by mu
	said := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(sentences)
	}
	full := &disk{room: room}
	log := New(full, Config{
		GapLine: func(missing uint64) []byte { return fmt.Appendf(nil, "{missing %d}\n", missing) },
		Say: func(sentence string) {
			mu.Lock()
			defer mu.Unlock()
			sentences = append(sentences, sentence)
		},
	})
	write(t, log, lines...)
	log.Flush()
	lost, now := log.Loss()
	if lost == 0 && room < len(strings.Join(lines, ""))-1 || !errors.Is(now, syscall.ENOSPC) {
		t.Errorf("Loss: %d, %v; want some, and why", lost, now)
	}
	if said := said(); len(said) != 1 || !strings.Contains(said[0], "no space left") {
		t.Errorf("said %q; want once that there is no space", said)
	}
	write(t, log, "{4}\n")
	log.Flush()
	time.Sleep(3 * retryEvery)
	if said := said(); len(said) != 1 {
		t.Errorf("said %q; want nothing anew while the disk is full", said)
	}
	full.makeRoom(1000)
	time.Sleep(2 * retryEvery) // nobody writes, and yet it is reported
	if said := said(); len(said) != 2 || !strings.Contains(said[1], "written again") {
		t.Errorf("said %q; want that the log is written again", said)
	}
	if lost, now = log.Loss(); now != nil {
		t.Errorf("Loss: %v; want nothing wrong any more", now)
	}
	write(t, log, "{5}\n")
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	got := full.has.String()
	whole := 0
	for _, line := range append(lines, "{4}\n") {
		if strings.Contains("\n"+got, "\n"+line) {
			whole++
		}
	}
	gap := fmt.Sprintf("{missing %d}\n{5}\n", lost)
	if uint64(whole)+lost != 4 || !strings.HasSuffix(got, "\n"+gap) && got != gap {
		t.Errorf("%d lines whole and %d lost, want 4 in all; the log has %q, want it to end with %q", whole, lost, got, gap)
	}
}

// TestGapAtTheEnd shows that Close tries once more, and reports a failure.
func TestGapAtTheEnd(t *testing.T) {
	for _, test := range []struct {
		room       int
		has, tells string
	}{
		{100, "{missing 1}\n", "written again"},
		{0, "", "ends without its last 1 lines"},
	} {
		var said []string
		full := &disk{}
		log := New(full, Config{
			GapLine: func(missing uint64) []byte { return fmt.Appendf(nil, "{missing %d}\n", missing) },
			Say:     func(sentence string) { said = append(said, sentence) },
		})
		write(t, log, "{}\n")
		log.Flush()
		full.makeRoom(test.room)
		if err := log.Close(); err != nil || full.has.String() != test.has || !strings.Contains(said[len(said)-1], test.tells) {
			t.Errorf("Close: %v; the log has %q, want %q; said %q, want %q", err, full.has.String(), test.has, said, test.tells)
		}
	}
}

// TestReopenedLog shows that lines go to a new file once the old one was moved away, and
// still to the old one if no new one can be made.
func TestReopenedLog(t *testing.T) {
	for name, rotation := range map[string]Rotation{"plain": {}, "rotating": {MaxMegabytes: 1, Keep: 2}} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "log")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "node.log")
			log, err := Open(path, Config{Rotation: rotation, Say: func(sentence string) { t.Error(sentence) }})
			if err != nil {
				t.Fatal(err)
			}
			write(t, log, "{1}\n")
			log.Flush()
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			write(t, log, "{2}\n") // not flushed yet: it belongs to the old file
			if err := log.Reopen(); err != nil {
				t.Fatal(err)
			}
			write(t, log, "{3}\n")
			log.Flush()
			checkFile(t, path+".1", "{1}\n{2}\n")
			checkFile(t, path, "{3}\n")

			if err := os.Rename(dir, dir+".away"); err != nil {
				t.Fatal(err)
			}
			if err := log.Reopen(); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("Reopen: %v; want that there is no such folder", err)
			}
			write(t, log, "{4}\n")
			log.Flush()
			checkFile(t, filepath.Join(dir+".away", "node.log"), "{3}\n{4}\n")
			if err := os.Rename(dir+".away", dir); err != nil {
				t.Fatal(err)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRotation shows that a file is renamed before it is too large, that so many are kept,
// and that no line is torn or lost between two kept files.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "node.log")
	log, err := Open(path, Config{Rotation: Rotation{MaxMegabytes: 1, Keep: 2}, Say: func(sentence string) { t.Error(sentence) }})
	if err != nil {
		t.Fatal(err)
	}
	pad := strings.Repeat("x", 1000)
	last := 0
	aside := func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "node-*.log"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	for seen := map[string]bool{}; len(seen) < 4; {
		write(t, log, fmt.Sprintf("%d %s\n", last, pad))
		last++
		for _, name := range aside() {
			seen[name] = true
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(10 * time.Millisecond) // another goroutine removes them
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); len(aside()) > 2; <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%q are there; want two of them kept", aside())
		}
	}
	var all []byte
	for _, name := range append(aside(), path) {
		part, err := os.ReadFile(name)
		if err != nil || len(part) > 1<<20 {
			t.Errorf("%s has %d bytes, %v; want at most %d", name, len(part), err, 1<<20)
		}
		all = append(all, part...)
	}
	got := bytes.Split(bytes.TrimSuffix(all, []byte("\n")), []byte("\n"))
	for i, line := range got {
		if want := fmt.Sprintf("%d %s", last-len(got)+i, pad); string(line) != want {
			t.Fatalf("line %d of those left is %.20q, want %.20q", i, line, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v; want mode 0644 as ever", info.Mode(), err)
	}
}

func TestOpenWhereThereCanBeNoFile(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "node.log"), Config{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open: %v; want that there is no such folder", err)
	}
}
