package sim

import (
	"fmt"
	"slices"
	"strings"

	"conch/token"
)

// same reports whether two memberships are the same but for the floor: whoever completes a
// change knows of ballots what it was answered.
func same(a, b *token.Membership) bool {
	return a != nil && b != nil && a.Version == b.Version && a.Cluster == b.Cluster && a.IDs == b.IDs &&
		slices.Equal(a.Members, b.Members) && slices.Equal(a.Next, b.Next)
}

// membershipText writes a membership on one line.
func membershipText(m *token.Membership) string {
	if m == nil {
		return "no membership"
	}
	text := fmt.Sprintf("version %d {%s}", m.Version, listText(m.Members))
	if m.Joint() {
		text += fmt.Sprintf(" to {%s}", listText(m.Next))
	}
	return text + fmt.Sprintf(" floor %d", m.Floor)
}

func listText(list []token.Listed) string {
	var all []string
	for _, l := range list {
		all = append(all, fmt.Sprintf("%d at machine %d, disk %d", l.ID, machineAt(l.Address), l.Disk[7]))
	}
	return strings.Join(all, "; ")
}

// learn takes a membership that a node has saved: there is one of each version, and each
// follows from the one before it.
func (w *World) learn(i int, m *token.Membership) {
	if err := m.Check(); err != nil {
		w.fail(Lists, "node %d saves %s: %v", i, membershipText(m), err)
		return
	}
	if !m.Born() {
		return
	}
	for uint64(len(w.lists)) <= m.Version {
		w.lists = append(w.lists, nil)
	}
	if known := w.lists[m.Version]; known == nil {
		w.lists[m.Version] = m
		w.judgeFollows(i, m)
		w.noteListed(i, m)
	} else if !same(known, m) {
		w.fail(Lists, "node %d saves %s, and there is %s", i, membershipText(m), membershipText(known))
	}
	if w.latest != nil && m.Version <= w.latest.Version {
		return
	}
	w.latest, w.latestAt = m, w.now
	w.tracef("the latest membership is %s", membershipText(m))
	w.noteLatest(m)
	for j := range w.plan.Nodes {
		w.judgeListed(j)
	}
}

// judgeFollows judges a membership by the one before it, as far as that is known.
func (w *World) judgeFollows(i int, m *token.Membership) {
	if m.Version == 0 {
		return
	}
	before := w.lists[m.Version-1]
	bad := ""
	switch {
	case before == nil:
		bad = "there is none before it"
	case before.Cluster != m.Cluster || m.IDs < before.IDs:
		bad = "it does not follow"
	case m.Joint() && !slices.Equal(m.Members, before.Members):
		bad = "its first list is another"
	case !m.Joint() && !slices.Equal(m.Members, before.Next):
		bad = "its list is another"
	}
	if bad != "" {
		w.fail(Lists, "node %d saves %s after %s: %s", i, membershipText(m), membershipText(before), bad)
	}
}

// noteListed notes who has an ID: nobody else ever gets it.
func (w *World) noteListed(i int, m *token.Membership) {
	for int(m.IDs) > len(w.listed) {
		w.listed = append(w.listed, token.Listed{ID: token.NoMember})
	}
	for _, l := range m.All() {
		if known := &w.listed[l.ID]; known.ID == token.NoMember {
			*known = l
		} else if *known != l {
			w.fail(Lists, "node %d lists %v, and %v had the ID", i, l, *known)
		}
	}
}

// noteLatest counts what kind of change has come to its end, or begins.
func (w *World) noteLatest(m *token.Membership) {
	switch {
	case m.Version == 0:
		w.count(BornList)
	case m.Joint():
		w.count(JointList)
	default:
		w.count(CompletedList)
		for _, l := range w.lists[m.Version-1].All() {
			if !w.isRunning(l) {
				w.count(CompletedWithout)
				break
			}
		}
	}
}

// judgeListed: who is inside a session is a member: in the latest list or, while there are
// two, in one of them; and in those that it goes by. Who has departed is in none.
func (w *World) judgeListed(i int) {
	m := &w.members[i]
	if !w.plan.Changes || m.membership == nil || !w.inSession(i) {
		return
	}
	self := token.Listed{ID: m.id, Address: address(token.Member(i)), Disk: m.disk.id}
	switch {
	case m.departed:
		w.fail(Listed, "node %d is in a session, and has departed from %s", i, membershipText(m.membership))
	case w.latest != nil && !slices.Contains(w.latest.All(), self):
		w.fail(Listed, "node %d (member %d, disk %d) is in a session, and not in %s", i, m.id, m.disk.id[7], membershipText(w.latest))
	case m.membership.Born() && !slices.Contains(m.membership.All(), self):
		w.fail(Listed, "node %d (member %d, disk %d) is in a session, and not in its own %s", i, m.id, m.disk.id[7], membershipText(m.membership))
	case !m.membership.Born() && m.startedFresh && !w.diskless():
		w.fail(Listed, "node %d is in a session, and its first list is not settled", i)
	}
}

