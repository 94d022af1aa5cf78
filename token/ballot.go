package token

import "slices"

// propose begins a ballot for a new token, with a number above all that this node knows.
// This node promises it first.
func (n *Node) propose(l *lock) {
	s := l.search
	number := max(l.highest, n.floor)
	for j := range n.peers {
		if n.peers[j].listed {
			number = max(number, n.peers[j].hello.Floor)
		}
	}
	s.balloting = true
	s.ballot = Epoch{Number: number + 1, Proposer: n.self}
	s.ballotEnd = n.now + shorten(n.cfg.TTL)
	s.votes = slices.Grow(s.votes[:0], len(n.peers))[:len(n.peers)]
	clear(s.votes)

	distant := n.distant(s)
	n.promise(l, s.ballot)
	s.votes[n.self] = n.ownVote(l, distant)
	m := Message{Kind: Ballot, Number: l.requestNumbers[n.self], Ballot: s.ballot, Members: distant}
	begun := n.issue(l, Balloted, NoMember)
	begun.Number, begun.Message = m.Number, m
	n.broadcast(l, m)
	n.judgeBallot(l)
}

// distant is D: the members without a stream, and those that did not answer the probe. To
// bury every member that has no guard would starve members that are just coming back.
func (n *Node) distant(s *search) []Member {
	var members []Member
	for j := range n.peers {
		k := Member(j)
		unanswered := s.probe != 0 && !s.answers[k].answered || s.probe == 0 && n.silent(k)
		if k != n.self && n.peers[k].listed && (!n.peers[k].connected || unanswered) {
			members = append(members, k)
		}
	}
	return members
}

// receiveBallotAnswer counts a vote, or ends the round.
func (n *Node) receiveBallotAnswer(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	s := l.search
	if s == nil || !s.balloting || s.ballot != m.Ballot {
		return
	}
	if s.ballotEnd <= n.now {
		n.endBallot(l, ReasonTime)
		n.probe(l)
		return
	}
	l.highest = max(l.highest, m.Highest.Number)
	switch m.Answer {
	case Hold:
		n.endBallot(l, ReasonHeld)
		n.sawSign(l)
	case Outbid:
		n.endBallot(l, ReasonOutbid)
		s.open = false
		s.suspectAt = n.now + n.pause()
	case TooLow:
		n.endBallot(l, ReasonTooLow)
		n.propose(l)
	case Promise:
		s.votes[from] = vote{
			promised: true, number: m.Number, waiting: m.Waiting, buried: m.Members,
			share: m.Share, limit: m.Limit, limitBy: m.LimitBy, limitAt: m.LimitAt,
			note: m.Note,
		}
		n.judgeBallot(l)
	}
}

// judgeBallot makes the token once every member has promised or is buried by a quorum.
//
// Protocol, section 3: within T·(1−ρ) of sending the ballot, inside one unbroken session,
// and with no higher promise of its own. Breach of any of these ends a round at once, so
// none is checked here.
func (n *Node) judgeBallot(l *lock) {
	s := l.search
	for k := range s.votes {
		if s.votes[k].promised || !n.peers[k].listed {
			continue
		}
		if !n.quorate(func(v Member) bool {
			return v != Member(k) && slices.Contains(s.votes[v].buried, Member(k))
		}) {
			return
		}
	}
	n.makeToken(l)
}

// makeToken makes the token anew. Nothing of the old one is needed: each member knows
// whether it waits, and its share.
//
// Protocol, section 3: epoch = b, fence = b.number · 2^24, LN[j] = what j reported, less
// one if it waits; for the buried, the highest number known. Q = those waiting, around the
// ring from the proposer.
func (n *Node) makeToken(l *lock) {
	s := l.search
	s.balloting = false
	t := &Token{
		Epoch:       s.ballot,
		Fence:       Fence(s.ballot.Number << FenceBits),
		LastGranted: slices.Clone(l.requestNumbers),
	}
	for k := range s.votes {
		j := (int(n.self) + k) % len(s.votes)
		v := s.votes[j]
		if !v.promised {
			continue
		}
		t.LastGranted[j] = v.number
		if v.number.Above(l.requestNumbers[j]) {
			l.requestNumbers[j] = v.number
		}
		if v.waiting {
			t.LastGranted[j].Count--
			t.Queue = append(t.Queue, Member(j))
		}
	}
	t.inherit(s.votes)
	s.votes[n.self].note = n.ownNote(l) // as it is now
	t.inheritNotes(s.votes)
	n.install(l, t)
	made := n.issue(l, Made, NoMember)
	made.Fence, made.Hop, made.Message.Token = t.Fence, t.Hop, t
	if t.Kept != nil {
		n.beginKept(l)
	}
	n.passOn(l)
}

// endBallot ends the round without a token and takes back the promises to it. Its number
// stays used.
func (n *Node) endBallot(l *lock, reason string) {
	s := l.search
	s.balloting = false
	l.takeBack(s.ballot)
	ended := n.issue(l, Ended, NoMember)
	ended.Message, ended.Reason = Message{Kind: Ballot, Ballot: s.ballot}, reason
	n.broadcast(l, Message{Kind: Abort, Ballot: s.ballot})
}
