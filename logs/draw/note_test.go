package draw

import (
	"path/filepath"
	"slices"
	"testing"

	"conch/logs"
)

// TestWitnessesAreDrawn: WITNESS and its answers have arrows of their own.
func TestWitnessesAreDrawn(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "notes", "n?.log"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("got %v, %v, want three logs", paths, err)
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	// The picture shows a part of what happened at disk.
	for lock, texts := range map[string][]string{
		"nightly": {"WITNESS tick 1 begun", "WITNESS tick 2 done", "noted", "tick 2: not again", "WITNESS", "its answer"},
		"disk":    {"kept: nobody enters", "freed", "kept no longer"},
	} {
		p, err := Draw(run, Options{Lock: lock})
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, e := range run.Merge() {
			if e.Lock == lock && (e.Kind == logs.WitnessSent || e.Kind == logs.WitnessAnswerSent) {
				want++
			}
		}
		if got := count(p, WitnessSent); got == 0 || got > want || lock == "nightly" && got < want {
			t.Errorf("%s: drew %d of %d messages", lock, got, want)
		}
		for _, text := range texts {
			if !slices.ContainsFunc(p.Elements, func(e Element) bool { return e.Text == text }) {
				var all []string
				for _, e := range p.Elements {
					if e.Role == Label || e.Role == Legend {
						all = append(all, e.Text)
					}
				}
				t.Errorf("%s: the picture has no text %q, only %q", lock, text, all)
			}
		}
	}
}
