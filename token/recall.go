package token

import "slices"

// A token that waits calls in the shares that it carries (protocol, section 5). It repeats
// its RECALLs, and probes the members as a waiter does: one that has a share may be gone.

// wait keeps the token until the first waiter may enter. waited says that it has waited
// before.
func (n *Node) wait(l *lock, waited bool) {
	l.waits = true
	switch {
	case !l.outstanding:
		n.raise(l)
		n.issue(l, Rode, NoMember).Number = l.requestNumbers[n.self]
	case !waited:
		n.startPatience(l.search)
	}
	if l.token.Kept != nil {
		n.bar(l)
	}
	if waited {
		return
	}
	if l.sharing != nil {
		l.sharing.answered = l.sharing.answered[:0]
	}
	n.recall(l)
}

// moveUp is called when a waiter has given up: another may be the first now.
func (n *Node) moveUp(l *lock) {
	if l.waits {
		n.turn(l)
	} else {
		n.admit(l)
	}
}

// recall sends RECALL to every other member that has a share in the token.
//
// Protocol, section 5: at once, every T/4, and on a stream that comes up.
func (n *Node) recall(l *lock) {
	for _, s := range l.token.Shares {
		if s.Member != n.self {
			n.recallShare(l, s)
		}
	}
}

// recallShare sends RECALL to one member, and to all others as well if it is out of reach:
// they pass it on.
func (n *Node) recallShare(l *lock, s Share) {
	first := l.waiters.first()
	m := Message{Kind: Recall, Share: s, Recaller: n.self, Anyhow: first.sets || l.triesFirst()}
	n.send(l, s.Member, m)
	if !n.outOfReach(s.Member) {
		return
	}
	for j := range n.peers {
		if Member(j) != s.Member {
			n.send(l, Member(j), m)
		}
	}
}

// repeatRecall sends RECALL on a new stream.
func (n *Node) repeatRecall(l *lock, peer Member) {
	for _, s := range l.token.Shares {
		if s.Member == peer {
			n.recallShare(l, s)
		}
	}
}

// receiveRecall takes RECALL(lock, session, id, permits): the node lets in nobody more under
// that share.
//
// Protocol, section 5: DONE(kept) tells how many permits are still used, if fewer than the
// RECALL names. Of a share that the node does not have, none is. An encumbered node does
// not answer: clients of its earlier process may still be in.
func (n *Node) receiveRecall(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	if m.Share.Member != n.self {
		if from == m.Recaller {
			n.send(l, m.Share.Member, *m)
		}
		return
	}
	if n.encumbered() || l.token != nil {
		return
	}
	kept := uint32(0)
	if s := l.sharing; s != nil && s.open() && s.share.Session == m.Share.Session && s.share.ID == m.Share.ID {
		s.recalled, s.recaller, s.via = true, m.Recaller, from
		if kept = s.used(); kept == 0 {
			s.close()
		}
	}
	if kept < m.Share.Permits || m.Anyhow {
		n.send(l, from, Message{Kind: Done, Share: m.Share, Recaller: m.Recaller, Kept: kept})
	}
}

// giveBackShare tells the last recaller that fewer permits of the recalled share are used.
func (n *Node) giveBackShare(l *lock) {
	s := l.sharing
	kept := s.used()
	if kept > 0 && s.limit == Unlimited {
		return
	}
	if s.recaller != NoMember {
		n.send(l, s.via, Message{Kind: Done, Share: s.share, Recaller: s.recaller, Kept: kept})
	}
	if kept == 0 {
		s.close()
	}
}

