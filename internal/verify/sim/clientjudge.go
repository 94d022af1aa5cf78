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

// clientHolders returns the clients' claims that hold a lock, and forgets ended ones.
func (w *World) clientHolders(l int) (count int) {
	w.held = slices.DeleteFunc(w.held, func(k int32) bool { return w.claims[k].state != claimHolding })
	for _, k := range w.held {
		if int(w.plan.Ops[k].Lock) == l && w.clientHolds(k) {
			count++
		}
	}
	return count
}

// judgeClients checks the holders of each lock after a step of a client.
func (w *World) judgeClients() {
	for l := range w.plan.Locks {
		w.judgeCounts(l)
	}
}

// judgeHeld: a client that is told that it has a lock has it: nobody was granted it since.
func (w *World) judgeHeld(l *link, op *Op, fence token.Fence) {
	if highest := w.fences[op.Lock]; fence < highest && !w.forgetful {
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
		if _, _, clients := m.table.Counts(); clients > 0 {
			w.fail(Leak, "node %d remembers %d clients when all have ended", i, clients)
		}
		for l := range w.plan.Locks {
			if m.node.InspectLock(lockNames[l], &w.look) && ofClient(w.look.Holder) {
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
