package claims

import (
	"conch/internal/frames"
	"conch/token"
)

// acquire begins a claim of a client, or resumes a hold of an earlier stream.
func (t *Table) acquire(now token.Time, c *client, m *frames.ClientMessage) {
	if m.ResumeFence != 0 || c.unheard(m) {
		t.resume(now, c, m)
		return
	}
	refusal := m.Refusal
	if refusal.Code == 0 {
		refusal = t.admitOf(c, m)
	}
	if refusal.Code != 0 {
		t.tell(c.stream, frames.NodeMessage{Kind: frames.Refused, ID: m.ID, Refusal: refusal})
		return
	}
	t.lastID++
	cl := t.add(now, clientBit|t.lastID, m.Lock, m.Limit, m.Try, &c.caller, Want{Run: m.Run, Keep: m.Keep, Wall: m.Wall})
	cl.client, cl.number, cl.stream = c, m.ID, c.stream
	c.claims[m.ID] = cl
	t.ofClients++
	if m.Try {
		cl.tryEnds = now + t.cfg.TTL
	}
	t.arm(c, now+t.cfg.TTL) // to check whether the client has fallen silent
}

// admitOf returns why a client's claim is refused; Code is 0 if it is not.
func (t *Table) admitOf(c *client, m *frames.ClientMessage) frames.Refusal {
	before := c.claims[m.ID]
	switch {
	case m.ID == 0:
		return frames.Refuse(frames.CodeInvalidID, "the id is 0, want another number")
	case before != nil:
		return frames.Refuse(frames.CodeInvalidID, "the id %d has a wait or a hold already, of the lock %q", m.ID, before.lock)
	case len(c.claims)+c.ending >= t.cfg.MaxPerClient:
		return frames.Refuse(frames.CodeTooManyWaits, "a client may have %d waits and holds, and this one has", t.cfg.MaxPerClient)
	case t.ofClients >= t.cfg.MaxClaims:
		return frames.Refuse(frames.CodeTooManyWaits, "the clients of a node may have %d waits and holds in all, and they have", t.cfg.MaxClaims)
	}
	return t.admit(m.Lock, m.Limit)
}

// unheard reports whether a client asks for a lock that was granted to it on a stream that
// ended before the client heard of the grant.
func (c *client) unheard(m *frames.ClientMessage) bool {
	cl := c.claims[m.ID]
	return cl != nil && cl.holding && cl.stream == nil && cl.lock == m.Lock
}

// resume continues a hold that was granted on an earlier stream.
func (t *Table) resume(now token.Time, c *client, m *frames.ClientMessage) {
	cl := c.claims[m.ID]
	if cl == nil || !cl.holding || cl.lock != m.Lock || m.ResumeFence != 0 && cl.fence != m.ResumeFence {
		t.tell(c.stream, frames.NodeMessage{Kind: frames.Lost, ID: m.ID, Reason: frames.ClientLease})
		return
	}
	cl.stream = c.stream
	t.tellGrant(now, cl)
	if cl.settled != 0 {
		t.warn(now, cl, cl.settled)
	}
}

// withdraw ends a client's wait. If the lock was granted just before, it is declined: the
// client has given up before it heard of that.
func (t *Table) withdraw(now token.Time, c *client, number uint64) {
	t.tell(c.stream, frames.NodeMessage{Kind: frames.Withdrawn, ID: number})
	if cl := c.claims[number]; cl != nil && cl.holding {
		t.decline(now, cl)
	} else if cl != nil {
		t.giveUp(now, cl)
	}
}
