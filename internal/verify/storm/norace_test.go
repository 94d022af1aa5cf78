//go:build !race

package storm

import "time"

// pace is how long a client pauses at most between two frames.
const pace = 3 * time.Millisecond

// ttl is a session's time to live: as short as nodes can keep their sessions meanwhile.
const ttl = time.Second
