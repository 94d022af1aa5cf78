package claims

import (
	"fmt"

	"conch/internal/frames"
	"conch/token"
)

// Take takes an effect of the node after the driver has performed its own part.
func (t *Table) Take(now token.Time, e *token.Effect) {
	switch e.Kind {
	case token.Grant:
		t.granted(now, e)
	case token.Refuse:
		if c := t.claims[e.Waiter]; c != nil {
			t.refuse(now, c, t.refusalOf(c, e))
		}
	case token.Revoke:
		if c := t.claims[e.Waiter]; c != nil {
			t.lose(now, c, frames.Lapse)
		}
	case token.Warn:
		t.warnAll(now)
	case token.Ran:
		if c := t.claims[e.Waiter]; c != nil && c.run != nil {
			t.ran(now, c, *e.Run)
		}
	case token.RunNoted:
		outcome := frames.RunNoted
		if e.Reason != "" {
			outcome = frames.RunNotNoted
		}
		t.runNoted(now, e.Waiter, outcome)
	case token.Adopted:
		t.departing = t.departing || t.node.InspectMembership().Departed
	}
}

// Return gives back locks that were granted and that nobody here wants. The driver calls it
// when all effects of an input have been taken. It reports whether it may have caused more.
//
// If the node leaves the list of members, it refuses those who wait, so that they move on, as
// in a drain.
func (t *Table) Return(now token.Time) bool {
	departs := t.departing && !t.draining
	if departs {
		t.Drain(now)
	}
	if len(t.unwanted) == 0 {
		return departs
	}
	for _, u := range t.unwanted {
		t.node.Decline(now, u.lock, u.id)
	}
	clear(t.unwanted)
	t.unwanted = t.unwanted[:0]
	return true
}

// granted makes a wait a hold. A grant for which no claim waits goes back.
func (t *Table) granted(now token.Time, e *token.Effect) {
	c := t.claims[e.Waiter]
	if c == nil || c.holding {
		t.unwanted = append(t.unwanted, unwanted{e.Lock, e.Waiter})
		return
	}
	waited := now - c.since
	if c.sets {
		t.answer(c, token.Fence(0), waited)
		t.remove(now, c)
		return
	}
	c.holding, c.fence, c.session, c.since, c.tryEnds = true, e.Fence, t.lease.Session, now, 0
	t.holds++
	if c.client == nil {
		t.answer(c, c.fence, waited)
		return
	}
	entered := t.issue(Entered)
	entered.Lock, entered.Lasted = c.lock, waited
	t.tellGrant(now, c)
}

// answer tells a caller in this process that it has what it waited for.
func (t *Table) answer(c *Claim, fence token.Fence, waited token.Time) {
	a := t.issue(Answer)
	a.Local, a.ID, a.Lock, a.Fence, a.Session, a.Lasted = c.local, c.id, c.lock, fence, c.session, waited
}

// refusalOf is why the node refuses a claim.
func (t *Table) refusalOf(c *Claim, e *token.Effect) frames.Refusal {
	switch {
	case e.Reason == token.ReasonFull:
		return frames.Refuse(frames.CodeNotesFull, "a member remembers the runs and kept holds of as many locks as it may, and %q is not among them", c.lock)
	case e.Reason == token.ReasonNoDisk:
		return frames.Refuse(frames.CodeNoNotes, "a member has no data directory, so it remembers no runs and kept holds")
	case e.Limit == token.Exclusive && c.sets:
		return frames.Refuse(frames.CodeOtherLimit, "the lock has no permits: nobody has used it as a semaphore yet")
	case e.Limit == token.Exclusive:
		return frames.Refuse(frames.CodeBusy, "the lock is in use")
	}
	by := fmt.Sprintf("member %d", e.Peer)
	if e.Peer >= 0 && int(e.Peer) < len(t.cfg.Addresses) && t.cfg.Addresses[e.Peer] != "" {
		by = t.cfg.Addresses[e.Peer]
	}
	return frames.Refuse(frames.CodeOtherLimit, "the lock is %s, as somebody at %s said; wanted: %s",
		frames.LimitText(e.Limit), by, frames.LimitText(c.limit))
}

// refuse ends a wait and tells its owner why. The node no longer knows it.
func (t *Table) refuse(now token.Time, c *Claim, r frames.Refusal) {
	if c.client != nil {
		t.tell(c.stream, frames.NodeMessage{Kind: frames.Refused, ID: c.number, Refusal: r})
	} else {
		t.refuseLocal(c.local, c.id, r)
	}
	t.remove(now, c)
}

// lose ends a hold against its owner's will and tells the owner. If the end was settled,
// the reason is that one.
func (t *Table) lose(now token.Time, c *Claim, reason frames.Reason) {
	t.tellLost(c, reason)
	t.remove(now, c)
}

func (t *Table) tellLost(c *Claim, reason frames.Reason) {
	if c.settled != 0 {
		reason = c.settled
	}
	switch {
	case c.client == nil:
		e := t.issue(Lose)
		e.Local, e.ID, e.Reason, e.Text = c.local, c.id, reason, c.text
	case c.stream != nil:
		t.tell(c.stream, frames.NodeMessage{Kind: frames.Lost, ID: c.number, Reason: reason, Text: c.text})
	}
}

// warnAll tells all holders that the node's lease ends soon unless it is renewed.
func (t *Table) warnAll(now token.Time) {
	if t.holds == 0 {
		return
	}
	for _, c := range t.sorted() {
		if c.holding {
			t.warn(now, c, frames.Lapse)
		}
	}
}

// settle tells a holder that its hold will end, and why. From now on nothing extends it.
func (t *Table) settle(now token.Time, c *Claim, why frames.Reason, text string) {
	end := t.end(c)
	if c.client == nil && why == frames.Break {
		end = min(end, now+t.cfg.TTL)
		if c.ends == 0 {
			t.broken = append(t.broken, c)
		}
		c.ends = end
	}
	c.settled, c.text = why, text
	if c.client != nil {
		c.ends = end
		t.arm(c.client, end)
	}
	t.warn(now, c, why)
	if t.Watched {
		t.issue(Settled).Lock = c.lock
	}
}

// warn tells a holder that its hold ends soon, or may.
func (t *Table) warn(now token.Time, c *Claim, why frames.Reason) {
	switch {
	case c.client == nil:
		e := t.issue(Warn)
		e.Local, e.ID, e.Reason, e.Text, e.Ends = c.local, c.id, why, c.text, c.ends
	case c.stream != nil:
		t.tell(c.stream, frames.NodeMessage{
			Kind: frames.Warned, ID: c.number, Reason: why, Text: c.text, Remaining: max(0, t.end(c)-now),
		})
	}
}
