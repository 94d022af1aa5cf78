package claims

import (
	"fmt"
	"slices"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// Claims for runs of ticks, and for holds that are kept.

// Want is what a claim is for beside the lock: a run, a kept hold, or neither. It does not
// change.
type Want struct {
	Run  *runs.Request
	Keep *runs.Keep
	// Wall is what the wall clock says, in Unix seconds, if there is either.
	Wall int64
}

// ended is a hold that its holder ended as a run that is done. The node has yet to say
// whether a quorum remembers that.
type ended struct {
	client *client // nil for a local one
	number uint64  // the client's id for the claim
	lock   string
	fence  token.Fence
	local  any // who waits in this process
}

// askNoted passes a claim for a run or a kept hold on to the node.
func (t *Table) askNoted(now token.Time, c *Claim, want Want, try bool) {
	by := t.record(c.caller)
	switch {
	case want.Run != nil && try:
		t.node.TryRun(now, c.lock, c.id, want.Run.For(want.Wall, by))
	case want.Run != nil:
		t.node.AcquireRun(now, c.lock, c.id, want.Run.For(want.Wall, by))
	case try:
		t.node.TryKept(now, c.lock, c.id, want.Keep.For(want.Wall, by))
	default:
		t.node.AcquireKept(now, c.lock, c.id, want.Keep.For(want.Wall, by))
	}
}

// record describes a caller at this node.
func (t *Table) record(c *Caller) runs.Record {
	return runs.Record{Host: c.Host, PID: c.PID, User: c.User, Command: c.Command, Identity: c.Identity, Member: t.cfg.Member}
}

// seconds is a time in whole seconds.
func seconds(d token.Time) int64 { return int64(d / 1e9) }

// EndRun ends a local hold, and says that its run is done: it ended as end says, at wall by the
// wall clock. A RunEnded for local and id follows. It reports false if the hold is over before,
// or is for no run; then [Table.LateRun] is for it.
func (t *Table) EndRun(now token.Time, id token.Waiter, wall int64, end runs.End, local any) bool {
	c := t.claims[id]
	if c == nil || !c.holding || c.run == nil {
		return false
	}
	return t.endHeld(now, c, wall, end, &ended{lock: c.lock, fence: c.fence, local: local})
}

// endHeld takes a hold off the table and has the node end its run.
func (t *Table) endHeld(now token.Time, c *Claim, wall int64, end runs.End, e *ended) bool {
	id, lock := c.id, c.lock
	record := end.Of(wall, seconds(now-c.since), t.record(c.caller))
	until := c.run.Until(record.Began)
	t.ended[id] = e
	if e.client != nil {
		e.client.ending++
	}
	t.remove(now, c)
	if t.node.EndRun(now, lock, id, until, record.About()) {
		return true
	}
	delete(t.ended, id)
	if e.client != nil {
		e.client.ending--
	}
	return false
}

// LateRun says that a run is done whose hold was over before, or was at another node. The run
// lasted for some time and ended as end says, at wall by the wall clock.
func (t *Table) LateRun(now token.Time, lock string, fence token.Fence, run runs.Request, lasted token.Time, wall int64, end runs.End, by *Caller) {
	record := end.Of(wall, seconds(lasted), t.record(by))
	t.node.LateRun(now, lock, token.Run{
		RunMark: token.RunMark{Tick: run.Tick, Fence: fence, State: token.RunDone},
		Until:   run.Until(record.Began), About: record.About(),
	})
}

// endRun takes a client's word that a run is done. It may come twice, if the client did not
// hear the answer: then the answer is the same, for as long as that is known.
func (t *Table) endRun(now token.Time, c *client, m *frames.ClientMessage) {
	answer := frames.NodeMessage{Kind: frames.RunEnded, ID: m.ID, Fence: m.Fence, Refusal: m.Refusal}
	cl := c.held(m)
	before := c.past.find(m.Lock, m.Fence)
	switch {
	case m.Refusal.Code != 0:
	case cl != nil && (cl.run == nil || cl.run.Tick != m.Run.Tick):
		answer.Refusal = frames.Refuse(frames.CodeInvalidField, "the hold of %q with the fence %d is for no run of the tick %d", m.Lock, m.Fence, m.Run.Tick)
	case cl != nil && t.endHeld(now, cl, m.Wall, *m.End, &ended{client: c, number: m.ID, lock: m.Lock, fence: m.Fence}):
		return // RunNoted follows
	case before != nil && before.run != 0:
		answer.RunOutcome = before.run
	case t.isEnding(c, m):
		return // likewise
	case t.full(m.Lock):
		answer.Refusal = t.tooManyNames(m.Lock)
	default:
		t.LateRun(now, m.Lock, m.Fence, *m.Run, m.Lasted, m.Wall, *m.End, &c.caller)
		answer.RunOutcome = frames.RunLost
	}
	t.tell(c.stream, answer)
}

// isEnding reports whether the node has yet to say what became of a run that a client ends.
func (t *Table) isEnding(c *client, m *frames.ClientMessage) bool {
	if c.ending == 0 {
		return false
	}
	for _, e := range t.ended {
		if e.client == c && e.lock == m.Lock && e.fence == m.Fence {
			return true
		}
	}
	return false
}

// runNoted tells whoever ended a run whether a quorum remembers it.
func (t *Table) runNoted(now token.Time, id token.Waiter, outcome frames.RunOutcome) {
	e := t.ended[id]
	if e == nil {
		return
	}
	delete(t.ended, id)
	c := e.client
	if c == nil {
		told := t.issue(RunEnded)
		told.Local, told.ID, told.Lock, told.RunOutcome = e.local, id, e.lock, outcome
		return
	}
	c.ending--
	c.past.noteRun(e.lock, e.fence, outcome)
	if c.stream != nil {
		t.tell(c.stream, frames.NodeMessage{Kind: frames.RunEnded, ID: e.number, Fence: e.fence, RunOutcome: outcome})
	}
	// The stream may break before the client hears of it.
	c.answered = now + t.cfg.TTL
	t.arm(c, c.answered)
}

// endingSorted returns the ids of the holds whose runs are ending, in their order.
func (t *Table) endingSorted() []token.Waiter {
	all := make([]token.Waiter, 0, len(t.ended))
	for id := range t.ended {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// ran refuses a claim whose run is not needed.
func (t *Table) ran(now token.Time, c *Claim, r token.Run) {
	run := runs.Remembered(r)
	refusal := frames.Refusal{Code: frames.CodeRan, Text: RanText(c.run.Tick, &run), Run: &run}
	t.refuse(now, c, refusal)
}

// RanText says why a run of a tick is not needed.
func RanText(tick token.Tick, by *runs.Run) string {
	switch {
	case by.Tick > tick:
		return fmt.Sprintf("the tick %d was passed over: a run of the tick %d has begun", tick, by.Tick)
	case by.State == token.RunDone:
		return fmt.Sprintf("the tick %d was run", tick)
	}
	return fmt.Sprintf("a run of the tick %d began, and nobody is to run it again", tick)
}

// abandon takes a hold off the table that ended against its holder's will or without its word.
// A kept one is then held by nobody alive; any other is released.
func (t *Table) abandon(now token.Time, c *Claim) {
	id, lock, kept := c.id, c.lock, c.keep != nil
	t.remove(now, c)
	if kept {
		t.node.Abandon(now, lock, id)
	} else {
		t.node.Release(now, lock, id)
	}
}
