package logs

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files; review the diff")

// golden compares a text with testdata/NAME, or rewrites that file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if name == "SCHEMA.md" {
		path = name
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what is written now; run go test ./logs -update and review the diff. Got:\n%s", path, got)
	}
}

// scenes are fixed runs, small enough to read.
var scenes = []struct {
	name string
	run  func() *cluster
}{
	{"contended", func() *cluster {
		c := newCluster(3, []string{"cs"}, seeded(3))
		c.run(60, faults{})
		return c
	}},
	{"streams-cut", func() *cluster {
		c := newCluster(3, []string{"cs"}, seeded(12))
		c.run(100, faults{cuts: true})
		return c
	}},
	{"recovery", func() *cluster {
		c := newCluster(3, []string{"cs"}, seeded(7))
		c.run(120, faults{crashes: true})
		return c
	}},
	{"two-inside", func() *cluster {
		c := newCluster(3, []string{"cs"}, seeded(1))
		c.careless = 1
		c.run(60, faults{})
		return c
	}},
}

func TestGolden(t *testing.T) {
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			run := readAll(t, scene.run().files()...)
			var merged bytes.Buffer
			for _, e := range run.Merge() {
				merged.Write(e.Raw)
				merged.WriteByte('\n')
			}
			golden(t, scene.name+".merged.jsonl", merged.String())
			golden(t, scene.name+".check.txt", reportText(Check(run)))
			golden(t, scene.name+".explain.txt", story(t, run, "", 0))
		})
	}
}

// TestGoldenRecovery explains the first entry after a holder's crash.
func TestGoldenRecovery(t *testing.T) {
	run := readAll(t, scenes[2].run().files()...)
	for _, j := range run.Journeys() {
		for i, entry := range j.Entries {
			if i > 0 && j.Entries[i-1].Visit.Epoch != entry.Visit.Epoch {
				text := story(t, run, j.Lock, entry.Enter.Fence)
				golden(t, "recovery.first.explain.txt", text)
				for _, part := range []string{"it crashed", "PROMISE", "makes the token, with epoch"} {
					if !strings.Contains(text, part) {
						t.Errorf("the story does not say %q", part)
					}
				}
				return
			}
		}
	}
	t.Fatal("no token was made anew")
}
