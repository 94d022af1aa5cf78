package sim

import (
	"fmt"

	"conch/token"
)

// Wish is what a request wants beside the lock: a run of a tick, or a hold that is kept.
type Wish struct {
	Tick token.Tick // of a run; 0: it is for none
	Skip bool       // the run is wanted at most once

	Keep  bool
	Owner int8 // of the kept hold; 0: nobody
	Adopt bool

	// Ends is what the holder does at the end. If it has lost the lock by then, it says the
	// same at Late's node, unless that is negative.
	Ends Ending
	Late int8
}

// Ending is what a holder does at the end of its hold.
type Ending uint8

const (
	// Releases: it gives the lock back.
	Releases Ending = iota
	// Finishes: it says that its run is done.
	Finishes
	// Vanishes: it is gone without a word.
	Vanishes
)

func (n Wish) String() string {
	end := fmt.Sprintf(", %s, late at node %d", [...]string{"releases", "finishes", "vanishes"}[n.Ends], n.Late)
	switch {
	case n.Tick != 0:
		return fmt.Sprintf(", run of tick %d, at most once %t", n.Tick, n.Skip) + end
	case n.Keep:
		return fmt.Sprintf(", kept for owner %d, adopts %t", n.Owner, n.Adopt) + end
	}
	return ""
}

// noted reports whether the op is a request for a run or a kept hold. Such waiters speak to
// their node without the table of claims.
func (op *Op) noted() bool { return op.Note.Tick != 0 || op.Note.Keep }

func ownerName(owner int8) string {
	if owner == 0 {
		return ""
	}
	return fmt.Sprintf("owner %d", owner)
}

// askNoted lets a waiter ask for a run or a kept hold.
func (w *World) askNoted(now token.Time, id token.Waiter, name string, op *Op) {
	node, about := w.members[op.Node].node, fmt.Sprint(id)
	run := token.RunRequest{Tick: op.Note.Tick, Skip: op.Note.Skip, Until: 1, About: about}
	keep := token.KeepRequest{Owner: ownerName(op.Note.Owner), Until: 1, About: about, Adopt: op.Note.Adopt}
	switch {
	case op.Note.Keep && op.Kind == Try:
		node.TryKept(now, name, id, keep)
	case op.Note.Keep:
		node.AcquireKept(now, name, id, keep)
	case op.Kind == Try:
		node.TryRun(now, name, id, run)
	default:
		node.AcquireRun(now, name, id, run)
	}
}

// takeNoted takes an effect about a waiter for a run or a kept hold, or about an operator's
// word. The table of claims knows nothing of them.
func (w *World) takeNoted(i int, e *token.Effect) bool {
	if e.Kind == token.Freed {
		w.freed(i, e)
		return true
	}
	k := int(e.Waiter) - 1
	if k < 0 || k >= len(w.plan.Ops) || !w.plan.Ops[k].noted() {
		return false
	}
	op, c := &w.plan.Ops[k], &w.claims[k]
	here := int(op.Node) == i && c.process == w.members[i].process
	waits := here && (c.state == claimWaiting || c.state == claimGone)
	switch e.Kind {
	case token.Grant:
		switch {
		case !waits:
			w.fail(Invariant, "node %d answers waiter %d, who does not wait there", i, e.Waiter)
		case c.state == claimGone:
			c.state = claimOver
			w.count(Declined)
			w.declined = append(w.declined, e.Waiter)
		default:
			w.granted(i, k)
			c.fence = e.Fence
		}
	case token.Refuse, token.Ran:
		if !waits {
			w.fail(Invariant, "node %d refuses waiter %d, who does not wait there", i, e.Waiter)
		}
		c.state = claimOver
		w.judgeRefusal(i, op, e)
		w.served(i, int(op.Lock))
	case token.Revoke:
		c.state = claimOver
	case token.RunNoted:
		if !here || c.state != claimEnds {
			w.fail(Invariant, "node %d tells waiter %d that its run is noted, and it has not ended one there", i, e.Waiter)
		}
		c.state = claimOver
		w.judgeRunNoted(i, op, e)
	}
	return true
}

