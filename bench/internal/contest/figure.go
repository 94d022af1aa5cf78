package contest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figure is something that is measured, with its unit.
type Figure string

// The figures.
const (
	Hops        Figure = "hops/s"             // messages passed from process to process
	Grants      Figure = "grants/s"           // entries into the critical section
	Shared      Figure = "shared grants/s"    // those to clients that may be in it beside others
	Alone       Figure = "other grants/s"     // those to the others, where some share the lock
	HandOffs    Figure = "hand-offs/s"        // those by another client than the one before, which had been waiting
	CPU         Figure = "CPU µs"             // processor time of all processes, per hop or per grant
	Switches    Figure = "switches"           // how often a thread began to wait, per hop or per grant
	Messages    Figure = "messages"           // requests and tokens sent, per grant
	PerRequest  Figure = "messages a request" // the same, per request
	Session     Figure = "session messages/s" // those that keep sessions up
	Processor   Figure = "CPU µs/s"           // processor time of all processes
	Written     Figure = "bytes/s"            // bytes that all processes have written
	Wait        Figure = "wait µs"            // from asking until it is held: the median
	Cycle       Figure = "lock+unlock µs"     // from asking until Unlock has returned: the median
	Nanoseconds Figure = "ns"                 // per lock and unlock, of many
	SessionNs   Figure = "ns a session message"
	Allocations Figure = "allocations"        // on the heap, per lock and unlock
	Recovery    Figure = "until next grant s" // from the kill on
	Background  Figure = "% of a core"        // that the busiest of some idle nodes takes
	ClientBytes Figure = "bytes a client"     // of the machine's memory that a node has, for each client
	Logged      Figure = "bytes logged"       // by all nodes, per grant
	LockBytes   Figure = "bytes a lock"       // on the heap of a node, for each lock that it knows
	Resident    Figure = "GB right after use" // of the machine's memory that a node has, garbage counted
	Settled     Figure = "GB"                 // the same when the garbage has been given back
)

// Sample is what one round has found of one subject.
type Sample struct {
	Figures map[Figure]float64
	// Wait and Cycle are in nanoseconds; nil where there are none.
	Wait, Cycle *hdrhistogram.Histogram
	// Violations is how often two were in the critical section at once.
	Violations uint64
}

// String lists the figures, for people.
func (s *Sample) String() string {
	var parts []string
	for _, figure := range slices.Sorted(maps.Keys(s.Figures)) {
		parts = append(parts, fmt.Sprintf("%s %.4g", figure, s.Figures[figure]))
	}
	return strings.Join(parts, ", ")
}

// Spread is a figure over the rounds.
type Spread struct {
	Median, Least, Most float64
	Rounds              int
}

// SpreadOf sums up some values; without any it is zero.
func SpreadOf(values []float64) Spread {
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

// Times is the same in another unit.
func (s Spread) Times(by float64) Spread {
	return Spread{Median: s.Median * by, Least: s.Least * by, Most: s.Most * by, Rounds: s.Rounds}
}

// Result is what all rounds have found of one subject.
type Result struct {
	Subject *Subject
	// Samples are by round; nil where the round failed.
	Samples []*Sample
	// Failures are why rounds failed.
	Failures []error
	// LeftOut is why the subject was not played at all; empty if it was.
	LeftOut string
}

// Spread is a figure over the rounds.
func (r *Result) Spread(figure Figure) Spread {
	var values []float64
	for _, sample := range r.Samples {
		if sample == nil {
			continue
		}
		if value, ok := sample.Figures[figure]; ok {
			values = append(values, value)
		}
	}
	return SpreadOf(values)
}

// In is a figure in one round; false if there is none.
func (r *Result) In(round int, figure Figure) (float64, bool) {
	if round >= len(r.Samples) || r.Samples[round] == nil {
		return 0, false
	}
	value, ok := r.Samples[round].Figures[figure]
	return value, ok
}

// Merged is a histogram of all rounds together; nil if there is none.
func (r *Result) Merged(of func(*Sample) *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	var all *hdrhistogram.Histogram
	for _, sample := range r.Samples {
		if sample == nil || of(sample) == nil || of(sample).TotalCount() == 0 {
			continue
		}
		if all == nil {
			all = hdrhistogram.New(1, time.Minute.Nanoseconds(), 3)
		}
		all.Merge(of(sample))
	}
	return all
}

// Violations is how often two were in the critical section at once, in all rounds.
func (r *Result) Violations() uint64 {
	var sum uint64
	for _, sample := range r.Samples {
		if sample != nil {
			sum += sample.Violations
		}
	}
	return sum
}
