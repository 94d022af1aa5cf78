package report

import (
	"path/filepath"
	"strings"
	"testing"

	"conch/logs"
)

// A report of logs with runs and kept holds gives the verdicts on them.
func TestRunsAndKeptHoldsAreJudged(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "notes", "n?.log"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("got %v, %v, want three logs", paths, err)
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := Build(Input{Run: run})
	text := markdownOf(t, d)
	readReport(t, text)
	for _, want := range []string{"runs again. HOLDS.", "while a hold is kept. HOLDS.", "To have runs and kept holds remembered, also apart: "} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	d, _ = Build(Input{Run: scene(t, "contended")})
	if text := markdownOf(t, d); strings.Contains(text, "Runs: no tick") {
		t.Error("a report of logs without runs speaks of them")
	}
}
