package logs

// Use is what a node does with a lock's token when it writes a line.
type Use int

const (
	// Unseen: no line tells.
	Unseen Use = iota
	// Inside: the node is in the critical section.
	Inside
	// Outside: it has the token, and is not in the critical section.
	Outside
	// Sharing: who is in there, or was, shares the lock; the node's turn is over.
	Sharing
	// Recalling: somebody there waits for shares that are out.
	Recalling
)

// UseOfToken tells from the lines before it, of the same process, what use the node made
// of the token of the line's lock.
func (e *Event) UseOfToken() Use {
	for i := e.Seq - 1; i >= 0; i-- {
		before := e.Life.Events[i]
		if before.Lock != e.Lock {
			continue
		}
		switch before.Kind {
		case Enter:
			if before.Mode().shares() {
				return Sharing
			}
			return Inside
		case RecallSent, DoneReceived:
			return Recalling
		case Leave, Lost:
			if !before.Mode().shares() {
				return Outside
			}
		case TokenReceived, TokenMade:
			return Outside
		case TokenSent, TokenDropped:
			return Unseen
		}
	}
	return Unseen
}
