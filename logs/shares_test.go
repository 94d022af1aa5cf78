package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Two runs of real nodes, three each. In readers, somebody writes, three nodes read, a writer
// waits for all of them and a reader for the writer, and somebody writes once more. In
// permits, six want one of three permits; then there are two, of which one is taken, and
// somebody has the lock alone.

// sharedLogs returns the lines of the nodes of such a run.
func sharedLogs(t *testing.T, run string) [][]string {
	t.Helper()
	var files [][]string
	for _, name := range []string{"n1.log", "n2.log", "n3.log"} {
		text, err := os.ReadFile(filepath.Join("testdata", run, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
	}
	return files
}

func joined(files [][]string) []string {
	var texts []string
	for _, lines := range files {
		texts = append(texts, strings.Join(lines, "\n")+"\n")
	}
	return texts
}

func TestGoldenShares(t *testing.T) {
	for _, name := range []string{"readers", "permits"} {
		t.Run(name, func(t *testing.T) {
			files := sharedLogs(t, name)
			for _, lines := range files {
				for _, line := range lines {
					if err := Validate([]byte(line)); err != nil {
						t.Error(err)
					}
				}
			}
			run := readAll(t, joined(files)...)
			report := Check(run)
			if report.Verdict() != Holds {
				t.Errorf("the verdict is %s", report.Verdict())
			}
			golden(t, filepath.Join(name, "check.txt"), reportText(report))
			golden(t, filepath.Join(name, "explain.txt"), story(t, run, "", 0))
			var brief bytes.Buffer
			if err := Brief(run, "", 0, &brief); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(name, "brief.txt"), brief.String())
			for _, e := range run.Merge() {
				if e.Received() && e.Cause == nil {
					t.Errorf("%s: %s has no sending", e.Position(), e.Kind)
				}
			}
		})
	}
}

// find finds the nth line of a node, from 1, that has all words in it.
func find(t *testing.T, lines []string, nth int, words ...string) int {
	t.Helper()
	at := -1
	for range nth {
		if at = lineOf(lines, at+1, words...); at < 0 {
			t.Fatalf("no line has %q", words)
		}
	}
	return at
}

// move moves a line behind another.
func move(lines []string, from, behind int) {
	line := lines[from]
	copy(lines[from:behind], lines[from+1:behind+1])
	lines[behind] = line
}

var fenceKey = regexp.MustCompile(`"fence":"\d+"`)

// TestPlantedShares breaks the logs of shared locks in one way each, and names who must
// notice.
func TestPlantedShares(t *testing.T) {
	for _, planted := range []struct {
		name, run   string
		plant       func(t *testing.T, files [][]string)
		requirement requirementID
		reason      string // part of the reason
	}{
		{"a reader that leaves after a writer has entered", "readers", func(t *testing.T, files [][]string) {
			left := find(t, files[0], 2, event(ShareLeave))
			move(files[0], left, find(t, files[0], 1, event(TokenReceived)))
		}, exclusion, "was inside as a reader with fence"},

		{"DONE while a reader is in", "readers", func(t *testing.T, files [][]string) {
			left := find(t, files[0], 2, event(ShareLeave))
			move(files[0], left, left+1)
		}, exclusion, "were in at 127.0.0.1:17401 as it told how many are in"},

		{"a writer that enters in spite of a share", "readers", func(t *testing.T, files [][]string) {
			enter := find(t, files[2], 2, event(Enter))
			files[2][enter] = strings.Replace(files[2][enter], `"shares":[]`, `"shares":["1.1796040301387773.123758200116740099.1"]`, 1)
		}, exclusion, "entered alone with fence"},

		{"a writer at a node where a reader is in", "readers", func(t *testing.T, files [][]string) {
			left := find(t, files[2], 1, event(Leave), `"mode"`)
			move(files[2], left, find(t, files[2], 2, event(Enter)))
		}, exclusion, "was inside as a reader with fence"},

		{"a reader that enters beside a writer", "readers", func(t *testing.T, files [][]string) {
			enter := find(t, files[0], 1, event(Enter), `"mode"`)
			move(files[0], find(t, files[0], 1, event(Leave)), enter)
		}, exclusion, "was inside alone with fence"},

		{"a recalled share that lets in another", "readers", func(t *testing.T, files [][]string) {
			in, out := find(t, files[0], 1, event(ShareEnter)), find(t, files[0], 1, event(ShareLeave))
			recalled := find(t, files[0], 1, event(RecallReceived))
			files[0] = slices.Insert(files[0], recalled+1, files[0][in], files[0][out])
		}, exclusion, "after that was recalled"},

		{"a share that was given back lets in another", "readers", func(t *testing.T, files [][]string) {
			in, out := find(t, files[0], 1, event(ShareEnter)), find(t, files[0], 1, event(ShareLeave))
			done := find(t, files[0], 1, event(DoneSent))
			files[0] = slices.Insert(files[0], done+1, files[0][in], files[0][out])
		}, risingFences, "which it did not have any more"},

		{"a reader whose fence is the writer's before", "readers", func(t *testing.T, files [][]string) {
			enter := find(t, files[0], 1, event(Enter), `"mode"`)
			writer := fenceKey.FindString(files[0][find(t, files[0], 1, event(Enter))])
			files[0][enter] = fenceKey.ReplaceAllString(files[0][enter], writer)
		}, risingFences, "after fence"},

		{"a writer whose fence is a reader's", "readers", func(t *testing.T, files [][]string) {
			enter := find(t, files[2], 2, event(Enter))
			reader := fenceKey.FindString(files[2][find(t, files[2], 1, event(Enter))])
			for k, line := range files[2] {
				if k >= enter && strings.Contains(line, `"fence"`) {
					files[2][k] = fenceKey.ReplaceAllString(line, reader)
				}
			}
		}, risingFences, "after fence"},

		{"two under one share with two fences", "readers", func(t *testing.T, files [][]string) {
			enter := find(t, files[0], 1, event(ShareEnter))
			writer := fenceKey.FindString(files[0][find(t, files[0], 1, event(Enter))])
			files[0][enter] = fenceKey.ReplaceAllString(files[0][enter], writer)
		}, risingFences, "which it did not have any more"},

		{"a reader outside a session", "readers", func(t *testing.T, files [][]string) {
			lines := files[0]
			in, out := find(t, lines, 1, event(ShareEnter)), find(t, lines, 1, event(ShareLeave))
			ended := find(t, lines, 1, event(SessionEnded))
			files[0] = slices.Insert(lines, ended+1, lines[in], lines[out])
		}, outsideSession, "after its session had ended"},

		{"turns of readers while another waits", "readers", func(t *testing.T, files [][]string) {
			lines := files[0]
			in, out := lines[find(t, lines, 1, event(Enter), `"mode"`)], lines[find(t, lines, 1, event(Leave))]
			out = fenceKey.ReplaceAllString(strings.Replace(out, `"epoch"`, `"mode":"shared","epoch"`, 1), fenceKey.FindString(in))
			asked := find(t, lines, 1, event(RequestReceived))
			files[0] = slices.Insert(lines, asked+1, in, out, in, out)
		}, overtaking, "had reached the token"},

		{"more permits than there are", "permits", func(t *testing.T, files [][]string) {
			enter := find(t, files[1], 2, event(Enter))
			files[1][enter] = regexp.MustCompile(`\.2"\]`).ReplaceAllString(files[1][enter], `.3"]`)
		}, permits, "though the token's shares have 4 in all"},

		{"one permit too many under a share", "permits", func(t *testing.T, files [][]string) {
			left := find(t, files[2], 1, event(ShareLeave))
			enter := strings.Replace(files[2][left], ShareLeave, ShareEnter, 1)
			sent := find(t, files[2], 1, event(TokenSent))
			files[2] = slices.Insert(files[2], left, files[2][left])
			files[2] = slices.Insert(files[2], sent+1, enter)
		}, permits, "were in at 127.0.0.1:17403 under its share"},

		{"one permit too many with the token", "permits", func(t *testing.T, files [][]string) {
			enter := find(t, files[1], 2, event(Enter))
			left := find(t, files[1], 1, event(ShareLeave))
			files[1] = slices.Insert(files[1], left, files[1][left], files[1][left])
			files[1] = slices.Insert(files[1], enter, files[1][enter], files[1][enter])
		}, permits, "were in at 127.0.0.1:17402 beside the shares of others"},

		{"DONE that tells of too few", "permits", func(t *testing.T, files [][]string) {
			for i := range files {
				for k, line := range files[i] {
					files[i][k] = strings.Replace(line, `"kept":"1"`, `"kept":"0"`, 1)
				}
			}
		}, exclusion, "were in at 127.0.0.1:17402 as it told how many are in"},
	} {
		t.Run(planted.name, func(t *testing.T) {
			files := sharedLogs(t, planted.run)
			planted.plant(t, files)
			report := Check(readAll(t, joined(files)...))
			if got := verdictOf(report, planted.requirement); got != Violated {
				t.Errorf("%s: got %s", titles[planted.requirement].name, got)
			}
			if report.Verdict() != Violated {
				t.Errorf("got the verdict %s, want violated", report.Verdict())
			}
			if !strings.Contains(reportText(report), planted.reason) {
				t.Errorf("the report does not say %q:\n%s", planted.reason, reportText(report))
			}
		})
	}
}

// TestMissingLineOfShares takes one line after the other out of the logs of shared locks: they
// never show a violation, and an entry, a leave, or what calls in a share is missed.
func TestMissingLineOfShares(t *testing.T) {
	missed := []string{Enter, ShareEnter, ShareLeave, RecallSent, DoneSent, DoneReceived, TokenSent}
	for _, name := range []string{"readers", "permits"} {
		whole := sharedLogs(t, name)
		lost := make(map[string]bool) // the lines of messages that did not come
		for _, e := range readAll(t, joined(whole)...).Merge() {
			lost[string(e.Raw)] = e.Sent() && e.Receipt == nil
		}
		for i := range whole {
			for k, line := range whole[i] {
				files := slices.Clone(whole)
				files[i] = slices.Delete(slices.Clone(whole[i]), k, k+1)
				report := Check(readAll(t, joined(files)...))
				depends := !lost[line] && slices.ContainsFunc(missed, func(kind string) bool { return strings.Contains(line, event(kind)) })
				if got := report.Verdict(); got == Violated || depends && got == Holds {
					t.Errorf("%s: without this line the verdict is %s:\n%s", name, got, line)
				}
			}
		}
	}
}

// TestPartOfShares cuts off the beginning, the end or a part of one node's log.
func TestPartOfShares(t *testing.T) {
	for _, name := range []string{"readers", "permits"} {
		whole := sharedLogs(t, name)
		for i := range whole {
			node := regexp.MustCompile(`"node":"[^"]*"`).FindString(whole[i][0])
			for k := 1; k < len(whole[i]); k++ {
				gap := `{"level":"warn",` + node + `,"event":"log_gap","time":"2026-11-30T12:00:00Z","missing":"3","message":"lines are missing"}`
				for _, part := range [][]string{
					whole[i][:k], whole[i][k:],
					slices.Concat(whole[i][:k], []string{gap}, whole[i][min(k+3, len(whole[i])):]),
				} {
					files := slices.Clone(whole)
					files[i] = part
					if report := Check(readAll(t, joined(files)...)); report.Verdict() == Violated {
						t.Fatalf("%s, file %d, line %d:\n%s", name, i+1, k, reportText(report))
					}
				}
			}
		}
	}
}

// TestSharesOfRemovedMembersAreOver: who enters under a membership that does not list another
// enters after all that the other did, though no message says so.
func TestSharesOfRemovedMembersAreOver(t *testing.T) {
	reader := &Entry{Enter: &Event{Life: &Life{ID: 1}}, Visit: &Visit{}}
	for _, test := range []struct {
		membership Membership
		over       bool
	}{
		{Membership{Version: 0, Members: []int{0, 1}}, false},
		{Membership{Version: 1, Members: []int{0, 1}, Next: []int{0, 2}}, false},
		{Membership{Version: 2, Members: []int{0, 2}}, true},
	} {
		test.membership.addresses = []string{"a:1", "b:1", "c:1"}
		life := &Life{adopted: []adoption{{seq: 0, membership: &test.membership}}}
		writer := &Entry{Enter: &Event{Life: life, Seq: 1}, Visit: &Visit{}}
		if got := new(checker).overFor(reader, writer); got != test.over {
			t.Errorf("under membership %d: over: %t, want %t", test.membership.Version, got, test.over)
		}
	}
}
