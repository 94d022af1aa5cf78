package sim

import (
	"encoding/binary"
	"slices"

	"conch/token"
)

// changing is what is known of the members of a run in which they change. In other runs,
// members and machines are the same.
type changing struct {
	// lists are the memberships that nodes have saved, by version; nil where there is none.
	lists []*token.Membership
	// listed are the members that a membership ever listed, by ID.
	listed []token.Listed
	// latest is the latest that a node goes by, since latestAt; nil before the first list is
	// settled.
	latest   *token.Membership
	latestAt Instant
	// wiped are the disks that are lost; machines have others by now.
	wiped     []disk
	disksMade uint64
	changes   source // of disks, of answers that are lost, and of times to ask
	answers   []answer
	operators []operator
	told      []*token.Membership // chosen, as operators were told
}

// listing is what a disk remembers of the members.
type listing struct {
	id         token.Disk
	membership *token.Membership // nil: none yet
	choice     *token.Choice
	// removed: it says that the member was removed. joins: a process that finds no membership
	// waits to be listed. taken: an older version wrote it. hasPromised: the member has promised a
	// ballot, so the disk is not new any more.
	removed, joins, taken, hasPromised bool
}

// belonging is what a process knows of the members.
type belonging struct {
	id         token.Member
	membership *token.Membership // nil in runs without changes, and of members without disks
	before     *token.Membership // the one before it
	ended      *token.Membership // the last of the process before this one
	adoptedAt  Instant
	// waits: no node runs, and the process waits to be listed.
	waits bool
	// leaves: it is not in the next list, and turns its callers away. turns: it has yet to.
	// departed: it says that its session is over.
	leaves, turns, departed bool
	// startedFresh and floor: see token.Config, Fresh and Floor.
	startedFresh bool
	floor        uint64
}

// newListing is that of a new disk.
func (w *World) newListing(joins bool) (l listing) {
	w.disksMade++
	l.joins = joins
	binary.BigEndian.PutUint64(l.id[:], w.disksMade)
	binary.BigEndian.PutUint64(l.id[8:], w.changes.next())
	return l
}

// firstList is the first list, as its members are told it.
func (p *Plan) firstList() *token.Membership {
	var all []string
	for i := range p.first() {
		all = append(all, address(token.Member(i)))
	}
	return token.NewMembership(all)
}

// layDisks gives the machines their first disks.
func (w *World) layDisks() {
	w.changing = changing{changes: source(w.plan.Seed ^ 0xd15c5), wiped: w.wiped[:0], answers: w.answers[:0], operators: w.operators[:0], told: w.told[:0], lists: w.lists[:0], listed: w.listed[:0]}
	if !w.plan.Changes {
		return
	}
	born := w.plan.firstList()
	for i := range w.plan.Nodes {
		m := &w.members[i]
		if m.id = token.Member(i); !w.plan.Machines[i].Disk {
			continue
		}
		m.disk.listing = w.newListing(i >= w.plan.First)
		m.disk.taken = w.plan.Taken && i < w.plan.First
		if i < w.plan.First {
			born.Members[i].Disk = m.disk.id
		}
	}
	if w.plan.Born {
		born.Cluster = token.Cluster{1}
		for i := range w.plan.First {
			w.members[i].disk.membership = born
		}
		w.learn(0, born)
	}
}

// startsNode reports whether a process that starts has a node. If not, it waits to be listed,
// or ends, since its disk says that the member was removed.
func (w *World) startsNode(i int) bool {
	m := &w.members[i]
	m.belonging = belonging{id: token.Member(i), ended: m.ended}
	switch {
	case !w.plan.Changes:
	case m.disk.removed:
		w.count(RemovedStart)
		m.process++
		return false
	case m.disk.joins && m.disk.membership == nil:
		m.process++
		m.waits, m.pausedUntil = true, 0
		w.tracef("%d waits to be listed, process %d, disk %v", i, m.process, m.disk.id)
		w.planAsk(i)
		return false
	}
	return true
}

// fresh reports whether a process of a member that starts knows of no earlier one, though
// there may have been some.
func (m *member) fresh(machine *Machine, changes bool) bool {
	if !changes {
		return m.disk.lost
	}
	return machine.Disk && m.disk.membership == nil && !m.disk.taken && !m.disk.hasPromised
}

// asMember fills in what a node's configuration says of the members.
func (w *World) asMember(i int, cfg *token.Config) {
	m := &w.members[i]
	cfg.Self, cfg.Members = token.Member(i), w.plan.first()
	if !w.plan.Changes || !w.plan.Machines[i].Disk {
		return
	}
	cfg.Members = 0
	cfg.Disk, cfg.Membership, cfg.Choice = m.disk.id, m.disk.membership, m.disk.choice
	if cfg.Membership == nil {
		cfg.Membership = w.plan.firstList()
	} else {
		cfg.Self = cfg.Membership.Find(address(token.Member(i)), m.disk.id)
	}
	m.id, m.membership = cfg.Self, cfg.Membership
}

// machineOf returns the machine of a member.
func (w *World) machineOf(id token.Member) int {
	if int(id) < len(w.listed) {
		return machineAt(w.listed[id].Address)
	}
	return int(id)
}

func machineAt(at string) int {
	return slices.Index(machineAddresses[:], at)
}

// isRunning reports whether the process of a listed member runs a node.
func (w *World) isRunning(l token.Listed) bool {
	m := &w.members[machineAt(l.Address)]
	return m.node != nil && m.disk.id == l.Disk
}

// latest returns the membership that a node goes by, or went by when it ended.
func (m *member) latest() *token.Membership {
	if m.membership == nil {
		return m.ended
	}
	return m.membership
}