// decline gives back the locks that nobody wants.
func (w *World) decline(i int) {
	m := &w.members[i]
	for _, id := range w.declined {
		m.node.Decline(m.clock.read(w.now), lockNames[w.plan.Ops[id-1].Lock], id)
	}
	w.declined = w.declined[:0]
}

// takeNotedClaim lets a waiter for a run or a kept hold give up, or end its hold.
func (w *World) takeNotedClaim(e event, op *Op, c *claim) bool {
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
	case e.kind == evWithdraw && c.state == claimWaiting:
		w.count(Withdrawal)
		if op.Effects == 1 {
			c.state = claimGone
			return false
		}
		c.state = claimOver
		m.node.Withdraw(now, name, waiter)
	case e.kind == evWithdraw:
		return false
	case c.state == claimOver:
		w.count(LateWord)
		return w.endLate(int(e.ref), op, c, e)
	default:
		w.end(now, name, waiter, op, c)
	}
	w.tracef("%d: waiter %d is done with %s", op.Node, waiter, name)
	w.touched = int(op.Lock)
	w.performed(int(op.Node))
	return true
}

// end ends a hold as its op says.
func (w *World) end(now token.Time, name string, waiter token.Waiter, op *Op, c *claim) {
	node := w.members[op.Node].node
	c.state = claimOver
	switch {
	case op.Note.Ends == Vanishes:
		w.vanishes(int(op.Lock), c.fence)
		if op.Note.Keep {
			w.count(KeptGiven)
		}
		node.Abandon(now, name, waiter)
	case op.Note.Ends == Finishes && op.Note.Tick != 0:
		if !node.EndRun(now, name, waiter, 2, "done") {
			w.lateRun(now, node, op, c)
			return
		}
		c.state, c.endsAt = claimEnds, w.now
		w.saidDone(int(op.Lock), op.Note.Tick)
	default:
		node.Release(now, name, waiter)
	}
}