// diskless reports whether a first member has no disk: then the first list is never settled.
func (w *World) diskless() bool {
	for i := range w.plan.first() {
		if !w.plan.Machines[i].Disk {
			return true
		}
	}
	return false
}

// judgeBuriedMember is judgeBurials where members change: by each membership that a node goes
// by, counting those who go by the same.
func (w *World) judgeBuriedMember(k int) {
	if !w.inSession(k) {
		return
	}
	id := w.members[k].id
	for j := range w.plan.Nodes {
		m := w.members[j].membership
		if w.members[j].node == nil || m == nil || !m.Born() {
			continue
		}
		buries := func(l token.Listed) bool {
			other := &w.members[machineAt(l.Address)]
			return w.isRunning(l) && l.ID != id && other.membership != nil && other.membership.Version == m.Version &&
				int(id) < int(other.membership.IDs) && other.node.InspectPeer(id).BurialEnd > other.clock.read(w.now)
		}
		if quorums(m, buries) {
			w.fail(Burials, "node %d (member %d), by quorums of %s", k, id, membershipText(m))
			return
		}
	}
}

// quorums reports whether so many members of a list, or of each of the two, are of a kind
// that they are a quorum.
func quorums(m *token.Membership, kind func(token.Listed) bool) bool {
	for _, list := range [][]token.Listed{m.Members, m.Next} {
		count := 0
		for _, l := range list {
			if kind(l) {
				count++
			}
		}
		if list != nil && count < len(list)/2+1 {
			return false
		}
	}
	return true
}

// onQuorum reports whether a quorum of the members of a membership has something on disk.
func (w *World) onQuorum(m *token.Membership, has func(token.Notes) bool, lock int) bool {
	if m == nil || !m.Born() {
		count := 0
		for j := range w.plan.first() {
			if has(w.members[j].disk.of(lock)) {
				count++
			}
		}
		return count >= w.plan.first()/2+1
	}
	return quorums(m, func(l token.Listed) bool { return has(w.diskOf(l).of(lock)) })
}

// judgeChoice: what a disk says of a choice does not go back.
func (w *World) judgeChoice(i int, m *member, e *token.Effect) {
	before, c := m.disk.choice, e.Choice
	if old := m.disk.membership; old != nil && e.Membership.Version < old.Version {
		w.fail(Lists, "node %d saves %s after %s", i, membershipText(e.Membership), membershipText(old))
	}
	if before == nil || before.Version != e.Membership.Version {
		return // its membership is chosen by now
	}
	if c == nil || c.Version != before.Version || before.Promised.Above(c.Promised) || before.Accepted.Above(c.Accepted) {
		w.fail(Lists, "node %d saves the choice %+v after %+v", i, c, before)
	}
}

// judgeSaid: what a member says of a choice is on its disk.
func (w *World) judgeSaid(i int, m *token.Message) {
	c := m.Change
	if c == nil || m.Kind != token.ChooseAnswer && m.Kind != token.AcceptAnswer {
		return
	}
	disk := w.members[i].disk.choice
	outbid := c.Promised.Above(c.Round)
	switch {
	case outbid:
		w.count(OutbidChoice)
	case disk == nil || disk.Version != c.Version || c.Round.Above(disk.Promised):
		w.fail(Untrue, "node %d answers %v %v of version %d, and on its disk is %+v", i, m.Kind, c.Round, c.Version, disk)
	case m.Kind == token.AcceptAnswer && c.Round.Above(disk.Accepted):
		w.fail(Untrue, "node %d accepts %v of version %d, and on its disk is %+v", i, c.Round, c.Version, disk)
	}
	if m.Kind == token.ChooseAnswer && c.Accepted != (token.Epoch{}) {
		w.count(AcceptedBefore)
	}
}

// noteChanging counts what messages between members that change say.
func (w *World) noteChanging(i int, m *token.Message) {
	switch m.Kind {
	case token.ChooseAnswer, token.AcceptAnswer:
		w.judgeSaid(i, m)
	case token.JoinedAnswer:
		if !m.Change.Joined {
			w.count(NotJoined)
		}
		if len(m.Members) > 0 {
			w.count(BuriedInJoint)
		}
	case token.SyncAnswer:
		if len(m.Change.Notes) > 0 {
			w.count(SyncedNotes)
		}
	}
}

// noteLeaver counts leavers that have something.
func (w *World) noteLeaver(m *member) {
	w.count(LeaverList)
	if holds, _, _ := m.table.Counts(); holds > 0 {
		w.count(LeaverHolds)
	}
	for l := range w.plan.Locks {
		if m.views[l].hasToken {
			w.count(LeaverToken)
			break
		}
	}
}

