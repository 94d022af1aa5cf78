package logfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// counted keeps what is written, call by call.
type counted struct{ calls []string }

func (c *counted) Write(lines []byte) (int, error) {
	c.calls = append(c.calls, string(lines))
	return len(lines), nil
}

// TestLinesAreWrittenTogether shows that lines wait for Flush, or for so many of them that
// memory is not to hold more.
func TestLinesAreWrittenTogether(t *testing.T) {
	out := &counted{}
	log := New(out, func(err error) { t.Error(err) })
	write := func(line string) {
		if _, err := log.Write([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	write("one\n")
	write("two\n")
	if len(out.calls) != 0 {
		t.Errorf("written before Flush: %q", out.calls)
	}
	log.Flush()
	log.Flush()
	if len(out.calls) != 1 || out.calls[0] != "one\ntwo\n" {
		t.Errorf("got %q, want both lines at one go", out.calls)
	}
	for range most / 4 {
		write("one\n")
	}
	if len(out.calls) != 2 || len(out.calls[1]) != most {
		t.Errorf("got %d calls, want a second as soon as there are %d bytes", len(out.calls), most)
	}
	write("end\n")
	if err := log.Close(); err != nil || len(out.calls) != 3 || out.calls[2] != "end\n" {
		t.Errorf("got %d calls, %v, want the last line written by Close", len(out.calls), err)
	}
}

// TestLogIsAppended shows that a log goes on where it ended, and that a torn last
// line does not take the next one with it.
func TestLogIsAppended(t *testing.T) {
	for _, test := range []struct{ name, before, want string }{
		{"new", "", "{}\n"},
		{"whole", "{\"a\":1}\n", "{\"a\":1}\n{}\n"},
		{"torn", "{\"a\":1}\n{\"a\":", "{\"a\":1}\n{\"a\":\n{}\n"},
		{"torn first line", "{", "{\n{}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "node.log")
			if test.before != "" {
				if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			log, err := Append(openFile(t, path), func(err error) { t.Error(err) })
			if err != nil {
				t.Fatal(err)
			}
			if _, err := log.Write([]byte("{}\n")); err != nil {
				t.Error(err)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// failing is a writer whose every write after the first fails.
type failing struct {
	lines [][]byte
	tries int
}

var errFull = errors.New("disk is full")

func (f *failing) Write(line []byte) (int, error) {
	f.tries++
	if len(f.lines) > 0 {
		return 0, errFull
	}
	f.lines = append(f.lines, bytes.Clone(line))
	return len(line), nil
}

// TestLogThatCannotBeWrittenIsToldOnce shows that nothing follows a line that is
// missing, so that the log is complete up to its end.
func TestLogThatCannotBeWrittenIsToldOnce(t *testing.T) {
	var told []error
	full := &failing{}
	log := New(full, func(err error) { told = append(told, err) })
	for range 3 {
		if n, err := log.Write([]byte("{}\n")); n != 3 || err != nil {
			t.Errorf("write: %d, %v, want 3 and no error: the logger is not to complain too", n, err)
		}
		log.Flush()
	}
	if full.tries != 2 {
		t.Errorf("tried to write %d times, want twice: nothing follows a line that is missing", full.tries)
	}
	if len(told) != 1 || !errors.Is(told[0], errFull) {
		t.Errorf("told %v, want %v once", told, errFull)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}
