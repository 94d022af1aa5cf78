package token

import "slices"

// A lock that nobody uses, wants or has just passed on is put to rest: what is left
// of its use is little, nearly always the same few numbers, and no memory is spent on
// the remainder. The sweep at each PING does so (sayBusy).

// rest is what is kept of the use of a lock that is at rest: its epoch, and the only
// promise, if there is one. A member takes four bytes here.
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

// highest is what the highest ballot number of a lock at rest is.
func (r rest) highest() uint64 { return max(r.epochNumber, r.promiseNumber) }

// lastProposer makes an Epoch that is above all others of the same number.
const lastProposer Member = 1<<31 - 1

// above is higher than every epoch whose number is not higher; zero for zero.
func above(number uint64) Epoch {
	if number == 0 {
		return Epoch{}
	}
	return Epoch{Number: number, Proposer: lastProposer}
}

// spareUses is how many uses a node keeps for locks that awake, and spareEntries how
// long the lists may be that are kept with one. A lock that goes to and fro between
// use and rest costs no allocation then, but for the LN of a token that is here.
const (
	spareUses    = 64
	spareEntries = 16
)

// wake sees to it that the lock has a use, and puts it on the list of those that may
// be in use.
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

// unpack makes an empty use what it was when the lock was put to rest.
func (n *Node) unpack(r rest, u *use) {
	u.epoch = r.epoch()
	u.highest = r.highest()
	if r.promiseNumber != 0 {
		u.promises = append(u.promises, r.promise())
	}
	u.heardOf = n.usuallyHeardOf()
	u.passedAt = n.now - n.cfg.TTL // long enough ago
}

// usuallyHeardOf is whether peers have sent something about a lock that is at rest.
func (n *Node) usuallyHeardOf() bool { return len(n.peers) > 1 }

// engaged reports whether there is more to be known of a lock than rest can say: it is
// wanted here, a ballot is under way, or its token was passed on just now.
func (n *Node) engaged(l *lock) bool {
	return l.outstanding || !l.waiters.empty() || n.now < l.helpEnd || l.balloting() ||
		l.token == nil && n.now < l.passedAt+n.recently()
}

// putToRest drops the use of a lock that is off the list of active ones. A lock with
// an unusual past keeps it.
func (n *Node) putToRest(l *lock) {
	u := l.use
	u.active = false
	u.search = nil
	if len(u.promises) > 1 || u.floor != (Epoch{}) || u.heardOf != n.usuallyHeardOf() {
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

// putTokenToRest leaves little of an idle token. Unless somebody asks for it, no number
// in RN is above that in LN, which is a number of the same member's: so RN can be raised
// to LN, and the memory of one is enough for both.
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

// sharesNumbers reports whether RN and the LN of the token here are in the same memory.
func (l *lock) sharesNumbers() bool { return &l.token.LastGranted[0] == &l.requestNumbers[0] }

// emptied is a slice without its elements, whose memory is kept if it has room for no
// more than so many.
func emptied[E any](s []E, most int) []E {
	if cap(s) > most {
		return nil
	}
	return s[:0]
}

// awake returns a lock that has a use, for inspect.go and the files beside it: l itself if
// it has one, or else a copy.
func (n *Node) awake(l *lock) *lock {
	if l.use != nil {
		return l
	}
	c := *l
	c.use = new(use)
	n.unpack(l.rest, c.use)
	return &c
}
