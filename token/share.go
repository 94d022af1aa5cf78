package token

import "slices"

// Limit says how many may hold a lock at once, and so in which mode a waiter wants it.
type Limit uint32

const (
	// Exclusive is the mode of a waiter that wants the lock alone. As a token's limit it
	// says that nobody has shared the lock yet.
	Exclusive Limit = 0
	// Unlimited is the mode of readers: any number of them hold the lock at once.
	Unlimited Limit = 1<<32 - 1
	// MaxPermits is the highest limit of a semaphore. A limit from 1 to MaxPermits is the
	// mode of a waiter that wants one of so many permits.
	MaxPermits Limit = 65535
)

// Share is what a member keeps of a lock when the token goes on: it may have holders in the
// critical section without the token, until it says DONE or its session is over.
type Share struct {
	Member  Member
	Session Session
	ID      Fence  // of the latest grant when the share was opened or enlarged
	Permits uint32 // how many may be in under it; 1 for readers, of whom any number may
}

// sharing is what a node knows of a lock that is shared.
type sharing struct {
	// share is the node's own; zero if it has none. While the token is here, it carries the
	// same.
	share Share
	// inside are the local waiters that hold the lock under it, first come first. They
	// imply a share.
	inside []HolderView

	// visited: the token has come since share.ID was drawn. The next waiter that enters with
	// the token here draws another.
	visited bool
	// recalled: nobody more enters under the share without the token.
	recalled bool
	// recaller is the member that called it in, NoMember if none did; via is the member
	// that the RECALL came from.
	recaller, via Member

	// limit is the lock's as the token said it when it was last here, or says it, limitBy
	// the member that set it, and limitAt its age.
	limit   Limit
	limitBy Member
	limitAt Fence

	// answered are the IDs of the shares whose members have answered a RECALL since the
	// token began to wait.
	answered []Fence
}

// used is how many permits of the share are in use; for readers 1 or 0.
func (s *sharing) used() uint32 {
	switch {
	case s == nil:
		return 0
	case s.limit == Unlimited:
		return uint32(min(1, len(s.inside)))
	}
	return uint32(len(s.inside))
}

// open reports whether the node has a share.
func (s *sharing) open() bool { return s.share.ID != 0 }

// close ends the share.
func (s *sharing) close() {
	s.share, s.visited, s.recalled, s.recaller = Share{}, false, false, NoMember
}

// shared returns what is known of the sharing of a lock that is awake.
func (l *lock) shared() *sharing {
	if l.sharing == nil {
		l.sharing = &sharing{recaller: NoMember}
	}
	return l.sharing
}

// shares reports whether the request does not want the lock alone.
func (r request) shares() bool { return r.limit != Exclusive }

// AcquireShare queues a local waiter that would share a lock: with other readers if the
// limit is Unlimited, else with the other holders of a semaphore's permits. A Grant
// follows, or a Refuse if the lock has another limit.
func (n *Node) AcquireShare(now Time, name string, w Waiter, limit Limit) {
	n.request(now, name, request{waiter: w, limit: limit})
}

// TryShare is AcquireShare for a waiter that does not want to wait, as Try is Acquire.
func (n *Node) TryShare(now Time, name string, w Waiter, limit Limit) {
	n.try(now, name, request{waiter: w, limit: limit})
}

// SetLimit queues a local waiter that changes a lock's limit; it holds nothing. A Grant with
// the new limit and without a fence follows, after which the node no longer knows the
// waiter; or a Refuse, if the lock has no permits: it has not been shared, or has readers.
// The limit is from 1 to MaxPermits.
//
// A higher limit counts at once, out of turn. A lower one waits for its turn, and before it
// is granted, every member with a share has been told to let in nobody more; then permits
// are granted again once fewer than the new limit are used.
func (n *Node) SetLimit(now Time, name string, w Waiter, limit Limit) {
	n.request(now, name, request{waiter: w, limit: limit, sets: true})
}

// request queues a waiter that would share a lock, or set its limit.
func (n *Node) request(now Time, name string, r request) {
	n.advance(now)
	l := n.lock(name)
	l.waiters.push(r)
	switch {
	case l.idle() && !n.leaving:
		n.enter(l)
	case l.holdsToken():
		switch {
		case n.leaving:
		case r.sets:
			n.raiseHere(l)
		case r.note != nil && l.waits: // it may be in front of the others
			n.turn(l)
		}
	default:
		n.admit(l)
		if !l.waiters.empty() && !l.outstanding {
			n.ask(l)
		} else if r.sets {
			n.probe(l)
		}
	}
	n.schedule(l)
}

// admit lets in, while the token is elsewhere, the waiters at the head of the line that
// have room under the node's own share. No message is needed.
//
// Protocol, section 5: only under a share that was not recalled.
func (n *Node) admit(l *lock) {
	s := l.sharing
	if l.token != nil || s == nil || !s.open() || s.recalled || n.leaving {
		return
	}
	admitted := false
	for !l.waiters.empty() {
		first := l.waiters.first()
		if first.sets || first.limit != s.limit || first.limit != Unlimited && s.used() >= s.share.Permits {
			break
		}
		n.letIn(l)
		admitted = true
	}
	if admitted {
		n.noteWithdrawal(l)
	}
}

// letIn lets the first waiter in under the node's own share.
func (n *Node) letIn(l *lock) *Effect {
	s, r := l.sharing, l.waiters.pop()
	l.forgetTry(r.waiter)
	s.inside = append(s.inside, HolderView{Waiter: r.waiter, Limit: r.limit, Fence: s.share.ID})
	grant := n.issue(l, Grant, NoMember)
	grant.Waiter, grant.Fence, grant.Limit = r.waiter, s.share.ID, r.limit
	if l.token != nil {
		grant.Hop, grant.Message.Token = l.token.Hop, l.token
	}
	return grant
}

// leaveShare ends a hold under the node's share. It does nothing if the waiter has none.
func (n *Node) leaveShare(l *lock, w Waiter) {
	s := l.sharing
	i := slices.IndexFunc(s.inside, func(h HolderView) bool { return h.Waiter == w })
	if i < 0 {
		return
	}
	h := s.inside[i]
	s.inside = slices.Delete(s.inside, i, i+1)
	if l.token != nil {
		n.writeShare(l)
	}
	left := n.issue(l, Left, NoMember)
	left.Waiter, left.Fence, left.Limit = w, h.Fence, h.Limit
	if l.token != nil {
		left.Hop, left.Message.Token = l.token.Hop, l.token
	}
	switch {
	case l.waits:
		n.turn(l)
	case l.token == nil && s.recalled:
		n.giveBackShare(l)
	default:
		n.admit(l)
	}
}

// loseShare ends the share with the session, and tells all who are in under it.
func (n *Node) loseShare(l *lock) {
	s := l.sharing
	for _, h := range s.inside {
		revoked := n.issue(l, Revoke, NoMember)
		revoked.Waiter, revoked.Fence, revoked.Limit = h.Waiter, h.Fence, h.Limit
	}
	s.inside = s.inside[:0]
	s.close()
}
