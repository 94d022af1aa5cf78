package growth

import (
	"slices"
	"testing"

	"conch/bench/internal/contest"
	"conch/bench/internal/theory"
)

// outcome is of some rounds; a figure is missing from a round where it is negative.
type outcome map[string]map[contest.Figure][]float64

func (o outcome) figures(rounds int) Figures {
	run := &contest.Outcome{Rounds: rounds}
	for subject, figures := range o {
		result := &contest.Result{Subject: &contest.Subject{Name: subject}}
		for round := range rounds {
			sample := &contest.Sample{Figures: map[contest.Figure]float64{}}
			for figure, values := range figures {
				if values[round] >= 0 {
					sample.Figures[figure] = values[round]
				}
			}
			result.Samples = append(result.Samples, sample)
		}
		run.Results = append(run.Results, result)
	}
	return Of(run)
}

// What nodes take at rest is taken off in the same round, and per grant of that round.
func TestWhatNodesTakeAtRestIsTakenOff(t *testing.T) {
	f := outcome{
		contest.AtRest(3): {contest.Processor: {100, 300, 100}, contest.Written: {30, 30, -1}},
		contest.OfSize(theory.Elsewhere, 3): {
			contest.Processor: {1100, 2300, 100}, contest.Written: {230, 330, 330}, contest.Grants: {10, 100, 0},
		},
	}.figures(3)
	if got, want := f.Processor(theory.Elsewhere, 3), (contest.Spread{Median: 60, Least: 20, Most: 100, Rounds: 2}); got != want {
		t.Errorf("processor time: got %+v, want %+v", got, want)
	}
	if got, want := f.Bytes(theory.Elsewhere, 3), (contest.Spread{Median: 11.5, Least: 3, Most: 20, Rounds: 2}); got != want {
		t.Errorf("bytes: got %+v, want %+v", got, want)
	}
	if got, want := f.RestOfNode(3, contest.Written), (contest.Spread{Median: 10, Least: 10, Most: 10, Rounds: 2}); got != want {
		t.Errorf("at rest: got %+v, want %+v", got, want)
	}
	if got := f.Processor(theory.Elsewhere, 5); got.Rounds != 0 {
		t.Errorf("what was not measured: got %+v", got)
	}
}

func TestGainIsOfRatesOfTheSameRound(t *testing.T) {
	load := contest.Loads[0]
	f := outcome{
		contest.Many(load, 10, contest.OneCore):  {contest.Grants: {10, 20, -1}},
		contest.Many(load, 10, contest.AllCores): {contest.Grants: {20, 30, 40}},
	}.figures(3)
	if got, want := f.Gain(load, 10), (contest.Spread{Median: 1.75, Least: 1.5, Most: 2, Rounds: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A chart has what was measured, theory beside it, and nothing that a logarithmic axis
// cannot show.
func TestChartsLeaveOutWhatCannotBeShown(t *testing.T) {
	f := outcome{
		contest.OfSize(theory.Elsewhere, 3): {contest.Messages: {3}},
		contest.OfSize(theory.Elsewhere, 5): {contest.Messages: {5}},
		contest.OfSize(theory.Here, 3):      {contest.Messages: {0}},
		contest.InVirtualTime(1000):         {contest.Virtual(theory.Saturated, contest.Messages): {1}},
	}.figures(1)
	charts := f.Charts()
	var names []string
	for _, c := range charts {
		names = append(names, c.Name)
	}
	if want := []string{"messages", "processor", "sessions", "locks"}; !slices.Equal(names, want) {
		t.Fatalf("got charts %q, want %q", names, want)
	}
	points := map[string][]float64{}
	for _, s := range charts[0].Series {
		for _, p := range s.Points {
			points[s.Label] = append(points[s.Label], p.X, p.Y.Median)
		}
	}
	for label, want := range map[string][]float64{
		"token elsewhere: processes": {3, 3, 5, 5},
		"token elsewhere: theory":    {3, 3, 5, 5, 9, 9, 25, 25, 50, 50, 100, 100, 1000, 1000},
		"saturated: virtual time":    {1000, 1},
		"token here: processes":      nil,
		"token here: theory":         nil,
	} {
		if !slices.Equal(points[label], want) {
			t.Errorf("%s: got %v, want %v", label, points[label], want)
		}
	}
	if got := len(charts[3].Series); got != 0 {
		t.Errorf("nothing was measured of many locks, and the chart has %d series", got)
	}
}
