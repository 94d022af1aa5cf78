package report

import (
	"path/filepath"
	"strings"
	"testing"

	"conch/logs"
)

// TestSharesAreTold: a report on a shared lock has a section on it, which quotes how a share
// was called in, and its verdicts do not say that nobody was in beside another.
func TestSharesAreTold(t *testing.T) {
	for name, want := range map[string][]string{
		"readers": {"another enters there under the same share", "C sends RECALL to A", "1 entry was under a share", "To call in shares, also apart: "},
		"permits": {" sends RECALL to ", "done sent", "kept=1", "as many as there are permits. HOLDS", "To call in shares, also apart: "},
	} {
		paths, err := filepath.Glob(filepath.Join("..", "testdata", name, "n?.log"))
		if err != nil || len(paths) != 3 {
			t.Fatalf("got %v, %v, want three logs", paths, err)
		}
		run, err := logs.Open(paths...)
		if err != nil {
			t.Fatal(err)
		}
		d, verdict := Build(Input{Run: run})
		if verdict != logs.Holds {
			t.Errorf("%s: verdict %s", name, verdict)
		}
		said := markdownOf(t, d)
		for _, part := range append(want, titleSharing, "Those who share the lock may be in beside each other", "shares.svg") {
			if !strings.Contains(said, part) {
				t.Errorf("%s: the report does not say %q", name, part)
			}
		}
	}
	d, _ := Build(Input{Run: scene(t, "contended")})
	if said := markdownOf(t, d); strings.Contains(said, titleSharing) || strings.Contains(said, "RECALL") {
		t.Error("a report on a lock that nobody shared tells of shares")
	}
}
