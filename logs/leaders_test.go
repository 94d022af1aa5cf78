package logs

import (
	"strings"
	"testing"
)

// TestPlantedLeaders breaks the logs of a run with leaders in one way each.
func TestPlantedLeaders(t *testing.T) {
	for name, planted := range map[string]struct {
		plant       func(t *testing.T, lines []string)
		requirement requirementID
		reason      string
	}{
		"honest": {},
		"the end of a term is heard of after the next entry": {plant: func(t *testing.T, lines []string) {
			entered := find(t, lines, 2, event(Enter))
			move(lines, find(t, lines, 2, event(SayReceived)), entered)
			move(lines, find(t, lines, 4, event(Leader)), entered)
		}},
		"an older value after a newer": {func(t *testing.T, lines []string) {
			move(lines, find(t, lines, 1, event(Leader)), find(t, lines, 2, event(Leader)))
		}, risingFences, "believed in the leader with fence"},
		"a value of somebody who has left": {func(t *testing.T, lines []string) {
			at := find(t, lines, 1, event(Leader))
			lines[at] = fenceKey.ReplaceAllString(lines[at], `"fence":"7"`)
		}, exclusion, "under which nobody is in alone there"},
	} {
		t.Run(name, func(t *testing.T) {
			files := sharedLogs(t, "leaders")
			if planted.plant != nil {
				planted.plant(t, files[0])
			}
			report := Check(readAll(t, joined(files)...))
			if planted.reason == "" {
				if report.Verdict() != Holds {
					t.Errorf("the verdict is %s:\n%s", report.Verdict(), reportText(report))
				}
				return
			}
			if got := verdictOf(report, planted.requirement); got != Violated || !strings.Contains(reportText(report), planted.reason) {
				t.Errorf("the verdict is %s, want violated, by %q:\n%s", got, planted.reason, reportText(report))
			}
		})
	}
}
