//go:build race

package storm

import "time"

// pace is how long a client pauses at most between two frames. With the race detector
// all is some ten times as slow, and nodes with more to do than they can do grant nothing.
const pace = 200 * time.Millisecond

// ttl is a session's time to live: as short as nodes can keep their sessions meanwhile.
const ttl = 4 * time.Second
