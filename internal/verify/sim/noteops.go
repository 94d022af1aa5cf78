package sim

import (
	"fmt"

	"conch/internal/claims"
	"conch/internal/client/attachment"
	"conch/internal/frames"
	"conch/internal/runs"
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

// noted reports whether the op is a request for a run or a kept hold.
func (op *Op) noted() bool { return op.Note.Tick != 0 || op.Note.Keep }

// wall is what the wall clock says to who asks for runs and kept holds, and to who ends them.
// Nothing depends on it here.
const wall = 1_700_000_000

func ownerName(owner int8) string {
	if owner == 0 {
		return ""
	}
	return fmt.Sprintf("owner %d", owner)
}

// run is what the request asks for with if it is for a run, and nil otherwise.
func (n *Wish) run() *runs.Request {
	if n.Tick == 0 {
		return nil
	}
	return &runs.Request{Tick: n.Tick, Skip: n.Skip, Plain: true}
}

// keep is likewise for a kept hold.
func (n *Wish) keep() *runs.Keep {
	if !n.Keep {
		return nil
	}
	return &runs.Keep{Owner: ownerName(n.Owner), Adopt: n.Adopt}
}

// want is what the table of claims is asked for.
func (n *Wish) want() claims.Want {
	return claims.Want{Run: n.run(), Keep: n.keep(), Wall: wall}
}

// clientAsks lets a client ask its node for what an op wants.
func (w *World) clientAsks(l *link, k int32, now token.Time, op *Op) attachment.Claim {
	name, try := lockNames[op.Lock], op.Kind == ClientTry
	if w.asking == nil {
		w.asking = make(map[any]int32)
	}
	switch run, keep := op.Note.run(), op.Note.keep(); {
	case run != nil:
		w.asking[run] = k
		return l.core.AskRun(now, name, run, try)
	case keep != nil:
		w.asking[keep] = k
		return l.core.AskKept(now, name, keep, try)
	}
	return l.core.Ask(now, name, op.Limit, try)
}

// stamp has the wall clock say, on a client's message for a run or a kept hold, for which op it
// is. What is remembered of it then says so, too: see opOf.
func (w *World) stamp(m *frames.ClientMessage) {
	switch {
	case m.Run != nil && m.Kind == frames.Acquire:
		m.Wall = wall + int64(w.asking[m.Run])
	case m.Run != nil:
		m.Wall = wall
	case m.Keep != nil:
		m.Wall = wall + int64(w.asking[m.Keep])
	}
}

// opOf returns which op enters; -1 if that is a client's, for no run and no kept hold.
func (w *World) opOf(e *token.Effect) int {
	note := e.Message.Note
	switch {
	case !ofClient(e.Waiter):
		return int(e.Waiter - 1)
	case note == nil:
		return -1
	case note.Run != nil:
		return int(note.Run.Until - wall - runs.DefaultRemember)
	}
	return int(note.Kept.Until - wall - runs.DefaultRemember)
}

// clientEnds ends a client's hold as its op says. Who vanishes dies, as long as there are
// faults.
func (w *World) clientEnds(now token.Time, op *Op, cl *claim) {
	core, l := cl.link.core, int(op.Lock)
	switch {
	case op.Note.Ends == Vanishes && w.now < w.plan.Settle:
		w.count(ClientVanished)
		w.killClient(int(op.Node))
		w.events.push(event{at: w.now + w.plan.TTL/20, kind: evClientStart, node: op.Node, gen: cl.process})
	case op.Note.Ends == Finishes && op.Note.Tick != 0:
		if !core.EndRun(now, cl.handle, token.Time(op.Length), new(runs.End)) {
			w.clientEndsLate(op, cl)
			return
		}
		cl.state, cl.endsAt = claimEnds, w.now
		w.saidDone(l, op.Note.Tick)
	default:
		w.returns(l, cl.fence)
		core.Release(now, cl.handle)
	}
}

// clientEndsLate lets a client say that a run is done whose hold it has lost, where it is
// attached by then.
func (w *World) clientEndsLate(op *Op, cl *claim) bool {
	c := &w.clients[op.Node]
	if c.current == nil || !c.current.core.Admits() {
		return false
	}
	w.count(ClientEndedLate)
	w.saidDone(int(op.Lock), op.Note.Tick)
	c.current.core.EndLate(c.clock.read(w.now), lockNames[op.Lock], cl.fence, op.Note.run(), token.Time(op.Length), new(runs.End))
	w.afterLink(c.current)
	return true
}

// refused takes the table's word that a local waiter does not get the lock.
func (w *World) refused(i int, e *claims.Effect) {
	op, c := &w.plan.Ops[e.ID-1], &w.claims[e.ID-1]
	waited := c.state == claimWaiting || c.state == claimGone
	c.state = claimOver
	if e.Code == 0 || e.Code == frames.CodeNodeLeaving || !op.noted() {
		return
	}
	if !waited || c.process != w.members[i].process || int(op.Node) != i {
		w.fail(Invariant, "node %d refuses waiter %d, who does not wait there", i, e.ID)
	}
	w.judgeRefusal(i, op, e.Code, e.Run)
	w.served(i, int(op.Lock))
}

// runEnded takes the table's word on a run that its holder has ended.
func (w *World) runEnded(i int, e *claims.Effect) {
	op, c := &w.plan.Ops[e.ID-1], &w.claims[e.ID-1]
	if c.state != claimEnds || c.process != w.members[i].process || int(op.Node) != i {
		w.fail(Invariant, "node %d tells waiter %d that its run is noted, and it has not ended one there", i, e.ID)
	}
	c.state = claimOver
	w.judgeRunEnded(i, op, c.fence, e.RunOutcome)
}

// end ends a hold as its op says.
func (w *World) end(now token.Time, waiter token.Waiter, op *Op, c *claim) {
	table := w.members[op.Node].table
	c.state = claimOver
	switch {
	case op.Note.Ends == Vanishes:
		w.vanish(now, waiter, op, c)
	case op.Note.Ends == Finishes && op.Note.Tick != 0:
		if !table.EndRun(now, waiter, wall, runs.End{}, int(waiter)) {
			w.lateRun(now, table, op, c)
			return
		}
		c.state, c.endsAt = claimEnds, w.now
		w.saidDone(int(op.Lock), op.Note.Tick)
	default:
		table.Release(now, waiter)
	}
}

// vanish lets a holder be gone without a word. Somebody breaks the hold. Nobody takes heed of
// that, so the table ends it when its time is up.
func (w *World) vanish(now token.Time, waiter token.Waiter, op *Op, c *claim) {
	w.vanishes(int(op.Lock), c.fence)
	if op.Note.Keep {
		w.count(KeptGiven)
	}
	if _, err := w.members[op.Node].table.Break(now, lockNames[op.Lock], claims.Whom{Fence: c.fence}, ""); err != nil {
		w.fail(Invariant, "node %d does not break the hold of waiter %d: %v", op.Node, waiter, err)
	}
}

// endLate lets a holder that has lost its hold say at the end what it would have said, at
// another node: that its run is done, or that its kept hold is over.
func (w *World) endLate(k int, op *Op, c *claim, e event) bool {
	if !op.noted() || c.fence == 0 || op.Note.Late < 0 || op.Note.Ends == Vanishes {
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
		w.lateRun(m.clock.read(w.now), m.table, op, c)
		w.touched = int(op.Lock)
		w.performed(j)
	default:
		return false
	}
	return true
}

func (w *World) lateRun(now token.Time, table *claims.Table, op *Op, c *claim) {
	w.count(EndedLate)
	w.saidDone(int(op.Lock), op.Note.Tick)
	table.LateRun(now, lockNames[op.Lock], c.fence, *op.Note.run(), token.Time(op.Length), wall, runs.End{}, new(claims.Caller))
}

// vanishAll lets those holders at a node that leaves vanish that end so.
func (w *World) vanishAll(i int) {
	m := &w.members[i]
	for k := range w.claims {
		c, op := &w.claims[k], &w.plan.Ops[k]
		if op.asks() && op.Note.Ends == Vanishes && int(op.Node) == i && c.process == m.process && c.state == claimHolding {
			c.state = claimOver
			w.vanish(m.clock.read(w.now), token.Waiter(k+1), op, c)
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
