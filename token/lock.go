package token

// lock is what a node knows about one lock. Most locks that a node knows are at rest
// at any time, and there may be a million: what matters only to a lock that is awake
// stands apart.
type lock struct {
	name string

	// requestNumbers is the paper's RN: the highest request number heard from each
	// member. The own entry is the number of the own request, while one is
	// outstanding.
	requestNumbers []Number

	// token is here if it is not nil; then this node is inside a session.
	token *Token

	// use is nil while the lock is at rest, and rest means nothing while it is awake.
	// Every input that is about a lock wakes it first; so only those rules that go
	// through all locks meet with some that are at rest.
	*use
	rest rest

	// usedAt is when the lock was last heard of.
	usedAt Time
	// position is the lock's in the node's list of locks.
	position int32
	// timer is the place of its entry in the timers, counted from 1; 0 if it has none.
	timer int32
}

// use is what a node knows about a lock that is awake.
type use struct {
	// holder is the local waiter in the critical section, 0 if none is. A
	// holder holds by the token: holder != 0 implies token != nil.
	holder Waiter

	// ahead is how often in a row this node has gone ahead of members that stand in the
	// token's queue; below LocalBatch. It matters while there is a holder.
	ahead int

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
	// epoch is the highest of a token that was seen here. Before one was, it is above
	// the epochs of all locks that were forgotten here before this one was heard of:
	// it may be one of them.
	epoch Epoch
	// highest is the highest ballot number that was used, promised or heard of here.
	highest uint64
	// promises are the ballots that were promised and not taken back, epoch < each.
	promises []Epoch
	// floor is the highest promise that was made into a floor for want of room: like a
	// promise, but it cannot be taken back.
	floor Epoch

	// passedAt is when the token was last passed on from here, and passedQueue the
	// members that stood in its queue then.
	passedAt    Time
	passedQueue []Member

	// active: the lock stands in the node's list of those that may be in use.
	active bool
}

// holdsToken reports whether the lock's token is at this node.
func (l *lock) holdsToken() bool { return l.token != nil }

// idle reports whether the token is here and nobody uses it.
func (l *lock) idle() bool { return l.token != nil && (l.use == nil || l.holder == 0) }

// balloting reports whether a ballot of this node is under way.
func (l *lock) balloting() bool { return l.use != nil && l.search != nil && l.search.balloting }

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
