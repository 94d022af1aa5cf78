package loadgen

import (
	"math"
	"slices"
)

// Result is what all rounds have found of a workload.
type Result struct {
	Workload Workload
	// Clients is how many took part, and Locks of how many locks each wanted one.
	Clients, Locks int
	// Rounds are those that were played to the end.
	Rounds []Round
}

// Round is what one round has found of a workload.
type Round struct {
	// Figures has no value of what is not known.
	Figures map[Figure]float64
	// Judged is how many grants there were, those of the warm-up too. Nobody else was
	// inside at any of them, and each had a higher fence than those before it.
	Judged uint64
	// Lost is how many holds were lost in the time that was measured.
	Lost uint64
	// Others is how many grants of the nodes went to others, in all the time in which
	// messages are counted; NaN if it is not known.
	Others float64
}

// Spread is a figure over the rounds.
func (r *Result) Spread(f Figure) Spread {
	var values []float64
	for _, round := range r.Rounds {
		if value, ok := round.Figures[f]; ok {
			values = append(values, value)
		}
	}
	return spreadOf(values)
}

// Spread is a figure over the rounds in which it is known.
type Spread struct {
	Median, Least, Most float64
	Rounds              int
}

// spreadOf sums up some values; without any it is zero.
func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{
		Median: (sorted[(n-1)/2] + sorted[n/2]) / 2,
		Least:  sorted[0],
		Most:   sorted[n-1],
		Rounds: n,
	}
}

// jain is Jain's index of fairness of what each client got: 1 if all got the same, and
// 1/n if one of n got all (Jain, Chiu and Hawe 1984). Where nobody got anything there is
// none, and it is NaN.
func jain(shares []uint64) float64 {
	var sum, squares float64
	for _, share := range shares {
		sum += float64(share)
		squares += float64(share) * float64(share)
	}
	if sum == 0 {
		return math.NaN()
	}
	return sum * sum / (float64(len(shares)) * squares)
}
