package sim

// When the faults are over, every node that waits must soon have its turn.

// service is how nodes are served after the faults.
type service struct {
	settled bool
	// closing: all are served, and the clients end.
	closing bool
	slowest Instant
	// lastTurn is when a node last had its turn at a lock, or began to wait for it.
	lastTurn [maxNodes][maxLocks]Instant
}

// turnBound is how long a node may wait for its turn after the faults: for sessions to
// begin, for the dead to be buried, for a token to be made; then for the others' short
// turns. If tokens wear out all the time, each may need a ballot.
func (p *Plan) turnBound() Instant {
	bound := 8 * p.TTL
	if p.Notes { // members refuse, and are full; disks are slow
		bound += 8*p.TTL + 4*(p.Writes+p.Tells)
	}
	if p.Changes { // members of the next list wait for T, and the dead for burial
		bound += 8 * p.TTL
	}
	if p.wornOut() {
		bound += Instant(p.Nodes) * 12 * p.TTL
	}
	return bound
}

// wornOut reports whether tokens wear out within a few grants.
func (p *Plan) wornOut() bool { return p.FencesPerEpoch < 100 }

// settle is called when the faults are over. To end the run soon, all but the first two
// waiters of each node for each lock give up.
func (w *World) settle() {
	var waiting [maxNodes][maxLocks]int
	var ofClients [maxClients]int
	for k := range w.claims {
		op := &w.plan.Ops[k]
		if w.claims[k].state != claimWaiting {
			continue
		}
		if op.ofClient() {
			if ofClients[op.Node]++; ofClients[op.Node] > 2 {
				w.events.push(event{at: w.now, kind: evClientGiveUp, ref: int32(k), gen: w.claims[k].process})
			}
			continue
		}
		if waiting[op.Node][op.Lock]++; waiting[op.Node][op.Lock] > 2 {
			w.events.push(event{at: w.now, kind: evWithdraw, ref: int32(k)})
		}
	}
	w.events.push(event{at: w.now + w.plan.TTL/2, kind: evCheckServed})
}

// checkServed is called from time to time after the faults.
func (w *World) checkServed() {
	if w.closing {
		w.judgeEmpty()
		w.judgeLeft()
		w.settled = true
		return
	}
	w.freeAll()
	w.settled = w.judgeAnswered()
	w.settled = w.checkChanges() && w.settled
	for k := range w.claims {
		op := &w.plan.Ops[k]
		if w.claims[k].state == claimHolding && op.ofClient() {
			w.settled = false
		}
		if w.claims[k].state != claimWaiting {
			continue
		}
		if op.ofClient() {
			w.checkClientServed(op)
			continue
		}
		if !w.owed(int(op.Node)) {
			continue
		}
		w.settled = false
		if waited := w.waited(int(op.Node), int(op.Lock)); waited > w.plan.turnBound() {
			w.fail(Service, "node %d for %s, after %d µs", op.Node, lockNames[op.Lock], waited/1000)
		}
	}
	switch {
	case !w.settled:
		w.events.push(event{at: w.now + w.plan.TTL/4, kind: evCheckServed})
	case w.plan.Processes > 0 || w.plan.Values:
		w.settled, w.closing = false, true
		w.closeClients()
		w.events.push(event{at: w.now + 4*w.plan.TTL, kind: evCheckServed})
	}
}

// checkClientServed checks that a waiting client is served in time, if one of its nodes
// must serve its waiters. The node's own bound counts from the faults' end; a client may
// first have to find out that a node is gone.
func (w *World) checkClientServed(op *Op) {
	for _, i := range w.plan.ClientMachines[op.Node].Nodes {
		if !w.owed(int(i)) {
			return // it may be attached to one that need not serve
		}
	}
	w.settled = false
	if waited := w.now - max(w.plan.Settle, op.At); waited > 2*w.plan.turnBound()+Instant(len(w.plan.Ops))*w.plan.TTL/20 {
		w.fail(Service, "client %d for %s, after %d µs", op.Node, lockNames[op.Lock], waited/1000)
	}
}

// waited is how long a waiting node has waited for its turn, without the time of the
// faults.
func (w *World) waited(i, l int) Instant { return w.now - max(w.plan.Settle, w.lastTurn[i][l]) }

// served notes that a node has its turn.
func (w *World) served(i, l int) {
	if w.now > w.plan.Settle {
		w.slowest = max(w.slowest, w.waited(i, l))
	}
	w.lastTurn[i][l] = w.now
}

// owed reports whether a waiter must be served in the end: its node is up and reaches a
// quorum, and it or a node in its reach reaches every node that is up.
func (w *World) owed(i int) bool {
	if !w.isListed(i) || !w.reachesQuorum(i) || w.cannotKnow(i) {
		return false
	}
	for k := range w.plan.Nodes {
		if w.reaches(i, k) && w.isListed(k) && w.reachesQuorum(k) && w.reachesAll(k) {
			return true
		}
	}
	return false
}

// cannotKnow reports whether a node may have numbers that an earlier process had without
// ever being told: its disk was set back, its clock does not show it, and somebody who may
// know never reaches it, or all others have started since. A token may then say that its
// requests were granted.
func (w *World) cannotKnow(i int) bool {
	m, cut := &w.members[i], w.plan.Cut
	if !m.setBack || w.plan.Machines[i].Clocked {
		return false
	}
	return cut[0] != cut[1] && (cut[0] == i || cut[1] == i) || w.othersStartedSince(i, m.setBackAt)
}

func (w *World) othersStartedSince(i int, t Instant) bool {
	for j := range w.plan.Nodes {
		if j != i && w.members[j].startedAt <= t {
			return false
		}
	}
	return true
}

func (w *World) isUp(i int) bool { return w.members[i].node != nil }

func (w *World) reaches(i, j int) bool {
	return w.isUp(i) && w.isUp(j) && !w.plan.cutForGood(i, j)
}

func (w *World) reachesQuorum(i int) bool {
	if w.plan.Changes {
		return w.reachesQuorums(i)
	}
	count := 0
	for j := range w.plan.Nodes {
		if w.reaches(i, j) {
			count++
		}
	}
	return count >= w.plan.quorum()
}

func (w *World) reachesAll(i int) bool {
	for j := range w.plan.Nodes {
		if w.isUp(j) && w.isListed(j) && !w.reaches(i, j) {
			return false
		}
	}
	return true
}
