package logs

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// minimalFiles reads handwritten logs in the minimal form.
func minimalFiles(t testing.TB, names ...string) (texts []string) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", "minimal", name))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// TestMinimalForm checks and explains a log in the minimal form.
func TestMinimalForm(t *testing.T) {
	run := readAll(t, minimalFiles(t, "a.log", "b.log", "c.log")...)
	report := Check(run)
	text := reportText(report)
	if report.Verdict() != Holds || len(run.Findings) > 0 {
		t.Errorf("the verdict is %v, want holds, and no finding:\n%s", report.Verdict(), text)
	}
	for _, part := range []string{"3 of 3 nodes entered", "3 by a chain of hops", "3 of 3 granted"} {
		if !strings.Contains(text, part) {
			t.Errorf("the report does not say %q:\n%s", part, text)
		}
	}
	if strings.Contains(text, titles[overtaking].name) {
		t.Errorf("the bound on overtaking is judged, though no line has a queue:\n%s", text)
	}
	told := story(t, run, "cs", 3)
	for _, part := range []string{"c:1 sends REQUEST(1) to a:1 and b:1", "b:1 sends the token to c:1. This is hop 2.", "c:1 enters the critical section, with fence 3"} {
		if !strings.Contains(told, part) {
			t.Errorf("the story does not say %q:\n%s", part, told)
		}
	}
	for _, part := range []string{"RN", "LN", "Q is empty"} {
		if strings.Contains(told, part) {
			t.Errorf("the story tells of %s, of which no line does:\n%s", part, told)
		}
	}
}

// TestMinimalFormPlanted plants faults in a log in the minimal form.
func TestMinimalFormPlanted(t *testing.T) {
	whole := minimalFiles(t, "a.log", "b.log", "c.log")
	change := func(file int, old, replacement string) []string {
		texts := append([]string(nil), whole...)
		if !strings.Contains(texts[file], old) {
			t.Fatalf("file %d does not have %s", file, old)
		}
		texts[file] = strings.Replace(texts[file], old, replacement, 1)
		return texts
	}
	for _, c := range []struct {
		name    string
		files   []string
		verdict Verdict
		says    string
	}{
		{"two inside", minimalFiles(t, "a.log", "b-two-inside.log", "c.log"), Violated, "b:1 was still inside with fence 2 when the token went to c:1"},
		{"an entry where the token is not", change(0, `"hop": 3, "fence": 4`, `"hop": 2, "fence": 4`), Violated, "but that token was at c:1"},
		{"a hop sent twice", change(2, `"hop": 3}`, `"hop": 2}`), Violated, "was sent 2 times"},
		{"a fence that falls", change(2, `"hop": 2, "fence": 3`, `"hop": 2, "fence": 1`), Violated, "after fence 2 was given"},
		{"more requests than others", change(1, `"event": "request_sent", "lock": "cs", "peer": "c:1", "number": 1}`,
			`"event": "request_sent", "lock": "cs", "peer": "c:1", "number": 1}`+"\n"+
				`{"time": "2026-11-22T12:00:00.8Z", "node": "b:1", "event": "request_sent", "lock": "cs", "peer": "c:1", "number": 1}`), Violated, "want at most N-1 = 2"},
		{"a request that is not granted", change(1, `"number": 1, "hop": 1`, `"hop": 1`), Insufficient, "counts as"},
		{"no end", change(1, `"node_stopped"`, `"files_changed"`), Insufficient, "want node_stopped"},
		{"a key is missing", change(1, `, "hop": 1, "fence": 2`, `, "fence": 2`), Insufficient, "enter: lacks the key"},
		{"a number with a fraction", change(1, `"hop": 1, "fence": 2`, `"hop": 1.5, "fence": 2`), Insufficient, "got a JSON number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := Check(readAll(t, c.files...))
			text := reportText(report)
			if report.Verdict() != c.verdict || !strings.Contains(text, c.says) {
				t.Errorf("the verdict is %v, want %v and %q:\n%s", report.Verdict(), c.verdict, c.says, text)
			}
		})
	}
}

