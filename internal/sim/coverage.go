package sim

import "conch/token"

// Tally is something that a run came across and that no effect tells of.
type Tally uint8

// What is counted besides ops, effects and reasons.
const (
	StaleDelivery Tally = iota // a message on a stream that a later one replaced
	OldStream                  // a HELLO that came too late
	CrashBetween               // a crash between two effects
	tallies
)

// Coverage is what runs came across, so that a test can tell whether the simulator
// still gets everywhere.
type Coverage struct {
	totalSteps   int64
	withdrawals  int64
	effectCounts [128]int64
	opCounts     [opKinds]int64
	tallyCounts  [tallies]int64
	reasons      reasons
}

type reasons struct {
	dropped, ended map[string]int64
}

func (r *reasons) drop(reason string) { r.dropped = add(r.dropped, reason) }
func (r *reasons) end(reason string)  { r.ended = add(r.ended, reason) }

func add(counts map[string]int64, key string) map[string]int64 {
	if counts == nil {
		counts = make(map[string]int64)
	}
	counts[key]++
	return counts
}

func (w *World) count(t Tally) { w.tallyCounts[t]++ }

var _ = token.Send
