package token

import (
	"cmp"
	"errors"
)

// Who leads (protocol, section 6). A leader is whoever holds a lock alone; its value is what
// it says. The value is not in the token: each move would be larger, and observers would need
// the token.

const (
	// MaxValueBytes is how long a value may be.
	MaxValueBytes = 1024
	// MaxValues is for how many of its holds a member may say a value at a time. A node
	// keeps twice as many of each other member, since it may not have heard yet that some
	// are over.
	MaxValues = 1024
)

// Errors of [Node.Say].
var (
	ErrNotAlone   = errors.New("token: the waiter does not hold the lock alone")
	ErrManyValues = errors.New("token: the node says as many values as it may")
)

// Saying is what a member says of the hold that has Fence, in its Session. Sayings about a
// lock are ordered by fence, then by count.
type Saying struct {
	Session Session
	Fence   Fence
	Count   uint64 // from 1 for each hold
	Value   string
	None    bool // the hold is over
}

// compare orders sayings about one lock.
func (s *Saying) compare(o *Saying) int {
	return cmp.Or(cmp.Compare(s.Fence, o.Fence), cmp.Compare(s.Count, o.Count))
}

// said is the latest that a node has heard about who leads. It stays when nobody leads any
// more, so that what comes late is not taken for news, and is forgotten with the lock.
type said struct {
	Saying
	by Member
	// unsaid: a stream from the member has begun since, on which it has not said it again.
	unsaid bool
}

// leads reports whether a member leads, as far as is known. s may be nil.
func (s *said) leads(j Member) bool { return s != nil && !s.None && s.by == j }

// Say changes the value of a waiter that holds a lock alone, or says it for the first time.
// The errors are ErrNotAlone and ErrManyValues; nothing has then changed.
//
// Protocol, section 6: SAY(lock, session, fence, count, value) goes to all members.
func (n *Node) Say(now Time, name string, w Waiter, value string) error {
	n.advance(now)
	l := n.locks[name]
	if l == nil || l.use == nil || w == 0 || l.holder != w {
		return ErrNotAlone
	}
	s := Saying{Session: n.session, Fence: l.token.Fence, Count: 1, Value: value}
	switch {
	case l.said.leads(n.self):
		s.Count = l.said.Count + 1
	case n.peers[n.self].values >= MaxValues:
		return ErrManyValues
	}
	n.noteSaying(l, n.self, s)
	n.broadcast(l, Message{Kind: Say, Saying: &s})
	n.schedule(l)
	return nil
}

// resign is called when a hold ends. Protocol, section 6: SAY(none), if a value was said.
func (n *Node) resign(l *lock) {
	if !l.said.leads(n.self) {
		return
	}
	s := l.said.Saying
	s.Count, s.Value, s.None = s.Count+1, "", true
	n.noteSaying(l, n.self, s)
	n.broadcast(l, Message{Kind: Say, Saying: &s})
}

// sayAgain repeats what this node says on a stream that comes up. It comes before the first
// PING there.
func (n *Node) sayAgain(peer Member) {
	n.eachLed(n.self, func(l *lock) {
		s := l.said.Saying
		n.send(l, peer, Message{Kind: Say, Saying: &s})
	})
}

// eachLed calls f for each lock under which a member leads, as far as is known.
func (n *Node) eachLed(j Member, f func(l *lock)) {
	if n.peers[j].values == 0 {
		return
	}
	for _, l := range n.order {
		if l.use != nil && l.said.leads(j) {
			f(l)
		}
	}
}

// receiveSay takes SAY.
//
// Protocol, section 6: a member keeps what was said with the highest fence and count, and
// drops what is lower.
func (n *Node) receiveSay(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	n.showed(from)
	if old := l.said; old != nil {
		switch c := m.Saying.compare(&old.Saying); {
		case c == 0 && old.by == from:
			old.unsaid = false
			return
		case c <= 0:
			return
		}
	}
	if !m.Saying.None && n.peers[from].values >= 2*MaxValues {
		return
	}
	n.noteSaying(l, from, *m.Saying)
}

