package logs

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The run in testdata/notes has two locks. At nightly, ticks 1 and 3 are to run once at most,
// and 2 at least once. At disk, holds are kept: one is given back, one is freed after its
// node crashed, and one is adopted after that.

func TestGoldenNotes(t *testing.T) {
	files := sharedLogs(t, "notes")
	for _, lines := range files {
		for _, line := range lines {
			if err := Validate([]byte(line)); err != nil {
				t.Error(err)
			}
		}
	}
	run := readAll(t, joined(files)...)
	golden(t, filepath.Join("notes", "check.txt"), reportText(Check(run)))
	golden(t, filepath.Join("notes", "run.txt"), story(t, run, "nightly", 0))
	golden(t, filepath.Join("notes", "once.txt"), story(t, run, "nightly", fenceOf(t, files[2], `"run":"3.`)))
	golden(t, filepath.Join("notes", "kept.txt"), story(t, run, "disk", 0))
	golden(t, filepath.Join("notes", "freed.txt"), story(t, run, "disk", 50331649))
	var brief bytes.Buffer
	if err := Brief(run, "nightly", fenceOf(t, files[2], `"run":"3.`), &brief); err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("notes", "brief.txt"), brief.String())
	for _, e := range run.Merge() {
		if e.Received() && e.Cause == nil {
			t.Errorf("%s: %s has no sending", e.Position(), e.Kind)
		}
	}
	var shiviz bytes.Buffer
	if err := run.WriteShiViz(&shiviz, "disk"); err != nil || !strings.Contains(shiviz.String(), "witness_sent lock=disk") || !strings.Contains(shiviz.String(), "kept_hold=") {
		t.Errorf("ShiViz: %v, want WITNESS and what is kept in it:\n%.2000s", err, &shiviz)
	}
}

var fenceValue = regexp.MustCompile(`"fence":"(\d+)"`)

// fenceOf is the fence of the first entry that has some text.
func fenceOf(t *testing.T, lines []string, text string) uint64 {
	t.Helper()
	fence, err := parseDecimal(fenceValue.FindStringSubmatch(lines[find(t, lines, 1, event(Enter), text)])[1])
	if err != nil {
		t.Fatal(err)
	}
	return fence
}

// replaceAll replaces a text in lines of all files that have a word.
func replaceAll(files [][]string, word, old, with string) {
	for _, lines := range files {
		for i, line := range lines {
			if strings.Contains(line, word) {
				lines[i] = strings.ReplaceAll(line, old, with)
			}
		}
	}
}

// TestPlantedNotes breaks the logs of runs and kept holds in one way each.
func TestPlantedNotes(t *testing.T) {
	marks := regexp.MustCompile(`"run":"3\.`)
	enterTick3 := func(t *testing.T, files [][]string, as string) {
		at := find(t, files[2], 1, event(Enter), `"run":"3.`)
		files[2][at] = marks.ReplaceAllString(files[2][at], `"run":"`+as+`.`)
	}
	for name, planted := range map[string]struct {
		plant       func(t *testing.T, files [][]string)
		requirement requirementID
		verdict     Verdict
		reason      string
	}{
		"honest": {},
		"a request while a quorum is to remember a hold": {requirement: everyRequest, plant: func(t *testing.T, files [][]string) {
			const hold = `"kept_hold":"16810770433.held"`
			sent := find(t, files[1], 1, event("request_sent"), `"lock":"disk"`, `"peer":"a:1"`, `"number":"946684800000000.4"`)
			repeat := strings.Replace(files[1][sent], `"message"`, `"repeat":true,"message"`, 1)
			files[1] = slices.Insert(files[1], find(t, files[1], 1, event(WitnessAnswerSent), hold), repeat)
			at := find(t, files[0], 1, event(WitnessSent), hold)
			shown := regexp.MustCompile(`"last_granted".*"queue":\[[^]]*\],`).FindString(files[0][at])
			received := files[0][find(t, files[0], 1, event("request_received"), `"lock":"disk"`, `"number":"946684800000000.4"`)]
			files[0] = slices.Insert(files[0], at+1, strings.Replace(received, `"message"`, shown+`"message"`, 1))
		}},
		"an entry for a tick that was noted as done": {func(t *testing.T, files [][]string) {
			enterTick3(t, files, "2")
		}, ticksOnce, Violated, "entered for tick 2 after a run of tick 2 was noted as done"},
		"two entries for a tick that is to run once": {func(t *testing.T, files [][]string) {
			enterTick3(t, files, "1")
			replaceAll(files, "run", "done", "begun")
		}, ticksOnce, Violated, "entered for tick 1, and then c:1 for tick 1; the first was to take place once at most"},
		"an entry for a tick of which the node had heard": {func(t *testing.T, files [][]string) {
			enterTick3(t, files, "2")
			replaceAll(files, event(RunNoted), "done", "begun")
		}, ticksOnce, Violated, "entered for tick 2, and had heard before that a run of tick 2 is done"},
		"an entry while a hold is kept": {func(t *testing.T, files [][]string) {
			replaceAll(files, `"lock":"disk"`, ".over", ".held")
		}, keptStays, Violated, "was kept: nobody had given it back, freed or adopted it"},
		"an answer before the note is on disk": {func(t *testing.T, files [][]string) {
			at := find(t, files[1], 1, event(NotesStored))
			move(files[1], at, find(t, files[1], 1, event(WitnessAnswerSent)))
		}, ticksOnce, Violated, "b:1 answered that a note is on disk before it was"},
		"adopted by another owner": {func(t *testing.T, files [][]string) {
			at := find(t, files[0], 2, event(Witnessing), ".held")
			files[0][at] = strings.ReplaceAll(files[0][at], `"owner":"backup"`, `"owner":"other"`)
		}, keptStays, Violated, "a:1 entered with fence"},
		"the same, with lines missing": {func(t *testing.T, files [][]string) {
			replaceAll(files, `"lock":"disk"`, ".over", ".held")
			files[1] = files[1][3:]
		}, keptStays, Insufficient, "was kept"},
	} {
		t.Run(name, func(t *testing.T) {
			files := sharedLogs(t, "notes")
			if planted.plant != nil {
				planted.plant(t, files)
			}
			report := Check(readAll(t, joined(files)...))
			if planted.plant == nil {
				if report.Verdict() != Holds {
					t.Errorf("the verdict is %s:\n%s", report.Verdict(), reportText(report))
				}
				return
			}
			if got := verdictOf(report, planted.requirement); got != planted.verdict || !strings.Contains(reportText(report), planted.reason) {
				t.Errorf("the verdict is %s, want %s, by %q:\n%s", got, planted.verdict, planted.reason, reportText(report))
			}
		})
	}
}

// What was remembered for as long as was asked for counts no longer.
func TestForgottenNotesAreNotJudged(t *testing.T) {
	files := sharedLogs(t, "notes")
	at := find(t, files[2], 1, event(Enter), `"run":"3.`)
	files[2][at] = strings.ReplaceAll(files[2][at], `"run":"3.`, `"run":"2.`)
	forgotten := strings.Replace(files[2][at], event(Enter), event(NoteForgotten), 1)
	files[2] = append(files[2][:at:at], append([]string{forgotten}, files[2][at:]...)...)
	if report := Check(readAll(t, joined(files)...)); verdictOf(report, ticksOnce) != Holds {
		t.Errorf("a note that was forgotten counts:\n%s", reportText(report))
	}
}
