package token

import "slices"

// A lock that nobody uses or wants, and that was not just passed on, is put to rest: only a
// few numbers of its use are kept, nearly always the same ones, and the memory of the
// others is saved. sayBusy does so at each round of PINGs.

// rest is what is kept of a lock at rest: its epoch, and its only promise, if there is one.
// A member takes four bytes here.
type rest struct {
	epochNumber, promiseNumber     uint64
	epochProposer, promiseProposer int32
}

func restOf(epoch, promise Epoch) rest {
	return rest{
		epochNumber: epoch.Number, epochProposer: int32(epoch.Proposer),
		promiseNumber: promise.Number, promiseProposer: int32(promise.Proposer),
	}
}

func (r rest) epoch() Epoch { return Epoch{Number: r.epochNumber, Proposer: Member(r.epochProposer)} }

// promise is zero if there is none.
func (r rest) promise() Epoch {
	return Epoch{Number: r.promiseNumber, Proposer: Member(r.promiseProposer)}
}

// highest is the highest ballot number of a lock at rest.
func (r rest) highest() uint64 { return max(r.epochNumber, r.promiseNumber) }

// lastProposer makes an Epoch that is above all others with the same number.
const lastProposer Member = 1<<31 - 1

// above is an epoch above all with this number or a lower one; zero for zero.
func above(number uint64) Epoch {
	if number == 0 {
		return Epoch{}
	}
	return Epoch{Number: number, Proposer: lastProposer}
}

// spareUses is how many uses a node keeps for locks that wake, and spareEntries how long
// the lists kept with each may be. A lock that goes back and forth between use and rest
// then costs no allocation, except the LN of a token that is here.
const (
	spareUses    = 64
	spareEntries = 16
)

// wake gives the lock a use if it has none, and puts it on the list of active locks.
func (n *Node) wake(l *lock) {
	if l.use == nil {
		if last := len(n.spare) - 1; last >= 0 {
			l.use = n.spare[last]
			n.spare[last], n.spare = nil, n.spare[:last]
		} else {
			l.use = new(use)
		}
		n.unpack(l.rest, l.use)
		if l.token != nil && l.sharesNumbers() {
			l.token.LastGranted = slices.Clone(l.requestNumbers)
		}
	}
	if !l.active {
		l.active = true
		n.active = append(n.active, l)
	}
}

// unpack restores in an empty use what the lock had when it was put to rest.
func (n *Node) unpack(r rest, u *use) {
	u.epoch = r.epoch()
	u.highest = r.highest()
	if r.promiseNumber != 0 {
		u.promises = append(u.promises, r.promise())
	}
	u.heardOf = n.usuallyHeardOf()
	u.passedAt = n.now - n.cfg.TTL // long enough ago
}

// usuallyHeardOf is heardOf of a lock at rest.
func (n *Node) usuallyHeardOf() bool { return len(n.peers) > 1 }

// engaged reports whether rest cannot hold what is known of a lock: it is wanted here, a
// ballot is under way, or its token was just passed on.
func (n *Node) engaged(l *lock) bool {
	return l.outstanding || !l.waiters.empty() || n.now < l.helpEnd || l.balloting() ||
		l.token == nil && n.now < l.passedAt+n.recently()
}

// putToRest drops the use of a lock that is off the list of active ones. A lock with
// unusual facts keeps it.
func (n *Node) putToRest(l *lock) {
	u := l.use
	u.active = false
	u.search = nil
	if !n.notesRest(l) {
		return
	}
	u.notes = nil
	if len(u.promises) > 1 || u.sharing != nil || u.said != nil || u.floor != (Epoch{}) || u.heardOf != n.usuallyHeardOf() {
		return
	}
	var promise Epoch
	if len(u.promises) > 0 {
		promise = u.promises[0]
	}
	r := restOf(u.epoch, promise)
	if u.highest != r.highest() {
		return
	}
	l.use, l.rest = nil, r
	if l.token != nil {
		n.putTokenToRest(l)
	}
	if len(n.spare) < spareUses {
		*u = use{
			waiters:     waiters{entries: emptied(u.waiters.entries, spareEntries)},
			promises:    emptied(u.promises, spareEntries),
			passedQueue: emptied(u.passedQueue, spareEntries),
		}
		n.spare = append(n.spare, u)
	}
}

// putTokenToRest saves the memory of an idle token's LN. Unless somebody asks for the
// token, no number in RN is above the one in LN, which the same member used. So RN can be
// raised to LN, and one array serves both.
func (n *Node) putTokenToRest(l *lock) {
	t := l.token
	if len(t.Queue) == 0 {
		t.Queue = nil
	}
	if !n.askedFor(l) {
		copy(l.requestNumbers, t.LastGranted)
		t.LastGranted = l.requestNumbers
	}
}

// sharesNumbers reports whether RN and the token's LN share memory.
func (l *lock) sharesNumbers() bool { return &l.token.LastGranted[0] == &l.requestNumbers[0] }

// emptied returns a slice without its elements. It keeps the memory if that has room for at
// most so many.
func emptied[E any](s []E, most int) []E {
	if cap(s) > most {
		return nil
	}
	return s[:0]
}

// awake returns l if it has a use, else a copy that has one. It is for inspect.go and the
// files beside it.
func (n *Node) awake(l *lock) *lock {
	if l.use != nil {
		return l
	}
	c := *l
	c.use = new(use)
	n.unpack(l.rest, c.use)
	return &c
}
