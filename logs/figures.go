package logs

import (
	"slices"
	"time"
)

// Figures are what a run's logs add up to.
type Figures struct {
	Lines    int           `json:"lines"`
	Locks    int           `json:"locks"`
	Entries  int           `json:"entries"`
	Entered  int           `json:"nodes_entered"`
	Nodes    []NodeFigures `json:"nodes"`
	Messages Messages      `json:"messages"`
	// PerEntry is REQUEST and TOKEN sent, without repeats, for each entry.
	PerEntry      float64 `json:"messages_per_entry"`
	MostOvertaken int     `json:"most_overtaken"`
	// ByLease counts handovers to a token made anew that no chain of messages
	// shows, but that the holder before had crashed or been buried.
	ByLease int `json:"handovers_by_lease"`
}

// NodeFigures are one member's share. Waits are from a request to its entry, by the
// member's own clock, in seconds; the entries of which the token was here waited
// for nothing and are not among them.
type NodeFigures struct {
	Node       string  `json:"node"`
	Entries    int     `json:"entries"`
	Requests   int     `json:"requests"` // broadcast
	Rides      int     `json:"rides"`
	Withdrawn  int     `json:"withdrawn"`
	Open       int     `json:"open_at_end"` // when the process stopped or crashed
	Lost       int     `json:"lost"`        // times that a session lapsed under one inside
	Starts     int     `json:"starts"`
	Crashes    int     `json:"crashes"`
	WaitMedian float64 `json:"wait_median_seconds"`
	WaitMost   float64 `json:"wait_most_seconds"`
}

// count fills in the figures.
func (c *checker) count(journeys []*Journey) {
	f := &c.figures
	f.Locks, f.ByLease = len(journeys), c.order.byLease
	byNode := make(map[string]*NodeFigures)
	waits := make(map[string][]time.Duration)
	f.Nodes = make([]NodeFigures, 0, len(c.run.Members))
	for id, member := range c.run.Members {
		if c.run.Listed(id) {
			f.Nodes = append(f.Nodes, NodeFigures{Node: member})
			byNode[member] = &f.Nodes[len(f.Nodes)-1]
		}
	}
	for _, life := range c.run.Lives {
		n := byNode[life.Node]
		if n == nil {
			continue // the member list is missing
		}
		n.Starts++
		if life.End == Crashed {
			n.Crashes++
		}
		for _, e := range life.Events {
			switch e.Kind {
			case Enter, ShareEnter:
				n.Entries++
				f.Entries++
			case Request:
				n.Requests++
			case Ride:
				n.Rides++
			case Lost:
				n.Lost++
			}
		}
		f.Lines += len(life.Events)
	}
	for _, a := range c.asked {
		n := byNode[a.begin.Node]
		switch {
		case n == nil:
		case a.fate == withdrawn:
			n.Withdrawn++
		case a.fate == stopped || a.fate == crashed:
			n.Open++
		case a.fate == granted:
			waits[n.Node] = append(waits[n.Node], a.wait())
		}
	}
	for node, all := range waits {
		slices.Sort(all)
		byNode[node].WaitMedian = all[(len(all)-1)/2].Seconds() // of two in the middle the lower, as in a report
		byNode[node].WaitMost = all[len(all)-1].Seconds()
	}
	if f.Entries > 0 {
		f.PerEntry = float64(f.Messages.Request+f.Messages.Token) / float64(f.Entries)
	}
}
