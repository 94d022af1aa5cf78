package logs

import (
	"fmt"
	"slices"
)

// What the simulated cluster does to change its members. The nodes of a cluster are all that
// will ever be members, by ID.

// simList is a membership.
type simList struct {
	version       uint64
	members, next []int
	ids           int
	floor         uint64
}

func (l *simList) all() []int {
	all := slices.Concat(l.members, l.next)
	slices.Sort(all)
	return slices.Compact(all)
}

// newChanging returns a cluster of so many nodes over time, of which the first some are members
// at first.
func newChanging(n, first int, draw func(int) int) *cluster {
	c := newCluster(n, []string{"cs"}, draw)
	c.withSes = true
	c.list = &simList{members: sequence(first), ids: first}
	for _, m := range c.nodes[:first] {
		m.list = c.list
		c.start(m)
	}
	c.connectAll()
	return c
}

// listed reports whether a node is a member now.
func (c *cluster) listed(m *member) bool {
	return c.list == nil || slices.Contains(c.list.all(), m.self)
}

// size is how many members there are now.
func (c *cluster) size() int {
	if c.list == nil {
		return len(c.nodes)
	}
	return len(c.list.all())
}

// disk is that of a member: it has its ID in it.
func (m *member) disk() string { return fmt.Sprintf("%032x", m.self+1) }

const simCluster = "c0ffee00000000000000000000000000"

// listedAt are the keys of node_started about the membership.
func (m *member) listedAt() []any {
	if m.list.version == 0 && m.lives == 1 {
		return []any{"disk", m.disk()}
	}
	return []any{"disk", m.disk(), "membership", m.list.version, "cluster", simCluster}
}

// adopt has a member go by a membership.
func (c *cluster) adopt(m *member, l *simList) {
	m.list = l
	fields := []any{"membership", l.version, "cluster", simCluster, "members", c.names(l.members), "member_ids", decimals(l.members), "ids", l.ids, "floor", l.floor}
	if l.next != nil {
		fields = append(fields, "next", c.names(l.next), "next_ids", decimals(l.next))
	}
	c.log(m, MembershipAdopted, fields...)
}

func decimals(ids []int) []string {
	texts := []string{}
	for _, id := range ids {
		texts = append(texts, fmt.Sprint(id))
	}
	return texts
}

func (c *cluster) connectAll() {
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			if a != b && a.alive && b.alive && !a.connected[b.self] {
				c.connect(a, b)
			}
		}
	}
}

// tell sends a message about the members that comes at once.
func (c *cluster) tell(from, to *member, sent, received string, fields ...any) {
	c.log(from, sent, append([]any{"peer", to.name}, fields...)...)
	c.log(to, received, append([]any{"peer", from.name}, fields...)...)
}

// others are the members that run, without one.
func (c *cluster) others(m *member) []*member {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(p *member) bool { return p == m || !p.alive })
}

// change leads the cluster to another list, with some steps between. It needs all to run but
// those that are to be removed.
func (c *cluster) change(proposer int, next []int, steps func()) {
	old, p := c.list, c.nodes[proposer]
	c.connectAll()
	joint := &simList{old.version + 1, old.members, next, max(old.ids, slices.Max(next)+1), old.floor + c.ballots}
	c.choose(p, joint)
	c.list = joint
	c.adopt(p, joint)
	c.spread(p)
	steps()
	for _, id := range next {
		if m := c.nodes[id]; m.list == nil {
			m.list = joint
			c.start(m)
			c.connectAll()
		}
	}
	for _, id := range old.members {
		if m := c.nodes[id]; m.alive && !slices.Contains(next, id) {
			c.depart(m)
		}
	}
	steps()
	c.complete(c.nodes[next[0]])
	steps()
}

// choose has a member propose a joint membership, to which all that run agree.
func (c *cluster) choose(p *member, joint *simList) {
	about := []any{"membership", joint.version - 1, "round", Epoch{1, uint64(p.self)}}
	list := []any{"members", c.names(joint.next), "ids", joint.ids}
	c.log(p, ChangeProposed, slices.Concat(about, list, []any{"caller", "ann@desk, process 7"})...)
	for _, m := range c.others(p) {
		c.tell(p, m, ChooseSent, ChooseReceived, about...)
		c.tell(m, p, ChooseAnswerSent, ChooseAnswerReceived, append(about, "answer", "promise")...)
	}
	for _, m := range c.others(p) {
		c.tell(p, m, AcceptSent, AcceptReceived, slices.Concat(about, list)...)
		c.tell(m, p, AcceptAnswerSent, AcceptAnswerReceived, append(about, "answer", "accepted")...)
	}
}

// spread tells all others of a member's new list, who adopt it.
func (c *cluster) spread(from *member) {
	for _, m := range c.others(from) {
		c.tell(from, m, MembershipSent, MembershipReceived, "membership", from.list.version)
		if m.list.version < from.list.version {
			c.adopt(m, from.list)
		}
	}
}

// stays reports whether a member is not to leave, by the membership of another.
func (m *member) stays(j int) bool {
	return m.list == nil || m.list.next == nil && slices.Contains(m.list.members, j) || slices.Contains(m.list.next, j)
}

// depart ends the session of a member that leaves.
func (c *cluster) depart(m *member) {
	c.drain()
	for _, lock := range c.locks {
		l := m.lock(c, lock)
		for l.waiters > 0 {
			c.withdraw(m, lock)
		}
		if l.inside {
			c.leave(m, lock)
		}
		if l.token != nil {
			c.handOver(m, lock, l)
		}
	}
	c.drain()
	c.log(m, MemberDeparted, "membership", m.list.version, "session", m.session)
	m.alive, m.departed = false, true
}

// handOver sends a token to a member that stays.
func (c *cluster) handOver(m *member, lock string, l *lockState) {
	to := c.nodes[m.list.next[0]]
	t := l.token
	t.q, l.token = nil, nil
	t.hop++
	c.logToken(m, lock, t, TokenSent, "peer", to.name, "session", to.session)
	c.put(m, to, message{lock: lock, token: t})
}

// complete ends a change: all are asked, and the second list takes the place of both.
func (c *cluster) complete(asker *member) {
	joint := c.list
	var awaited, leavers []*member
	for _, id := range joint.all() {
		m := c.nodes[id]
		switch {
		case m.departed:
			leavers = append(leavers, m)
			awaited = append(awaited, m)
		case m.alive && m != asker:
			awaited = append(awaited, m)
		}
	}
	names := []string{}
	for _, m := range awaited {
		names = append(names, m.name)
	}
	c.log(asker, MembersJoining, "membership", joint.version, "awaited", names, "ask", 1)
	for _, m := range awaited {
		c.tell(asker, m, JoinedSent, JoinedReceived, "membership", joint.version, "ask", 1, "distant", []string{})
		c.tell(m, asker, JoinedAnswerSent, JoinedAnswerReceived, "membership", joint.version, "ask", 1, "answer", "joined", "buried", []string{})
	}
	c.list = &simList{version: joint.version + 1, members: joint.next, ids: joint.ids, floor: joint.floor + c.ballots}
	c.adopt(asker, c.list)
	c.spread(asker)
	for _, m := range leavers {
		c.tell(asker, m, MembershipSent, MembershipReceived, "membership", c.list.version)
		c.adopt(m, c.list)
		c.log(m, NodeRemoved, "membership", c.list.version)
		c.log(m, NodeStopped)
		c.dropWires(m)
		m.departed = false
		for _, peer := range c.nodes {
			if peer.connected[m.self] && peer.alive {
				c.cut(peer, m, "EOF")
			}
		}
	}
}
