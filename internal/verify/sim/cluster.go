package sim

import (
	"slices"

	"conch/token"
)

// cluster is the World as the judges of package protocolcheck see it.
type cluster World

func (c *cluster) Members() int           { return c.plan.Nodes }
func (c *cluster) Node(i int) *token.Node { return c.members[i].node }
func (c *cluster) InSession(i int) bool   { return (*World)(c).inSession(i) }

func (c *cluster) Now(i int) token.Time { return c.members[i].clock.read(c.now) }

func (c *cluster) HasToken(i, lock int) bool { return c.members[i].views[lock].hasToken }

// Holds counts a holder whose process stands still like any other. A client's own belief
// counts in place of its node's: see clientHolds.
func (c *cluster) Holds(i, lock int) bool { return c.members[i].views[lock].holder != 0 }

// Shares counts likewise.
func (c *cluster) Shares(i, lock int) bool {
	return slices.ContainsFunc(c.sharing[lock].inside, func(h sharer) bool { return h.node == i })
}

// UnderWay reads the stream that the receiver accepted last; it takes nothing of others.
func (c *cluster) UnderWay(from, to, k int) *token.Message {
	s := c.members[to].in[from]
	if s == nil || s.broken || k >= s.length() {
		return nil
	}
	return &s.queue[s.head+k].message
}
