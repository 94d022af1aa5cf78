package report

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"conch/logs"
	"conch/logs/draw"
)

var update = flag.Bool("update", false, "rewrite the golden files; review the diff")

// scene reads a fixed run of package logs.
func scene(t *testing.T, name string) *logs.Run {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name+".merged.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, map[string]string{name + ".log": string(text)})
}

// mergedText returns a fixed run's merged lines.
func mergedText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name+".merged.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func read(t *testing.T, files map[string]string) *logs.Run {
	t.Helper()
	var all []*logs.File
	for name, text := range files {
		file, err := logs.Read(name, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, file)
	}
	run, err := logs.NewRun(all...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func input(t *testing.T) Input {
	t.Helper()
	return Input{Run: scene(t, "contended"), Crash: scene(t, "recovery"), Repository: "https://example.org/conch", Authors: []string{"A. Student", "B. Student"}}
}

func markdownOf(t *testing.T, d *Document) string {
	t.Helper()
	var b bytes.Buffer
	err := d.Markdown(&b, func(name string, _ *draw.Picture) (string, error) { return name + ".svg", nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what is written now; run go test ./logs/report -update and review the diff. Got:\n%s", path, got)
	}
}

func TestGoldenMarkdown(t *testing.T) {
	d, verdict := Build(input(t))
	if verdict != logs.Holds {
		t.Errorf("verdict %s", verdict)
	}
	text := markdownOf(t, d)
	at := strings.Index(text, "## Appendix 1")
	golden(t, "report.md", text[:at])
	// The golden file leaves out the appendices; each line must be there once, in order.
	for _, a := range d.Appendices {
		for i, e := range a.Events {
			line := fmt.Sprintf("\n%d.%d %s\n", a.Number, i+1, e.Raw)
			next := strings.Index(text[at:], line)
			if next < 0 {
				t.Fatalf("the appendix lacks %s, or has it out of order", line)
			}
			at += next + 1
		}
	}
}

// TestGoldenHTML compares the page without its figures and appendix, which have golden
// files of their own.
func TestGoldenHTML(t *testing.T) {
	d, _ := Build(Input{Run: scene(t, "contended")})
	var b bytes.Buffer
	if err := d.HTML(&b, nil); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if figures := strings.Count(page, "<svg"); figures == 0 || figures != strings.Count(page, "</svg>") {
		t.Errorf("%d figures", figures)
	}
	page = regexp.MustCompile(`(?s)<svg.*?</svg>`).ReplaceAllString(page, "<svg/>")
	body, _, found := strings.Cut(page, "<h2 id=\"appendix-1\"")
	if !found {
		t.Error("there is no appendix")
	}
	golden(t, "report.html", body)
}

// With local batches Q is not first in, first out, and the report says so.
func TestBatchesAreTold(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "contended.merged.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	batched := strings.Replace(string(text), `"version"`, `"local_batch":"5","version"`, 1)
	d, verdict := Build(Input{Run: read(t, map[string]string{"contended.log": batched})})
	if verdict != logs.Holds {
		t.Errorf("verdict %s", verdict)
	}
	said := markdownOf(t, d)
	for _, want := range []string{"--local-batch (up to 5 here)", "which in these logs is up to 5 entries in a row", "no more than its local batch, which is up to 5"} {
		if !strings.Contains(said, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if wrong := "first in, first out"; strings.Contains(said, wrong) {
		t.Errorf("the report says %q", wrong)
	}
}

// TestBadInput: the first page says what is wrong, and the report claims nothing that would
// need it.
func TestBadInput(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "contended.merged.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text)
	other, err := os.ReadFile(filepath.Join("..", "testdata", "recovery.merged.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var missing, changed, third []string
	for line := range strings.Lines(string(other)) {
		if strings.Contains(line, `"node":"10.0.0.2:7400"`) {
			third = append(third, line)
		}
	}
	for line := range strings.Lines(whole) {
		if !strings.Contains(line, `"node":"10.0.0.2:7400"`) {
			missing = append(missing, line)
		}
	}
	changed = append(changed, strings.ReplaceAll(string(other), `:7400`, `:7500`))
	for _, c := range []struct {
		name     string
		files    map[string]string
		says     string
		sections int // about the run itself
	}{
		{"cut in mid-line", map[string]string{"a.log": whole[:len(whole)*2/3]}, "is torn: the file ends in the middle of this line", 4},
		{"empty file", map[string]string{"a.log": strings.Join(missing, ""), "b.log": ""}, "b.log: has no line of a conch log", 4},
		{"missing node", map[string]string{"a.log": strings.Join(missing, "")}, "no line of member 10.0.0.2:7400", 4},
		{"other cluster", map[string]string{"a.log": whole, "b.log": strings.Join(changed, "")}, "these are logs of different clusters", 0},
		{"other run", map[string]string{"a.log": strings.Join(missing, ""), "b.log": strings.Join(third, "")}, "they are of different runs", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, verdict := Build(Input{Run: read(t, c.files)})
			if verdict != logs.Insufficient {
				t.Errorf("verdict %s", verdict)
			}
			var first strings.Builder
			for _, block := range d.First {
				if w, ok := block.(Warning); ok {
					fmt.Fprintln(&first, w.Title, w.Problems)
				}
			}
			if !strings.Contains(first.String(), c.says) {
				t.Errorf("the first page does not say %q:\n%s", c.says, first.String())
			}
			told := 0
			for _, s := range d.Sections {
				switch s.Title {
				case "The algorithm, step by step", "One entry in full", "Three cases", "Measurements":
					told++
				}
			}
			if told != c.sections {
				t.Errorf("%d sections tell of the run, want %d", told, c.sections)
			}
			text := markdownOf(t, d)
			for _, claim := range []string{"R2, safety: only one node at a time is in the critical section. HOLDS", "every node that asks gets in at some point. HOLDS"} {
				if strings.Contains(text, claim) {
					t.Errorf("it claims %q", claim)
				}
			}
		})
	}
}

func TestViolation(t *testing.T) {
	d, verdict := Build(Input{Run: scene(t, "two-inside")})
	if verdict != logs.Violated {
		t.Errorf("verdict %s", verdict)
	}
	first, rest, _ := strings.Cut(markdownOf(t, d), "## 1.")
	if !strings.Contains(first, "The logs of appendix 1 show a violation.") || !strings.Contains(first, "was still inside") {
		t.Errorf("the first page:\n%s", first)
	}
	if !strings.Contains(rest, "It was not met in this run.") || strings.Contains(rest, "critical section. HOLDS") {
		t.Error("the verdict on R2 is another")
	}
}

func TestNoRun(t *testing.T) {
	d, verdict := Build(Input{Problems: []string{"no line of a conch log in empty.log"}})
	if text := markdownOf(t, d); verdict != logs.Insufficient || !strings.Contains(text, "no line of a conch log in empty.log") || !strings.Contains(text, "nothing is shown of R1, R2 and R3") {
		t.Errorf("verdict %s:\n%s", verdict, text)
	}
	if got := pdf(t, d, nil); !bytes.HasPrefix(got, []byte("%PDF-")) {
		t.Errorf("got %.20q", got)
	}
}

func pdf(t *testing.T, d *Document, progress Progress) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.PDF(&b, progress); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPDFStructure checks pages, bookmarks and links, and that the same logs make the same
// bytes.
func TestPDFStructure(t *testing.T) {
	d, _ := Build(input(t))
	file := pdf(t, d, nil)
	pages := len(regexp.MustCompile(`/Type /Page\b[^s]`).FindAll(file, -1))
	if counted := fmt.Sprintf("/Count %d", pages); !bytes.Contains(file, []byte(counted)) || pages < 10 {
		t.Errorf("%d pages, and the file does not have %s", pages, counted)
	}
	bookmarks := bytes.Count(file, []byte("/Parent ")) - pages
	want := len(d.Sections) + len(d.Appendices)
	for _, s := range d.Sections {
		for _, block := range s.Blocks {
			if _, ok := block.(Subtitle); ok {
				want++
			}
		}
	}
	if bookmarks != want {
		t.Errorf("%d bookmarks, want %d", bookmarks, want)
	}
	if links := bytes.Count(file, []byte("/Subtype /Link")); links < 40 {
		t.Errorf("%d links", links)
	}
	if !bytes.Equal(file, pdf(t, d, nil)) {
		t.Error("a second time, the file is another")
	}
}

// TestPDFText extracts the text, if pdftotext is installed.
func TestPDFText(t *testing.T) {
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext, of poppler-utils, is not installed: the text of the PDF is not looked at")
	}
	d, _ := Build(input(t))
	path := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(path, pdf(t, d, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-layout", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Split(string(out), "\f")
	if !strings.Contains(pages[0], "A. Student, B. Student") || !strings.Contains(pages[0], "https://example.org/conch") || !strings.Contains(pages[0], "HOLDS") {
		t.Errorf("the first page:\n%s", pages[0])
	}
	contents := make(map[string]int)
	_, listed, found := strings.Cut(string(out), "\nContents\n")
	if !found {
		t.Fatal("there are no contents")
	}
	for line := range strings.Lines(listed) {
		if len(contents) == len(d.Sections)+len(d.Appendices) {
			break
		}
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if page, err := strconv.Atoi(words[len(words)-1]); err == nil && words[0] != "Page" {
			contents[strings.Join(words[:len(words)-1], " ")] = page
		}
	}
	for _, s := range d.Sections {
		if !strings.Contains(fmt.Sprint(contents), s.Title+":") {
			t.Errorf("the contents lack %q: %v", s.Title, contents)
		}
	}
	for title, page := range contents {
		if text := strings.Join(strings.Fields(pages[page-1]), " "); !strings.Contains(text, title) || !strings.Contains(text, fmt.Sprintf("Page %d", page)) {
			t.Errorf("%q is not on page %d", title, page)
		}
	}
	for _, a := range d.Appendices {
		for i := range a.Events {
			if reference := fmt.Sprintf("%d.%d ", a.Number, i+1); !strings.Contains(string(out), reference) {
				t.Errorf("line %s is missing", reference)
			}
		}
	}
}

// TestLongRun: many lines become a PDF, with progress, and memory grows by a few kilobytes
// a line.
func TestLongRun(t *testing.T) { reportLongRun(t, 12_000) }

// TestSoakLongRun is the same for 100,000 lines.
func TestSoakLongRun(t *testing.T) {
	if os.Getenv("CONCH_SOAK") == "" {
		t.Skip("a long test; make soak runs it")
	}
	reportLongRun(t, 100_000)
}

func reportLongRun(t *testing.T, lines int) {
	const perLine = 8 << 10
	d, _ := Build(Input{Run: longRun(t, lines)})
	told, last := 0, 0
	most := uint64(0)
	file := pdf(t, d, func(done, total int) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
		told++
		if done <= last || total != d.lines() {
			t.Errorf("progress: %d of %d, after %d", done, total, last)
		}
		last = done
	})
	if d.lines() < lines || last != d.lines() || told < lines/progressStep {
		t.Errorf("%d lines, progress up to %d, told %d times", d.lines(), last, told)
	}
	if most > uint64(lines*perLine) {
		t.Errorf("%d MB of memory, want at most %d", most>>20, lines*perLine>>20)
	}
	t.Logf("%d MB of memory, a file of %d MB", most>>20, len(file)>>20)
}

// longRun makes a run of two nodes that pass the token to and fro.
func longRun(t *testing.T, lines int) *logs.Run {
	t.Helper()
	var b strings.Builder
	nodes := []string{"10.0.0.1:7400", "10.0.0.2:7400"}
	written := 0
	rn, ln := [2]int{}, [2]int{}
	write := func(node int, event, more string) {
		fmt.Fprintf(&b, `{"level":"info","node":"%s","time":"2026-11-22T12:00:%02d.%06dZ","event":"%s",%s"message":"x"}`+"\n", nodes[node], written/1_000_000, written%1_000_000, event, more)
		written++
	}
	state := func(here bool) string {
		text := fmt.Sprintf(`"lock":"cs","request_numbers":["1.%d","1.%d"],`, rn[0], rn[1])
		if here {
			text += fmt.Sprintf(`"last_granted":["1.%d","1.%d"],"queue":[],`, ln[0], ln[1])
		}
		return text
	}
	for node := range nodes {
		write(node, "node_started", fmt.Sprintf(`"members":["%s","%s"],"incarnation":"%032d","version":"test","session":"1",`, nodes[0], nodes[1], node))
	}
	token := func(hop, fence int) string { return fmt.Sprintf(`"epoch":"1.0","hop":"%d","fence":"%d",`, hop, fence) }
	write(0, "token_made", state(true)+token(0, 1))
	for hop := 0; written < lines; hop++ {
		holder, asker := hop%2, 1-hop%2
		rn[asker]++
		number := fmt.Sprintf(`"number":"1.%d",`, rn[asker])
		write(asker, "request", state(false)+number)
		write(asker, "request_sent", state(false)+number+`"peer":"`+nodes[holder]+`",`)
		write(holder, "request_received", state(true)+number+`"peer":"`+nodes[asker]+`",`)
		write(holder, "token_sent", state(true)+token(hop+1, hop+1)+`"session":"1","peer":"`+nodes[asker]+`",`)
		write(asker, "token_received", state(true)+token(hop+1, hop+1)+`"peer":"`+nodes[holder]+`",`)
		write(asker, "enter", state(true)+number+token(hop+1, hop+2))
		ln[asker]++
		write(asker, "leave", state(true)+token(hop+1, hop+2))
	}
	for node := range nodes {
		write(node, "node_stopped", "")
	}
	return read(t, map[string]string{"long.log": b.String()})
}

// TestDeathInTheMainRun: without a second run, the report tells of a death in the main run.
func TestDeathInTheMainRun(t *testing.T) {
	for _, in := range []Input{{Run: scene(t, "recovery")}, {Run: scene(t, "recovery"), Crash: scene(t, "contended")}} {
		d, _ := Build(in)
		text := markdownOf(t, d)
		if !strings.Contains(text, "This is told from the logs of appendix 1. The process of B wrote line 1.106") || strings.Contains(text, "no node died") {
			t.Error("the death of B is not told from the main run")
		}
	}
	d, _ := Build(Input{Run: scene(t, "contended"), Crash: scene(t, "streams-cut")})
	if text := markdownOf(t, d); !strings.Contains(text, "By these logs, no node died") || strings.Contains(text, "To show it, kill a node") {
		t.Error("it is not said that no node died, or what to do is told although a second run was given")
	}
}

// TestDeathWithoutBurial: a node that is started again at once promises to take no older
// token; the others need not bury it, and the report does not say that they did.
func TestDeathWithoutBurial(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "leaders", "n?.log"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("got %v, %v, want three logs", paths, err)
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := Build(Input{Run: run})
	said := markdownOf(t, d)
	if want := "Nobody had to bury B: its new process had promised too."; !strings.Contains(said, want) {
		t.Errorf("the report does not say %q", want)
	}
	if strings.Contains(said, "A node that buries another") {
		t.Error("the report tells of a burial, and there was none")
	}
}

// TestDeathWithoutToken: the report says nothing of a dead node's token that its lines do
// not show.
func TestDeathWithoutToken(t *testing.T) {
	// The process of B ends while the token is on its way to it.
	var kept []string
	for line := range strings.Lines(mergedText(t, "recovery")) {
		if strings.Contains(line, `"node":"10.0.0.2:7400"`) && (strings.Contains(line, `"event":"token_received"`) || strings.Contains(line, `"fence":"438086664199"`)) && strings.Contains(line, `"hop":"3"`) {
			continue
		}
		kept = append(kept, line)
	}
	d, _ := Build(Input{Run: read(t, map[string]string{"a.log": strings.Join(kept, "")})})
	text := markdownOf(t, d)
	if strings.Contains(text, "It had the token, by") && !strings.Contains(text, "The process of C") || !strings.Contains(text, "## 5. When a node dies") {
		t.Errorf("it is said where the token was:\n%s", text[strings.Index(text, "## 5."):strings.Index(text, "## 6.")])
	}
	readReport(t, text)
}

// inTime gives the lines of files times, a second apart, from a second on.
func inTime(second int, files map[string]string) map[string]string {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	times := regexp.MustCompile(`"time":"[^"]*"`)
	for name, text := range files {
		at := second
		files[name] = times.ReplaceAllStringFunc(text, func(string) string {
			at++
			return fmt.Sprintf(`"time":%q`, begin.Add(time.Duration(at)*time.Second).Format(time.RFC3339Nano))
		})
	}
	return files
}

// TestCrashOfNoUse: the first page says if the second run has no death, or if its files are
// of two runs.
func TestCrashOfNoUse(t *testing.T) {
	in := input(t)
	in.Crash = in.Run
	d, _ := Build(in)
	if text := markdownOf(t, d); len(d.Missing) != 1 || !strings.Contains(text, "No node died in the run that --crash names: give the folder of a run in which one did") {
		t.Errorf("missing are %v", d.Missing)
	}

	const started1 = `{"time":"","node":"a:1","event":"node_started","members":["a:1","b:1"]}` + "\n"
	started2 := strings.Replace(started1, `"a:1"`, `"b:1"`, 1)
	again := func(second int, files map[string]string) *logs.Run {
		all := inTime(0, map[string]string{"a.log": started1 + started1, "b.log": started2 + started2})
		maps.Copy(all, inTime(second, files))
		return read(t, all)
	}
	for name, c := range map[string]struct {
		run  *logs.Run
		want string // the first file of the second run
	}{
		"one run":                  {again(0, nil), ""},
		"two runs":                 {again(9, map[string]string{"kill-a.log": started1, "kill-b.log": started2}), "kill-a.log"},
		"a node started again":     {again(1, map[string]string{"a2.log": started1}), ""},
		"the whole run goes twice": {again(0, map[string]string{"a2.log": started1, "b2.log": started2}), ""},
	} {
		got := ""
		if first := secondRun(c.run); first != nil {
			got = first.Name
		}
		if got != c.want {
			t.Errorf("%s: a second run begins with %q, want %q", name, got, c.want)
		}
	}
	in = input(t)
	in.Crash = again(9, map[string]string{"kill-a.log": started1, "kill-b.log": started2})
	d, _ = Build(in)
	if text := markdownOf(t, d); !strings.Contains(text, "The files of appendix 2 seem to be those of two runs, the second beginning with kill-a.log") {
		t.Errorf("missing are %v", d.Missing)
	}
}

// TestMissing: the first page asks for what a hand-in lacks.
func TestMissing(t *testing.T) {
	d, _ := Build(Input{Run: scene(t, "contended")})
	if len(d.Missing) != 2 || !strings.Contains(markdownOf(t, d), "| A link to the repository | MISSING: add --repository URL") {
		t.Errorf("missing are %v", d.Missing)
	}
	d, _ = Build(input(t))
	if text := markdownOf(t, d); len(d.Missing) != 0 || strings.Contains(text, "Before you hand this in") || strings.Contains(text, "MISSING") {
		t.Errorf("missing are %v", d.Missing)
	}
}

// TestAssignment: each line of the assignment refers to a part that exists, and says so if
// the run does not answer it.
func TestAssignment(t *testing.T) {
	d, _ := Build(input(t))
	table := d.First[len(d.First)-1].(Table)
	if len(table.Rows) != 13 {
		t.Errorf("%d lines of the assignment are answered, want 13", len(table.Rows))
	}
	for _, row := range table.Rows {
		for _, number := range regexp.MustCompile(`section (\d+)`).FindAllStringSubmatch(row[2], -1) {
			if n, err := strconv.Atoi(number[1]); err != nil || n < 1 || n > len(d.Sections) {
				t.Errorf("%q is answered in %s, but there are %d sections", row[0], number[0], len(d.Sections))
			}
		}
		if row[2] == "" || strings.Contains(row[2], "nowhere") {
			t.Errorf("%q is answered nowhere", row[0])
		}
	}
	d, _ = Build(Input{Run: longRun(t, 200)})
	table = d.First[len(d.First)-1].(Table)
	if got := fmt.Sprint(table.Rows[7]); !strings.Contains(got, "NOT MET: the run has 2 nodes") {
		t.Errorf("two nodes are enough: %s", got)
	}
}

// TestCommand: the report shows the command that was given.
func TestCommand(t *testing.T) {
	in := input(t)
	in.Command = "conch report a.log --out 'my report.pdf'"
	d, _ := Build(in)
	if !strings.Contains(markdownOf(t, d), "This command made the report:\n\n```sh\n"+in.Command+"\n```") {
		t.Error("the command is not told")
	}
}
