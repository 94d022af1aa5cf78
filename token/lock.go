package token

import "slices"

// lock is what a node knows about one lock. A node may know a million locks, most of them
// at rest; what matters only while a lock is awake stands apart, in use.
type lock struct {
	name string

	// requestNumbers is the paper's RN: the highest request number heard from each member.
	// The own entry is the number of the node's own request while one is outstanding.
	requestNumbers []Number

	// token is nil unless the token is here. If it is here, the node is inside a session.
	token *Token

	// use is nil while the lock is at rest; rest means nothing while it is awake. Every
	// input about a lock wakes it first, so only rules that go through all locks meet locks
	// at rest.
	*use
	rest rest

	// usedAt is when the node last heard of the lock.
	usedAt Time
	// position is the lock's index in the node's list of locks.
	position int32
	// timer is the index of the lock's entry in the timers, counted from 1; 0 if it has
	// none.
	timer int32
}

// use is what a node knows about a lock that is awake.
type use struct {
	// holder is the local waiter in the critical section, 0 if there is none. holder != 0
	// implies token != nil.
	holder Waiter

	// ahead is how often in a row this node has gone ahead of members in the token's queue;
	// below LocalBatch. It matters while there is a holder.
	ahead int

	// waiters are the local requests not granted yet, first come first served. While any
	// waits, the token is not here, or holder != 0, or waits.
	waiters waiters

	// outstanding: the own request requestNumbers[self] was made in this session, and the
	// token has not come for it yet, or waits. The request belongs to the node, not to a
	// waiter: if the waiter gives up, the next one inherits it.
	outstanding bool

	// waits: the token is here, nobody uses it, and the first waiter waits until others
	// give back shares, or remember a note, or somebody frees a kept hold. The rules are in
	// turn.go, recall.go, witness.go and kept.go. waits implies outstanding.
	waits bool
	// notes is nil as long as no run of a tick and no kept hold matters here. The rules are in
	// witness.go.
	notes *noting
	// sharing is nil as long as nobody has shared the lock, as far as this node knows.
	sharing *sharing
	// said is nil as long as nobody has said a value, as far as this node knows. The rules
	// are in say.go.
	said *said

	// helpEnd is until when this node asks for the lock on another's behalf.
	helpEnd Time

	// The rest is for rounds and for forgetting; the rules are in search.go, promise.go and
	// forget.go.

	// search is how this node looks for the token, while a request is outstanding or a
	// ballot under way. Otherwise it means nothing and may be nil.
	search *search

	// heardOf: a peer has sent a message about the lock.
	heardOf bool
	// epoch is the highest epoch of a token seen here. Before the first, it is above the
	// epochs of all locks that were forgotten before this one was heard of, since this lock
	// may be one of them.
	epoch Epoch
	// highest is the highest ballot number used, promised or heard of here.
	highest uint64
	// promises are the ballots promised and not taken back, each above epoch.
	promises []Epoch
	// floor is the highest promise that became a floor for lack of room: a promise that
	// cannot be taken back.
	floor Epoch

	// passedAt is when this node last passed the token on, and passedQueue the token's
	// queue then.
	passedAt    Time
	passedQueue []Member

	// active: the lock is in the node's list of active locks.
	active bool
}

// holdsToken reports whether the lock's token is at this node.
func (l *lock) holdsToken() bool { return l.token != nil }

// idle reports whether the token is here, and nobody uses it or waits with it.
func (l *lock) idle() bool {
	return l.token != nil && (l.use == nil || l.holder == 0 && !l.waits)
}

// balloting reports whether a ballot of this node is under way.
func (l *lock) balloting() bool { return l.use != nil && l.search != nil && l.search.balloting }

// request is a local waiter's.
type request struct {
	waiter Waiter
	limit  Limit // its mode
	sets   bool  // it holds nothing, but changes the lock's limit to that
	note   *noteRequest
}

// waiters is a first-come-first-served queue that reuses its memory.
type waiters struct {
	entries []request
	head    int // entries before head are gone
}

func (q *waiters) empty() bool { return q.head == len(q.entries) }

// first is the request at the head. The queue is not empty.
func (q *waiters) first() request { return q.entries[q.head] }

func (q *waiters) push(r request) {
	if q.head > len(q.entries)/2 {
		q.entries = q.entries[:copy(q.entries, q.entries[q.head:])]
		q.head = 0
	}
	q.entries = append(q.entries, r)
}

func (q *waiters) pop() request {
	r := q.entries[q.head]
	q.head++
	if q.empty() {
		q.entries, q.head = q.entries[:0], 0
	}
	return r
}

// moveToFront moves the first request that is wanted to the head.
func (q *waiters) moveToFront(wanted func(request) bool) {
	line := q.entries[q.head:]
	if i := slices.IndexFunc(line, wanted); i > 0 {
		r := line[i]
		copy(line[1:], line[:i])
		line[0] = r
	}
}

// remove takes w out of the queue and reports whether it was there.
func (q *waiters) remove(w Waiter) bool {
	for i := q.head; i < len(q.entries); i++ {
		if q.entries[i].waiter == w {
			q.entries = append(q.entries[:i], q.entries[i+1:]...)
			return true
		}
	}
	return false
}
