package claims

import (
	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// What the table knows, for those who judge or show it. Nothing here changes the table.

// Holder describes the holder of a lock.
type Holder struct {
	ID     token.Waiter
	Caller *Caller
	Local  any         // the holder in this process; nil for a client
	Limit  token.Limit // the mode
	Fence  token.Fence
	// Since is when the hold began, and Ends when it ends if nothing more is heard; both by
	// the node's own clock.
	Since, Ends token.Time
	// Run is what the hold is for, nil if that is no run; Keep is not nil if it is kept.
	Run  *runs.Request
	Keep *runs.Keep
	// Ending is why the end of the hold is settled; 0 if it is not.
	Ending frames.Reason
}

// Waiter describes a waiter for a lock.
type Waiter struct {
	Caller *Caller
	Limit  token.Limit // the mode
	Since  token.Time  // by the node's own clock
}

// Counts returns how many claims hold and wait, and how many clients have a stream or a
// claim.
func (t *Table) Counts() (holds, waits, clients int) {
	return t.holds, len(t.claims) - t.holds, len(t.clients)
}

// Ending returns how many holds have ended whose runs the node has yet to say something of.
func (t *Table) Ending() int { return len(t.ended) }

// Draining reports whether the table takes no new claims.
func (t *Table) Draining() bool { return t.draining }

// Attached returns how many clients have a stream.
func (t *Table) Attached() int { return len(t.streams) }

// Holder returns the first holder of a lock here.
func (t *Table) Holder(now token.Time, lock string) (h Holder, held bool) {
	all := t.holders(lock)
	if len(all) == 0 {
		return Holder{}, false
	}
	return t.describe(now, all[0]), true
}

// HoldersOf calls f for each holder of a lock here, in the order in which they entered. A
// claim that was told that its hold is lost no longer counts, though the token may still be
// here.
func (t *Table) HoldersOf(now token.Time, lock string, f func(Holder)) {
	for _, c := range t.holders(lock) {
		f(t.describe(now, c))
	}
}

func (t *Table) describe(now token.Time, c *Claim) Holder {
	return Holder{
		ID: c.id, Caller: c.caller, Local: c.local, Limit: c.limit, Fence: c.fence,
		Since: c.since, Ends: max(t.end(c), now), Ending: c.settled, Run: c.run, Keep: c.keep,
	}
}

// holders returns the claims that hold a lock here, in the order in which they entered.
func (t *Table) holders(lock string) []*Claim {
	if !t.node.InspectLock(lock, &t.view) {
		return nil
	}
	var all []*Claim
	for i := range t.view.Inside {
		if c := t.claims[t.view.Inside[i].Waiter]; c != nil && c.holding {
			all = append(all, c)
		}
	}
	return all
}

// Waiter returns the waiter with an id of the node's.
func (t *Table) Waiter(id token.Waiter) (w Waiter, waits bool) {
	c := t.claims[id]
	if c == nil || c.holding {
		return Waiter{}, false
	}
	return Waiter{Caller: c.caller, Limit: c.limit, Since: c.since}, true
}

// Holders calls f for each hold, in no particular order.
func (t *Table) Holders(now token.Time, f func(lock string, h Holder)) {
	for _, c := range t.claims {
		if c.holding {
			f(c.lock, t.describe(now, c))
		}
	}
}
