package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
			log, err := openLog(path, func(err error) { t.Error(err) })
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
type failing struct{ lines [][]byte }

var errFull = errors.New("disk is full")

func (f *failing) Write(line []byte) (int, error) {
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
	log := &logWriter{out: &failing{}, failed: func(err error) { told = append(told, err) }}
	for range 3 {
		if n, err := log.Write([]byte("{}\n")); n != 3 || err != nil {
			t.Errorf("write: %d, %v, want 3 and no error: the logger is not to complain too", n, err)
		}
	}
	if len(told) != 1 || !errors.Is(told[0], errFull) {
		t.Errorf("told %v, want %v once", told, errFull)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

// TestConsole shows the format for people.
func TestConsole(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	var out bytes.Buffer
	console := newConsole(&out)
	line := `{"level":"info","node":"n1:1","time":"2026-01-02T03:04:05.678000000Z","event":"enter","lock":"cs","number":"1795379.12","epoch":"1.0","hop":"3","fence":"7","request_numbers":["1795379.12","1795380.2"],"last_granted":["1795379.11","0.0"],"queue":["n2:1","n3:1"],"message":"entered the critical section"}` + "\n"
	if _, err := console.Write([]byte(line)); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{":04:05.678 INF entered the critical section lock=cs number=12 fence=7 epoch=1.0 hop=3 RN=[12,2] LN=[11,0] Q=[n2:1,n3:1]\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to have %q", got, want)
		}
	}
	for _, unwanted := range []string{"n1:1", "event="} {
		if strings.Contains(got, unwanted) {
			t.Errorf("got %q, want it without %q, which says nothing new", got, unwanted)
		}
	}
}
