package modelcheck

import (
	"errors"
	"slices"

	"conch/token"
)

// proposal is a change of the members that somebody may ask for, once.
type proposal struct {
	at  token.Member // who is asked
	add []token.Listed
	out []token.Member
}

// changes reports whether the members can change. Then Members also counts those that may join.
func (c *Config) changes() bool { return c.First != 0 }

// first is the membership in which a search begins.
func (c *Config) first() *token.Membership {
	m := &token.Membership{Cluster: token.Cluster{1}, IDs: token.Member(c.First)}
	for i := range c.First {
		m.Members = append(m.Members, newMember(i, i))
	}
	return m
}

// newMember is a member with an ID, and with the directory of this number.
func newMember(id, directory int) token.Listed {
	return token.Listed{ID: token.Member(id), Address: name(directory), Disk: token.Disk{byte(directory + 1)}}
}

// membership is what member i goes by, or has on its disk; nil if it is no member yet.
func (s *state) membership(i int) *token.Membership {
	if n := s.nodes[i]; n != nil {
		return n.InspectMembership().Membership
	}
	return s.disks[i].membership
}

// newest is the list that will count alone, or does.
func newest(m *token.Membership) []token.Listed {
	if m.Joint() {
		return m.Next
	}
	return m.Members
}

func isIn(list []token.Listed, i int) bool {
	return slices.ContainsFunc(list, func(l token.Listed) bool { return l.ID == token.Member(i) })
}

// inviter is a running member that lists i, a member that has never run; -1 if there is none. Who
// joins asks until it is told a membership that lists it.
func (c *Config) inviter(s *state, i int) int {
	if !c.changes() || i < c.First || s.starts[i] != 0 {
		return -1
	}
	for j := range c.Members {
		if s.nodes[j] != nil && s.membership(j).Lists(token.Member(i)) {
			return j
		}
	}
	return -1
}

// mayStart reports whether a member that does not run can be started: its disk does not say that
// it was removed.
func (c *Config) mayStart(s *state, i int) bool {
	if !c.changes() {
		return true
	}
	if m := s.disks[i].membership; m != nil {
		return m.Lists(token.Member(i))
	}
	return c.inviter(s, i) >= 0
}

// join starts a member that is listed for the first time, and reports whether there was one.
func (p *stepper) join() bool {
	for i := range p.Members {
		if p.inviter(p.state, i) >= 0 {
			p.startMember(i)
			return true
		}
	}
	return false
}

// mayOpen reports whether a stream from a member to another can be opened, or if it is refused, the
// sender would learn something: each dials only those whom it lists.
func (c *Config) mayOpen(s *state, from, to int) bool {
	if s.nodes[from] == nil || s.nodes[to] == nil || s.streams[from][to].up {
		return false
	}
	if !c.changes() {
		return true
	}
	m := s.membership(from)
	if !m.Lists(token.Member(to)) {
		return false
	}
	if theirs := s.membership(to); theirs.Version > m.Version {
		m = theirs
	}
	return m.Lists(token.Member(from)) || s.streams[from][to].shown < m.Version
}

// refuse ends a stream that a member has refused. The sender is shown that one's membership.
func (p *stepper) refuse(from, to int) {
	s := p.state
	m := s.membership(to)
	s.streams[from][to] = stream{shown: m.Version}
	p.input(from, func(n *token.Node) {
		if err := n.ReceiveMembership(s.clocks[from], token.Member(to), m); err != nil {
			p.violated("%s refuses the membership of %s: %v", name(from), name(to), err)
		}
	})
}

// propose asks a member for a change.
func (p *stepper) propose(k int) {
	s, x := p.state, &p.Changes[k]
	i := int(x.at)
	p.input(i, func(n *token.Node) {
		err := n.Change(s.clocks[i], changer, token.ChangeRequest{Add: x.add, Remove: x.out})
		if err != nil && !errors.Is(err, token.ErrMembership) {
			p.violated("%s refuses a change: %v", name(i), err)
		}
	})
}

// changer is the id of who asks for a change.
const changer token.Waiter = maxClients + 2

// changeActions appends the changes that can be asked for.
func (c *Config) changeActions(s *state, list []action) []action {
	for k := range c.Changes {
		i := int(c.Changes[k].at)
		if s.left.changes&(1<<k) != 0 && s.insideSession(i) && !s.leaving[i] && !s.membership(i).Joint() {
			list = append(list, action{kind: propose, a: uint8(i), b: uint8(k)})
		}
	}
	return list
}

