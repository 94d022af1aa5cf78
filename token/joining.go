package token

import "slices"

// How a joint membership is completed (protocol, section 9). A member of the next list asks all
// whether they have joined: whether their leases rest on both lists, and those who stay have the
// notes of the old list. Once all have, or are buried, the next list alone counts.

// joining is what a node does for the completion of a joint membership.
type joining struct {
	// ask numbers the latest question. The answers to it, by ID, count until end. The next
	// question is asked at nextAt.
	ask         uint64
	end, nextAt Time
	answers     []joinedAnswer
	distant     []Member // D
	// sync is the state of this node's questions for notes, by ID of the member asked; nil if
	// there are none. serial is that of the Store after which all of them are on stable storage.
	sync   []syncing
	serial uint64
	// names are the locks that this node remembers something of, sorted: the pages of notes that
	// others ask for.
	names []string
}

// joinedAnswer is a member's answer.
type joinedAnswer struct {
	answered, joined bool
	highest          uint64
	buried           []Member
}

// syncing is how far a member has told its notes.
type syncing struct {
	after string
	done  bool
}

// startJoining begins the work for a membership that was adopted.
func (n *Node) startJoining() {
	n.joining = joining{ask: n.joining.ask, nextAt: Never}
	if !n.membership.Joint() || !n.stays(n.self) {
		return
	}
	n.joining.nextAt = n.now + n.cfg.TTL/4
	if !n.cfg.Remembers {
		return
	}
	n.joining.sync = make([]syncing, len(n.peers))
	n.joining.serial = n.serial
	n.joining.sync[n.self].done = true
	for j := range n.peers {
		n.askForNotes(Member(j))
	}
}

// repeatChange repeats on a new stream what the last one may have lost.
func (n *Node) repeatChange(peer Member) {
	if n.proposal != nil {
		n.repeatProposal(peer)
	}
	n.askForNotes(peer)
	if j := &n.joining; j.answers != nil && n.now < j.end && !j.answers[peer].answered {
		n.send(nil, peer, n.question())
	}
}

// receiveChange takes a message about the membership.
func (n *Node) receiveChange(from Member, m *Message) {
	n.issue(nil, Received, from).Message = *m
	c := m.Change
	switch m.Kind {
	case MembershipMessage:
		if n.consider(c.Membership) == nil && int(from) < len(n.peers) {
			n.peers[from].version = max(n.peers[from].version, c.Membership.Version)
		}
		n.checkRemoved()
	case Choose:
		n.receiveChoose(from, c)
	case Accept:
		n.receiveAccept(from, c)
	case ChooseAnswer, AcceptAnswer:
		n.receiveChoiceAnswer(from, m)
	case Joined:
		n.receiveJoined(from, m)
	case JoinedAnswer:
		n.receiveJoinedAnswer(from, m)
	case Sync:
		n.receiveSync(from, c)
	case SyncAnswer:
		n.receiveSyncAnswer(from, c)
	}
}

// hasJoined reports whether this node no longer goes by the old list alone: it has no session,
// or a lease that rests on both lists; if it stays, it has the notes of a quorum of the old
// list. A member that leaves has joined when its session is over.
func (n *Node) hasJoined() bool {
	if !n.stays(n.self) {
		return !n.begun
	}
	return (!n.begun || n.carried == 0) && n.isSynced()
}

// question is JOINED(ask, D).
func (n *Node) question() Message {
	j := &n.joining
	return Message{Kind: Joined, Members: j.distant, Change: &Change{Version: n.version, Ask: j.ask}}
}

// unreached is D: the members out of this node's reach that left the question before unanswered.
// Those that answer are there, whoever buries them. New members have T to come.
func (n *Node) unreached() []Member {
	var distant []Member
	for j, a := range n.joining.answers {
		if p := &n.peers[j]; !a.answered && n.outOfReach(Member(j)) && (p.old || n.now >= n.adoptedAt+n.cfg.TTL) {
			distant = append(distant, Member(j))
		}
	}
	return distant
}

