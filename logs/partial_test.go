package logs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// withoutBeginning removes a drawn number of first lines, as a rotation does.
func withoutBeginning(t *rapid.T, file string) string {
	lines := strings.SplitAfter(file, "\n")
	return strings.Join(lines[rapid.IntRange(0, len(lines)-1).Draw(t, "first line"):], "")
}

var nodeOfLine = regexp.MustCompile(`"node":"([^"]*)"`)

// withGap replaces some lines by log_gap, as after a full disk.
func withGap(t *rapid.T, file string) string {
	lines := strings.SplitAfter(file, "\n")
	if len(lines) < 3 {
		return file
	}
	from := rapid.IntRange(1, len(lines)-2).Draw(t, "gap")
	to := rapid.IntRange(from, min(from+60, len(lines)-2)).Draw(t, "end of the gap")
	gap := fmt.Sprintf(`{"level":"warn","time":"2026-11-22T12:00:00Z","node":%q,"event":"log_gap","missing":"%d","message":"log_gap"}`+"\n",
		nodeOfLine.FindStringSubmatch(lines[0])[1], to-from)
	return strings.Join(slices.Replace(lines, from, to, gap), "")
}

var operators = regexp.MustCompile(`"event":"(node_started|node_stopped|peer_connected|peer_lost|session_started|session_lapsed|lost)"`)

// withoutEvidence keeps the lines that a node logs without --evidence.
func withoutEvidence(file string) string {
	var kept []string
	for line := range strings.Lines(file) {
		if operators.MatchString(line) {
			kept = append(kept, strings.Replace(line, `"version":`, `"evidence":false,"version":`, 1))
		}
	}
	return strings.Join(kept, "")
}

// TestPartialLogsNeverViolate removes many lines from all logs. The rest does not suffice,
// and shows no violation.
func TestPartialLogsNeverViolate(t *testing.T) {
	for _, partial := range []struct {
		name string
		take func(t *rapid.T, files []string)
		says string // where something was taken
	}{
		{"all first lines", func(t *rapid.T, files []string) {
			for i := range files {
				files[i] = strings.SplitAfterN(files[i], "\n", 2)[1]
			}
		}, "want node_started"},
		{"all beginnings", func(t *rapid.T, files []string) {
			for i := range files {
				files[i] = withoutBeginning(t, files[i])
			}
		}, ""},
		{"a gap in one log", func(t *rapid.T, files []string) {
			i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
			files[i] = withGap(t, files[i])
		}, "could not write"},
		{"gaps in all logs", func(t *rapid.T, files []string) {
			for i := range files {
				for range rapid.IntRange(0, 3).Draw(t, "gaps") {
					files[i] = withGap(t, files[i])
				}
			}
		}, ""},
		{"one node without evidence", func(t *rapid.T, files []string) {
			i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
			files[i] = withoutEvidence(files[i])
		}, "without --evidence"},
		{"no node with evidence", func(t *rapid.T, files []string) {
			for i := range files {
				files[i] = withoutEvidence(files[i])
			}
		}, "start the nodes with --evidence"},
		{"half without evidence, and beginnings", func(t *rapid.T, files []string) {
			for i := range files {
				if i%2 == 0 {
					files[i] = withoutEvidence(files[i])
				} else {
					files[i] = withoutBeginning(t, files[i])
				}
			}
		}, ""},
	} {
		t.Run(partial.name, rapid.MakeCheck(func(t *rapid.T) {
			c := drawCluster(t)
			f := []faults{{}, {cuts: true}, {cuts: true, abrupt: true}, {crashes: true, cuts: true}}[rapid.IntRange(0, 3).Draw(t, "faults")]
			c.run(rapid.IntRange(50, 300).Draw(t, "steps"), f)
			files := c.files()
			partial.take(t, files)
			run, err := tryReadAll(files...)
			if err != nil {
				return // nothing was left
			}
			report := Check(run)
			text := reportText(report)
			if report.Verdict() == Violated {
				t.Fatalf("%s", text)
			}
			if partial.says != "" && (report.Verdict() != Insufficient || !strings.Contains(text, partial.says)) {
				t.Fatalf("the verdict is %v, want insufficient and %q:\n%s", report.Verdict(), partial.says, text)
			}
			if strings.Contains(text, "of 0 nodes") || strings.Contains(text, " -1") {
				t.Fatalf("the report counts members that it does not know:\n%s", text)
			}
		}))
	}
}

// TestCopiesWithoutBeginning reads a log and a copy of its last lines, and such a copy
// twice: each line counts once.
func TestCopiesWithoutBeginning(t *testing.T) {
	files := busyCluster(3, 3).files()
	lines := strings.SplitAfter(files[0], "\n")
	half := len(lines) / 2
	first, last := strings.Join(lines[:half+10], ""), strings.Join(lines[half:], "")
	for _, c := range []struct {
		name    string
		files   []string
		verdict Verdict
		says    string
	}{
		{"the end beside the whole", []string{files[0], last}, Holds, "is in n1.log:"},
		{"the whole beside the end", []string{last, files[0]}, Holds, "is in n2.log:"},
		{"parts that overlap", []string{first, last}, Holds, "is in n1.log:"},
		{"the end twice", []string{last, last}, Insufficient, "is in n1.log:"},
		{"an end that differs", []string{files[0], strings.Replace(last, "enter", "leave", 1)}, Insufficient, "differs from n1.log:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := Check(readAll(t, append(c.files, files[1], files[2])...))
			text := reportText(report)
			if report.Verdict() != c.verdict || !strings.Contains(text, c.says) {
				t.Errorf("the verdict is %v, want %v and %q:\n%s", report.Verdict(), c.verdict, c.says, text)
			}
		})
	}
}
