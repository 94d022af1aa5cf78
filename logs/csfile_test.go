package logs

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// sharedFile returns the lines that the critical sections of a run would have appended.
func sharedFile(run *Run) []string {
	var lines []string
	for _, e := range run.Merge() {
		switch e.Kind {
		case Enter, Leave:
			lines = append(lines, fmt.Sprintf("%s %s %d\n", e.Kind, e.Node, e.Fence))
		}
	}
	return lines
}

func TestCriticalSectionFile(t *testing.T) {
	clean := busyCluster(3, 3)
	crashing := newCluster(3, []string{"cs"}, seeded(7))
	crashing.run(250, faults{crashes: true})
	swap := func(lines []string, i, k int) []string {
		lines[i], lines[k] = lines[k], lines[i]
		return lines
	}
	for _, c := range []struct {
		name    string
		cluster *cluster
		change  func(lines []string) []string
		verdict Verdict
		says    string
	}{
		{"as it should be", clean, func(lines []string) []string { return lines }, Holds, "entries alternate with leaves"},
		{"with crashes", crashing, func(lines []string) []string { return lines }, Holds, "entries alternate with leaves"},
		{"two inside", clean, func(lines []string) []string { return swap(lines, 1, 2) }, Violated, "entered while"},
		{"a fence twice", clean, func(lines []string) []string { return append(lines, lines[0]) }, Violated, "after fence"},
		{"a leave is missing", clean, func(lines []string) []string { return append(lines[:1], lines[2:]...) }, Insufficient, "nothing says that"},
		{"lost, and told late", clean, func(lines []string) []string {
			late := strings.Replace(lines[1], "leave", "lost", 1)
			lines[1], lines[2], lines[3] = lines[2], lines[3], late
			return lines
		}, Holds, "entries alternate"},
		{"an entry that no log has", clean, func(lines []string) []string { return append(lines, "enter 10.0.0.1:7400 9999\n") }, Insufficient, "the logs have no entry"},
		{"an entry is missing", clean, func(lines []string) []string { return lines[2:] }, Insufficient, "but the file does not have it"},
		{"granted as the node stopped", clean, func(lines []string) []string { return lines[:len(lines)-2] }, Holds, "entries alternate"},
		{"with a byte order mark", clean, func(lines []string) []string { return append([]string{markUTF8}, lines...) }, Holds, "entries alternate"},
		{"written by PowerShell", clean, func(lines []string) []string {
			return []string{wide(strings.Join(lines, ""), markLittleEndian, 0, 1)}
		}, Holds, "entries alternate"},
		{"compressed", clean, func(lines []string) []string { return []string{zipped(strings.Join(lines, ""))} }, Holds, "entries alternate"},
		{"an archive", clean, func([]string) []string { return []string{"PK\x03\x04"} }, Insufficient, "unzip cs.txt"},
		{"another file", clean, func([]string) []string { return []string{"hello\n"} }, Insufficient, "is this the file of --cs-file?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := readAll(t, c.cluster.files()...)
			report := Check(run)
			text := strings.Join(c.change(sharedFile(run)), "")
			if err := report.CheckCriticalSectionFile(run, "cs.txt", strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			got := report.Requirements[len(report.Requirements)-1]
			if got.Verdict != c.verdict || !strings.Contains(reportText(report), c.says) {
				t.Errorf("got %s, want %s and %q:\n%s", got.Verdict, c.verdict, c.says, reportText(report))
			}
		})
	}
}

// FuzzCriticalSectionFile: any file is judged, and only what the nodes would have written
// holds. A node's last entry may be missing: it may have been granted as the node stopped.
func FuzzCriticalSectionFile(f *testing.F) {
	files := busyCluster(3, 3).files()
	run, err := tryReadAll(files...)
	if err != nil {
		f.Fatal(err)
	}
	right := strings.Join(sharedFile(run), "")
	f.Add([]byte(right))
	f.Add([]byte("enter a:1 18446744073709551616\nleave\n\xff\n"))
	f.Add([]byte("lost a:1 0\nenter a:1 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		report := &Report{}
		if err := report.CheckCriticalSectionFile(run, "cs.txt", bytes.NewReader(data)); err != nil {
			return // a line longer than any reader's
		}
		entries := func(text string) (all []string) {
			for line := range strings.Lines(text) {
				if words := strings.Fields(line); len(words) > 0 && words[0] == "enter" {
					all = append(all, strings.Join(words, " "))
				}
			}
			return all
		}
		verdict := report.Requirements[0].Verdict
		text, err := io.ReadAll(decode("cs.txt", bytes.NewReader(data)).text)
		if err != nil {
			t.Fatalf("the file was judged, and cannot be read: %v", err)
		}
		have, want := entries(string(text)), entries(right)
		last := make(map[string]string) // by node
		for _, entry := range want {
			last[strings.Fields(entry)[1]] = entry
		}
		want = slices.DeleteFunc(want, func(entry string) bool {
			return last[strings.Fields(entry)[1]] == entry && !slices.Contains(have, entry)
		})
		if verdict == Holds && !slices.Equal(have, want) {
			t.Errorf("%q holds; want only the entries of the logs, in their order", data)
		}
		_ = reportText(report)
	})
}
