package draw

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"conch/logs"
)

// changing reads a run in which a member is added, and the disk of another replaced.
func changing(t *testing.T) *logs.Run {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "members", "n?.log"))
	if err != nil || len(paths) != 5 {
		t.Fatalf("got %v, %v, want five logs", paths, err)
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// TestMembershipsAreDrawn: each line about a change has its mark, and each member its column,
// also two that had one address.
func TestMembershipsAreDrawn(t *testing.T) {
	run := changing(t)
	p, err := Draw(run, Options{From: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, e := range run.Merge() {
		if marksMembers(e.Kind) {
			want++
		}
	}
	if got := count(p, Membership); want == 0 || got != want {
		t.Errorf("%d marks, want %d", got, want)
	}
	for _, text := range []string{"10.0.0.2:7400#2", "membership 1: +no. 4", "membership 3: −no. 2 +no. 5", "membership 4: of 4", "proposes members", "asks who has joined", "the members change"} {
		if !slices.ContainsFunc(p.Elements, func(e Element) bool { return strings.Contains(e.Text, text) }) {
			t.Errorf("the picture has no text %q", text)
		}
	}
}
