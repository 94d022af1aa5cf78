package token

// Change asks for a change of the members, which this node proposes. The error says why it
// refuses, and nothing has changed then. Otherwise Changed follows.
func (n *Node) Change(now Time, w Waiter, change ChangeRequest) error {
	n.advance(now)
	return ErrUnborn
}

// PlanChange returns the joint membership that a change would lead to, or why the node refuses
// it. It changes nothing.
func (n *Node) PlanChange(now Time, change ChangeRequest) (*Membership, error) {
	n.advance(now)
	return nil, ErrUnborn
}

// ReceiveMembership takes the membership of another node, which it has told outside a
// stream: when it refused one. from is that member, NoMember if this node does not know it.
// The error wraps ErrStranger if it is that of another cluster.
func (n *Node) ReceiveMembership(now Time, from Member, m *Membership) error {
	n.advance(now)
	return nil
}

// InspectMembership returns what the node knows of the membership.
func (n *Node) InspectMembership() MembershipView {
	return MembershipView{Membership: n.cfg.Membership, Self: n.self}
}
