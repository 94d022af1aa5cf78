package claims

import (
	"conch/internal/frames"
	"conch/token"
)

// release ends a hold of a client if it is the one that the client means. The answer comes
// first, so that it does not wait behind another's grant.
func (t *Table) release(now token.Time, c *client, m *frames.ClientMessage) {
	cl := c.held(m)
	outcome := frames.OutcomeNotHeld
	switch {
	case cl != nil:
		outcome = frames.OutcomeReleased
	case c.past.find(m.Lock, m.Fence) != nil || t.knowsGrant(m.Lock, m.Fence):
		outcome = frames.OutcomeEndedBefore
	}
	t.tell(c.stream, frames.NodeMessage{Kind: frames.Released, ID: m.ID, Lock: m.Lock, Fence: m.Fence, Outcome: outcome})
	switch {
	case cl == nil:
	case m.Lost:
		t.abandon(now, cl)
	default:
		t.giveUp(now, cl)
	}
}

// held returns the hold that a Release means, nil if there is none.
func (c *client) held(m *frames.ClientMessage) *Claim {
	means := func(cl *Claim) bool {
		return cl != nil && cl.holding && cl.lock == m.Lock && cl.fence == m.Fence
	}
	if m.ID != 0 {
		if cl := c.claims[m.ID]; means(cl) {
			return cl
		}
		return nil
	}
	for _, cl := range c.claims { // at most one: fences of exclusive holds differ
		if means(cl) && cl.limit == token.Exclusive {
			return cl
		}
	}
	return nil
}

// knowsGrant reports whether the node knows of a grant of a lock with a fence, or of a
// later one.
func (t *Table) knowsGrant(lock string, fence token.Fence) bool {
	return fence != 0 && t.node.InspectLock(lock, &t.view) &&
		(t.view.HasToken && t.view.Token.Fence >= fence || t.view.Share.ID >= fence)
}

// history is a client's latest ended holds. It distinguishes a Release that comes late or
// twice from one that makes no sense, and answers an EndRun that comes twice.
type history struct {
	entries []pastHold
	next    int
}

type pastHold struct {
	lock  string
	fence token.Fence
	run   frames.RunOutcome // 0 if its run was not ended, or that is not answered yet
}

// historyLength is the most holds that a history has.
const historyLength = 256

func (h *history) add(lock string, fence token.Fence) {
	p := pastHold{lock: lock, fence: fence}
	if len(h.entries) < historyLength {
		h.entries = append(h.entries, p)
		return
	}
	h.entries[h.next] = p
	h.next = (h.next + 1) % historyLength
}

// find returns a hold; nil if it is not among the latest.
func (h *history) find(lock string, fence token.Fence) *pastHold {
	for i := range h.entries {
		if p := &h.entries[i]; p.lock == lock && p.fence == fence {
			return p
		}
	}
	return nil
}

// noteRun notes what became of a hold's run.
func (h *history) noteRun(lock string, fence token.Fence, outcome frames.RunOutcome) {
	if h.find(lock, fence) == nil {
		h.add(lock, fence)
	}
	h.find(lock, fence).run = outcome
}