// judgeProposal judges what a node says at once to an operator.
func (w *World) judgeProposal(i int, was *token.Membership, in bool, planned *token.Membership, planErr, err error) {
	switch {
	case err != nil && !knownRefusal(err) || planErr != nil && !knownRefusal(planErr):
		w.fail(Invariant, "node %d refuses a change: %v, %v", i, planErr, err)
	case err != nil:
		w.count(ChangeRefused)
	case planErr != nil:
		w.fail(Invariant, "node %d proposes a change for which it has no plan: %v", i, planErr)
	case !in || !was.Born() || was.Joint():
		w.fail(Invariant, "node %d proposes a change of %s, in a session %t", i, membershipText(was), in)
	case planned.Check() != nil || planned.Version != was.Version+1 || !slices.Equal(planned.Members, was.Members):
		w.fail(Invariant, "node %d plans %s after %s", i, membershipText(planned), membershipText(was))
	}
}

// judgeChanged judges what an operator is told of its change.
func (w *World) judgeChanged(i int, o *operator, e *token.Effect) {
	switch {
	case e.Membership == nil && e.Reason == "":
		w.fail(Untrue, "node %d says that a change is chosen, and not which", i)
		return
	case e.Membership == nil || e.Reason != "" && e.Reason != token.ReasonOther:
		w.count(ChangeUnknown)
		return
	case e.Reason == "":
		w.count(ChangeChosen)
		if o.wants == nil || !same(o.wants, w.listOf(o.wants.Version, e.Membership)) {
			w.fail(Untrue, "node %d says that %s is chosen as it was asked for, want %s", i, membershipText(e.Membership), membershipText(o.wants))
		}
	default:
		w.count(OtherChange)
	}
	w.told = append(w.told, e.Membership)
	w.judgeTold()
}

// listOf returns the membership of a version: that which is given, or one that a node has saved.
func (w *World) listOf(version uint64, m *token.Membership) *token.Membership {
	if m.Version == version || version >= uint64(len(w.lists)) {
		return m
	}
	return w.lists[version]
}

// judgeTold: what an operator was told as chosen is the membership of that version.
func (w *World) judgeTold() {
	for _, m := range w.told {
		if v := m.Version; v < uint64(len(w.lists)) && w.lists[v] != nil && !same(w.lists[v], m) {
			w.fail(Lists, "an operator was told that %s is chosen, and there is %s", membershipText(m), membershipText(w.lists[v]))
		}
	}
}

// isListed reports whether a machine's node is one of the members that stay.
func (w *World) isListed(i int) bool {
	m := &w.members[i]
	switch {
	case !w.plan.Changes:
		return true
	case m.node == nil:
		return false
	case w.latest == nil:
		return i < w.plan.First
	}
	list := w.latest.Members
	if w.latest.Joint() {
		list = w.latest.Next
	}
	return slices.Contains(list, token.Listed{ID: m.id, Address: address(token.Member(i)), Disk: m.disk.id})
}

// reachesQuorums is reachesQuorum where members change.
func (w *World) reachesQuorums(i int) bool {
	if w.latest != nil {
		return quorums(w.latest, func(l token.Listed) bool { return w.isRunning(l) && w.reaches(i, machineAt(l.Address)) })
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
	await(w.latest.Joint(), "nobody completes %s", membershipText(w.latest))
	for _, told := range w.told {
		await(told.Version > w.latest.Version, "an operator was told that %s is chosen, and nobody goes by it", membershipText(told))
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
			listed := w.latest.Find(address(token.Member(i)), m.disk.id) != token.NoMember
			await(listed && knows, "the process at %d is listed, and still waits", i)
		case m.node == nil || m.disk.membership == nil || !knows:
		case w.isListed(i):
			await(m.membership.Version < w.latest.Version, "node %d still goes by %s, and there is %s", i, membershipText(m.membership), membershipText(w.latest))
		case !w.latest.Joint():
			await(quorums(m.membership, func(l token.Listed) bool { return w.isRunning(l) && w.reaches(i, machineAt(l.Address)) }), "node %d was removed, and is not gone", i)
		}
	}
	return done
}

// canComplete reports whether a change can be completed: each member that runs and stays reaches
// quorums, for the notes; one of them reaches all; and one knows that the change was chosen.
func (w *World) canComplete() bool {
	can, knows := false, false
	if w.latest == nil {
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
		knows = knows || w.members[i].membership != nil && w.members[i].membership.Version == w.latest.Version
	}
	return can && knows
}

// reachesListed reports whether a machine can hear of the latest membership.
func (w *World) reachesListed(i int) bool {
	for j := range w.plan.Nodes {
		if j != i && w.isListed(j) && !w.plan.cutForGood(i, j) && w.members[j].membership.Version == w.latest.Version {
			return true
		}
	}
	return false
}
