package token

import (
	"encoding/binary"
	"slices"
)

// A waiting node suspects that the token is lost when it has seen no sign of it for a
// while. It probes, and if nobody has seen the token, it proposes a ballot for a new one
// (protocol, section 3).

// search is a waiting node's search for the token. It belongs to the node's outstanding
// request.
type search struct {
	// patience is how long to wait for a sign of the token, and suspectAt when that time is
	// over.
	patience, suspectAt Time

	// probe numbers the latest probe; 0 before the first. open: every answer to it so far
	// was None.
	probe uint64
	open  bool
	// answers holds the answers to it, by member.
	answers []probeReply
	// helper is the member that was last named to request the lock itself.
	helper Member

	// limitAt is the age of the lock's limit as the latest probe said it; see limit.go.
	limitAt Fence

	// tries are the waiters that do not want to wait; the rules are in try.go.
	tries []Waiter

	// balloting: a ballot of this node is under way, until ballotEnd; the rules are in
	// ballot.go.
	balloting bool
	ballot    Epoch
	ballotEnd Time
	votes     []vote
}

// probeReply is a member's answer to a probe.
type probeReply struct {
	answered bool
	none     bool
	buriable []Member // whom it could bury then
	// missed: it left the probe before this one unanswered, too.
	missed bool
}

// recently is how long a token that was passed on counts as a sign of life, and the first
// patience of a search.
func (n *Node) recently() Time { return n.cfg.TTL * 3 / 8 }

// beginSearch starts the clock of a new request.
func (n *Node) beginSearch(l *lock) {
	if l.search == nil {
		l.search = &search{helper: n.self}
	}
	n.startPatience(l.search)
	l.search.tries = l.search.tries[:0]
}

// startPatience begins to wait for a sign.
func (n *Node) startPatience(s *search) {
	s.patience = n.recently()
	s.suspectAt = n.now + s.patience
	s.probe, s.open, s.limitAt = 0, false, 0
}

// sawSign notes a sign that the token exists.
func (n *Node) sawSign(l *lock) {
	if s := l.search; s != nil && l.outstanding {
		s.open = false
		s.suspectAt = n.now + s.patience
		n.schedule(l)
	}
}

// suspectAll probes for every lock that this node waits for: a member has come back in a
// new incarnation and has lost its tokens.
func (n *Node) suspectAll() {
	for _, l := range n.order {
		if l.use != nil {
			n.probe(l)
			n.schedule(l)
		}
	}
}

// probe asks all members where the token is. The question counts as a request.
func (n *Node) probe(l *lock) {
	s := l.search
	if !n.begun || !l.outstanding || !n.wants(l) || s.balloting {
		return
	}
	if l.waits {
		n.probeSharers(l)
		return
	}
	reached := !n.anyOutOfReach() && n.allAnsweredProbe(s)
	if s.probe != 0 && reached {
		s.patience = min(2*s.patience, n.cfg.TTL)
	}
	helper := NoMember
	if !reached && !l.waiters.empty() {
		helper = n.nextHelper(s)
	}
	s.reset(len(n.peers))
	n.probes++
	s.probe, s.open = n.probes, true
	s.suspectAt = n.now + s.patience

	m := Message{Kind: Probe, Number: l.requestNumbers[n.self], Probe: s.probe, Helper: helper, Limit: l.limitWanted()}
	if m.Limit != Exclusive {
		m.LimitAt = n.limitKnown(l)
	}
	begun := n.issue(l, Probed, NoMember)
	begun.Number, begun.Message = m.Number, m
	n.broadcast(l, m)
	n.judgeProbe(l)
}

// reset forgets the answers to the previous probe, but not which members left it
// unanswered.
func (s *search) reset(members int) {
	if s.probe == 0 {
		s.answers = slices.Grow(s.answers[:0], members)[:members]
		clear(s.answers)
		return
	}
	for j := range s.answers {
		s.answers[j] = probeReply{missed: !s.answers[j].answered}
	}
}

// nextHelper returns another member at each probe.
func (n *Node) nextHelper(s *search) Member {
	for range n.peers {
		s.helper = (s.helper + 1) % Member(len(n.peers))
		if s.helper != n.self && n.peers[s.helper].listed {
			break
		}
	}
	return s.helper
}

