package draw

import (
	"path/filepath"
	"testing"

	"conch/logs"
)

// TestShared draws runs whose lock is shared: each stay of a sharer has a box, boxes of one
// node never cover each other, and each RECALL and DONE has its arrow.
func TestShared(t *testing.T) {
	for _, name := range []string{"readers", "permits"} {
		t.Run(name, func(t *testing.T) {
			paths, err := filepath.Glob(filepath.Join("..", "testdata", name, "n?.log"))
			if err != nil || len(paths) != 3 {
				t.Fatalf("got %v, %v, want three logs", paths, err)
			}
			run, err := logs.Open(paths...)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Draw(run, Options{})
			if err != nil {
				t.Fatal(err)
			}
			stays, messages := 0, 0
			for _, e := range run.Merge() {
				switch e.Kind {
				case logs.Enter, logs.ShareEnter:
					if e.Mode() != 0 {
						stays++
					}
				case logs.RecallSent, logs.DoneSent:
					messages++
				}
			}
			var boxes []Element
			arrows := 0
			for _, e := range p.Elements {
				switch e.Role {
				case Shared:
					boxes = append(boxes, e)
				case RecallSent:
					arrows++
				}
			}
			if len(boxes) != stays || arrows != messages {
				t.Errorf("%d boxes and %d arrows, want %d and %d", len(boxes), arrows, stays, messages)
			}
			for i, a := range boxes {
				for _, b := range boxes[:i] {
					if a.Points[0].X < b.Points[2].X && b.Points[0].X < a.Points[2].X && a.Points[0].Y < b.Points[2].Y && b.Points[0].Y < a.Points[2].Y {
						t.Errorf("a box from %v to %v covers one from %v to %v", a.Points[0], a.Points[2], b.Points[0], b.Points[2])
					}
				}
			}
		})
	}
}
