package sim

import (
	"conch/internal/claims"
	"conch/internal/client/attachment"
	"conch/token"
)

// claim is the fate of an Acquire.
type claim struct {
	state   claimState
	process uint32 // where the waiter is
	// Of a client's claim: where and under which handle it is asked for.
	link   *link
	handle attachment.Claim
	fence  token.Fence // that its owner was told
	endsAt Instant     // of a run: when its holder said that it is done
}

type claimState uint8

const (
	claimNone claimState = iota // not asked, or nobody there to ask
	claimWaiting
	claimHolding
	claimGone // its caller has given up, unheard by the node
	claimEnds // it has ended its run, and waits for the answer
	claimOver
)

// acquire lets a local waiter ask.
func (w *World) acquire(k int, op *Op, e event) bool {
	m := &w.members[op.Node]
	if m.node == nil || m.gone {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	if m.node.InspectSession().Leaving || m.leaves {
		return false
	}
	if op.At < w.plan.Settle && w.now >= w.plan.Settle {
		return false // the process stood still until now; nearly all callers would give up
	}
	w.claims[k] = claim{state: claimWaiting, process: m.process}
	if w.plan.Clients {
		m.serves() // before anything is granted
	}
	if m.node.InspectLock(lockNames[op.Lock], &w.look); w.look.Waiters == 0 {
		w.lastTurn[op.Node][op.Lock] = w.now
	}
	if w.trace != nil {
		w.tracef("waiter %d: %v", k+1, op)
	}
	if op.Patience > 0 {
		w.events.push(event{at: w.now + op.Patience, kind: evWithdraw, ref: int32(k)})
	}
	now, id, name := m.clock.read(w.now), token.Waiter(k+1), lockNames[op.Lock]
	switch {
	case op.noted():
		m.table.AskFor(now, id, name, op.Note.want(), op.Kind == Try, k, new(claims.Caller))
	case op.Kind == SetLimit:
		m.table.SetLimit(now, id, name, op.Limit, k, new(claims.Caller))
	default:
		m.table.Ask(now, id, name, op.Limit, op.Kind == Try, k, new(claims.Caller))
	}
	w.ops[op.Kind]++
	w.touched = int(op.Lock)
	w.performed(int(op.Node))
	return true
}

// granted plans the end of a local hold.
func (w *World) granted(i, k int, fence token.Fence) {
	m, c := &w.members[i], &w.claims[k]
	if op := &w.plan.Ops[k]; c.state != claimWaiting || c.process != m.process || int(op.Node) != i {
		w.fail(Invariant, "node %d answers waiter %d, who does not wait there", i, k+1)
	}
	if w.plan.Ops[k].Kind == SetLimit { // nothing is held
		c.state = claimOver
		return
	}
	c.state, c.fence = claimHolding, fence
	hold := w.plan.Ops[k].Length
	if rest := w.plan.Settle - w.now; hold > rest {
		hold = max(1, rest) + Instant(w.random.below(int64(w.plan.TTL/20)))
	}
	w.events.push(event{at: w.now + hold, kind: evRelease, ref: int32(k)})
	w.planSays(int32(k), hold)
}

// takeClaim lets a waiter give up or leave its critical section, even if it has lost its
// lock without knowing it.
func (w *World) takeClaim(e event) bool {
	op, c := &w.plan.Ops[e.ref], &w.claims[e.ref]
	m := &w.members[op.Node]
	if m.node == nil || m.process != c.process {
		return e.kind == evRelease && w.endLate(int(e.ref), op, c, e)
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	now, name, waiter := m.clock.read(w.now), lockNames[op.Lock], token.Waiter(e.ref+1)
	switch {
	case e.kind == evRelease:
		if c.state == claimOver {
			w.count(LateWord)
		}
		if c.state == claimOver && op.noted() {
			return w.endLate(int(e.ref), op, c, e)
		}
		w.end(now, waiter, op, c)
	case c.state == claimWaiting:
		w.count(Withdrawal)
		if op.Effects == 1 { // the withdrawal is lost: the grant will be declined
			c.state = claimGone
			return false
		}
		c.state = claimOver
		m.table.Withdraw(now, waiter)
	default:
		return false
	}
	w.tracef("%d: waiter %d is done with %s", op.Node, waiter, name)
	w.touched = int(op.Lock)
	w.performed(int(op.Node))
	return true
}
