package loadgen

import "fmt"

// Figure is something that is measured. Its text is its key in the JSON.
type Figure string

// The figures.
const (
	Grants   Figure = "grants_per_second"
	HandOffs Figure = "hand_offs_per_second" // grants to another client than the one before, which had been waiting when that one left
	// WaitMax and UnlockMax are the longest; the percentiles are Percentile's.
	WaitMax   Figure = "lock_to_grant_max_microseconds"
	UnlockMax Figure = "unlock_max_microseconds"
	Messages  Figure = "messages_per_grant"
	Processor Figure = "nodes_processor_microseconds_per_grant"
	// OwnProcessor is that of the process in which the clients are.
	OwnProcessor Figure = "clients_processor_microseconds_per_grant"
	Fairness     Figure = "jain_index"
	LeastServed  Figure = "least_served_client_grants"
	MostServed   Figure = "most_served_client_grants"
)

// percentiles are those of how long it takes to lock and to unlock.
var percentiles = []struct {
	percent float64
	name    string // in the text
	key     string // in the JSON
}{{50, "p50", "p50"}, {90, "p90", "p90"}, {99, "p99", "p99"}, {99.9, "p99.9", "p99_9"}}

// waitPercentile and unlockPercentile are the figures of a percentile.
func waitPercentile(key string) Figure {
	return Figure(fmt.Sprintf("lock_to_grant_%s_microseconds", key))
}

func unlockPercentile(key string) Figure {
	return Figure(fmt.Sprintf("unlock_%s_microseconds", key))
}

// Figures are all figures, in the order in which they are told.
func Figures() []Figure {
	all := []Figure{Grants, HandOffs}
	for _, p := range percentiles {
		all = append(all, waitPercentile(p.key))
	}
	all = append(all, WaitMax)
	for _, p := range percentiles {
		all = append(all, unlockPercentile(p.key))
	}
	return append(all, UnlockMax, Messages, Processor, OwnProcessor, Fairness, LeastServed, MostServed)
}