// askWhetherJoined asks all, and answers itself. It asks again for notes, too: an answer is lost
// while the member asked has no stream to here.
//
// Protocol, section 9: every T/2 or so.
func (n *Node) askWhetherJoined() {
	j := &n.joining
	j.ask++
	j.distant = n.unreached()
	j.end = n.now + shorten(n.cfg.TTL)
	j.nextAt = n.now + n.cfg.TTL/2 + n.pause()
	j.answers = make([]joinedAnswer, len(n.peers))
	m := n.question()
	n.issue(nil, Asking, NoMember).Message = m
	for k := range n.peers {
		n.send(nil, Member(k), m)
		n.askForNotes(Member(k))
	}
	if !n.encumbered() {
		j.answers[n.self] = n.ownJoined(m.Members)
	}
	n.judgeJoined()
}

// ownJoined is this node's answer; it buries whom it can of the distant, but nobody that has sent
// it a PING within T: that one is there, and would get no session as long as somebody who does
// not reach it asks.
func (n *Node) ownJoined(distant []Member) joinedAnswer {
	a := joinedAnswer{answered: true, joined: n.hasJoined(), highest: n.highestBallot()}
	for _, k := range distant {
		if n.isListed(k) && n.canBury(k) && n.peers[k].shownAt+n.cfg.TTL <= n.now {
			n.peers[k].burialEnd = n.now + n.cfg.TTL
			n.issue(nil, Buried, k)
			a.buried = append(a.buried, k)
		}
	}
	return a
}

// highestBallot is the highest number of a ballot that this node knows, for any lock.
func (n *Node) highestBallot() uint64 {
	highest := max(n.promised, n.floor, n.forgotten)
	for _, l := range n.order {
		if l.use == nil {
			highest = max(highest, l.rest.highest())
		} else {
			highest = max(highest, l.highest, l.epoch.Number)
		}
	}
	return highest
}

// receiveJoined answers JOINED. An encumbered node does not: clients of its earlier process may
// be in, under a lease of the old list.
func (n *Node) receiveJoined(from Member, m *Message) {
	if m.Change.Version != n.version || n.encumbered() {
		return
	}
	a := n.ownJoined(m.Members)
	n.send(nil, from, Message{Kind: JoinedAnswer, Members: a.buried, Change: &Change{
		Version: n.version, Ask: m.Change.Ask, Joined: a.joined, Highest: a.highest,
	}})
}

// receiveJoinedAnswer counts an answer to the latest question.
func (n *Node) receiveJoinedAnswer(from Member, m *Message) {
	j, c := &n.joining, m.Change
	if c.Version != n.version || c.Ask != j.ask || j.answers == nil || j.end <= n.now {
		return
	}
	j.answers[from] = joinedAnswer{answered: true, joined: c.Joined, highest: c.Highest, buried: m.Members}
	n.judgeJoined()
}

// forget forgets the answer of a member that has come back in another incarnation.
func (j *joining) forget(k Member) {
	if int(k) < len(j.answers) {
		j.answers[k] = joinedAnswer{}
	}
}

// isJoined reports whether a member has joined or is buried.
func (n *Node) isJoined(k Member) bool {
	answers := n.joining.answers
	return answers[k].joined || n.quorate(func(v Member) bool {
		return v != k && slices.Contains(answers[v].buried, k)
	})
}

// judgeJoined completes the joint membership once every member has joined or is buried.
func (n *Node) judgeJoined() {
	m := n.membership
	floor := n.highestBallot()
	for j := range n.peers {
		if !n.peers[j].listed {
			continue
		}
		if !n.isJoined(Member(j)) {
			return
		}
		floor = max(floor, n.joining.answers[j].highest)
	}
	n.adopt(&Membership{Version: m.Version + 1, Cluster: m.Cluster, Members: m.Next, IDs: m.IDs, Floor: floor})
}

