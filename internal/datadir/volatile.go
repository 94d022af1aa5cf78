package datadir

import (
	"fmt"
	"time"
)

// epoch is the second from which floors are counted, so that a fence, which is a
// ballot's number times 2^32, fits a signed 64-bit column for decades.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// maxFloor is the highest floor for which it does: until January 2094.
const maxFloor = 1<<31 - 1

// haste is by how much ballots may be ahead of the clock, in seconds: eight and a half
// years. Each ballot of a lock counts one, and each start of a member 1024 at most.
const haste = 1 << 28

// Plausible returns the highest number of a ballot that makes sense at a time, to a
// member that began with a floor. Numbers begin at the clock, and rise more slowly than
// it as a rule; one that is years ahead was made up, and leaves too little room above it.
// A clock that stands before 2026 counts as that year.
func Plausible(now time.Time, floor uint64) uint64 {
	seconds := uint64(max(0, now.Unix()-epoch.Unix()))
	return min(maxFloor, max(seconds, floor)+haste)
}

// Volatile returns the numbers with which a node begins that keeps nothing on disk,
// or nothing yet: session, the wall clock's microseconds since 1970, and floor, its
// seconds since the beginning of 2026 UTC. They are above those of the node's
// earlier starts if the clock was not set back between them, and if ballots are held
// less than once a second (protocol, sections 2 and 3).
//
// The error wraps [ErrClock]: the clock stands before 2026, or too late for fences
// to fit into a signed 64-bit number.
func Volatile(now time.Time) (session, floor uint64, err error) {
	// In seconds: a time.Duration holds 292 years only.
	seconds := now.Unix() - epoch.Unix()
	if seconds < 0 || seconds > maxFloor {
		return 0, 0, fmt.Errorf("%w: got %s, want a time from 2026 to 2093: set this machine's clock, and start the node again",
			ErrClock, now.UTC().Format(time.RFC3339))
	}
	return uint64(now.UnixMicro()), uint64(seconds), nil
}
