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
	case w.latest != nil && !has(w.latest, self):
		w.fail(Listed, "node %d (member %d, disk %d) is in a session, and not in %s", i, m.id, m.disk.id[7], membershipText(w.latest))
	case m.membership.Born() && !has(m.membership, self):
		w.fail(Listed, "node %d (member %d, disk %d) is in a session, and not in its own %s", i, m.id, m.disk.id[7], membershipText(m.membership))
	case !m.membership.Born() && m.startedFresh && !w.diskless():
		w.fail(Listed, "node %d is in a session, and its first list is not settled", i)
	}
}

// has reports whether a membership lists a member with its address and disk.
func has(m *token.Membership, l token.Listed) bool {
	return slices.Contains(m.Members, l) || slices.Contains(m.Next, l)
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
