package token

import "slices"

// How the members choose the next list (protocol, section 9): by single-decree Paxos among
// the members of the present one. What a member promises and accepts is on its disk before it
// is said, and is about the successor of one membership.

// proposal is a change that this node proposes.
type proposal struct {
	waiter Waiter   // 0: the node took up what it has accepted
	asked  []Listed // what the waiter asked for
	// next and ids are what is proposed: what was asked for, or what others have accepted in
	// the highest round, accepted.
	next     []Listed
	ids      Member
	accepted Epoch

	round     Epoch
	accepting bool
	answered  []bool // by ID, in this phase of the round
	// refused: somebody has promised a higher round, highest; the next round begins at retryAt.
	refused bool
	highest uint64
	// repeatAt is when the message goes again to those who have not answered, and end when the
	// waiter is told that nothing came of it.
	repeatAt, retryAt, end Time
}

// PlanChange returns the joint membership that a change would lead to, or why the node refuses
// it. It changes nothing.
func (n *Node) PlanChange(now Time, change ChangeRequest) (*Membership, error) {
	n.advance(now)
	m := n.membership
	switch {
	case !m.Born():
		return nil, ErrUnborn
	case m.Joint() || n.proposal != nil:
		return nil, ErrChanging
	case !n.begun || n.leaving:
		return nil, ErrOutside
	}
	next := slices.Clone(m.Members)
	for _, id := range change.Remove {
		i := slices.IndexFunc(next, func(l Listed) bool { return l.ID == id })
		if i < 0 {
			return nil, ErrUnknownMember
		}
		next = slices.Delete(next, i, i+1)
	}
	ids := m.IDs
	for _, added := range change.Add {
		if slices.ContainsFunc(m.Members, func(l Listed) bool { return l.Disk == added.Disk }) ||
			slices.ContainsFunc(next, func(l Listed) bool { return l.Address == added.Address }) {
			return nil, ErrListed
		}
		next = append(next, Listed{ID: ids, Address: added.Address, Disk: added.Disk})
		ids++
	}
	switch {
	case len(next) == 0 || len(change.Add) == 0 && len(change.Remove) == 0:
		return nil, ErrEmpty
	case len(next) > MaxListed || ids > MaxIDs:
		return nil, ErrTooMany
	}
	joint := n.joint(next, ids)
	return joint, joint.Check()
}

// joint is the membership between this one and the next list.
func (n *Node) joint(next []Listed, ids Member) *Membership {
	m := n.membership
	return &Membership{
		Version: m.Version + 1, Cluster: m.Cluster, Members: m.Members, Next: next, IDs: ids, Floor: m.Floor,
	}
}

// Change asks for a change of the members, which this node proposes. The error says why it
// refuses, and nothing has changed then. Otherwise Changed follows.
func (n *Node) Change(now Time, w Waiter, change ChangeRequest) error {
	joint, err := n.PlanChange(now, change)
	if err != nil {
		return err
	}
	n.proposeList(w, joint.Next)
	return nil
}

// proposeList begins to propose a list.
func (n *Node) proposeList(w Waiter, next []Listed) {
	n.proposal = &proposal{waiter: w, asked: next, end: n.now + proposalPatience*n.cfg.TTL}
	n.startRound()
}

// proposalPatience is for how many T a change is proposed, and takeUpPatience for how many a
// member lets others bring through what it has accepted.
const (
	proposalPatience = 4
	takeUpPatience   = 2
)

// takeUpAt is when this node proposes the list that it has accepted; Never if it does not.
//
// Protocol, section 9: a member in a session does so after 2T in which it has heard neither that
// a list is chosen nor of a newer round, and T/8 for each place before its own.
func (n *Node) takeUpAt() Time {
	c := n.choice
	if c == nil || c.Accepted == (Epoch{}) || n.proposal != nil || !n.begun || n.leaving {
		return Never
	}
	place := slices.IndexFunc(n.membership.Members, func(l Listed) bool { return l.ID == n.self })
	return n.choiceAt + takeUpPatience*n.cfg.TTL + Time(place)*n.cfg.TTL/8
}

// startRound begins a round, with a number above all that this node has heard of.
func (n *Node) startRound() {
	p := n.proposal
	number := p.highest
	if c := n.choice; c != nil {
		number = max(number, c.Promised.Number)
	}
	p.round = Epoch{Number: number + 1, Proposer: n.self}
	p.refused, p.accepting, p.accepted = false, false, Epoch{}
	p.next, p.ids = p.asked, n.membership.IDs
	for _, l := range p.asked {
		p.ids = max(p.ids, l.ID+1)
	}
	own := n.promiseRound(p.round)
	p.take(own)
	n.propound(Message{Kind: Choose, Change: &Change{Version: n.version, Round: p.round}})
}

// take heeds the proposal that a member has accepted.
func (p *proposal) take(c *Choice) {
	if c.Accepted.Above(p.accepted) {
		p.accepted, p.next, p.ids = c.Accepted, c.Next, c.IDs
	}
}

// propound sends the message of a phase to the members of the list. This node has answered it
// already.
func (n *Node) propound(m Message) {
	p := n.proposal
	p.answered = make([]bool, len(n.peers))
	p.answered[n.self] = true
	choosing := n.issue(nil, Choosing, NoMember)
	choosing.Message = m
	if slices.Equal(p.next, p.asked) {
		choosing.Waiter = p.waiter
	}
	p.repeatAt = n.now // the first time, to all
	n.repeatProposal(NoMember)
	n.judgeProposal()
}