// TestMinimalFormIsAskedFor: if node_started has an incarnation, the node's lines must
// follow the whole schema.
func TestMinimalFormIsAskedFor(t *testing.T) {
	texts := minimalFiles(t, "a.log", "b.log", "c.log")
	texts[0] = strings.Replace(texts[0], `"members"`, `"level":"info","message":"m","version":"1","session":"1","incarnation":"0123456789abcdef0123456789abcdef","members"`, 1)
	report := Check(readAll(t, texts...))
	if text := reportText(report); report.Verdict() != Insufficient || !strings.Contains(text, "not as the schema has it: token_made: lacks the key level") {
		t.Errorf("the verdict is %v, want insufficient, since lines lack keys:\n%s", report.Verdict(), text)
	}
}

// TestMinimalFormIsDocumented compares docs/LOGFORMAT.md with what the reader requires.
func TestMinimalFormIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "LOGFORMAT.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{NodeStarted, Request, RequestSent, RequestReceived, TokenMade, TokenSent, TokenReceived, Enter, Leave, NodeStopped} {
		row := "| `" + event + "` | " + codes(shapeOf[event].least()&^setOf("time", "node", "event")) + " |"
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/LOGFORMAT.md does not have the row %s", row)
		}
	}
	example := minimalFiles(t, "a.log")[0]
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "{") && !strings.Contains(example, line) {
			t.Errorf("docs/LOGFORMAT.md has a line that testdata/minimal/a.log does not have: %s", line)
		}
	}
}

// FuzzMinimal: any log that claims the minimal form can be merged, checked and explained.
func FuzzMinimal(f *testing.F) {
	texts := minimalFiles(f, "a.log", "b.log", "c.log")
	f.Add(texts[0], texts[1], texts[2])
	f.Add(texts[0], minimalFiles(f, "b-two-inside.log")[0], "")
	f.Fuzz(func(_ *testing.T, a, b, c string) {
		run, err := tryReadAll(a, b, c)
		if err != nil {
			return
		}
		run.Merge()
		_ = reportText(Check(run))
		_ = Explain(run, "", 0, io.Discard) // there need not be an entry
	})
}

// TestMinimalFormShared checks logs in the minimal form of a lock that is shared.
func TestMinimalFormShared(t *testing.T) {
	line := func(node, event, more string) string {
		return `{"time":"2026-11-22T12:00:00Z","node":"` + node + `:1","event":"` + event + `"` + more + "}\n"
	}
	const members, cs = `,"members":["a:1","b:1"]`, `,"lock":"cs"`
	a := line("a", NodeStarted, members) + line("a", TokenMade, cs) +
		line("a", Enter, cs+`,"hop":0,"fence":1,"mode":2`) + line("a", RequestReceived, cs+`,"peer":"b:1","number":1`) +
		line("a", TokenSent, cs+`,"peer":"b:1","hop":1`) + line("a", ShareEnter, cs+`,"fence":1,"mode":"2"`) +
		line("a", ShareLeave, cs+`,"fence":1,"mode":2`) + line("a", ShareLeave, cs+`,"fence":1,"mode":2`) + line("a", NodeStopped, "")
	b := line("b", NodeStarted, members) + line("b", Request, cs+`,"number":1`) + line("b", RequestSent, cs+`,"peer":"a:1","number":1`) +
		line("b", TokenReceived, cs+`,"peer":"a:1","hop":1`) + line("b", Enter, cs+`,"hop":1,"fence":2,"number":1,"mode":2`) +
		line("b", Leave, cs+`,"fence":2,"mode":2`) + line("b", NodeStopped, "")
	if report := Check(readAll(t, a, b)); report.Verdict() != Holds {
		t.Errorf("the verdict is %v, want holds:\n%s", report.Verdict(), reportText(report))
	}
	crowd := strings.ReplaceAll(a, `"mode":2`, `"mode":1`)
	crowd = strings.ReplaceAll(crowd, `"mode":"2"`, `"mode":1`)
	if report := Check(readAll(t, crowd, b)); verdictOf(report, permits) != Violated {
		t.Errorf("two with the only permit, and the verdict is %v:\n%s", verdictOf(report, permits), reportText(report))
	}
	alone := strings.ReplaceAll(b, `,"mode":2`, "")
	if report := Check(readAll(t, a, alone)); verdictOf(report, exclusion) == Holds {
		t.Errorf("one who is in alone, and nothing says after whom:\n%s", reportText(report))
	}
}
