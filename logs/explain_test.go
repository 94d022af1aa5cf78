package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func story(t fataler, run *Run, lock string, fence uint64) string {
	t.Helper()
	var b strings.Builder
	if err := Explain(run, lock, fence, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEveryEntryHasItsStory: each entry of each run can be explained. The story quotes only
// lines of the logs, and the entry is at its end or just before it.
func TestEveryEntryHasItsStory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCluster(t)
		c.run(rapid.IntRange(20, 150).Draw(t, "steps"), faults{cuts: true, crashes: rapid.Bool().Draw(t, "crashes")})
		run := readAll(t, c.files()...)
		quoted := make(map[string]bool)
		for _, e := range run.Merge() {
			quoted[e.Position()+": "+string(e.Raw)] = true
		}
		for _, j := range run.Journeys() {
			for _, entry := range j.Entries {
				text := story(t, run, j.Lock, entry.Enter.Fence)
				if !strings.Contains(text, entry.Enter.Position()+": ") {
					t.Fatalf("the story does not quote the entry at %s:\n%s", entry.Enter.Position(), text)
				}
				for line := range strings.Lines(text) {
					if line = strings.TrimSpace(line); strings.HasSuffix(line, "}") && !quoted[line] {
						t.Fatalf("no log has the line that is quoted: %s", line)
					}
				}
			}
		}
	})
}

// TestChosenStory: Explain chooses an entry whose node had to ask and to wait.
func TestChosenStory(t *testing.T) {
	text := story(t, readAll(t, busyCluster(3, 3).files()...), "", 0)
	for _, part := range []string{"asks all the others", "sends REQUEST", "receives REQUEST", "from the head of Q", "The token reaches", "enters the critical section", "2 REQUESTs and 1 TOKEN"} {
		if !strings.Contains(text, part) {
			t.Errorf("the story does not say %q:\n%s", part, text)
		}
	}
	if strings.Contains(text, "The logs show no other entry between the request and the grant") {
		t.Errorf("nobody else entered meanwhile:\n%s", text)
	}
}

// TestStoryOfABatch: the story says who goes ahead of those in Q, and Q shows that node at
// its head at each leave.
func TestStoryOfABatch(t *testing.T) {
	c := newCluster(3, []string{"cs"}, seeded(1))
	for _, m := range c.nodes {
		m.batch = 2
	}
	c.startAll()
	first, asker := c.nodes[0], c.nodes[2]
	c.acquire(first, "cs")
	c.acquire(first, "cs")
	c.acquire(first, "cs")
	c.acquire(asker, "cs")
	c.drain()
	c.settleDown()
	c.stopAll()
	run := readAll(t, c.files()...)
	entries := run.Journeys()[0].Entries
	if third := entries[2].Enter; third.Node != asker.name {
		t.Fatalf("%s entered after two entries of %s, want %s", third.Node, first.name, asker.name)
	}
	text := story(t, run, "cs", entries[2].Enter.Fence)
	for _, part := range []string{asker.name + " is now second in Q. " + first.name + " itself goes ahead of all", asker.name + " is now first in Q.\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("the story does not say %q:\n%s", part, text)
		}
	}
}

// TestBrief: a terminal gets one line for each step, with the values of the step's log
// lines. Addresses stand only in the list of names.
func TestBrief(t *testing.T) {
	run := readAll(t, busyCluster(3, 3).files()...)
	told, err := run.Tell("", 0)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Brief(run, "", 0, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	end := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "This entry ") }) - 1
	head, steps, tail := lines[:4], lines[4:end], lines[end:]
	if len(steps) != len(told.Steps) {
		t.Fatalf("%d lines for %d steps:\n%s", len(steps), len(told.Steps), out.String())
	}
	for i, step := range told.Steps {
		last := step.Lines[len(step.Lines)-1]
		want := []string{last.Time.UTC().Format("15:04:05.")}
		if i := slices.Index(run.Members, last.Node); i >= 0 {
			want = append(want, " "+string(rune('A'+i))+" ")
		}
		for _, numbers := range [][]Number{last.RequestNumbers, last.LastGranted} {
			var counts []string
			for _, n := range numbers {
				counts = append(counts, fmt.Sprint(n.Count))
			}
			want = append(want, strings.Join(counts, ","))
		}
		for _, part := range want {
			if !strings.Contains(steps[i], part) {
				t.Errorf("%q does not have %q of %s", steps[i], part, last.Raw)
			}
		}
	}
	for _, member := range run.Members {
		if !strings.Contains(strings.Join(head, ""), member) || strings.Contains(strings.Join(append(steps, tail...), ""), member) {
			t.Errorf("%s stands somewhere else than in the list of names:\n%s", member, out.String())
		}
	}
}

func TestNoSuchEntry(t *testing.T) {
	run := readAll(t, busyCluster(3, 3).files()...)
	for _, c := range []struct {
		lock  string
		fence uint64
		says  string
	}{
		{"nosuch", 0, `nobody entered lock "nosuch"`},
		{"cs", 99999, `fence 99999; lock "cs" has`},
	} {
		if err := Explain(run, c.lock, c.fence, io.Discard); !errors.Is(err, ErrNoEntry) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("lock %q, fence %d: got %v, want %q", c.lock, c.fence, err, c.says)
		}
	}
}

// failing is a writer that always fails.
type failing struct{}

var errFull = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	run := readAll(t, busyCluster(3, 3).files()...)
	report := Check(run)
	for name, write := range map[string]func(io.Writer) error{
		"Explain":    func(w io.Writer) error { return Explain(run, "", 0, w) },
		"Brief":      func(w io.Writer) error { return Brief(run, "", 0, w) },
		"WriteTable": report.WriteTable,
		"WriteJSON":  report.WriteJSON,
	} {
		if err := write(failing{}); !errors.Is(err, errFull) {
			t.Errorf("%s: got %v, want %v", name, err, errFull)
		}
		if err := write(&bytes.Buffer{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
