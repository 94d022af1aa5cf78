package token

// A session's number never comes back. A member's disk sees to that, and the wall clock
// that its numbers begin at; but a disk can be set back to an older copy, together with
// the clock. Then the process has numbers that another incarnation of its member had
// before, and only the other members can know (protocol, section 2, a number of one's
// own):
//
//   - Each member remembers the highest number that it has heard of each other one, and
//     of which incarnation.
//   - It guards no session whose number is not above that of another incarnation, and
//     refuses its streams. It tells its number instead, in HELLO and in KNOWN.
//   - A member that is told counts above it. Tokens and requests may bear the number of a session
//     that has begun: so that session is over first, like one whose lease ran out.

// heardOf notes a session of the member's newest incarnation.
func (p *peer) heardOf(s Session) {
	if s > p.highest {
		p.highest, p.highestOf = s, p.hello.Incarnation
	}
}

// taken reports whether a session of the member's newest incarnation has a number that
// is not above that of another one.
func (p *peer) taken(s Session) bool { return s <= p.highest && p.highestOf != p.hello.Incarnation }

// tellKnown tells a member the highest number that is known of it.
func (n *Node) tellKnown(to Member) {
	p := &n.peers[to]
	n.send(nil, to, Message{Kind: Known, Session: p.highest, Incarnation: p.highestOf})
}

// learn takes the highest session number of this member that another one knows, and whose
// it was. The streams of this process come after that one's from now on.
func (n *Node) learn(from Member, known Session, of Incarnation) {
	if known < n.session || of == n.cfg.Incarnation || n.gone {
		return
	}
	if n.begun {
		lapsed := n.issue(nil, Lapsed, from)
		lapsed.Session, lapsed.Known, lapsed.Reason = n.session, known, ReasonUsed
		n.lose(known + 1)
	} else {
		n.startSession(known + 1)
	}
	n.boot, n.nextPing = n.session, n.now
}