// noteSaying makes a saying the latest about its lock.
func (n *Node) noteSaying(l *lock, by Member, s Saying) {
	begins := Fence(0)
	switch {
	case l.said == nil:
		l.said, begins = new(said), s.Fence
	case l.said.Fence != s.Fence:
		begins = s.Fence
		fallthrough
	default:
		n.countValue(l.said, -1)
	}
	*l.said = said{Saying: s, by: by}
	n.countValue(l.said, +1)
	l.usedAt = n.now
	n.tellLeader(l, "").Fence = begins
}

// countValue counts a value that is kept, or no longer.
func (n *Node) countValue(s *said, change int) {
	if !s.None {
		n.peers[s.by].values += change
		n.values += change
	}
}

// tellLeader issues what the node believes of a lock's leader from now on.
func (n *Node) tellLeader(l *lock, reason string) *Effect {
	led := n.issue(l, Led, l.said.by)
	s := l.said.Saying
	led.Message.Saying, led.Reason = &s, reason
	return led
}

// endLeader notes that nobody leads any more, though nobody said so.
func (n *Node) endLeader(l *lock, reason string) {
	n.countValue(l.said, -1)
	l.said.None, l.said.Value, l.said.unsaid = true, "", false
	l.usedAt = n.now
	n.tellLeader(l, reason)
	n.schedule(l)
}

// endSaid is called when a member's session, and all before it, are over.
func (n *Node) endSaid(j Member, session Session) {
	n.eachLed(j, func(l *lock) {
		if l.said.Session <= session {
			n.endLeader(l, ReasonOver)
		}
	})
}

// awaitSaid is called when a stream from a member has begun: what the member has said so far
// must be said again.
func (n *Node) awaitSaid(j Member) {
	n.eachLed(j, func(l *lock) { l.said.unsaid, n.peers[j].unsaid = true, true })
}

// showed is called at a PING or SAY of a member. Its leaders are no longer in doubt.
func (n *Node) showed(j Member) {
	p := &n.peers[j]
	p.shownAt = n.now
	if !p.doubted {
		return
	}
	p.doubted = false
	n.eachLed(j, func(l *lock) { n.tellLeader(l, "") })
}

// endUnsaid is called at a PING of a member.
//
// Protocol, section 6: at the first PING on a stream, all that the member still says has been
// said there. What was not is over: SAY(none) was lost with an earlier stream.
func (n *Node) endUnsaid(j Member) {
	p := &n.peers[j]
	if !p.unsaid {
		return
	}
	p.unsaid = false
	n.eachLed(j, func(l *lock) {
		if l.said.unsaid {
			n.endLeader(l, ReasonUnsaid)
		}
	})
}

// doubtAt is when the leaders at a member are in doubt; Never if there are none, or are
// already.
func (n *Node) doubtAt(p *peer) Time {
	if p.values == 0 || p.doubted {
		return Never
	}
	return p.shownAt + n.cfg.TTL
}

// nextDoubt is the first of these times of all other members.
func (n *Node) nextDoubt() Time {
	next := Never
	if n.values == n.peers[n.self].values {
		return next
	}
	for j := range n.peers {
		if Member(j) != n.self {
			next = min(next, n.doubtAt(&n.peers[j]))
		}
	}
	return next
}

// doubt puts the leaders at silent members in doubt.
//
// Protocol, section 6: no PING of the leader's node for T.
func (n *Node) doubt() {
	for n.nextDoubt() <= n.now {
		for j := range n.peers {
			if p := &n.peers[j]; Member(j) != n.self && n.doubtAt(p) <= n.now {
				p.doubted = true
				n.eachLed(Member(j), func(l *lock) { n.tellLeader(l, ReasonDoubt) })
			}
		}
	}
}

// isLed reports whether somebody leads, as far as is known. Such a lock is not forgotten: its
// value would not be said again.
func (l *lock) isLed() bool { return l.use != nil && l.said != nil && !l.said.None }

// LeaderView is what a node knows of who leads.
type LeaderView struct {
	Member  Member
	Fence   Fence // of the leader's hold; 0 if nobody leads, as far as is known
	Count   uint64
	Value   string
	InDoubt bool // nothing was heard of the leader's node for T
}

// InspectLeader returns who leads under a lock.
func (n *Node) InspectLeader(name string) LeaderView {
	l := n.locks[name]
	if l == nil || !l.isLed() {
		return LeaderView{}
	}
	s := l.said
	return LeaderView{Member: s.by, Fence: s.Fence, Count: s.Count, Value: s.Value, InDoubt: n.peers[s.by].doubted}
}
