package attachment

import "conch/token"

// Search decides which nodes are tried, in which order, and for how long. Nodes are
// numbered from 0, most wanted first.
type Search struct {
	// Nodes is how many there are, and Patience for how long all of them may be of no use.
	Nodes    int
	Patience token.Time

	// since is when the nodes began to be of no use. A node that lets the client in and
	// is of no use, such as one that is stopping, does not win it more time.
	since token.Time
	again bool // one was of use before, so all are tried until patience ends
}

// Last is what became of the node that was spoken to last.
type Last struct {
	Node          int
	Useful, Avoid bool
}

// Begin begins a search; last is nil for the first, and after one that failed. Nodes are
// to be tried in the order of the result. Unless fresh, the last node was of no use either,
// and the caller is to pause before it tries.
func (s *Search) Begin(now token.Time, last *Last) (order []int, fresh bool) {
	s.again = last != nil
	fresh = last == nil || last.Useful
	if fresh {
		s.since = now
	}
	first := 0
	if last != nil {
		first = last.Node
		if last.Avoid {
			first++
		}
	}
	for i := range s.Nodes {
		order = append(order, (first+i)%s.Nodes)
	}
	return order, fresh
}

// Left is how long the search may go on; not above 0 if it has failed.
func (s *Search) Left(now token.Time) token.Time { return s.Patience - (now - s.since) }

// Again reports whether all nodes are to be tried once more, after a pause, when each has
// been tried.
func (s *Search) Again() bool { return s.again }

// Backoff says how long to pause between attempts: each time about twice as long. The
// zero value is ready.
type Backoff struct {
	// Min and Max bound the pause.
	Min, Max token.Time
	ceiling  token.Time // of the last pause
}

// Next returns the longest that the next pause is to be. The caller draws it from the
// upper half, so that clients of a node that was gone do not come back all at once.
func (b *Backoff) Next() token.Time {
	b.ceiling = min(max(2*b.ceiling, b.Min), b.Max)
	return b.ceiling
}

// Reset makes the next pause a short one.
func (b *Backoff) Reset() { b.ceiling = 0 }
