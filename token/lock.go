package token

// lock is what a node knows about one lock.
type lock struct {
	name string

	// requestNumbers is the paper's RN: the highest request number heard from each
	// member. The own entry is the number of the own request, while one is
	// outstanding.
	requestNumbers []Number

	// token is here if it is not nil; then this node is inside a session.
	token *Token

	// holder is the local waiter in the critical section, 0 if none is. Whoever
	// holds does so by the token: holder != 0 implies token != nil.
	holder Waiter

	// waiters are the local requests that were not granted yet, first come first
	// served. While any waits, the token is not here, or holder != 0.
	waiters waiters

	// outstanding: the own request requestNumbers[self] was made in this session, and
	// the token has not come for it yet. It belongs to the node, not to a waiter: a
	// waiter that gives up leaves it behind, and the next one inherits it.
	outstanding bool

	// helpEnd is until when this node asks for the lock on another's behalf.
	helpEnd Time

	// What follows is for rounds and for forgetting; the rules are in search.go,
	// promise.go and forget.go.

	// search is how this node looks for the token while a request is outstanding, or a
	// ballot under way. Without either it means nothing, and may be nil.
	search *search

	// heardOf: a peer has sent something about the lock.
	heardOf bool
	// epoch is the highest of a token that was seen here.
	epoch Epoch
	// highest is the highest ballot number that was used, promised or heard of here.
	highest uint64
	// promises are the ballots that were promised and not taken back, epoch < each.
	promises []Epoch
	// floor is the highest promise that was made into a floor for want of room: like a
	// promise, but it cannot be taken back.
	floor Epoch
	// tokenFloor refuses tokens: locks were forgotten here before this one was heard
	// of, and it may be one of them.
	tokenFloor uint64

	// passedAt is when the token was last passed on from here, and passedQueue who
	// stood in its queue then.
	passedAt    Time
	passedQueue []Member

	// usedAt is when the lock was last heard of.
	usedAt Time
	// timer is the entry in the timers, nil if it has none.
	timer *timerEntry
	// position is the lock's in the node's list of locks.
	position int
	// active: the lock stands in the node's list of those that may be in use.
	active bool
}

// holdsToken reports whether the lock's token is at this node.
func (l *lock) holdsToken() bool { return l.token != nil }

// idle reports whether the token is here and nobody uses it.
func (l *lock) idle() bool { return l.token != nil && l.holder == 0 }

// waiters is a first-come-first-served queue that reuses its memory.
type waiters struct {
	entries []Waiter
	head    int // entries before head are gone
}

func (q *waiters) empty() bool { return q.head == len(q.entries) }

func (q *waiters) push(w Waiter) {
	if q.head > len(q.entries)/2 {
		q.entries = q.entries[:copy(q.entries, q.entries[q.head:])]
		q.head = 0
	}
	q.entries = append(q.entries, w)
}

func (q *waiters) pop() Waiter {
	w := q.entries[q.head]
	q.head++
	if q.empty() {
		q.entries, q.head = q.entries[:0], 0
	}
	return w
}

// remove takes w out of the queue and reports whether it was in it.
func (q *waiters) remove(w Waiter) bool {
	for i := q.head; i < len(q.entries); i++ {
		if q.entries[i] == w {
			q.entries = append(q.entries[:i], q.entries[i+1:]...)
			return true
		}
	}
	return false
}