// endLate lets a holder that has lost its hold say at the end what it would have said, at
// another node: that its run is done, or that its kept hold is over.
func (w *World) endLate(k int, op *Op, c *claim, e event) bool {
	if c.fence == 0 || op.Note.Late < 0 || op.Note.Ends == Vanishes {
		return false
	}
	j := int(op.Note.Late) % w.plan.Nodes
	m := &w.members[j]
	switch {
	case m.node == nil || m.gone || m.node.InspectSession().Leaving:
		return false
	case m.pausedUntil > w.now:
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	w.tracef("%d hears late of waiter %d: it is done with %s", j, k+1, lockNames[op.Lock])
	switch {
	case op.Note.Keep:
		w.free(j, int(op.Lock), c.fence)
	case op.Note.Ends == Finishes:
		w.lateRun(m.clock.read(w.now), m.node, op, c)
		w.touched = int(op.Lock)
		w.performed(j)
	default:
		return false
	}
	return true
}

func (w *World) lateRun(now token.Time, node *token.Node, op *Op, c *claim) {
	w.count(EndedLate)
	w.saidDone(int(op.Lock), op.Note.Tick)
	mark := token.RunMark{Tick: op.Note.Tick, Fence: c.fence, State: token.RunDone}
	node.LateRun(now, lockNames[op.Lock], token.Run{RunMark: mark, Until: 3, About: "late"})
}

// retireNoted turns away those who wait for runs and kept holds at a node that leaves, and
// lets those holders vanish that end so.
func (w *World) retireNoted(i int) {
	m := &w.members[i]
	for k := range w.claims {
		c, op := &w.claims[k], &w.plan.Ops[k]
		if !op.noted() || int(op.Node) != i || c.process != m.process {
			continue
		}
		now, name, waiter := m.clock.read(w.now), lockNames[op.Lock], token.Waiter(k+1)
		switch c.state {
		case claimWaiting, claimGone:
			c.state = claimGone // one that is granted meanwhile is declined
			m.node.Withdraw(now, name, waiter)
		case claimHolding:
			if op.Note.Ends == Vanishes {
				w.end(now, name, waiter, op, c)
			}
		}
	}
}

// tend lets an operator free a kept hold, or a node forget what it need not remember.
func (w *World) tend(op *Op, e event) bool {
	m := &w.members[op.Node]
	if m.node == nil || m.gone || m.node.InspectSession().Leaving {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	l := int(op.Lock)
	notes := m.node.InspectNotes(lockNames[l])
	if op.Kind == FreeKept {
		if notes.Kept.Fence == 0 || notes.Kept.Over {
			return false
		}
		w.ops[op.Kind]++
		w.free(int(op.Node), l, notes.Kept.Fence)
		return true
	}
	if notes == (token.Notes{}) || !m.node.ForgetNotes(m.clock.read(w.now), lockNames[l], notes) {
		return false
	}
	w.ops[op.Kind]++
	w.count(NotesForgotten)
	w.tracef("%d forgets its notes of %s", op.Node, lockNames[l])
	w.forgetRuns(l)
	if w.write(int(op.Node), m, store{lock: l}); !notes.Kept.Over && notes.Kept.Fence != 0 {
		w.fail(Invariant, "node %d forgets the kept hold %+v of %s", op.Node, notes.Kept, lockNames[l])
	}
	w.performed(int(op.Node))
	return true
}

// freeing is an operator's word that is not answered yet.
type freeing struct {
	node    int
	process uint32
	lock    int
	fence   token.Fence
	at      Instant
}

// firstFreeing is above the waiters of all ops, and names the first of these.
const firstFreeing = 1 << 32

// free lets an operator free a kept hold.
func (w *World) free(i, l int, fence token.Fence) {
	m := &w.members[i]
	w.freeings = append(w.freeings, freeing{node: i, process: m.process, lock: l, fence: fence, at: w.now})
	id := token.Waiter(firstFreeing + len(w.freeings) - 1)
	w.tracef("an operator frees fence %d.%d of %s at %d", fence>>token.FenceBits, fence&token.MaxFencesPerEpoch, lockNames[l], i)
	w.mayBeFreed(l, fence)
	m.node.Free(m.clock.read(w.now), lockNames[l], id, fence)
	w.touched = l
	w.performed(i)
}

// freed takes the answer to an operator.
func (w *World) freed(i int, e *token.Effect) {
	k := int(e.Waiter) - firstFreeing
	if k < 0 || k >= len(w.freeings) || w.freeings[k].node != i || w.freeings[k].process != w.members[i].process || w.freeings[k].fence == 0 {
		w.fail(Invariant, "node %d says that %s is freed, and nobody asked for that", i, e.Lock)
		return
	}
	f := &w.freeings[k]
	if e.Fence != f.fence || w.lockOf(e.Lock) != f.lock {
		w.fail(Untrue, "node %d says that fence %d of %s is freed, want %d of %s", i, e.Fence, e.Lock, f.fence, lockNames[f.lock])
	}
	if e.Reason == "" {
		w.count(FreedKept)
		w.judgeFreed(i, f)
	}
	*f = freeing{}
}

// freeAll is called from time to time after the faults: an operator frees each kept hold
// that bars a lock, unless a member knows that it is over.
func (w *World) freeAll() {
	for i := 0; w.plan.Notes && i < w.plan.Nodes; i++ {
		for l := range w.plan.Locks {
			m := &w.members[i]
			if !w.inSession(i) || m.node.InspectSession().Leaving {
				continue
			}
			m.node.InspectLock(lockNames[l], &w.look)
			if w.look.HasToken && w.look.Token.Kept != nil && !w.isFreeing(i, l) && !w.knownOver(i, l, w.look.Token.Kept.Fence) {
				w.free(i, l, w.look.Token.Kept.Fence)
			}
		}
	}
}

// isFreeing reports whether an operator waits for an answer at a node.
func (w *World) isFreeing(i, l int) bool {
	for _, f := range w.freeings {
		if f.fence != 0 && f.node == i && f.lock == l && f.process == w.members[i].process {
			return true
		}
	}
	return false
}
