package page

import (
	"strings"
	"testing"
	"time"

	"conch/bench/internal/contest"
	"conch/bench/internal/theory"
)

// figures make a result of one round.
func figures(name string, of map[contest.Figure]float64) *contest.Result {
	return &contest.Result{Subject: &contest.Subject{Name: name}, Samples: []*contest.Sample{{Figures: of}}}
}

func TestGrowthPageSetsTheoryBesideWhatIsMeasured(t *testing.T) {
	broken := &contest.Result{Subject: &contest.Subject{Name: contest.InVirtualTime(1000)}, LeftOut: "no room"}
	results := []*contest.Result{
		broken,
		figures(contest.AtRest(9), map[contest.Figure]float64{contest.Session: 287, contest.Processor: 9000, contest.Written: 18_000}),
		figures(contest.OfSize(theory.Elsewhere, 9), map[contest.Figure]float64{
			contest.Messages: 9.01, contest.PerRequest: 9.02, contest.Grants: 100, contest.Processor: 59_000, contest.Written: 68_000,
		}),
		figures(contest.InVirtualTime(100), map[contest.Figure]float64{
			contest.Virtual(theory.Elsewhere, contest.CPU): 15.5, contest.SessionNs: 124,
		}),
		figures(contest.Many(contest.Loads[0], 1000, contest.AllCores), map[contest.Figure]float64{contest.Grants: 3000, contest.Messages: 1.25}),
		figures(contest.Many(contest.Loads[0], 1000, contest.OneCore), map[contest.Figure]float64{contest.Grants: 2000}),
	}
	var text strings.Builder
	run := Run{Rounds: 1, Window: time.Second, Outcome: &contest.Outcome{Results: results, Rounds: 1, Busy: []float64{0.1}}, Facts: []Fact{{"Go", "some"}}}
	WriteGrowth(&text, run, "charts")
	page := strings.Join(strings.Fields(text.String()), " ") // of tables, without what aligns them
	for _, want := range []string{
		"- Go: some",
		"](charts/messages.svg)", "](charts/processor.svg)", "](charts/sessions.svg)", "](charts/locks.svg)",
		"| token elsewhere, a grant | – | – | 9.01 | – | – |", "| token elsewhere, a request | – | – | 9.02 | – | – |",
		"| token elsewhere, 9 nodes | 100 | – | 500 | 500 | 514 |", // (59000-9000)/100 µs, (68000-18000)/100 bytes
		"A request takes 26 bytes. A token carries a number for each member, and takes 88 with 3, 118 with 5,", "15,045 with 1,000 members.",
		"| 9 | 287 | 288 | 1.00 | 2,000 |",
		"| 100 | 15.5 | – | – | 124 |",
		"| 3,000 | 1.50 | 1.25 |",
		"- LEFT OUT: virtual/1000 members: no room",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, text.String())
		}
	}
}
