package report

import (
	"path/filepath"
	"strings"
	"testing"

	"conch/logs"
)

// TestChangesAreTold: a report on members that change has a section on it, says how many there
// were, and calls two disks at one address by two letters.
func TestChangesAreTold(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "members", "n?.log"))
	if err != nil || len(paths) != 5 {
		t.Fatalf("got %v, %v, want five logs", paths, err)
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	d, verdict := Build(Input{Run: run})
	if verdict != logs.Holds {
		t.Errorf("verdict %s", verdict)
	}
	said := markdownOf(t, d)
	for _, want := range []string{
		titleChanges, "of these nodes, 3 to 5 were members at a time", "N is 3 to 5 here, since the members changed", "nobody else enters. HOLDS",
		"| 2 | 4 | E comes in place of B, with another disk at the same address | line 1.", "| 0 | 2 | D comes | line 1.",
		"goes by membership 1, which has two lists: A, B and C, and then A, B, C and D.", "The change is complete.", "members.svg", "To change the members, also apart: 38 messages.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	// In the lines of E, and in those of others about it, its address stands for E.
	for line := range strings.Lines(said) {
		if strings.Contains(line, "token sent") && strings.Contains(line, " peer=10.0.0.2:7400") {
			t.Errorf("an address stands in a quoted line: %s", line)
		}
	}
	if !strings.Contains(said, "peer=E") {
		t.Error("no quoted line is about E")
	}
	d, _ = Build(Input{Run: scene(t, "contended")})
	if said := markdownOf(t, d); strings.Contains(said, titleChanges) || strings.Contains(said, "since the members changed") {
		t.Error("a report on members that stay tells of changes")
	}
}
