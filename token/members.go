package token

import (
	"fmt"
	"slices"
)

// Which membership a node goes by (protocol, section 9). Streams are FIFO, and a node shows its
// membership in HELLO, and in a MEMBERSHIP to all when it adopts another. So what comes on
// a stream was sent under the membership that was last shown on it.

// loadMembership takes the membership that the node starts with.
func (n *Node) loadMembership() {
	m := n.cfg.Membership
	if m == nil {
		m = NewMembership(make([]string, n.cfg.Members))
	}
	n.membership, n.version, n.adoptedAt = m, m.Version, n.now
	n.peers = make([]peer, m.IDs)
	for j := range n.peers {
		n.peers[j].shownAt = n.now - n.cfg.TTL // long enough ago
	}
	n.mark()
	n.raiseFloor(m.Floor)
	if c := n.cfg.Choice; c != nil && c.Version == m.Version {
		n.choice = c
	}
	if n.changes() && !m.Born() {
		n.birth = birth{disks: make([]Disk, m.IDs), awaited: n.cfg.Fresh}
		n.bear(n.self, n.cfg.Disk)
	}
	if !n.stays(n.self) {
		n.leaving, n.departed, n.removed = true, true, !n.peers[n.self].listed
	}
	n.startJoining()
}

// changes reports whether the members may change, now or once the first list is settled.
func (n *Node) changes() bool { return n.cfg.Membership != nil && n.cfg.Disk != Disk{} }

// shownMembership is what HELLO shows.
func (n *Node) shownMembership() *Membership {
	if !n.changes() {
		return nil
	}
	return n.membership
}

// shown counts what this node shows, one for each other membership; 0 as long as the first list is
// not settled.
func (n *Node) shown() uint64 {
	if !n.membership.Born() {
		return 0
	}
	return n.version + 1
}

// version is that of the membership that a HELLO shows.
func (h *Hello) version() uint64 {
	if h.Membership == nil {
		return 0
	}
	return h.Membership.Version
}

// stays reports whether a member is in the newest list.
func (n *Node) stays(j Member) bool {
	if n.membership.Joint() {
		return n.peers[j].next
	}
	return n.peers[j].old
}

// mark notes which peers are in which list.
func (n *Node) mark() {
	for j := range n.peers {
		n.peers[j].old, n.peers[j].next = false, false
	}
	for _, l := range n.membership.Members {
		n.peers[l.ID].old = true
	}
	for _, l := range n.membership.Next {
		n.peers[l.ID].next = true
	}
	for j := range n.peers {
		n.peers[j].listed = n.peers[j].old || n.peers[j].next
	}
}

// raiseFloor makes the node promise no ballot at or below a number.
func (n *Node) raiseFloor(floor uint64) {
	n.floor = max(n.floor, floor)
	n.promised = max(n.promised, floor)
}

// ReceiveMembership takes the membership of another node, which it has told outside a
// stream: when it refused one. from is that member, NoMember if this node does not know it.
// The error wraps ErrStranger if it is that of another cluster, or one to which the disk of
// this node, which is new, does not belong; in the latter case the node is Gone.
func (n *Node) ReceiveMembership(now Time, from Member, m *Membership) error {
	n.advance(now)
	if n.gone {
		return nil
	}
	if err := n.consider(m); err != nil {
		return err
	}
	if from != NoMember && int(from) < len(n.peers) {
		n.peers[from].version = max(n.peers[from].version, m.Version)
	}
	n.checkRemoved()
	return nil
}

// consider adopts a membership that another node shows, if it is a later one of this
// cluster.
func (n *Node) consider(m *Membership) error {
	switch {
	case !m.Born():
		return nil
	case !n.changes():
		return fmt.Errorf("%w: this node has no data directory, and those members have", ErrStranger)
	case !n.membership.Born():
		if m.Find(n.address(), n.cfg.Disk) != n.self {
			if n.birth.awaited {
				n.leaveAsStranger()
			}
			return fmt.Errorf("%w: the cluster of %s lists another disk for %s, or none", ErrStranger, m.Cluster, n.address())
		}
		n.adopt(m)
	case m.Cluster != n.membership.Cluster:
		return fmt.Errorf("%w: one is of cluster %s, the other of %s", ErrStranger, m.Cluster, n.membership.Cluster)
	case m.Version > n.version:
		n.adopt(m)
	}
	return nil
}

// address is this node's.
func (n *Node) address() string { return n.entry(n.self).Address }

// diskOf is a member's disk, zero if it is not known.
func (n *Node) diskOf(j Member) Disk { return n.entry(j).Disk }

