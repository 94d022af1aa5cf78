package token

import (
	"cmp"
	"strconv"
)

// Member is a member's position in the member list, from 0. The list is the
// same, and in the same order, at every node.
type Member int

// NoMember is used where a message or an effect concerns no member.
const NoMember Member = -1

// Time is a reading of one node's own clock, or the difference of two, in
// nanoseconds. Readings of different nodes are never compared.
type Time int64

// Never is later than every reading of a clock.
const Never Time = 1<<63 - 1

// Session numbers the sessions of one member. A member's later session has a
// higher number, across restarts too, and a session never comes back.
type Session uint64

// Number is a request number, the paper's n in REQUEST(j, n). A member's numbers rise,
// perhaps with gaps.
type Number struct {
	Session Session
	Count   uint64 // from 1 within a session
}

// Compare orders numbers by session, then count: -1, 0 or +1.
func (n Number) Compare(m Number) int {
	if c := cmp.Compare(n.Session, m.Session); c != 0 {
		return c
	}
	return cmp.Compare(n.Count, m.Count)
}

// Above reports n > m.
func (n Number) Above(m Number) bool { return n.Compare(m) > 0 }

// String writes a number as SESSION.COUNT.
func (n Number) String() string { return string(n.AppendText(nil)) }

// AppendText appends what String returns.
func (n Number) AppendText(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(n.Session), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, n.Count, 10)
}

// Epoch identifies a ballot and the token that it makes: no two tokens of one
// lock have the same. The zero Epoch is below every other.
type Epoch struct {
	Number   uint64
	Proposer Member
}

// Compare orders epochs by number, then proposer: -1, 0 or +1.
func (e Epoch) Compare(f Epoch) int {
	if c := cmp.Compare(e.Number, f.Number); c != 0 {
		return c
	}
	return cmp.Compare(e.Proposer, f.Proposer)
}

// Above reports e > f.
func (e Epoch) Above(f Epoch) bool { return e.Compare(f) > 0 }

// String writes an epoch as NUMBER.PROPOSER.
func (e Epoch) String() string {
	b := strconv.AppendUint(nil, e.Number, 10)
	b = append(b, '.')
	return string(strconv.AppendInt(b, int64(e.Proposer), 10))
}

// Fence is a fencing number. Each grant of a lock has a higher one than all
// grants of that lock before it.
type Fence uint64

// Waiter names one local request for one lock. The driver chooses it: no two that wait or
// hold at the same time are equal, and zero names none.
type Waiter uint64

// Incarnation distinguishes a process from earlier ones of the same member: 128 random
// bits. Only equality means anything.
type Incarnation [16]byte

// Token is the privilege: a node that has it may let one local waiter into the
// critical section. It is owned by one node at a time; a node that puts it into a
// message gives it away and does not touch it again.
type Token struct {
	Epoch       Epoch    // which token of this lock it is
	Hop         uint64   // how often it has moved since it was made
	Fence       Fence    // of the latest grant
	LastGranted []Number // LN: for each member, the number of its request granted last
	Queue       []Member // Q: the members that get the token next, head first; none twice

	Limit   Limit   // how many may hold the lock at once; Exclusive if nobody has said
	LimitBy Member  // the member that said it
	LimitAt Fence   // rises with each change of the limit; at least the fence at the latest
	Shares  []Share // of the members that may have holders in without the token; at most one each

	// What does not change: the lock's latest run, nil if there was none; and the kept hold
	// that nobody has any more and that bars the lock, nil if there is none.
	Run  *RunMark
	Kept *KeptHold
}
