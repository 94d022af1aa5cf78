package report

import (
	"strings"
	"testing"

	"conch/logs"
)

// TestReportTellsHowNodesFoundEachOther checks the table's text for each way. Lines of a
// node that waits for its members weaken no verdict.
func TestReportTellsHowNodesFoundEachOther(t *testing.T) {
	const says = "In this run, as the logs say: "
	text := mergedText(t, "contended")
	d, _ := Build(Input{Run: read(t, map[string]string{"plain.log": text})})
	if got := markdownOf(t, d); strings.Contains(got, says) {
		t.Error("the report says how nodes found each other where no log tells")
	}
	text = strings.ReplaceAll(text, `"version"`, `"found_by":"discover serf","version"`)
	text = strings.Replace(text, "discover serf", "peers", 1)
	first, _, _ := strings.Cut(text, "\n")
	awaited := `{"level":"info","node":"` + between(first, `"node":"`, `"`) + `","time":"` + between(first, `"time":"`, `"`) +
		`","event":"members_awaited","found":["x:1"],"reason":"found 1 of 3 members","message":"waiting for members"}` + "\n"
	d, verdict := Build(Input{Run: read(t, map[string]string{"found.log": awaited + awaited + text})})
	if verdict != logs.Holds {
		t.Errorf("verdict %s", verdict)
	}
	if got := markdownOf(t, d); !strings.Contains(got, says+"discover serf; peers.") {
		t.Error("the report does not say how nodes found each other")
	}
}

// between returns the text between two others.
func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}
