package sim

// orphan is a client in a process of its own that outlived its node's process. It goes
// on holding its lock until its lease is over, by its own clock, and no node knows.
type orphan struct {
	node, lock int
	until      Instant
}

// encumbered reports whether a process that starts must reckon with clients of earlier
// ones: as its disk says, and without a disk always.
func (w *World) encumbered(i int) bool {
	return (w.plan.Clients || w.plan.Processes > 0) && (!w.plan.Machines[i].Disk || w.members[i].disk.clients)
}

// leaveOrphans is called when a process ends: what is held there is held on.
//
// A lease is at most what was left of the node's when the client sent its ping, less a
// hundredth. The worst case is a client that sent one just now, and was answered at
// once.
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
			w.orphans = append(w.orphans, orphan{node: i, lock: int(op.Lock), until: until})
			w.count(Orphan)
			w.tracef("waiter %d goes on holding lock %d until %d µs", k+1, op.Lock, until/1000)
		}
	}
}

// orphansOf counts the orphans that still hold a lock, and forgets whose leases are
// over.
func (w *World) orphansOf(l int) (count int) {
	kept := w.orphans[:0]
	for _, o := range w.orphans {
		if o.until <= w.now {
			continue
		}
		kept = append(kept, o)
		if o.lock == l {
			count++
		}
	}
	w.orphans = kept
	return count
}
