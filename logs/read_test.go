package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

const goodLine = `{"level":"info","node":"a:1","event":"peer_connected","peer":"b:1","time":"2026-01-01T00:00:00.000000001Z","message":"peer connected"}`

func TestReadFindings(t *testing.T) {
	started := `{"level":"info","node":"a:1","event":"node_started","members":["a:1"],"incarnation":"0123456789abcdef0123456789abcdef","version":"test","session":"1","time":"2026-01-01T00:00:00Z","message":"node started"}`
	gap := `{"level":"warn","node":"a:1","event":"log_gap","missing":"3","time":"2026-01-01T00:00:00Z","message":"log_gap"}`
	for _, c := range []struct {
		name, text string
		events     int
		findings   []string // as FILE:LINE: ..., their beginnings
		kinds      []FindingKind
	}{
		{"nothing", "", 0, []string{"a.log: has no line of a conch log: it is empty; give"}, []FindingKind{Note}},
		{"one line", goodLine + "\n", 1, nil, nil},
		{"line ends of Windows, and empty lines", goodLine + "\r\n\r\n\n" + goodLine + "\r\n", 2, nil, nil},
		{"no end after the last line", goodLine, 1, nil, nil},
		{"a torn last line", goodLine + "\n" + goodLine[:50], 1, []string{"a.log:2: is torn: the file ends"}, []FindingKind{Note}},
		{"a torn line before the next run", goodLine + "\n" + goodLine[:50] + "\n" + started + "\n", 2, []string{"a.log:2: is torn: the process ended"}, []FindingKind{Note}},
		{"a torn line before a gap", goodLine + "\n" + goodLine[:50] + "\n" + gap + "\n", 2, []string{"a.log:2: is torn: the log could not be written from here on"}, []FindingKind{Note}},
		{"a torn line elsewhere", goodLine[:50] + "\n" + goodLine + "\n", 1, []string{"a.log:1: is not a line of JSON"}, []FindingKind{Gap}},
		{"people's format", "12:00:01 INF enter lock=cs\n" + goodLine + "\n", 1, []string{"a.log:1: is not a line of JSON"}, []FindingKind{Gap}},
		{"bytes that are no text", "\xff\xfd\x00\n" + goodLine + "\n", 1, []string{"a.log:1: is not a line of JSON"}, []FindingKind{Gap}},
		{"another program's JSON", `{"msg":"hello"}` + "\n" + goodLine + "\n", 1, []string{"a.log:1: is a line of JSON without"}, []FindingKind{Note}},
		{"an array", "[1]\n" + goodLine + "\n", 1, []string{"a.log:1: is not a line of JSON"}, []FindingKind{Gap}},
		{"events of a later version", strings.Repeat(strings.Replace(goodLine, "peer_connected", "peer_painted", 1)+"\n", 3) + goodLine + "\n", 1,
			[]string{`a.log:1: an event that this version does not know: "peer_painted"`}, []FindingKind{Note}},
		{"keys of a later version", strings.Replace(goodLine, `"peer"`, `"colour":"red","peer"`, 1) + "\n", 1, nil, nil},
		{"a key is missing", strings.Replace(goodLine, `"peer":"b:1",`, "", 1) + "\n" + goodLine, 1, []string{"a.log:1: is not as the schema has it: peer_connected: lacks the key peer"}, []FindingKind{Gap}},
		{"a line without end", strings.Repeat("x", MaxLine+9) + "\n" + goodLine + "\n", 1, []string{"a.log:1: is longer than"}, []FindingKind{Gap}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := Read("a.log", iotest.HalfReader(strings.NewReader(c.text)))
			if err != nil {
				t.Fatal(err)
			}
			if len(file.Events) != c.events {
				t.Errorf("got %d events, want %d", len(file.Events), c.events)
			}
			if len(file.Findings) != len(c.findings) {
				t.Fatalf("got the findings %v, want %q", file.Findings, c.findings)
			}
			for i, f := range file.Findings {
				if !strings.HasPrefix(f.String(), c.findings[i]) || f.Kind != c.kinds[i] {
					t.Errorf("got %s (%d), want %s (%d)", f, f.Kind, c.findings[i], c.kinds[i])
				}
			}
		})
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := Read("a.log", io.MultiReader(strings.NewReader(goodLine+"\n"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "a.log: after line 1") {
		t.Errorf("got %v, want the reader's error and where", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i, text := range busyCluster(3, 3).files() {
		path := filepath.Join(dir, string(rune('a'+i))+".log")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	run, err := Open(append(paths, paths[0])...)
	if err != nil {
		t.Fatal(err)
	}
	report := Check(run)
	if report.Verdict() != Holds || !strings.Contains(reportText(report), "a.log: was given twice") {
		t.Errorf("got\n%s", reportText(report))
	}
	if _, err := Open(filepath.Join(dir, "none.log")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "--log-file") {
		t.Errorf("a file that is not there: got %v", err)
	}
	empty := filepath.Join(dir, "empty.log")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(empty); !errors.Is(err, ErrNoEvents) {
		t.Errorf("an empty file: got %v, want %v", err, ErrNoEvents)
	}
}

// FuzzRead: Read returns for any bytes, and its result can be merged, checked and
// explained.
func FuzzRead(f *testing.F) {
	files := busyCluster(3, 3).files()
	f.Add([]byte(files[0]), []byte(files[1]))
	f.Add([]byte(goodLine), []byte("garbage"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		run, err := tryReadAll(string(a), string(b))
		if err != nil {
			return
		}
		lines := bytes.Count(a, []byte("\n")) + bytes.Count(b, []byte("\n")) + 2
		if got := len(run.Merge()); got > lines {
			t.Errorf("got %d events out of %d lines", got, lines)
		}
		_ = reportText(Check(run))
		if err := Explain(run, "", 0, io.Discard); err != nil && !errors.Is(err, ErrNoEntry) {
			t.Error(err)
		}
	})
}
