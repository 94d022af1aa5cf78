package sim

import (
	"slices"

	"conch/token"
)

// clientHolds reports whether a client believes, by its own clock, that it has the lock of
// an op: the answer of Hold.Err of package client. A process that stands still counts like
// any other.
func (w *World) clientHolds(k int32) bool {
	cl, op := &w.claims[k], &w.plan.Ops[k]
	c := &w.clients[op.Node]
	if cl.state != claimHolding || !c.alive || cl.process != c.process {
		return false
	}
	end, ok := cl.link.core.Deadline(cl.handle)
	return ok && c.clock.read(w.now) < end
}

// clientHolders counts the clients' claims that hold a lock alone, and those that share it.
// It forgets ended ones.
func (w *World) clientHolders(l int) (alone, sharers int) {
	w.held = slices.DeleteFunc(w.held, func(k int32) bool { return w.claims[k].state != claimHolding })
	for _, k := range w.held {
		op := &w.plan.Ops[k]
		switch {
		case int(op.Lock) != l || !w.clientHolds(k):
		case op.Limit == token.Exclusive:
			alone++
		default:
			sharers++
		}
	}
	return alone, sharers
}

// judgeClients checks the holders of each lock after a step of a client.
func (w *World) judgeClients() {
	for l := range w.plan.Locks {
		w.judgeCounts(l)
	}
}

// judgeHeld: a client that is told that it has a lock has it: nobody was granted it since,
// or granted it alone if the client shares it.
func (w *World) judgeHeld(l *link, op *Op, fence token.Fence) {
	highest := w.fences[op.Lock]
	if op.Limit != token.Exclusive {
		highest = w.sharing[op.Lock].alone
	}
	if fence < highest && !w.forgetful {
		w.fail(Stale, "client %d is told that it has %s with fence %d, and fence %d was granted since",
			l.client, lockNames[op.Lock], fence&(1<<32-1), highest&(1<<32-1))
	}
}

// judgeEmpty: when all clients have ended and their leases are over, no node remembers
// anything of them, and no client anything of a node.
func (w *World) judgeEmpty() {
	for i := range w.plan.Nodes {
		m := &w.members[i]
		if m.node == nil {
			continue
		}
		if _, _, clients := m.table.Counts(); clients > 0 || m.table.Attached() > 0 {
			w.fail(Leak, "node %d remembers %d clients and %d streams when all have ended", i, clients, m.table.Attached())
		}
		for l := range w.plan.Locks {
			m.node.InspectLock(lockNames[l], &w.look)
			if slices.ContainsFunc(w.look.Inside, func(h token.HolderView) bool { return ofClient(h.Waiter) }) {
				w.fail(Leak, "node %d: %s is held for a client when all have ended", i, lockNames[l])
			}
		}
	}
	for k := range w.plan.Processes {
		if n := len(w.clients[k].links); n > 0 {
			w.fail(Leak, "client %d has %d attachments after its end", k, n)
		}
	}
}
