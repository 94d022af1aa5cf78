package draw

import (
	"path/filepath"
	"slices"
	"testing"

	"conch/logs"
)

// leaders reads a run of three nodes. The holder of scheduler says a value, the lock is
// broken, and another leads. A node dies as it holds r2, and node 1 helps node 3 to make
// the token anew.
func leaders(t *testing.T, o Options) (*logs.Run, *Picture) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "leaders", "n?.log"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("got %v, %v, want three logs", paths, err)
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Draw(run, o)
	if err != nil {
		t.Fatal(err)
	}
	return run, p
}

// TestSaysAreDrawn: what a leader says has arrows of its own, which are none of recovery.
func TestSaysAreDrawn(t *testing.T) {
	run, p := leaders(t, Options{Lock: "scheduler"})
	want := map[Role]int{}
	for _, e := range run.Merge() {
		switch {
		case e.Lock != "scheduler" || !e.Sent():
		case e.Kind == logs.SaySent:
			want[SaySent]++
		case e.Kind == logs.ProbeSent || e.Kind == logs.BallotSent || e.Kind == logs.AnswerSent:
			want[RoundSent]++
		}
	}
	if want[SaySent] == 0 || want[RoundSent] == 0 {
		t.Fatalf("the run has %v, want messages of both roles", want)
	}
	for role, n := range want {
		if got := count(p, role); got != n {
			t.Errorf("drew %d of %q, want %d", got, role, n)
		}
	}
	for _, text := range []string{`SAY "http://10.0.0.7"…`, "SAY over", "lock broken", "SAY, of a leader"} {
		if !slices.ContainsFunc(p.Elements, func(e Element) bool { return e.Text == text }) {
			t.Errorf("the picture has no text %q", text)
		}
	}
}

// TestHelpersWaitIsOver: a node that has asked to help another does not wait any more once
// it has sent the token, which counts its request as granted.
func TestHelpersWaitIsOver(t *testing.T) {
	run, p := leaders(t, Options{Lock: "r2"})
	helper := run.Members[0]
	var x, sent float64
	for _, e := range p.Elements {
		switch {
		case e.Role == Heading && e.Text == helper:
			x = e.Points[0].X
		case e.Role == TokenSent && e.Points[0].X == x:
			sent = e.Points[0].Y
		}
	}
	waits := 0
	for _, e := range p.Elements {
		if e.Role == Waiting && e.Points[0].X < x && x < e.Points[1].X {
			waits++
			if end := e.Points[2].Y; end != sent {
				t.Errorf("a wait of %s ends at %v, want %v, where it sends the token", helper, end, sent)
			}
		}
	}
	if waits != 1 {
		t.Errorf("drew %d waits of %s, want 1", waits, helper)
	}
}
