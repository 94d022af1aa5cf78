//go:build race

package stress

import "time"

// pace is the longest pause of a client between two frames. With the race detector all is
// some ten times as slow, and overloaded nodes grant nothing.
const pace = 200 * time.Millisecond

// ttl is a session's time to live: the shortest in which nodes keep their sessions here.
const ttl = 4 * time.Second
