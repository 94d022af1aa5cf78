package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// grown is a run in which a cluster of one grows to three and to five, shrinks, has a machine
// replaced, and the disk of a member.
func grown(draw func(int) int, f faults) *cluster {
	c := newChanging(7, 1, draw)
	steps := func() {
		for range 40 {
			c.step(f)
			c.remake()
		}
	}
	steps()
	c.change(0, []int{0, 1, 2}, steps)
	c.change(1, []int{0, 1, 2, 3, 4}, steps)
	c.change(2, []int{0, 2, 4}, steps)
	c.change(4, []int{2, 4, 5}, steps)
	c.crash(c.nodes[4])
	c.nodes[6].name = c.nodes[4].name
	c.change(2, []int{2, 5, 6}, steps)
	c.settleDown()
	c.stopAll()
	return c
}

func TestChangingMembersHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := grown(seeded(rapid.Uint64().Draw(t, "seed")), faults{cuts: rapid.Bool().Draw(t, "cuts")})
		for _, m := range c.nodes {
			for _, line := range m.lines {
				if err := Validate([]byte(line)); err != nil {
					t.Fatal(err)
				}
			}
		}
		report := Check(readAll(t, c.files()...))
		if report.Verdict() != Holds {
			t.Fatalf("%s", reportText(report))
		}
	})
}

// edit changes the lines of some files in which all the words are.
func edit(files [][]string, change func(line string) string, words ...string) int {
	edited := 0
	for _, lines := range files {
		for i := range lines {
			if lineOf(lines[i:i+1], 0, words...) == 0 {
				lines[i] = change(lines[i])
				edited++
			}
		}
	}
	return edited
}

// in puts one text in place of another.
func in(old, with string) func(string) string {
	return func(line string) string { return strings.ReplaceAll(line, old, with) }
}

// adopted are the words of the lines by which a membership is adopted.
func adopted(version int) []string {
	return []string{event(MembershipAdopted), fmt.Sprintf(`"membership":"%d"`, version)}
}

var incarnations = regexp.MustCompile(`"incarnation":"\w`)

// anotherProcess gives a process another incarnation.
func anotherProcess(text string) string {
	return incarnations.ReplaceAllString(text, `"incarnation":"f`)
}

