package sim

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"conch/logs"
)

// logsOf runs a plan and returns the members' logs.
func logsOf(t *testing.T, p *Plan) (w *World, files []string) {
	t.Helper()
	w = &World{log: new(logbook)}
	if f := w.Run(p).Failure; f != nil {
		t.Fatalf("seed %d: %v", p.Seed, f)
	}
	for i := range p.Nodes {
		files = append(files, w.log.files[i].String())
	}
	return w, files
}

// checkLogs has package logs check the logs of members.
func checkLogs(t *testing.T, texts []string) *logs.Report {
	t.Helper()
	var files []*logs.File
	for i, text := range texts {
		file, err := logs.Read(fmt.Sprintf("node%d.log", i+1), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	run, err := logs.NewRun(files...)
	if err != nil {
		t.Fatal(err)
	}
	return logs.Check(run)
}

// table is a report as text.
func table(t *testing.T, report *logs.Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := report.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// expected are the reasons why logs of a run that ends with its members running, some of whom
// may never have heard that they are listed, do not suffice.
var expected = []string{"want node_stopped", "want at least 2 that did", "give its log file too"}

// wrong returns what the check of a correct run's logs found beyond what is expected.
func wrong(report *logs.Report) (found []string) {
	for _, r := range report.Requirements {
		for _, d := range r.Details {
			if d.Verdict == logs.Insufficient && slices.ContainsFunc(expected, func(why string) bool { return strings.Contains(d.Reason, why) }) {
				continue
			}
			found = append(found, fmt.Sprintf("%s, %s: %v: %s", r.ID, r.Name, d.Verdict, d.Reason))
		}
	}
	return found
}

// TestLogs has package logs check the logs of runs in which the other judges find nothing
// wrong. It leaves out runs in which a member starts below its promises, or with a disk
// that was set back: fences may fall, and two processes may use one number
// (token/DESIGN.md, what is not promised, disks that are set back). And it leaves out runs
// with notes, of which the logbook writes no lines.
func TestLogs(t *testing.T) {
	seeds, end := seedsFrom(1), time.Time{}
	if text := os.Getenv("CONCH_SOAK"); text != "" {
		length, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("CONCH_SOAK: %v", err)
		}
		seeds, end = freshSeeds(t), time.Now().Add(length/4)
	}
	checked, forgetful := 0, 0
	for checked < 60 || time.Now().Before(end) {
		p := Draw(seeds())
		if p.Notes {
			continue
		}
		w, files := logsOf(t, p)
		if w.forgetful || w.again {
			forgetful++
			continue
		}
		checked++
		if report := checkLogs(t, files); len(wrong(report)) > 0 {
			t.Fatalf("seed %d: the check finds in the logs of an honest run:\n%s\n%s", p.Seed, strings.Join(wrong(report), "\n"), table(t, report))
		}
	}
	t.Logf("%d runs checked, %d left out", checked, forgetful)
}

// TestLogsPlanted adds to a member's log that it entered while another was inside: the
// check of simulated logs finds violations.
func TestLogsPlanted(t *testing.T) {
	for seed := uint64(1); ; seed++ {
		p := Draw(seed)
		_, files := logsOf(t, p)
		first, second := address(0), address(1)
		var planted []string
		for line := range strings.Lines(files[0]) {
			if strings.Contains(line, `"event":"enter"`) {
				planted = append(planted, strings.Replace(line, `"node":"`+first, `"node":"`+second, 1))
			}
		}
		if p.Nodes < 2 || len(planted) == 0 {
			continue
		}
		files[1] += planted[0]
		if report := checkLogs(t, files); report.Verdict() != logs.Violated {
			t.Errorf("seed %d: the verdict is %v, want violated:\n%s", seed, report.Verdict(), table(t, report))
		}
		return
	}
}

// operators are the events that a node logs without --evidence.
var operators = []string{"node_started", "node_stopped", "peer_connected", "peer_lost", "session_started", "session_lapsed", "session_ended", "lost"}

// reduce removes lines from a member's log, as rotation, a full disk, or a node without
// --evidence would.
func reduce(r *source, file string) string {
	lines := strings.SplitAfter(file, "\n")
	switch how := r.below(5); {
	case how == 0 || len(lines) < 3:
		return file
	case how == 1:
		return strings.Join(lines[r.between(1, min(3, int64(len(lines)-1))):], "")
	case how == 2:
		return strings.Join(lines[r.between(1, int64(len(lines)-1)):], "")
	case how == 3:
		from := r.between(1, int64(len(lines)-2))
		to := min(from+r.below(80), int64(len(lines)-2))
		node, _, _ := strings.Cut(lines[0][strings.Index(lines[0], `"node":"`)+8:], `"`)
		gap := fmt.Sprintf(`{"time":"2026-11-22T12:00:00Z","level":"warn","node":%q,"event":"log_gap","missing":"%d","message":"log_gap"}`+"\n", node, to-from)
		return strings.Join(slices.Replace(lines, int(from), int(to), gap), "")
	}
	var kept []string
	for _, line := range lines {
		for _, event := range operators {
			if strings.Contains(line, `"event":"`+event+`"`) {
				kept = append(kept, strings.Replace(line, `"version":`, `"evidence":false,"version":`, 1))
			}
		}
	}
	return strings.Join(kept, "")
}

// TestPartialLogs removes lines from the logs of correct runs: the rest may not suffice,
// but shows no violation.
func TestPartialLogs(t *testing.T) {
	count := 60
	if os.Getenv("CONCH_SOAK") != "" {
		count = 2000
	}
	for seed := range uint64(count) {
		p := Draw(seed)
		w, files := logsOf(t, p)
		if w.forgetful || w.again {
			continue
		}
		r := source(seed)
		for i := range files {
			files[i] = reduce(&r, files[i])
		}
		if strings.Join(files, "") == "" {
			continue
		}
		if report := checkLogs(t, files); report.Verdict() == logs.Violated {
			t.Errorf("seed %d: the check finds a violation in what is left of an honest run's logs:\n%s", seed, table(t, report))
		}
	}
}
