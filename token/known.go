package token

// A session's number never comes back. The member's disk sees to that, and the wall clock
// at which its numbers begin. But a disk can be set back to an older copy, together with
// the clock. Then the process uses numbers that another incarnation of its member had, and
// only the other members can know (protocol, section 2, a number of one's own):
//
//   - Each member remembers the highest number that it has heard of each other member, and
//     of which incarnation.
//   - It guards no session whose number is not above that of another incarnation, and
//     refuses its streams. Instead it tells the number, in HELLO and in KNOWN.
//   - A member that is told counts above it. If its session has begun, tokens and requests
//     may bear the number: so that session ends first, as by a lapse.

// heardOf notes a session of the member's newest incarnation.
func (p *peer) heardOf(s Session) {
	if s > p.highest {
		p.highest, p.highestOf = s, p.hello.Incarnation
	}
}

// taken reports whether a session number of the member's newest incarnation is not above
// one of another incarnation.
func (p *peer) taken(s Session) bool { return s <= p.highest && p.highestOf != p.hello.Incarnation }

// tellKnown tells a member its highest known session number.
func (n *Node) tellKnown(to Member) {
	p := &n.peers[to]
	n.send(nil, to, Message{Kind: Known, Session: p.highest, Incarnation: p.highestOf})
}

// learn takes the highest session number of this member that another one knows, and the
// incarnation that had it. From then on, the streams of this process come after those of
// that incarnation. (Its session may be above the number already, and its streams not.)
func (n *Node) learn(from Member, known Session, of Incarnation) {
	if known < n.boot || of == n.cfg.Incarnation || n.gone {
		return
	}
	switch {
	case known < n.session:
	case n.begun:
		lapsed := n.issue(nil, Lapsed, from)
		lapsed.Session, lapsed.Known, lapsed.Reason = n.session, known, ReasonUsed
		n.encumber()
		n.lose(known + 1)
	default:
		n.startSession(known + 1)
	}
	n.boot, n.nextPing = n.session, n.now
}
