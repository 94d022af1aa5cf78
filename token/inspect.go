package token

// What a node knows, for the simulator, the exhaustive search and the status page, which
// judge it or show it. No rule of the algorithm calls anything here, and nothing here
// changes the node.

// SessionView is a node's session, as of the node's latest input.
type SessionView struct {
	Session Session
	// Begun: the session has the lease of a quorum, until LeaseEnd by the node's own clock;
	// Never for a cluster of one. A caller that reads it later than that input must compare
	// LeaseEnd with the clock: an input would end the session.
	Begun    bool
	LeaseEnd Time
	// Waiting: the wait after the start is not over.
	Waiting bool
	// Leaving: the node retires. Gone: it has said BYE.
	Leaving, Gone bool
}

// InspectSession returns the node's session.
func (n *Node) InspectSession() SessionView {
	return SessionView{
		Session: n.session, Begun: n.begun, LeaseEnd: n.leaseEnd,
		Waiting: n.waiting, Leaving: n.leaving, Gone: n.gone,
	}
}

// PeerView is what a node knows of another member.
type PeerView struct {
	Connected bool
	// Silent: it has answered no PING for T.
	Silent bool
	// Answered: it has answered a PING of this incarnation, the last at AnsweredAt by the
	// node's own clock.
	Answered   bool
	AnsweredAt Time
	// RoundTrip is the time from that PING to its answer.
	RoundTrip Time
	// Session is the newest session of its newest incarnation that is known to have begun,
	// 0 if none is.
	Session Session
	// Known is its highest session heard of, and KnownOf the incarnation that had it, the
	// first if there were several.
	Known   Session
	KnownOf Incarnation
	// This node guards its session Guarded until GuardEnd, and buries it until BurialEnd;
	// both by the node's own clock, and perhaps past.
	Guarded             Session
	GuardEnd, BurialEnd Time
}

// InspectPeer returns what the node knows of another member.
func (n *Node) InspectPeer(j Member) PeerView {
	p := &n.peers[j]
	return PeerView{
		Connected: p.connected, Silent: n.silent(j), Session: p.session, Known: p.highest, KnownOf: p.highestOf,
		Answered: p.hasAnswered, AnsweredAt: p.pongAt, RoundTrip: p.pongAt - p.answered,
		Guarded: p.guarded, GuardEnd: p.guardEnd, BurialEnd: p.burialEnd,
	}
}

// LockView is what a node knows of one lock.
type LockView struct {
	RequestNumbers []Number // RN
	// Outstanding: the own entry of RequestNumbers is a request not granted yet.
	Outstanding bool
	// Waiters is how many local requests wait, without the holder.
	Waiters int
	// Searching: the node looks for the token, which may be lost.
	Searching bool
	// Waits: the token is here, and the first local waiter waits until shares come back.
	Waits bool
	// Holder is the local waiter that holds the lock alone; 0 if none does.
	Holder Waiter
	// Hold is the Holder's run or kept hold; nil if it is neither.
	Hold *Note
	// Inside are the local waiters that hold the lock, in the order in which they entered:
	// Holder alone, or those in a shared mode.
	Inside []HolderView
	// Share is the node's own share, zero if it has none. Recalled: it lets in nobody more.
	Share    Share
	Recalled bool
	// Limit is the lock's limit as the node remembers it, LimitBy the member that said it,
	// and LimitAt its age; Exclusive if the node has heard of none.
	Limit   Limit
	LimitBy Member
	LimitAt Fence
	// LocalBatch is the node's, at least 1. BatchLeft is how many more local waiters may
	// enter after the holder, ahead of members that wait.
	LocalBatch, BatchLeft int
	// HasToken: the token is here. Token is a copy of it, and undefined otherwise.
	HasToken bool
	Token    Token
}

// HolderView is a local waiter in the critical section.
type HolderView struct {
	Waiter Waiter
	Limit  Limit // its mode
	Fence  Fence
}