// entry is a member in the lists; zero if it is in none.
func (n *Node) entry(j Member) Listed {
	for _, list := range [][]Listed{n.membership.Members, n.membership.Next} {
		for _, l := range list {
			if l.ID == j {
				return l
			}
		}
	}
	return Listed{}
}

// meet takes the membership and the disk that a HELLO shows. It refuses who is not the
// member that it says it is.
func (n *Node) meet(from Member, h *Hello) error {
	if h.Receiver != (Disk{}) && h.Receiver != n.cfg.Disk {
		return fmt.Errorf("%w: the stream is meant for disk %s, and this one is %s", ErrStranger, h.Receiver, n.cfg.Disk)
	}
	if h.Membership != nil {
		if err := n.consider(h.Membership); err != nil {
			return err
		}
	}
	if !n.membership.Born() {
		return nil
	}
	if n.peers[from].listed && n.diskOf(from) == h.Disk {
		return nil
	}
	return fmt.Errorf("%w: no member has ID %d and disk %s", ErrStranger, from, h.Disk)
}

// heeds reports whether a message counts.
//
// Protocol, section 9: votes of a node that shows an older membership are neither given nor
// counted. (WITNESS may be a fact, which receiveWitness notes.) Of a node that is no member any
// more, only a token is taken.
func (n *Node) heeds(from Member, m *Message) bool {
	p := &n.peers[from]
	switch m.Kind {
	case TokenMessage, MembershipMessage:
		return true
	case Ping, Pong, Probe, ProbeAnswer, Ballot, BallotAnswer, WitnessAnswer,
		Choose, ChooseAnswer, Accept, AcceptAnswer, Joined, JoinedAnswer, Sync, SyncAnswer:
		return p.listed && p.version >= n.version
	}
	return p.listed
}

// adopt goes by another membership from now on.
//
// Protocol, section 9: it is on disk before anything is said under it, and said before
// anything else. Rounds are void.
func (n *Node) adopt(m *Membership) {
	skipped := m.Version > n.version+1
	voids := m.Version != n.version
	n.endBirth()
	n.membership, n.version, n.adoptedAt = m, m.Version, n.now
	n.raiseFloor(m.Floor)
	if n.choice != nil && n.choice.Version != m.Version {
		n.choice = nil
	}
	n.saveMembership()
	n.issue(nil, Adopted, NoMember).Membership = m
	n.grow(int(m.IDs))
	n.mark()
	for j := range n.peers {
		n.tellMembership(Member(j))
	}
	if skipped && n.begun {
		n.lapse()
	}
	if n.begun && voids {
		n.carried = n.leaseEnd
	}
	n.newer = 0
	n.strikeUnlisted()
	if voids {
		n.voidRounds()
	}
	n.endProposal("")
	n.startJoining()
	if !n.stays(n.self) {
		n.depart()
	}
	n.nextPing = n.now
	n.checkFresh()
	n.checkWait()
	n.renew()
}

// saveMembership puts the membership, and this node's part in the choice of the next, on stable
// storage.
func (n *Node) saveMembership() {
	save := n.issue(nil, SaveMembership, NoMember)
	save.Membership, save.Choice = n.membership, n.choice
	n.choiceAt = n.now
}

// tellMembership shows a peer the membership, unless it was shown before on that stream.
func (n *Node) tellMembership(to Member) {
	p := &n.peers[to]
	if !p.connected || p.told == n.shown() {
		return
	}
	p.told = n.shown()
	n.send(nil, to, Message{Kind: MembershipMessage, Change: &Change{Membership: n.membership}})
}

// grow makes room for members that are new.
func (n *Node) grow(ids int) {
	more := ids - len(n.peers)
	if more <= 0 {
		return
	}
	for range more {
		n.peers = append(n.peers, peer{shownAt: n.now - n.cfg.TTL})
	}
	for _, l := range n.order {
		shared := l.token != nil && l.sharesNumbers()
		l.requestNumbers = append(l.requestNumbers, make([]Number, more)...)
		if l.use != nil && l.notes != nil {
			for _, r := range l.notes.rounds() { // a turn may come before they begin anew
				r.noted = append(r.noted, make([]bool, more)...)
			}
		}
		switch {
		case shared:
			l.token.LastGranted = l.requestNumbers
		case l.token != nil:
			n.fit(l.token)
		}
	}
}