// allAnsweredProbe reports whether every other member answered the latest probe, if there was
// one.
func (n *Node) allAnsweredProbe(s *search) bool {
	if s.probe == 0 {
		return true
	}
	for j := range s.answers {
		if Member(j) != n.self && n.peers[j].listed && !s.answers[j].answered {
			return false
		}
	}
	return true
}

// outOfReach reports whether a member cannot be asked: it has no stream, or is silent.
func (n *Node) outOfReach(j Member) bool {
	return j != n.self && n.peers[j].listed && (!n.peers[j].connected || n.silent(j))
}

func (n *Node) anyOutOfReach() bool {
	for j := range n.peers {
		if n.outOfReach(Member(j)) {
			return true
		}
	}
	return false
}

// receiveProbe answers PROBE(lock, n). Its only side effects are a REQUEST's, and that it may
// raise the lock's limit.
//
// Protocol, section 3: HOLD(busy?), the token is here; RECENT, passed on less than 3T/8
// ago; or NONE; each with the members whom this node could bury now. An encumbered node
// does not know, and says nothing.
func (n *Node) receiveProbe(l *lock, from Member, m *Message) {
	n.hear(l, from, m)
	if n.encumbered() {
		return
	}
	reply := Message{Kind: ProbeAnswer, Probe: m.Probe, Answer: None, Members: n.buriable()}
	raised := false
	switch {
	case l.token != nil:
		reply.Answer, reply.InUse = Hold, !l.idle()
		if m.Limit != Exclusive {
			raised = n.raiseFor(l, from, m)
			reply.Limit, reply.LimitAt = l.token.Limit, l.token.LimitAt
		}
	case n.now < l.passedAt+n.recently():
		reply.Answer = Recent
	}
	n.send(l, from, reply)
	switch {
	case raised && l.waits:
		n.turn(l)
	case l.idle():
		n.passOn(l)
	case l.token == nil && m.Helper == n.self:
		n.help(l)
	}
}

// help requests the lock as if there were a waiter here, for at most T: an idle holder and
// an asker may be cut off from each other while this node reaches both. When the token
// comes, it is passed on at once.
func (n *Node) help(l *lock) {
	l.helpEnd = n.now + n.cfg.TTL
	if !l.outstanding {
		n.ask(l)
	}
}

// receiveProbeAnswer notes an answer to the latest probe.
func (n *Node) receiveProbeAnswer(l *lock, from Member, m *Message) {
	n.issue(l, Received, from).Message = *m
	s := l.search
	if s == nil || !l.outstanding || s.probe == 0 || s.probe != m.Probe {
		return
	}
	s.answers[from] = probeReply{answered: true, none: m.Answer == None, buriable: m.Members}
	if l.waits {
		n.judgeSharers(l)
		return
	}
	if m.Answer != None {
		n.sawSign(l)
		if m.InUse {
			n.refuseTries(l)
		}
		if m.Answer == Hold {
			n.receiveLimit(l, from, m)
		}
		return
	}
	n.judgeProbe(l)
}

// judgeProbe proposes a ballot once every member has answered NONE or is buriable by a
// quorum, this node included. A member with a stream counts as buriable only if it left the
// probe before this one unanswered, too: when nobody guards anybody, as after a start, a
// member whose answer is still on its way would be buried.
func (n *Node) judgeProbe(l *lock) {
	s := l.search
	if !s.open || s.balloting || !n.wants(l) {
		return
	}
	for j := range n.peers {
		k := Member(j)
		if k != n.self && n.peers[k].listed && !s.answers[k].none && !n.missing(s, k) {
			return
		}
	}
	n.propose(l)
}

// missing reports whether a member that did not answer counts as buriable by a quorum.
func (n *Node) missing(s *search, k Member) bool {
	if n.peers[k].connected && !s.answers[k].missed {
		return false
	}
	return n.quorate(func(v Member) bool {
		switch v {
		case k:
			return false
		case n.self:
			return n.canBury(k)
		}
		return slices.Contains(s.answers[v].buriable, k)
	})
}

// pause is how long to wait after being outbid, so that two proposers do not outbid each
// other for ever: T/64 to 5T/64, drawn from the incarnation and the number of probes.
func (n *Node) pause() Time {
	x := binary.LittleEndian.Uint64(n.cfg.Incarnation[:8]) + n.probes*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // splitmix64's finalizer
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return n.cfg.TTL/64 + Time(x%uint64(n.cfg.TTL/16))
}