// InspectLock copies what the node knows of a lock into v, whose slices it reuses, and
// reports whether it knows the lock.
func (n *Node) InspectLock(name string, v *LockView) bool {
	l := n.locks[name]
	if l == nil {
		*v = LockView{RequestNumbers: v.RequestNumbers[:0], Inside: v.Inside[:0], Token: v.Token}
		return false
	}
	v.RequestNumbers = append(v.RequestNumbers[:0], l.requestNumbers...)
	v.Outstanding, v.Waiters, v.Holder, v.Searching = false, 0, 0, false
	v.LocalBatch, v.BatchLeft = max(1, n.cfg.LocalBatch), 0
	if l.use != nil {
		v.Outstanding, v.Waiters, v.Holder = l.outstanding, len(l.waiters.entries)-l.waiters.head, l.holder
		v.Searching = l.balloting() || l.outstanding && l.search.open && l.token == nil
	}
	if v.Holder != 0 {
		v.BatchLeft = v.LocalBatch - 1 - l.ahead
	}
	v.setSharing(l)
	v.HasToken = l.token != nil
	if t := l.token; t != nil {
		v.Token.Epoch, v.Token.Hop, v.Token.Fence = t.Epoch, t.Hop, t.Fence
		v.Token.LastGranted = append(v.Token.LastGranted[:0], t.LastGranted...)
		v.Token.Queue = append(v.Token.Queue[:0], t.Queue...)
		v.Token.Limit, v.Token.LimitBy, v.Token.LimitAt = t.Limit, t.LimitBy, t.LimitAt
		v.Token.Shares = append(v.Token.Shares[:0], t.Shares...)
		v.Token.Run, v.Token.Kept = t.Run, t.Kept
	}
	return true
}

// InspectWaiters returns at most limit of the local requests that wait for a lock, in the
// order in which they will be served.
func (n *Node) InspectWaiters(name string, limit int) []Waiter {
	l := n.locks[name]
	if l == nil || l.use == nil {
		return nil
	}
	waiting := l.waiters.entries[l.waiters.head:]
	list := make([]Waiter, min(limit, len(waiting)))
	for i := range list {
		list[i] = waiting[i].waiter
	}
	return list
}

// InspectCount returns how many locks the node knows.
func (n *Node) InspectCount() int { return len(n.order) }

// InspectKnown reports whether the node knows a lock.
func (n *Node) InspectKnown(name string) bool { return n.locks[name] != nil }

// InspectNames returns the names of at most limit locks that the node knows, those at the
// positions just below end, in no particular order, and the next end: 0 when done. A caller
// that begins at InspectCount and continues between inputs gets each lock that is known all
// the while, some perhaps twice: a forgotten lock's position goes to one from a higher
// position.
func (n *Node) InspectNames(end, limit int) (names []string, next int) {
	end = min(end, len(n.order))
	next = max(0, end-limit)
	for _, l := range n.order[next:end] {
		names = append(names, l.name)
	}
	return names, next
}

// Refuses returns why a TOKEN would not be taken if it came as part of the latest input:
// one of the Reason constants, or "" if it would be taken.
func (n *Node) Refuses(m Message) string {
	l := n.locks[m.Lock]
	if l == nil {
		l = n.newLock(m.Lock)
	}
	return n.refuses(n.awake(l), &m)
}

// setSharing fills in who holds the lock here, and under which share.
func (v *LockView) setSharing(l *lock) {
	v.Inside, v.Share, v.Recalled, v.Waits, v.Hold = v.Inside[:0], Share{}, false, false, nil
	v.Limit, v.LimitBy, v.LimitAt = Exclusive, 0, 0
	if l.use == nil {
		return
	}
	v.Waits = l.waits
	if l.holder != 0 {
		v.Inside = append(v.Inside, HolderView{Waiter: l.holder, Fence: l.token.Fence})
		if l.notes != nil {
			v.Hold = l.notes.hold
		}
	}
	if s := l.sharing; s != nil {
		v.Inside = append(v.Inside, s.inside...)
		v.Share, v.Recalled = s.share, s.recalled
		v.Limit, v.LimitBy, v.LimitAt = s.limit, s.limitBy, s.limitAt
	}
}
