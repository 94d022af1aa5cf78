package token

import "slices"

// A node may ask for, receive, hold or pass a token only inside a session: a continuous
// lease from a quorum of members. Each of them guards the session: it will not bury the
// node for the time to live T (protocol, section 2).

// InSession reports whether the node is inside a session, and when the lease ends if the
// node hears nothing more: Never in a cluster of one.
func (n *Node) InSession() (leaseEnd Time, ok bool) { return n.leaseEnd, n.begun }

// quorum is q of a list of members.
func quorum(list []Listed) int { return len(list)/2 + 1 }

// quorate reports whether the members of which has is true are a quorum; while there are two
// lists, of both.
func (n *Node) quorate(has func(Member) bool) bool {
	return isQuorum(n.membership.Members, has) && (n.membership.Next == nil || isQuorum(n.membership.Next, has))
}

func isQuorum(list []Listed, has func(Member) bool) bool {
	count := 0
	for i := range list {
		if has(list[i].ID) {
			count++
		}
	}
	return count >= quorum(list)
}

// shorten subtracts the margin by which another clock may run faster than ours: ρ is 1 %.
func shorten(t Time) Time { return t - t/100 }

// pingAll announces the session to all peers, and tells them which locks that they wait for
// are in use here.
//
// Protocol, section 2: every T/4, PING(incarnation, session, begun?, stamp) to each peer. A
// node that waits after its start, or has left, only shows that it is there.
func (n *Node) pingAll() {
	for peer := range n.peers {
		if Member(peer) != n.self {
			n.ping(Member(peer))
		}
	}
	if n.begun {
		n.sayBusy()
	}
}

func (n *Node) ping(to Member) {
	if n.waiting || n.departed || n.gone {
		n.send(nil, to, Message{Kind: KeepAlive})
		return
	}
	n.send(nil, to, Message{
		Kind:        Ping,
		Incarnation: n.cfg.Incarnation,
		Session:     n.session,
		Begun:       n.begun,
		Stamp:       n.now,
	})
}

// receivePing notes a peer's session and guards it.
//
// Protocol, section 2: answer PONG(incarnation, stamp), with the PING's own, and note guard
// = (session, now + T); but not while this node buries the sender or waits after its own
// start. A session number that another incarnation had is not guarded.
func (n *Node) receivePing(from Member, m *Message) {
	p := &n.peers[from]
	if p.taken(m.Session) {
		n.tellKnown(from)
		return
	}
	p.heardOf(m.Session)
	switch {
	case m.Begun:
		p.session = max(p.session, m.Session)
	case m.Session > p.session:
		p.session = 0 // the one known here has lapsed
	}
	if m.Session > p.over+1 {
		n.noteOver(from, m.Session-1)
	}
	n.endUnsaid(from)
	n.showed(from)
	switch {
	case n.waiting:
		p.heldPing = *m
		n.fresh = false // the sender's wait is over
	case p.burialEnd <= n.now && !n.isTooNew(p):
		n.guard(from, m)
	}
}

// guard answers a PING.
func (n *Node) guard(k Member, ping *Message) {
	p := &n.peers[k]
	if !p.connected {
		return // the answer would not reach it
	}
	if p.guarded != ping.Session {
		n.issue(nil, Guarded, k).Session = ping.Session
	}
	p.guarded, p.guardEnd = ping.Session, n.now+n.cfg.TTL
	n.send(nil, k, Message{Kind: Pong, Incarnation: ping.Incarnation, Stamp: ping.Stamp})
}

// receivePong extends the lease.
//
// Protocol, section 2: a PONG for another incarnation is ignored: a reboot sets the clock
// to 0, and a stamp from before it would make an endless lease. So would a stamp of the
// future, which answers no PING.
func (n *Node) receivePong(from Member, m *Message) {
	p := &n.peers[from]
	if m.Incarnation != n.cfg.Incarnation || m.Stamp > n.now {
		return
	}
	silent := n.silent(from)
	if !p.hasAnswered || m.Stamp > p.answered {
		p.answered = m.Stamp
	}
	p.hasAnswered, p.answeredBefore = true, false
	p.pongAt = n.now
	if n.lengthens(m.Stamp) {
		n.renew()
	}
	if silent {
		n.passOnIdle()
	}
}