// receiveDone takes DONE(lock, session, id, kept).
//
// Protocol, section 5: where the token is here and carries that very share, its permits
// become min(permits, kept), and 0 strikes it. Elsewhere it is ignored: the next RECALL is
// answered anew.
func (n *Node) receiveDone(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	if m.Recaller != n.self {
		if from == m.Share.Member {
			n.send(l, m.Recaller, *m)
		}
		return
	}
	if l.token == nil {
		return
	}
	t := l.token
	i := slices.IndexFunc(t.Shares, func(s Share) bool {
		return s.Member == m.Share.Member && s.Session == m.Share.Session && s.ID == m.Share.ID
	})
	if i < 0 {
		return
	}
	t.Shares[i].Permits = min(t.Shares[i].Permits, m.Kept)
	if t.Shares[i].Permits == 0 {
		t.Shares = slices.Delete(t.Shares, i, i+1)
	}
	if !l.waits {
		return
	}
	if s := l.sharing; !slices.Contains(s.answered, m.Share.ID) {
		s.answered = append(s.answered, m.Share.ID)
	}
	if m.Kept > 0 && l.waiters.first().limit == Exclusive && l.triesFirst() {
		n.turnAway(l, isTurnedAway)
	}
	n.turn(l)
}

// noteOver notes that a member's session, and all before it, are over: their shares are
// struck from the tokens here.
//
// Protocol, section 5: a REQUEST or PING of a higher session says so, or BYE. HELLO, CLEAR
// and silence do not: clients may live on under the old session's lease.
func (n *Node) noteOver(j Member, session Session) {
	p := &n.peers[j]
	if session <= p.over {
		return
	}
	p.over = session
	n.endSaid(j, session)
	for _, l := range n.order {
		if l.token == nil || l.use == nil || l.sharing == nil {
			continue
		}
		if l.waits {
			n.turn(l)
			n.schedule(l)
		} else {
			n.strike(l)
		}
	}
}

// strike removes from the token the shares of sessions that are over.
func (n *Node) strike(l *lock) {
	t := l.token
	t.Shares = slices.DeleteFunc(t.Shares, func(s Share) bool { return s.Member != n.self && n.isOver(s) })
}

// isOver reports whether the session of a share is known to be over. What this node heard of
// a process counts only while that process is the member's latest: a later one, whose disk
// was set back, may have lower sessions. It waits for T before it begins one, so it has none
// while the process known here has answered within T.
func (n *Node) isOver(s Share) bool {
	p := &n.peers[s.Member]
	return s.Session <= p.over && p.hasAnswered && !p.answeredBefore && n.now < p.answered+shorten(n.cfg.TTL)
}

// probeSharers asks all members whether they are there, as a waiter that looks for the
// token does. One that has a share may be gone for good, which only a burial tells.
//
// Protocol, section 5: if somebody else left the last probe unanswered, so that nobody can
// tell for sure, but a member with a share seems to be gone, the token is dropped, and this
// node waits for another like anybody.
func (n *Node) probeSharers(l *lock) {
	s := l.search
	if !n.sharedElsewhere(l) {
		s.suspectAt = n.now + s.patience // for those who are in here
		return
	}
	if gone, _ := n.sharersGone(l); gone {
		n.drop(l, ReasonSharer)
		n.probe(l)
		return
	}
	s.reset(len(n.peers))
	n.probes++
	s.probe, s.open = n.probes, true
	s.suspectAt = n.now + s.patience
	m := Message{Kind: Probe, Number: l.requestNumbers[n.self], Probe: s.probe, Helper: NoMember}
	begun := n.issue(l, Probed, NoMember)
	begun.Number, begun.Message = m.Number, m
	n.broadcast(l, m)
	n.judgeSharers(l)
}

// judgeSharers replaces the token once every member has answered the probe or is buriable
// by a quorum, and one that has a share is of the latter. The ballot buries it, and the new
// token carries no share of it.
func (n *Node) judgeSharers(l *lock) {
	if gone, sure := n.sharersGone(l); gone && sure {
		n.drop(l, ReasonSharer)
		n.propose(l)
	}
}

// sharersGone reports whether a member with a share seems to be gone, by the latest probe,
// and whether nobody else is in doubt.
func (n *Node) sharersGone(l *lock) (gone, sure bool) {
	s := l.search
	if s.probe == 0 {
		return false, false
	}
	sure = true
	for j := range n.peers {
		k := Member(j)
		switch {
		case k == n.self || !n.peers[k].listed || s.answers[k].answered:
		case !n.missing(s, k):
			sure = false
		default:
			gone = gone || slices.ContainsFunc(l.token.Shares, func(o Share) bool { return o.Member == k })
		}
	}
	return gone, sure
}
