package broadcast

import (
	"fmt"

	"pgregory.net/rapid"

	"conch/token"
)

// hostileMembership is that of the cluster in which two hostile members change the members.
func hostileMembership() *token.Membership {
	m := token.NewMembership([]string{"node0:1", "node1:1", "node2:1"})
	for i := range m.Members {
		m.Members[i].Disk = token.Disk{byte(i + 1)}
	}
	m.Cluster = token.Cluster{1}
	return m
}

// ids is above each ID that was given.
func (h *hostile) ids() int {
	if h.membership == nil {
		return hostileMembers
	}
	return int(h.membership.IDs)
}

// peers are the others. Those that were removed still send.
func (h *hostile) peers() []token.Member {
	var peers []token.Member
	for id := range token.Member(h.ids()) {
		if id != hostileSelf {
			peers = append(peers, id)
		}
	}
	return peers
}

// nextMembership draws one that may follow the node's, rightly or not.
func (h *hostile) nextMembership(t *rapid.T) *token.Membership {
	m := *h.membership
	m.Version += rapid.Uint64Range(0, 3).Draw(t, "later by")
	m.IDs = min(m.IDs+token.Member(rapid.IntRange(0, 1).Draw(t, "new")), 8)
	m.Members, m.Next = h.someMembers(t, m.IDs), nil
	if m.Joint() {
		m.Next = h.someMembers(t, m.IDs)
	}
	m.Floor = near(t, "floor", h.epoch.Number, mostEpoch)
	return &m
}

// someMembers draws a list; this node is nearly always in it.
func (h *hostile) someMembers(t *rapid.T, ids token.Member) []token.Listed {
	var list []token.Listed
	for id := range ids {
		if most := 9; rapid.IntRange(0, most).Draw(t, "listed") > 3 || id == hostileSelf && rapid.IntRange(0, most).Draw(t, "self") > 0 {
			l := token.Listed{ID: id, Address: fmt.Sprintf("node%d:1", id), Disk: token.Disk{byte(id + 1)}}
			list = append(list, l)
		}
	}
	if list == nil {
		return h.membership.Members
	}
	return list
}

// aimChange makes what a message says of the members fit what the node has said.
func (h *hostile) aimChange(t *rapid.T, m *token.Message) {
	c := m.Change
	if c == nil || h.membership == nil {
		return
	}
	if c.Membership != nil {
		c.Membership = h.nextMembership(t)
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "fits") > 0 {
		c.Version = h.membership.Version
	}
	if c.Ask != 0 {
		c.Ask = max(1, near(t, "ask", h.ask, mostSession))
	}
	if c.Next != nil {
		c.IDs = h.membership.IDs + token.Member(rapid.IntRange(0, 1).Draw(t, "new"))
		c.Next = h.someMembers(t, c.IDs)
	}
	if c.Round.Proposer == hostileSelf && rapid.Bool().Draw(t, "answers") {
		c.Round = h.round
		if c.Round.Above(c.Promised) || rapid.Bool().Draw(t, "consents") {
			c.Promised = c.Round
		}
		if c.Accepted.Above(c.Promised) {
			c.Accepted = c.Promised
		}
	}
}