// version is a membership's, 0 if there is none.
func version(m *token.Membership) uint64 {
	if m == nil {
		return 0
	}
	return m.Version
}

// isMember reports whether a machine's node is that of a member.
func (w *World) isMember(i int, id token.Member) bool {
	if int(id) < len(w.listed) {
		return w.isRunning(w.listed[id])
	}
	return w.members[i].node != nil && w.members[i].id == id
}

// diskOf returns the disk of a listed member, which may be lost by now.
func (w *World) diskOf(l token.Listed) *disk {
	m := &w.members[machineAt(l.Address)]
	if m.disk.id != l.Disk {
		for k := range w.wiped {
			if w.wiped[k].id == l.Disk {
				return &w.wiped[k]
			}
		}
	}
	return &m.disk
}

// peerAt returns which member a node dials at a machine. Of two under one address it is the
// later one: the disk of the other is lost.
func (w *World) peerAt(i, j int) token.Member {
	m := &w.members[i]
	switch {
	case m.membership == nil && j < w.plan.first():
		return token.Member(j)
	case m.membership == nil:
		return token.NoMember
	}
	return m.at(j)
}

// at returns the latest member under a machine's address that a node knows.
func (m *member) at(j int) token.Member {
	id, where := token.NoMember, address(token.Member(j))
	for _, list := range [][]token.Listed{m.membership.Members, m.membership.Next} {
		for _, l := range list {
			if l.Address == where {
				id = max(id, l.ID)
			}
		}
	}
	return id
}

// senderOf returns as whom a node knows the sender of a stream.
func (w *World) senderOf(s *stream) token.Member {
	m := &w.members[s.to]
	if m.membership == nil {
		if s.from < w.plan.first() {
			return token.Member(s.from)
		}
		return token.NoMember
	}
	if id := m.membership.Find(address(token.Member(s.from)), s.hello.Disk); id != token.NoMember {
		return id
	}
	return m.at(s.from)
}

// saveMembership puts a membership on a member's disk.
func (w *World) saveMembership(i int, m *member, e *token.Effect) {
	if e.Membership == nil || !w.plan.Machines[i].Disk {
		w.fail(Invariant, "node %d saves the membership %v", i, e.Membership)
		return
	}
	w.judgeChoice(i, m, e)
	if !same(m.membership, e.Membership) {
		m.before, m.membership = m.membership, e.Membership
	}
	m.disk.membership, m.disk.choice = e.Membership, e.Choice
	if e.Membership.Find(address(token.Member(i)), m.disk.id) == token.NoMember {
		m.disk.removed = true
	}
	w.learn(i, e.Membership)
}

// adopted lets a process follow the membership that its node has adopted.
func (w *World) adopted(i int, m *member, e *token.Effect) {
	before := m.before
	m.adoptedAt = w.now
	m.membership, m.id = e.Membership, m.node.InspectMembership().Self
	if m.disk.membership != e.Membership && !same(m.disk.membership, e.Membership) {
		w.fail(Invariant, "node %d adopts a membership that is not on its disk: %v", i, e.Membership)
	}
	if e.Membership.Version > 0 {
		w.count(AdoptedList)
	}
	if before != nil && e.Membership.Version > before.Version+1 {
		w.count(SkippedList)
	}
	if e.Membership.Joint() && !in(e.Membership.Next, m.id) && !m.leaves {
		m.leaves, m.turns = true, true
		w.noteLeaver(m)
	}
	for j := range w.plan.Nodes {
		if j == i {
			continue
		}
		if s := m.in[j]; s != nil && s.as != token.NoMember && !e.Membership.Lists(s.as) {
			w.breakOff(s, 0, w.backoff()) // its sender dials again, is refused, and asks why
			m.in[j] = nil
		}
		want, s := w.peerAt(i, j), m.out[j]
		if s != nil && want != token.NoMember && want != s.peer {
			w.breakOff(s, 1000, 1)
		}
		if s == nil && want != token.NoMember {
			w.planDial(i, j, Instant(w.random.below(int64(w.plan.TTL/20))))
		}
	}
}

// turnAway lets a node that leaves the list turn its callers away.
func (w *World) turnAway(i int, m *member) {
	m.turns = false
	for k := range w.claims {
		c, op := &w.claims[k], &w.plan.Ops[k]
		if op.asks() && int(op.Node) == i && c.process == m.process && (c.state == claimWaiting || c.state == claimGone) {
			c.state = claimOver
		}
	}
	w.vanishAll(i)
	m.table.Stop(m.clock.read(w.now))
}

func in(list []token.Listed, id token.Member) bool {
	for _, l := range list {
		if l.ID == id {
			return true
		}
	}
	return false
}

// gone notes why a node is gone. One that was removed is started once more, in vain. One whose
// cluster lists another disk waits to be listed.
func (w *World) gone(m *member, e *token.Effect) {
	switch e.Reason {
	case token.ReasonRemoved:
		w.count(RemovedGone)
		m.leaveFor = w.plan.TTL / 20
	case token.ReasonStranger:
		w.count(StrangerGone)
		m.disk.joins = true
		m.leaveFor = w.plan.TTL / 20
	}
}

// adoptedLately reports whether a node has adopted a membership within T. Until the others have
// shown theirs, it does not heed their PINGs.
func (w *World) adoptedLately(i int) bool {
	m := &w.members[i]
	return w.plan.Changes && m.adoptedAt > 0 && w.now < m.adoptedAt+w.plan.TTL+w.plan.TTL/50
}

// knows reports whether a node's membership lists another node.
func (m *member) knows(other *member) bool {
	return m.membership == nil || m.membership.Lists(other.id)
}
