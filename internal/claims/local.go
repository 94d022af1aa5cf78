package claims

import (
	"conch/internal/frames"
	"conch/token"
)

// Ask begins a claim of a caller in this process. An Answer or a Refuse with local and id
// follows, unless the claim is withdrawn before. The id is new, and below 1<<63. limit is
// the mode.
func (t *Table) Ask(now token.Time, id token.Waiter, lock string, limit token.Limit, try bool, local any, caller *Caller) {
	t.ask(now, id, lock, limit, try, local, caller, Want{})
}

// AskFor is Ask for a run or a kept hold. For a run that is not needed, the Refuse has
// [frames.CodeRan].
func (t *Table) AskFor(now token.Time, id token.Waiter, lock string, want Want, try bool, local any, caller *Caller) {
	t.ask(now, id, lock, token.Exclusive, try, local, caller, want)
}

func (t *Table) ask(now token.Time, id token.Waiter, lock string, limit token.Limit, try bool, local any, caller *Caller, want Want) {
	if refusal := t.admit(lock, limit); refusal.Code != 0 {
		t.refuseLocal(local, id, refusal)
		return
	}
	t.add(now, id, lock, limit, try, caller, want).local = local
}

// SetLimit begins a claim, as Ask does, that changes a lock's limit when its turn comes. The
// Answer says that the lock has the limit; nothing is held then, and the claim is over.
func (t *Table) SetLimit(now token.Time, id token.Waiter, lock string, limit token.Limit, local any, caller *Caller) {
	refusal := t.admit(lock, limit)
	if limit == token.Exclusive || limit == token.Unlimited {
		refusal = frames.Refuse(frames.CodeInvalidField, "the limit is %d, want 1 to %d permits", uint32(limit), uint32(token.MaxPermits))
	}
	if refusal.Code != 0 {
		t.refuseLocal(local, id, refusal)
		return
	}
	c := t.enter(now, id, lock, limit)
	c.local, c.caller, c.sets = local, caller, true
	t.node.SetLimit(now, lock, id, limit)
}

// Withdraw ends a local claim whose caller no longer wants the lock: a wait is refused with
// Code 0, a hold is declined. It does nothing if the claim is over.
func (t *Table) Withdraw(now token.Time, id token.Waiter) {
	if c := t.claims[id]; c != nil && !c.holding {
		t.refuseLocal(c.local, id, frames.Refusal{})
		t.giveUp(now, c)
	} else if c != nil {
		t.decline(now, c)
	}
}

// Release ends a local hold. It does nothing if the hold is over.
func (t *Table) Release(now token.Time, id token.Waiter) {
	if c := t.claims[id]; c != nil && c.holding {
		t.giveUp(now, c)
	}
}

// Decline returns the lock of an Answer whose caller has gone. The driver calls it while it
// performs the effects, so that no step lies between the grant and its return.
func (t *Table) Decline(now token.Time, id token.Waiter) {
	if c := t.claims[id]; c != nil && c.holding {
		t.decline(now, c)
	}
}

// decline ends a hold of which its owner has not heard.
func (t *Table) decline(now token.Time, c *Claim) {
	id, lock := c.id, c.lock
	t.remove(now, c)
	t.node.Decline(now, lock, id)
}

func (t *Table) refuseLocal(local any, id token.Waiter, r frames.Refusal) {
	e := t.issue(Refuse)
	e.Local, e.ID, e.Code, e.Text, e.Run = local, id, r.Code, r.Text, r.Run
}
