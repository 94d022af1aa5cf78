//go:build !race

package stress

import "time"

// pace is the longest pause of a client between two frames.
const pace = 3 * time.Millisecond

// ttl is a session's time to live: the shortest in which nodes keep their sessions here.
const ttl = time.Second
