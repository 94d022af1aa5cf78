package logs

import (
	"strings"
	"testing"
)

// testdata/set-back.jsonl is the log of two processes of a real node: before the second,
// its data directory was removed, and the clock set back by a day.
func TestFencesThatFallBetweenRunsAreReported(t *testing.T) {
	run, err := Open("testdata/set-back.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	report := Check(run)
	if got := verdictOf(report, risingFences); got != Violated {
		t.Errorf("fences rise: %v, want %v", got, Violated)
	}
	var said []string
	for _, q := range report.Requirements {
		for _, d := range q.Details {
			if strings.Contains(d.Reason, "the cluster was set back") {
				said = append(said, d.Reason)
			}
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "entered with fence 123629195472404481, after an earlier process of it had entered with 124000011775115267") {
		t.Errorf("%q; want one detail that names both fences", said)
	}
}
