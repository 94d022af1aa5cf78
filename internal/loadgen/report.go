package loadgen

import "time"

// Report is a run, for people and for scripts.
type Report struct {
	// Version is the program's, and Platform its OS/ARCH.
	Version, Platform string
	// Processors is how many cores this machine has.
	Processors int
	Nodes      Nodes
	// Clients is how many there are at each node.
	Clients int
	Plan    Plan
	Results []*Result
	// Unmetered says why there was no meter; empty if there was one.
	Unmetered string
	// Incomplete says why the run ended early; empty if it did not.
	Incomplete string
}

// Nodes are those that were driven.
type Nodes struct {
	// Started: they were started on this machine for the run.
	Started bool
	// Addresses are where the clients reached them, or where they listen if they were
	// started.
	Addresses []string
	// Members is how many members the cluster has.
	Members int
	// TTL is a session's time to live.
	TTL time.Duration
}

// Judged is how many grants were judged, in all rounds.
func (r *Report) Judged() (sum uint64) {
	for _, result := range r.Results {
		for _, round := range result.Rounds {
			sum += round.Judged
		}
	}
	return sum
}

// notKnown says what is not known of the nodes, and why.
func (r *Report) notKnown() []string {
	if r.Unmetered != "" {
		return []string{"messages per grant, and processor time of the nodes: " + r.Unmetered}
	}
	for _, result := range r.Results {
		if result.Spread(Messages).Rounds > result.Spread(Processor).Rounds {
			return []string{"processor time of the nodes: their metrics do not tell it"}
		}
	}
	return []string{}
}