// isSynced reports whether this node has the notes of a quorum of the old list on stable storage.
func (n *Node) isSynced() bool {
	j := &n.joining
	if j.sync == nil {
		return true
	}
	return n.stored >= j.serial &&
		isQuorum(n.membership.Members, func(k Member) bool { return j.sync[k].done })
}

// askForNotes asks a member of the old list for the next page of its notes.
func (n *Node) askForNotes(k Member) {
	j := &n.joining
	if j.sync == nil || !n.peers[k].old || j.sync[k].done {
		return
	}
	n.send(nil, k, Message{Kind: Sync, Change: &Change{Version: n.version, After: j.sync[k].after}})
}

// notesPerPage is how many locks' notes one SYNC-ANSWER has.
const notesPerPage = 64

// receiveSync answers SYNC with a page of notes. What is noted later than the first question
// is noted under both lists, so nobody needs it from here.
func (n *Node) receiveSync(from Member, c *Change) {
	if c.Version != n.version || !n.membership.Joint() {
		return
	}
	if n.joining.names == nil {
		for name := range n.notes {
			n.joining.names = append(n.joining.names, name)
		}
		slices.Sort(n.joining.names)
	}
	names := n.joining.names
	at, found := slices.BinarySearch(names, c.After)
	if found {
		at++
	}
	page := names[at:min(at+notesPerPage, len(names))]
	answer := &Change{Version: n.version, After: c.After, More: at+len(page) < len(names)}
	for _, name := range page {
		answer.Notes = append(answer.Notes, LockNotes{Lock: name, Notes: n.InspectNotes(name)})
	}
	n.send(nil, from, Message{Kind: SyncAnswer, Change: answer})
}

// receiveSyncAnswer takes a page of notes, and asks for the next.
func (n *Node) receiveSyncAnswer(from Member, c *Change) {
	j := &n.joining
	if c.Version != n.version || j.sync == nil || j.sync[from].done || j.sync[from].after != c.After {
		return
	}
	for i := range c.Notes {
		n.takeNotes(&c.Notes[i])
	}
	j.serial = n.serial
	if !c.More || len(c.Notes) == 0 {
		j.sync[from].done = true
		return
	}
	j.sync[from].after = c.Notes[len(c.Notes)-1].Lock
	n.askForNotes(from)
}

// takeNotes remembers what another member does of a lock, as far as it is later. It counts
// nobody's room: a quorum has it.
func (n *Node) takeNotes(theirs *LockNotes) {
	notes := n.InspectNotes(theirs.Lock)
	changed := false
	if theirs.Run.Tick != 0 && theirs.Run.Above(notes.Run.RunMark) {
		notes.Run, changed = theirs.Run, true
	}
	if theirs.Kept.above(&notes.Kept) {
		notes.Kept, changed = theirs.Kept, true
	}
	if !changed {
		return
	}
	r := n.remember(theirs.Lock, notes)
	store := n.issue(nil, Store, NoMember)
	store.Lock, store.Notes, store.Serial = theirs.Lock, &r.Notes, r.serial
}

// changeDue is when the change of the members next needs the time.
func (n *Node) changeDue() Time {
	due := min(n.proposal.due(), n.takeUpAt())
	if n.membership.Joint() {
		due = min(due, n.joining.nextAt)
	}
	return due
}

// fireChange does what is due.
func (n *Node) fireChange() {
	n.fireProposal()
	if n.membership.Joint() && n.joining.nextAt <= n.now {
		n.askWhetherJoined()
	}
}

// inspect adds who has joined, as far as the answers to the latest question tell.
func (j *joining) inspect(n *Node, v *MembershipView) {
	if !n.membership.Joint() {
		return
	}
	for k := range n.peers {
		switch {
		case !n.peers[k].listed:
		case j.answers != nil && n.isJoined(Member(k)):
			v.Joined = append(v.Joined, Member(k))
		default:
			v.Awaited = append(v.Awaited, Member(k))
		}
	}
}