// TestPlantedChanges breaks the logs of members that change in one way each.
func TestPlantedChanges(t *testing.T) {
	const ids = `"member_ids":`
	for name, planted := range map[string]struct {
		plant   func(t *testing.T, files [][]string) (edited int)
		verdict Verdict
		reason  string // part of it
	}{
		"two lists with one number": {func(t *testing.T, files [][]string) int {
			return edit(files[1:2], in(`"10.0.0.3:7400"`, `"10.0.0.9:7400"`), adopted(2)...)
		}, Violated, "adopted different lists as membership 2"},
		"back to an earlier one": {func(t *testing.T, files [][]string) int {
			return edit(files[0:1], in(`"membership":"4"`, `"membership":"44"`), adopted(4)...) +
				edit(files[0:1], in(`"membership":"5"`, `"membership":"1"`), adopted(5)...)
		}, Violated, "10.0.0.1:7400 went from membership 44 to membership 1"},
		"back to an earlier one at a start": {func(t *testing.T, files [][]string) int {
			start := files[5][find(t, files[5], 1, event(NodeStarted))]
			files[5] = append(files[5], anotherProcess(strings.Replace(start, `"membership":"7"`, `"membership":"6"`, 1)))
			return 1
		}, Violated, "10.0.0.6:7400 went from membership 10 to membership 6"},
		"a joint one that leaves another list": {func(t *testing.T, files [][]string) int {
			return edit(files, in(`"members":["10.0.0.1:7400","10.0.0.2:7400","10.0.0.3:7400"],"member_ids":["0","1","2"]`, `"members":["10.0.0.1:7400","10.0.0.2:7400"],"member_ids":["0","1"]`), adopted(3)...)
		}, Violated, "membership 3 leaves the list [0 1], but membership 2 had [0 1 2]"},
		"another list than the joint one led to": {func(t *testing.T, files [][]string) int {
			return edit(files, in(`"members":["10.0.0.1:7400","10.0.0.2:7400","10.0.0.3:7400"],"member_ids":["0","1","2"]`, `"members":["10.0.0.1:7400","10.0.0.2:7400"],"member_ids":["0","1"]`), adopted(2)...)
		}, Violated, "membership 2 has the list [0 1], but membership 1 led to [0 1 2]"},
		"fewer IDs": {func(t *testing.T, files [][]string) int {
			return edit(files, in(`"ids":"5"`, `"ids":"6"`), adopted(4)...)
		}, Violated, "membership 5 has given 5 IDs, fewer than membership 4 with 6"},
		"an ID that is given again": {func(t *testing.T, files [][]string) int {
			return edit(files, in(ids+`["2","4","5"]`, ids+`["3","4","5"]`), adopted(8)...)
		}, Violated, "by the ID 3, which membership 7 had given before and did not list"},
		"an ID of two addresses": {func(t *testing.T, files [][]string) int {
			return edit(files, in(`"10.0.0.2:7400"`, `"10.0.0.9:7400"`), adopted(2)...)
		}, Violated, "the ID 1 is that of 10.0.0.2:7400 in membership 1, and that of 10.0.0.9:7400 in membership 2"},
		"one that is passed over in a session": {func(t *testing.T, files [][]string) int {
			return edit(files[2:3], func(string) string { return "" }, adopted(3)...)
		}, Insufficient, "in the session in which it had passed over a membership"},
		"an entry after the departure": {func(t *testing.T, files [][]string) int {
			files[0] = slices.Insert(files[0], find(t, files[0], 1, event(MemberDeparted))+1, files[0][find(t, files[0], 1, event(Enter))])
			return 1
		}, Violated, "after it had departed"},
		"an entry of one who is not listed": {func(t *testing.T, files [][]string) int {
			enter := files[0][find(t, files[0], 1, event(Enter))]
			files[0][find(t, files[0], 1, event(MemberDeparted))] = ""
			files[0] = slices.Insert(files[0], find(t, files[0], 1, event(NodeRemoved)), enter)
			return 1
		}, Violated, "and is not in membership 8"},
		"an entry after another has gone over to a list without the node": {func(t *testing.T, files [][]string) int {
			enter := files[0][find(t, files[0], 1, event(Enter))]
			for _, kind := range []string{MemberDeparted, NodeRemoved} {
				files[0][find(t, files[0], 1, event(kind))] = ""
			}
			edit(files[0:1], func(string) string { return enter }, adopted(8)...)
			return 1
		}, Violated, "had gone over to membership 8, which does not list it"},
	} {
		t.Run(name, func(t *testing.T) {
			var files [][]string
			for _, text := range grown(seeded(3), faults{}).files() {
				files = append(files, strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
			}
			if planted.plant(t, files) == 0 {
				t.Fatal("nothing was planted")
			}
			report := Check(readAll(t, joined(files)...))
			said := slices.ContainsFunc(report.Requirements, func(q Requirement) bool {
				return slices.ContainsFunc(q.Details, func(d Detail) bool {
					return q.ID == titles[oneList].id && d.Verdict == planted.verdict && strings.Contains(d.Reason, planted.reason)
				})
			})
			if got := verdictOf(report, oneList); got != planted.verdict || !said {
				t.Errorf("the verdict is %s, want %s, by %q:\n%.3000s", got, planted.verdict, planted.reason, reportText(report))
			}
		})
	}
}

// TestMissingLineOfAChange: whatever line is missing, nothing is violated.
func TestMissingLineOfAChange(t *testing.T) {
	files := grown(seeded(3), faults{}).files()
	for i, text := range files {
		lines := strings.SplitAfter(text, "\n")
		for k, line := range lines {
			about := strings.Contains(line, `"membership"`) || strings.Contains(line, event(NodeStarted)) || strings.Contains(line, event(MemberDeparted))
			if !about && k%5 != 0 || line == "" {
				continue
			}
			without := slices.Clone(files)
			without[i] = strings.Join(slices.Delete(slices.Clone(lines), k, k+1), "")
			run := readAll(t, without...)
			if report := Check(run); report.Verdict() == Violated {
				t.Fatalf("without line %d of %d, %s%s", k+1, i+1, line, reportText(report))
			}
			for version := range uint64(12) {
				if c, err := run.TellChange(version); err == nil && (len(c.Steps) == 0 || c.Summary == "") {
					t.Fatalf("without line %d of %d, %sthere is nothing to tell of change %d", k+1, i+1, line, version)
				}
			}
		}
	}
}

// TestClustersMixed: logs of different clusters are an error that says so.
func TestClustersMixed(t *testing.T) {
	files := grown(seeded(3), faults{}).files()
	other := newCluster(2, []string{"cs"}, seeded(1))
	for _, m := range other.nodes {
		m.name = strings.Replace(m.name, "10.0.0.", "10.0.1.", 1)
	}
	other.run(60, faults{crashes: true})
	for name, c := range map[string]struct {
		files []string
		says  string
	}{
		"another cluster":              {append(slices.Clone(files), anotherProcess(strings.ReplaceAll(files[0], simCluster, strings.Repeat("ab", 16)))), "these are logs of different clusters; give those of one"},
		"one whose list never changes": {append(slices.Clone(files), other.files()...), "these are logs of different clusters; give those of one"},
	} {
		report := Check(readAll(t, c.files...))
		if text := reportText(report); report.Verdict() != Insufficient || !strings.Contains(text, c.says) {
			t.Errorf("%s: the report does not say %q:\n%.2000s", name, c.says, text)
		}
	}
}

// TestStrangers: a machine that has lost its disk and waits, and one that is never listed, take
// nothing away from the proof.
func TestStrangers(t *testing.T) {
	c := newChanging(3, 3, seeded(5))
	for range 60 {
		c.step(faults{})
		c.remake()
	}
	c.settleDown()
	c.stopAll()
	files := c.files()
	start := strings.SplitAfter(files[2], "\n")[0]
	stranger := anotherProcess(strings.ReplaceAll(start, c.nodes[2].disk(), strings.Repeat("ab", 16)))
	stop := strings.Replace(start, `"event":"node_started"`, `"event":"node_stopped"`, 1)
	files[2] += stranger + stop
	files = append(files, in("10.0.0.3:7400", "10.0.0.8:7400")(stranger+stop))
	report := Check(readAll(t, files...))
	if report.Verdict() != Holds || !strings.Contains(reportText(report), "was no member to the end of its log") {
		t.Errorf("the verdict is %s:\n%s", report.Verdict(), reportText(report))
	}
}

// TestGoldenChanges tells of a run in which a member is added, and the disk of another replaced.
func TestGoldenChanges(t *testing.T) {
	files := replaced().files()
	for i, text := range files { // for other packages, too
		golden(t, fmt.Sprintf("members/n%d.log", i+1), text)
	}
	run := readAll(t, files...)
	golden(t, "members/check.txt", reportText(Check(run)))
	golden(t, "members/explain.txt", story(t, run, "", 0))
	for name, tell := range map[string]func(*Run, uint64, io.Writer) error{"members/change.txt": ExplainChange, "members/brief.txt": BriefChange} {
		var out bytes.Buffer
		if err := tell(run, 4, &out); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.String())
	}
	if err := ExplainChange(run, 9, io.Discard); !errors.Is(err, ErrNoChange) || !strings.Contains(err.Error(), "membership 9; there are changes to the memberships from 2 to 4") {
		t.Errorf("of a change that is not there: %v", err)
	}
	if err := ExplainChange(readAll(t, scenes[0].run().files()...), 0, io.Discard); !errors.Is(err, ErrNoChange) || !strings.Contains(err.Error(), "the members did not change") {
		t.Errorf("of members that never change: %v", err)
	}
	var shiviz bytes.Buffer
	if err := run.WriteShiViz(&shiviz, "cs"); err != nil || !strings.Contains(shiviz.String(), "10.0.0.2:7400#2 {") || !strings.Contains(shiviz.String(), "membership_adopted membership=3") {
		t.Errorf("ShiViz: %v, want both members at one address, and adoptions", err)
	}
}

