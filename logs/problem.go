package logs

import "fmt"

// Verdict is what the logs say about a requirement.
type Verdict int

const (
	// Holds: the logs show that it was met.
	Holds Verdict = iota
	// Insufficient: the logs neither show that it was met nor that it was not.
	Insufficient
	// Violated: the logs show that it was not met.
	Violated
)

// String returns "holds", "insufficient" or "violated".
func (v Verdict) String() string {
	return [...]string{"holds", "insufficient", "violated"}[v]
}

// MarshalText writes the verdict into JSON as String has it.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// requirementID tells the requirements apart.
type requirementID int

// What Check judges, in the order of its table.
const (
	completeLogs requirementID = iota
	peersEnter
	exclusion
	permits
	oneToken
	risingFences
	outsideSession
	ticksOnce
	keptStays
	oneList
	everyRequest
	overtaking
	messageCost
	requirements // how many
)

// The titles say what holds if it holds.
var titles = [requirements]struct{ id, name string }{
	completeLogs:   {"logs", "complete, and of one cluster"},
	peersEnter:     {"R1", "several peers ask and enter"},
	exclusion:      {"R2", "one at a time in the critical section"},
	permits:        {"R2", "no more holders than permits"},
	oneToken:       {"R2", "one token"},
	risingFences:   {"R2", "fences rise"},
	outsideSession: {"R2", "no grant outside a session"},
	ticksOnce:      {"runs", "no tick runs again"},
	keptStays:      {"kept", "nobody enters while a hold is kept"},
	oneList:        {"list", "one list of members at a time"},
	everyRequest:   {"R3", "every request is granted"},
	overtaking:     {"R3", "at most N-1 others go ahead"},
	messageCost:    {"paper", "0 or N messages an entry"},
}

// nameOfSharing is the name of exclusion where locks are shared.
const nameOfSharing = "one at a time, or sharers only"

// problem is something that keeps a requirement from holding.
type problem struct {
	requirement requirementID
	verdict     Verdict // Violated or Insufficient
	reason      string
	lines       []*Event // that show it
}

func newProblem(requirement requirementID, verdict Verdict, lines []*Event, format string, args ...any) problem {
	return problem{requirement: requirement, verdict: verdict, reason: fmt.Sprintf(format, args...), lines: lines}
}
