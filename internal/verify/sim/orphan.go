package sim

import "conch/token"

// orphan is a client in a process of its own that outlived its node's process. It holds its
// lock until its lease is over, by its own clock, unknown to any node.
type orphan struct {
	node, lock int
	limit      token.Limit // its mode
	until      Instant
}

// encumbered reports whether a starting process must expect clients of earlier ones: as its
// disk says, or always without a disk.
func (w *World) encumbered(i int) bool {
	return (w.plan.Clients || w.plan.Processes > 0) && (!w.plan.Machines[i].Disk || w.members[i].disk.clients)
}

// serves notes that the process may leave clients behind.
func (m *member) serves() { m.disk.clients, m.served = true, true }

// leaveOrphans is called when a process ends: its holds go on.
//
// A lease is at most what was left of the node's when the client sent its ping, less a
// hundredth. In the worst case the client sent one just now, and was answered at once.
func (w *World) leaveOrphans(i int) {
	m := &w.members[i]
	end, ok := m.node.InSession()
	left := min(Instant(end-m.clock.read(w.now)), w.plan.TTL)
	if !w.plan.Clients || !ok || left <= 0 {
		return
	}
	lease := left - left/100
	until := w.now + lease*million/Instant(million+w.plan.Machines[i].ClientDrift)
	for k := range w.claims {
		if c, op := &w.claims[k], &w.plan.Ops[k]; op.asks() && c.state == claimHolding && int(op.Node) == i && c.process == m.process {
			w.orphans = append(w.orphans, orphan{node: i, lock: int(op.Lock), limit: op.Limit, until: until})
			w.count(Orphan)
			w.tracef("waiter %d goes on holding lock %d until %d µs", k+1, op.Lock, until/1000)
		}
	}
}

// orphansOf counts the orphans that still hold a lock alone, and forgets all whose leases
// are over.
func (w *World) orphansOf(l int) (count int) {
	kept := w.orphans[:0]
	for _, o := range w.orphans {
		if o.until <= w.now {
			continue
		}
		kept = append(kept, o)
		if o.lock == l && o.limit == token.Exclusive {
			count++
		}
	}
	w.orphans = kept
	return count
}
