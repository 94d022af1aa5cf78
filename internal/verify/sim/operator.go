package sim

import (
	"errors"

	"conch/token"
)

// operator is a change that somebody waits for.
type operator struct {
	node    int
	process uint32
	at      Instant
	over    bool
	// wants is the next list that was asked for.
	wants *token.Membership
}

// changeMembers lets an operator ask for a change at a member, or at the next that is in a
// session.
func (w *World) changeMembers(op *Op, e event) bool {
	i := int(op.Node)
	for j := range w.plan.Nodes {
		if next := (i + j) % w.plan.Nodes; w.inSession(next) && !joint(w.members[next].membership) {
			i = next
			break
		}
	}
	if w.proposes(i, op) {
		w.ops[op.Kind]++
		return true
	}
	if e.gen < uint32(op.Effects) && (w.now < w.plan.Settle || op.At >= w.plan.Settle) {
		e.gen++
		e.at = w.now + w.plan.TTL/4
		w.events.push(e)
	}
	return false
}

// proposes lets an operator propose a change at a node. It reports whether the node does.
func (w *World) proposes(i int, op *Op) bool {
	m := &w.members[i]
	if m.node == nil || m.gone || m.pausedUntil > w.now || m.membership == nil {
		return false
	}
	change, complete := w.requestOf(i, op)
	if !complete {
		return false
	}
	now := m.clock.read(w.now)
	planned, planErr := m.node.PlanChange(now, change)
	if w.performed(i); m.node == nil || w.failure != nil {
		return true
	}
	waiter := token.Waiter(len(w.operators) + 1)
	if planErr == nil && !w.hearsQuorums(i, planned) {
		w.count(ChangeStalls)
		return false
	}
	was, in := m.membership, w.inSession(i)
	err := m.node.Change(now, waiter, change)
	if w.trace != nil {
		w.tracef("an operator asks %d to add machines %v and to remove machines %v: %v", i, machines(op.Pairs), machines(op.Pairs>>8), err)
	}
	w.judgeProposal(i, was, in, planned, planErr, err)
	if err == nil {
		w.operators = append(w.operators, operator{node: i, process: m.process, at: w.now, wants: planned})
	}
	w.performed(i)
	return err == nil
}

// requestOf is what an op asks a node for. It is incomplete if a new member does not wait to
// be listed, or does not answer the operator.
func (w *World) requestOf(i int, op *Op) (change token.ChangeRequest, complete bool) {
	view := w.members[i].membership
	for j := range w.plan.Nodes {
		m := &w.members[j]
		if op.Pairs>>j&1 != 0 {
			if !w.canBeAdded(j) || w.cutUntil[i][j] > w.now || w.cutUntil[j][i] > w.now || m.pausedUntil > w.now || w.plan.cutForGood(i, j) {
				return change, false
			}
			change.Add = append(change.Add, token.Listed{Address: address(token.Member(j)), Disk: m.disk.id})
		}
		if op.Pairs>>(8+j)&1 == 0 {
			continue
		}
		for _, l := range view.Members {
			if l.Address == address(token.Member(j)) {
				change.Remove = append(change.Remove, l.ID)
			}
		}
	}
	return change, len(change.Add)+len(change.Remove) > 0
}

// hearsQuorums reports whether an operator's node hears quorums of both lists.
func (w *World) hearsQuorums(i int, m *token.Membership) bool {
	return quorums(m, func(l token.Listed) bool {
		j := machineAt(l.Address)
		other := &w.members[j]
		return (w.isRunning(l) || other.waits && other.disk.id == l.Disk) && other.pausedUntil <= w.now && !w.plan.cutForGood(i, j) && w.cutUntil[i][j] <= w.now && w.cutUntil[j][i] <= w.now
	})
}

// canBeAdded reports whether a machine's process waits to be listed: it has no node, or one
// that knows of no cluster.
func (w *World) canBeAdded(j int) bool {
	m := &w.members[j]
	return m.waits || m.node != nil && w.plan.Machines[j].Disk && m.disk.membership == nil && w.latest != nil
}

// changed takes the outcome of a change.
func (w *World) changed(i int, e *token.Effect) {
	k := int(e.Waiter) - 1
	if k < 0 || k >= len(w.operators) || w.operators[k].over || w.operators[k].node != i || w.operators[k].process != w.members[i].process {
		w.fail(Invariant, "node %d answers operator %d, who does not wait there", i, e.Waiter)
		return
	}
	o := &w.operators[k]
	o.over = true
	w.judgeChanged(i, o, e)
}

// joint reports whether a membership is; nil is none.
func joint(m *token.Membership) bool { return m != nil && m.Joint() }

// launch starts a process for the first time, or again with a new disk.
func (w *World) launch(op *Op, i int) bool {
	m := &w.members[i]
	if m.node != nil || m.waits || op.Kind == Launch && m.process > 0 || op.Kind == Renew && !m.disk.removed {
		return false
	}
	if op.Kind == Renew {
		w.renewDisk(i, true)
	}
	w.start(i)
	return true
}

// wipe ends a process, and starts the next with a new disk. Before the first list is settled
// everywhere, and if all first members have lost their disks, an operator who does so begins a
// new cluster.
func (w *World) wipe(op *Op, i int) bool {
	m := &w.members[i]
	again := w.restartAfter(max(op.Length, 1))
	if m.process == 0 || !w.plan.Machines[i].Disk || w.now+again > w.plan.Settle || w.latest == nil {
		return false
	}
	joins, known := op.Effects == 1 || i >= w.plan.First, false
	for j := range w.plan.First {
		knows := w.members[j].disk.membership != nil
		if !knows && w.latest.Version == 0 {
			return false
		}
		known = known || knows && j != i && !w.members[j].disk.removed
	}
	if !joins && !known {
		return false // nothing would be left of the cluster that the first list remembers
	}
	if m.node != nil {
		w.crashNow(i, again)
	} else {
		m.waits = false
		m.process++
		w.events.push(event{at: w.now + again, kind: evStart, node: int8(i), gen: m.process})
	}
	w.renewDisk(i, joins)
	w.count(WipedDisk)
	return true
}

// renewDisk gives a machine a new disk. It is another member's, so nothing is known of it.
func (w *World) renewDisk(i int, joins bool) {
	m := &w.members[i]
	w.wiped = append(w.wiped, m.disk)
	m.disk = disk{lost: true, listing: w.newListing(joins)}
	m.promised, m.session = 0, 0
	m.copies = [maxCopies]disk{}
	w.tracef("%d has a new disk %v", i, m.disk.id)
}

// opErrors are why a node may refuse a change at once.
var opErrors = []error{
	token.ErrUnborn, token.ErrChanging, token.ErrOutside, token.ErrUnknownMember, token.ErrListed, token.ErrEmpty, token.ErrTooMany,
}

func knownRefusal(err error) bool {
	for _, known := range opErrors {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
