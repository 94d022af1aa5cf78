package loadgen

import (
	"encoding/json"
	"io"
	"math"
)

// What stands here is the JSON of JSON.md, key by key.

type reportJSON struct {
	Version          string         `json:"version"`
	Platform         string         `json:"platform"`
	Processors       int            `json:"processors"`
	NodesStarted     bool           `json:"nodes_started"`
	Nodes            []string       `json:"nodes"`
	Members          int            `json:"members"`
	SessionTTL       float64        `json:"session_ttl_seconds"`
	ClientsPerNode   int            `json:"clients_per_node"`
	ClientsInProcess bool           `json:"clients_share_one_process"`
	Lock             string         `json:"lock"`
	Rounds           int            `json:"rounds"`
	Duration         float64        `json:"duration_seconds"`
	WarmUp           float64        `json:"warm_up_seconds"`
	Hold             float64        `json:"hold_seconds"`
	Think            float64        `json:"think_seconds"`
	Workloads        []workloadJSON `json:"workloads"`
	NotKnown         []string       `json:"not_known"`
	Incomplete       *string        `json:"incomplete"`
}

type workloadJSON struct {
	Workload string                 `json:"workload"`
	Clients  int                    `json:"clients"`
	Locks    int                    `json:"locks"`
	Rounds   []roundJSON            `json:"rounds"`
	Summary  map[Figure]*spreadJSON `json:"summary"`
}

type roundJSON struct {
	Judged  uint64              `json:"judged_grants"`
	Lost    uint64              `json:"lost_holds"`
	Others  *float64            `json:"grants_to_others"`
	Figures map[Figure]*float64 `json:"figures"`
}

type spreadJSON struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// WriteJSON writes the report for scripts, as one line.
func (r *Report) WriteJSON(w io.Writer) error {
	to := reportJSON{
		Version: r.Version, Platform: r.Platform, Processors: r.Processors,
		NodesStarted: r.Nodes.Started, Nodes: r.Nodes.Addresses, Members: r.Nodes.Members,
		SessionTTL: r.Nodes.TTL.Seconds(), ClientsPerNode: r.Clients, ClientsInProcess: true,
		Lock: r.Plan.Lock, Rounds: r.Plan.Rounds,
		Duration: r.Plan.Duration.Seconds(), WarmUp: r.Plan.WarmUp.Seconds(),
		Hold: r.Plan.Hold.Seconds(), Think: r.Plan.Think.Seconds(),
		Workloads: []workloadJSON{}, NotKnown: r.notKnown(), Incomplete: text(r.Incomplete),
	}
	for _, result := range r.Results {
		to.Workloads = append(to.Workloads, result.json())
	}
	return json.NewEncoder(w).Encode(to)
}

// json is the result as JSON.md has it: every figure has its key, known or not.
func (r *Result) json() workloadJSON {
	to := workloadJSON{
		Workload: string(r.Workload), Clients: r.Clients, Locks: r.Locks,
		Rounds: []roundJSON{}, Summary: map[Figure]*spreadJSON{},
	}
	for _, round := range r.Rounds {
		one := roundJSON{Judged: round.Judged, Lost: round.Lost, Figures: map[Figure]*float64{}}
		if !math.IsNaN(round.Others) {
			one.Others = &round.Others
		}
		for _, f := range Figures() {
			one.Figures[f] = nil
			if value, ok := round.Figures[f]; ok {
				value = exact(value)
				one.Figures[f] = &value
			}
		}
		to.Rounds = append(to.Rounds, one)
	}
	for _, f := range Figures() {
		to.Summary[f] = nil
		if s := r.Spread(f); s.Rounds > 0 {
			to.Summary[f] = &spreadJSON{exact(s.Median), exact(s.Least), exact(s.Most)}
		}
	}
	return to
}

// exact rounds to a millionth of the unit.
func exact(x float64) float64 { return math.Round(x*1e6) / 1e6 }

// text is a text, or null for none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