// lengthens reports whether an answered stamp may lengthen or begin the lease. Of the
// answers to one round of PINGs, only the one that completes a quorum does; the others need
// no look at all members' stamps.
func (n *Node) lengthens(stamp Time) bool {
	if !n.begun || n.carried != 0 || n.membership.Next != nil {
		return true
	}
	if stamp <= n.leaseEnd-shorten(n.cfg.TTL) {
		return false
	}
	n.newer++
	return n.newer >= quorum(n.membership.Members)-1
}

// renew computes the end of the lease, and begins the session if it has not begun.
//
// Protocol, section 2: the lease runs until the q-th newest answered stamp, the own one
// being now, plus T·(1−ρ).
func (n *Node) renew() {
	n.leaseEnd = n.carry(n.leaseFromStamps())
	if n.leaseEnd > n.now+n.cfg.TTL/10 {
		n.warned = false
	}
	if !n.begun && !n.waiting && !n.leaving && n.leaseEnd > n.now {
		n.begin()
	}
}

func (n *Node) leaseFromStamps() Time {
	end := n.leaseOf(n.membership.Members)
	if n.membership.Next != nil {
		end = min(end, n.leaseOf(n.membership.Next))
	}
	return end
}

// leaseOf is the end of the lease by one list.
func (n *Node) leaseOf(list []Listed) Time {
	others := quorum(list)
	n.stamps = n.stamps[:0]
	for i := range list {
		switch j := list[i].ID; {
		case j == n.self:
			others--
		case n.peers[j].hasAnswered:
			n.stamps = append(n.stamps, n.peers[j].answered)
		}
	}
	if others == 0 {
		return Never
	}
	if len(n.stamps) < others {
		return n.now
	}
	slices.Sort(n.stamps)
	n.newer = 0
	for _, stamp := range n.stamps {
		if stamp > n.stamps[len(n.stamps)-others] {
			n.newer++
		}
	}
	return n.stamps[len(n.stamps)-others] + shorten(n.cfg.TTL)
}

// begin enters the session. The node now asks for its waiters.
func (n *Node) begin() {
	n.begun, n.choiceAt = true, n.now
	n.issue(nil, Began, NoMember).Session = n.session
	for _, l := range n.order {
		if l.use != nil && n.wants(l) && !l.outstanding {
			n.ask(l)
			n.schedule(l)
		}
	}
}

// startSession numbers the session that is to begin.
func (n *Node) startSession(number Session) {
	n.session, n.count = number, 0
	n.save()
}

// save puts the session's number and the promised number on stable storage.
func (n *Node) save() {
	save := n.issue(nil, Save, NoMember)
	save.Session, save.Promised = n.session, n.promised
}

// silent reports whether a peer has answered no PING for T.
func (n *Node) silent(j Member) bool {
	p := &n.peers[j]
	return !p.hasAnswered || p.pongAt+n.cfg.TTL <= n.now
}

// addressable reports whether a token may be sent to a peer: to the newest session known to
// have begun, of its newest incarnation. (A session that was announced but has not begun
// can be buried, begin later, and then take a token that should be extinct.) A silent peer
// is not addressable.
func (n *Node) addressable(j Member) bool {
	p := &n.peers[j]
	return p.connected && p.session != 0 && !n.silent(j)
}

// passOnIdle passes on idle tokens that are asked for: a member that could not be sent one
// before may have become addressable.
func (n *Node) passOnIdle() {
	for _, l := range n.order {
		switch {
		case !l.idle() || !n.askedFor(l):
			continue
		case n.leaving:
			n.giveAway(l)
		default:
			n.wake(l)
			n.passOn(l)
		}
		n.schedule(l)
	}
}

// askedFor reports whether an idle token should go elsewhere.
func (n *Node) askedFor(l *lock) bool {
	for j := range l.requestNumbers {
		if l.asks(j) {
			return true
		}
	}
	return n.leaving
}