// replaced is a short run of three members: a fourth comes, one dies, and its machine comes back
// with another disk.
func replaced() *cluster {
	c := newChanging(5, 3, seeded(2))
	steps := func() {
		for range 25 {
			c.step(faults{})
			c.remake()
		}
	}
	steps()
	c.change(0, []int{0, 1, 2, 3}, steps)
	c.crash(c.nodes[1])
	c.nodes[4].name = c.nodes[1].name
	c.change(2, []int{0, 2, 3, 4}, steps)
	c.settleDown()
	c.stopAll()
	return c
}

// TestRecordedChanges judges a run of real nodes: three members, then a fourth; the second is
// killed, comes back with an empty data directory and replaces itself; the third is removed.
func TestRecordedChanges(t *testing.T) {
	var texts []string
	for n := 1; n <= 4; n++ {
		text, err := os.ReadFile(filepath.Join("testdata", "grown", fmt.Sprintf("n%d.log", n)))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if err := Validate([]byte(line)); err != nil {
				t.Error(err)
			}
		}
		texts = append(texts, string(text))
	}
	run := readAll(t, texts...)
	report := Check(run)
	if report.Verdict() != Holds {
		t.Errorf("the verdict is %s", report.Verdict())
	}
	golden(t, "grown/check.txt", reportText(report))
	for _, version := range []uint64{2, 4, 6} {
		var out bytes.Buffer
		if err := ExplainChange(run, version, &out); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("grown/change%d.txt", version), out.String())
	}
	for _, e := range run.Merge() {
		if e.Received() && e.Cause == nil {
			t.Errorf("%s: %s has no sending", e.Position(), e.Kind)
		}
	}
	for i, text := range texts {
		lines := strings.SplitAfter(text, "\n")
		for k, line := range lines[:len(lines)-1] {
			if message := strings.Contains(line, `_sent"`) || strings.Contains(line, `_received"`); message && k%5 != 0 {
				continue // others show the same
			}
			without := slices.Clone(texts)
			without[i] = strings.Join(slices.Delete(slices.Clone(lines), k, k+1), "")
			if report := Check(readAll(t, without...)); report.Verdict() == Violated {
				t.Errorf("without line %d of %d, %s%s", k+1, i+1, line, reportText(report))
			}
		}
	}
}

// TestCriticalSectionFileOfChanges: the file of --cs-file has addresses, also where several members
// had one.
func TestCriticalSectionFileOfChanges(t *testing.T) {
	run := readAll(t, replaced().files()...)
	var lines []string
	for _, line := range sharedFile(run) {
		lines = append(lines, strings.ReplaceAll(line, "#2", ""))
	}
	report := Check(run)
	if err := report.CheckCriticalSectionFile(run, "cs.txt", strings.NewReader(strings.Join(lines, ""))); err != nil || report.Verdict() != Holds {
		t.Errorf("%v, verdict %s:\n%s", err, report.Verdict(), reportText(report))
	}
}