// adopted judges that a member adopts a membership: no two go by different lists of one version.
// Whoever leaves turns its waiters away.
func (p *stepper) adopted(i int, m *token.Membership) {
	s := p.state
	for _, other := range s.memberships {
		if other.Version == m.Version && !(slices.Equal(other.Members, m.Members) && slices.Equal(other.Next, m.Next)) {
			p.violated("%s adopts %s, and another member %s", name(i), membershipText(m), membershipText(other))
		}
	}
	last := len(s.memberships)
	if last == 0 || s.memberships[last-1].Version < m.Version {
		s.memberships = append(s.memberships[:last:last], m)
	}
}

// turnAway withdraws the waiters of a member that leaves.
func (p *stepper) turnAway(i int) {
	s := p.state
	s.leaving[i] = true
	for l := range p.Locks {
		for k := range s.clients[i][l] {
			if client := s.clients[i][l][k]; client == waits || client == tries { // still
				s.clients[i][l][k] = nobody
				p.input(i, func(n *token.Node) { n.Withdraw(s.clocks[i], lockName(l), waiter(k)) })
			}
		}
	}
}

// judgeMembers: nobody has a session who is in no list that it knows.
func (p *stepper) judgeMembers() {
	s := p.state
	for i := range p.Members {
		if s.nodes[i] != nil && s.facts[i].view.Begun && !s.membership(i).Lists(token.Member(i)) {
			p.violated("%s is in a session, and no member", name(i))
		}
	}
}

// unsettled reports whether a change is under way or half chosen, or a member that was removed still
// runs.
func (p *stepper) unsettled(s *state) bool {
	if !p.changes() {
		return false
	}
	var last uint64
	for i := range p.Members {
		if s.nodes[i] == nil {
			continue
		}
		v := s.nodes[i].InspectMembership()
		if c := s.disks[i].choice; c != nil && c.Version == v.Membership.Version && c.Accepted != (token.Epoch{}) {
			return true
		}
		if v.Proposed != nil || v.Membership.Joint() || !v.Membership.Lists(token.Member(i)) || last != 0 && v.Membership.Version+1 != last {
			return true
		}
		last = v.Membership.Version + 1
	}
	return false
}

// isQuorum reports whether the members of which has is true are a quorum of each list that the
// latest membership has.
func (p *stepper) isQuorum(s *state, has func(i int) bool) bool {
	if !p.changes() {
		count := 0
		for i := range p.Members {
			if has(i) {
				count++
			}
		}
		return count > p.Members/2
	}
	var m *token.Membership
	for i := range p.Members {
		if other := s.membership(i); m == nil || other != nil && other.Version > m.Version {
			m = other
		}
	}
	return m.Joint() && hasQuorum(m.Members, has) && hasQuorum(m.Next, has) || !m.Joint() && hasQuorum(m.Members, has)
}

func hasQuorum(list []token.Listed, has func(i int) bool) bool {
	count := 0
	for _, l := range list {
		if has(int(l.ID)) {
			count++
		}
	}
	return count > len(list)/2
}

// change appends what the hash of a state has of the members: what is on disks, and what was adopted.
func (h *hasher) change(b []byte, c *Config, s *state) []byte {
	if !c.changes() {
		return b
	}
	b = append(b, s.left.changes, byte(len(s.memberships)))
	for _, m := range s.memberships {
		b = appendMembership(b, m)
	}
	for i := range c.Members {
		if s.nodes[i] == nil {
			d := &s.disks[i]
			b = appendMembership(b, d.membership)
			b = appendChoice(b, d.choice)
		}
		for j := range c.Members {
			b = append(b, byte(s.streams[i][j].shown))
		}
	}
	return b
}

func appendMembership(b []byte, m *token.Membership) []byte {
	if m == nil {
		return append(b, 0)
	}
	b = appendUints(b, m.Version+1, uint64(m.IDs), m.Floor)
	return appendList(appendList(b, m.Members), m.Next)
}

func appendChoice(b []byte, c *token.Choice) []byte {
	if c == nil {
		return append(b, 0)
	}
	b = appendUints(b, c.Version+1, c.Promised.Number, uint64(c.Promised.Proposer), c.Accepted.Number, uint64(c.Accepted.Proposer), uint64(c.IDs))
	return appendList(b, c.Next)
}

func appendList(b []byte, list []token.Listed) []byte {
	b = append(b, byte(len(list)))
	for _, l := range list {
		b = append(b, byte(l.ID), l.Disk[0])
	}
	return b
}
