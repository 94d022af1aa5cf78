package sim

import (
	"slices"

	"conch/token"
)

// How members choose the next list, and what operators are told of it.

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

// halfChose reports whether a member has accepted a list after the one it goes by.
func (m *member) halfChose() bool {
	c := m.disk.choice
	return c != nil && c.Version == m.membership.Version && c.Accepted != (token.Epoch{})
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