// repeatProposal sends the message of the phase to a member that has not answered, or to all of
// these.
func (n *Node) repeatProposal(to Member) {
	p := n.proposal
	if p == nil || p.refused {
		return
	}
	m := Message{Kind: Choose, Change: &Change{Version: n.version, Round: p.round}}
	if p.accepting {
		m = Message{Kind: Accept, Change: &Change{Version: n.version, Round: p.round, Next: p.next, IDs: p.ids}}
	}
	if to == NoMember {
		p.repeatAt = n.now + n.cfg.TTL/4
	}
	for j := range n.peers {
		if n.peers[j].old && !p.answered[j] && (to == NoMember || Member(j) == to) {
			n.send(nil, Member(j), m)
		}
	}
}

// promiseRound promises a round, unless a higher one was promised. It returns this node's part
// in the choice as it is then.
func (n *Node) promiseRound(round Epoch) *Choice {
	c := Choice{Version: n.version}
	if n.choice != nil {
		c = *n.choice
	}
	if c.Promised.Above(round) {
		return &c
	}
	if round != c.Promised {
		c.Promised = round
		n.choice = &c
		n.saveMembership()
	}
	return &c
}

// acceptRound accepts a proposal, unless a higher round was promised.
func (n *Node) acceptRound(round Epoch, next []Listed, ids Member) (*Choice, bool) {
	if n.choice != nil && n.choice.Promised.Above(round) {
		return n.choice, false
	}
	if n.choice == nil || n.choice.Accepted != round {
		n.choice = &Choice{Version: n.version, Promised: round, Accepted: round, Next: next, IDs: ids}
		n.saveMembership()
	}
	return n.choice, true
}

// votes reports whether this node has a part in the choice that a message is about.
func (n *Node) votes(c *Change) bool {
	return n.membership.Born() && !n.membership.Joint() && c.Version == n.version && n.peers[n.self].old
}

// receiveChoose answers CHOOSE.
func (n *Node) receiveChoose(from Member, c *Change) {
	if !n.votes(c) {
		return
	}
	own := n.promiseRound(c.Round)
	n.send(nil, from, Message{Kind: ChooseAnswer, Change: &Change{
		Version: c.Version, Round: c.Round, Promised: own.Promised,
		Accepted: own.Accepted, Next: own.Next, IDs: own.IDs,
	}})
}

// receiveAccept answers ACCEPT.
func (n *Node) receiveAccept(from Member, c *Change) {
	if !n.votes(c) || n.joint(c.Next, c.IDs).Check() != nil {
		return
	}
	own, _ := n.acceptRound(c.Round, c.Next, c.IDs)
	n.send(nil, from, Message{Kind: AcceptAnswer, Change: &Change{Version: c.Version, Round: c.Round, Promised: own.Promised}})
}

// receiveChoiceAnswer counts an answer to CHOOSE or ACCEPT.
func (n *Node) receiveChoiceAnswer(from Member, m *Message) {
	p, c := n.proposal, m.Change
	if p == nil || p.refused || c.Version != n.version || c.Round != p.round || p.accepting != (m.Kind == AcceptAnswer) {
		return
	}
	if c.Promised.Above(p.round) {
		p.refused, p.highest = true, c.Promised.Number
		p.retryAt = n.now + n.pause()
		return
	}
	p.answered[from] = true
	if m.Kind == ChooseAnswer {
		p.take(&Choice{Accepted: c.Accepted, Next: c.Next, IDs: c.IDs})
	}
	n.judgeProposal()
}

// judgeProposal goes on once a quorum has answered.
func (n *Node) judgeProposal() {
	p := n.proposal
	if !isQuorum(n.membership.Members, func(j Member) bool { return p.answered[j] }) {
		return
	}
	if p.accepting {
		n.adopt(n.joint(p.next, p.ids))
		return
	}
	p.accepting = true
	if _, ok := n.acceptRound(p.round, p.next, p.ids); !ok {
		p.refused, p.highest = true, n.choice.Promised.Number // by this node's own later promise
		p.retryAt = n.now + n.pause()
		return
	}
	n.propound(Message{Kind: Accept, Change: &Change{Version: n.version, Round: p.round, Next: p.next, IDs: p.ids}})
}

// endProposal tells who asked for a change what came of it: for no reason, that a membership
// was adopted.
func (n *Node) endProposal(reason string) {
	p := n.proposal
	if p == nil {
		return
	}
	n.proposal, n.choiceAt = nil, n.now
	if p.waiter == 0 {
		return
	}
	chosen := n.membership.Next
	if chosen == nil {
		chosen = n.membership.Members
	}
	if reason == "" && !slices.Equal(p.asked, chosen) {
		reason = ReasonOther
	}
	changed := n.issue(nil, Changed, NoMember)
	changed.Waiter, changed.Reason, changed.Membership = p.waiter, reason, n.membership
}

// due is when a proposal next needs the time; Never for none.
func (p *proposal) due() Time {
	switch {
	case p == nil:
		return Never
	case p.refused:
		return min(p.retryAt, p.end)
	}
	return min(p.repeatAt, p.end)
}

// fireProposal does what is due.
func (n *Node) fireProposal() {
	switch p := n.proposal; {
	case p == nil:
		if n.takeUpAt() <= n.now {
			n.proposeList(0, n.choice.Next)
		}
	case p.end <= n.now:
		n.endProposal(ReasonTime)
	case p.refused && p.retryAt <= n.now:
		n.startRound()
	case !p.refused && p.repeatAt <= n.now:
		n.repeatProposal(NoMember)
	}
}