// fit makes a token, which may come from a node with another membership, fit this one: members
// that are not listed have no request in it, and no share.
func (n *Node) fit(t *Token) {
	if n.version == 0 && len(t.LastGranted) == len(n.peers) {
		return
	}
	for len(t.LastGranted) < len(n.peers) {
		t.LastGranted = append(t.LastGranted, Number{})
	}
	t.LastGranted = t.LastGranted[:len(n.peers)]
	for j := range t.LastGranted {
		if !n.peers[j].listed {
			t.LastGranted[j] = Number{}
		}
	}
	t.Queue = slices.DeleteFunc(t.Queue, func(j Member) bool { return !n.isListed(j) })
	t.Shares = slices.DeleteFunc(t.Shares, func(s Share) bool { return !n.isListed(s.Member) })
}

func (n *Node) isListed(j Member) bool { return int(j) < len(n.peers) && n.peers[j].listed }

// strikeUnlisted forgets those who are members no longer. They have no session for good.
func (n *Node) strikeUnlisted() {
	var gone []Member
	for j := range n.peers {
		if p := &n.peers[j]; !p.listed && Member(j) != n.self && (p.heard || p.highest != 0 || p.connected) {
			gone = append(gone, Member(j))
		}
	}
	for _, j := range gone {
		n.endSaid(j, ^Session(0))
		values, version := n.peers[j].values, n.peers[j].version
		n.peers[j] = peer{values: values, version: version}
	}
	if n.membership.Joint() || n.version == 0 {
		return
	}
	for _, l := range n.order {
		for j := range l.requestNumbers {
			if !n.peers[j].listed && Member(j) != n.self {
				l.requestNumbers[j] = Number{}
			}
		}
		if l.token == nil {
			continue
		}
		n.fit(l.token)
		if l.use != nil && l.waits {
			n.turn(l)
			n.schedule(l)
		}
	}
}

// voidRounds ends the rounds that were begun under the membership before: ballots and probes
// begin anew, and who has noted a note is asked again.
func (n *Node) voidRounds() {
	for _, l := range n.order {
		if l.use == nil {
			continue
		}
		s := l.search
		again := s != nil && (s.open || s.balloting)
		if l.balloting() {
			n.endBallot(l, ReasonMembers)
		}
		if s != nil {
			s.probe, s.open = 0, false
		}
		if l.notes != nil {
			for _, r := range l.notes.rounds() {
				r.noted = make([]bool, len(n.peers))
				r.noted[n.self] = r.serial <= n.stored
				n.repeatToAll(l, r)
			}
		}
		if again && l.outstanding {
			n.probe(l)
		}
		n.schedule(l)
	}
}

// carry is the end of the lease, given its end by this membership alone.
//
// Protocol, section 9: a lease that ran at the adoption runs on to its end. One without an
// end, of a cluster of one, ends T after the new lists first yield a lease: its clients may
// have leases of that.
func (n *Node) carry(end Time) Time {
	if n.carried == 0 {
		return end
	}
	if n.carried == Never && end != Never && end > n.now {
		n.carried = n.now + n.cfg.TTL
	}
	if end >= n.carried {
		n.carried = 0
		return end
	}
	return n.carried
}

// isTooNew reports whether a member is not guarded yet.
//
// Protocol, section 9: a new member gets no session before all have gone by the joint
// membership for T, since rounds of the one before do not ask it.
func (n *Node) isTooNew(p *peer) bool {
	return n.membership.Joint() && !p.old && n.now < n.adoptedAt+n.cfg.TTL
}

// depart ends the part of a node that is no member of the next list: it lets those who are
// in finish, and has no session after that.
func (n *Node) depart() {
	n.removed = !n.peers[n.self].listed
	n.turnAwayAll()
	if n.removed && n.begun {
		n.lapse()
	}
	n.checkGone()
	n.checkRemoved()
}

// checkRemoved ends a node that was removed once a quorum of those who stay know that: until
// then it may be the only one that can tell the others.
func (n *Node) checkRemoved() {
	if !n.removed || n.gone || !n.departed {
		return
	}
	if !isQuorum(n.membership.Members, func(j Member) bool { return n.peers[j].version >= n.version }) {
		return
	}
	n.gone = true
	gone := n.issue(nil, Gone, NoMember)
	gone.Session, gone.Reason = n.session, ReasonRemoved
}

// InspectMembership returns what the node knows of the membership.
func (n *Node) InspectMembership() MembershipView {
	v := MembershipView{
		Membership: n.membership, Self: n.self, Waits: n.birth.awaited, AdoptedAt: n.adoptedAt,
		Departed: n.leaving && !n.stays(n.self),
	}
	if p := n.proposal; p != nil {
		v.Proposed = n.joint(p.next, p.ids)
	}
	for j, disk := range n.birth.disks {
		if disk == (Disk{}) {
			v.Unseen = append(v.Unseen, Member(j))
		}
	}
	n.joining.inspect(n, &v)
	return v
}
