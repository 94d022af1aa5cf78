package datadir

import (
	"fmt"
	"time"

	"conch/token"
)

// epoch is the moment from which floors are counted, so that a fence, which is 2^32
// for each second since then, fits a signed 64-bit column for decades.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// maxSeconds is how long after epoch it does: until January 2094. maxFloor is the floor
// at the end of that second.
const (
	maxSeconds = 1<<31 - 1
	maxFloor   = (maxSeconds+1)*token.BallotsPerSecond - 1
)

// haste is by how much ballots may be ahead of the clock: eight and a half years.
const haste = 1 << 28 * token.BallotsPerSecond

// floorAt is the wall clock in the unit of ballot numbers; 0 before 2026.
func floorAt(now time.Time) uint64 {
	// In seconds first: a time.Duration holds 292 years only.
	seconds := now.Unix() - epoch.Unix()
	switch {
	case seconds < 0:
		return 0
	case seconds > maxSeconds:
		return maxFloor
	}
	return uint64(seconds)*token.BallotsPerSecond + uint64(now.Nanosecond())*token.BallotsPerSecond/uint64(time.Second)
}

// Plausible returns the highest number of a ballot that makes sense at a time, to a
// member that began with a floor. Numbers begin at the clock, and rise more slowly than
// it as a rule; one that is years ahead was made up, and leaves too little room above it.
// A clock that stands before 2026 counts as that year.
func Plausible(now time.Time, floor uint64) uint64 {
	return min(maxFloor, max(floorAt(now), floor)+haste)
}

// Volatile returns the numbers with which a node begins that keeps nothing on disk,
// or nothing yet: session, the wall clock's microseconds since 1970, and floor, the time
// since the beginning of 2026 UTC in [token.BallotsPerSecond]. They are above those of
// the node's earlier starts if the clock was not set back between them (protocol,
// sections 2 and 3).
//
// The error wraps [ErrClock]: the clock stands before 2026, or too late for fences
// to fit into a signed 64-bit number.
func Volatile(now time.Time) (session, floor uint64, err error) {
	if seconds := now.Unix() - epoch.Unix(); seconds < 0 || seconds > maxSeconds {
		return 0, 0, fmt.Errorf("%w: got %s, want a time from 2026 to 2093: set this machine's clock, and start the node again",
			ErrClock, now.UTC().Format(time.RFC3339))
	}
	return uint64(now.UnixMicro()), floorAt(now), nil
}
