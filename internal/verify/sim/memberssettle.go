package sim

import (
	"slices"

	"conch/token"
)

// When the faults are over, changes are completed, and everybody hears of them.

// known returns the latest membership that a node goes by which runs; nil before the first list is
// settled. A later one may have been known only to disks that are lost by now.
func (w *World) known() (known *token.Membership) {
	for i := range w.plan.Nodes {
		if m := &w.members[i]; m.node != nil && m.membership != nil && m.membership.Born() && (known == nil || known.Version < m.membership.Version) {
			known = m.membership
		}
	}
	return known
}

// isListed reports whether a machine's node is one of the members that stay.
func (w *World) isListed(i int) bool {
	m := &w.members[i]
	switch {
	case !w.plan.Changes:
		return true
	case m.node == nil:
		return false
	}
	known := w.known()
	if known == nil {
		return i < w.plan.First
	}
	list := known.Members
	if known.Joint() {
		list = known.Next
	}
	return slices.Contains(list, token.Listed{ID: m.id, Address: address(token.Member(i)), Disk: m.disk.id})
}

// reachesQuorums is reachesQuorum where members change.
func (w *World) reachesQuorums(i int) bool {
	if known := w.known(); known != nil {
		return quorums(known, func(l token.Listed) bool { return w.isRunning(l) && w.reaches(i, machineAt(l.Address)) })
	}
	count := 0
	for j := range w.plan.First {
		if !w.reaches(i, j) && !w.plan.Taken {
			return false // the first list cannot be settled
		}
		if w.reaches(i, j) {
			count++
		}
	}
	return count >= w.plan.First/2+1
}

// changeBound is how long it may take, after the faults, until a change is complete, until
// each member knows it, and until who was removed is gone.
func (w *World) changeBound() Instant { return 2 * w.plan.turnBound() }

// checkChanges is called from time to time after the faults. It reports whether all is done
// that must be.
func (w *World) checkChanges() (done bool) {
	if !w.plan.Changes {
		return true
	}
	w.judgeTold()
	done = true
	if !w.canComplete() {
		return true
	}
	late := w.now > max(w.plan.Settle, w.latestAt)+w.changeBound()
	await := func(owed bool, format string, args ...any) {
		if !owed {
			return
		}
		if done = false; late {
			w.fail(Service, format, args...)
		}
	}
	known := w.known()
	await(known.Joint(), "nobody completes %s", membershipText(known))
	for _, told := range w.told {
		await(told.Version >= uint64(len(w.lists)) || w.lists[told.Version] == nil, "an operator was told that %s is chosen, and nobody goes by it", membershipText(told))
	}
	for k := range w.operators {
		o := &w.operators[k]
		m := &w.members[o.node]
		await(!o.over && m.node != nil && m.process == o.process && w.reachesQuorum(o.node) && w.isListed(o.node), "operator %d is not answered at node %d", k+1, o.node)
	}
	for i := range w.plan.Nodes {
		m := &w.members[i]
		switch knows := w.reachesListed(i); {
		case m.waits:
			listed := known.Find(address(token.Member(i)), m.disk.id) != token.NoMember
			await(listed && knows, "the process at %d is listed, and still waits", i)
		case m.node == nil || m.disk.membership == nil || !knows:
		case w.isListed(i):
			await(m.membership.Version < known.Version, "node %d still goes by %s, and there is %s", i, membershipText(m.membership), membershipText(known))
			await(m.halfChose(), "node %d has accepted a list after %s, and nobody brings it through", i, membershipText(m.membership))
		case !known.Joint():
			await(quorums(m.membership, func(l token.Listed) bool { return w.isRunning(l) && w.reaches(i, machineAt(l.Address)) }), "node %d was removed, and is not gone", i)
		}
	}
	return done
}

// canComplete reports whether a change can be completed: each member that runs and stays reaches
// quorums, for the notes, and one of them reaches all.
func (w *World) canComplete() bool {
	can := false
	if w.known() == nil {
		return false
	}
	for i := range w.plan.Nodes {
		if !w.isListed(i) {
			continue
		}
		if !w.reachesQuorum(i) {
			return false
		}
		can = can || w.reachesAll(i)
	}
	return can
}

// reachesListed reports whether a machine can hear of the membership that counts.
func (w *World) reachesListed(i int) bool {
	for j := range w.plan.Nodes {
		if j != i && w.isListed(j) && !w.plan.cutForGood(i, j) && version(w.members[j].membership) == version(w.known()) {
			return true
		}
	}
	return false
}
