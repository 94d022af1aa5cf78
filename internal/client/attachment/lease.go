package attachment

import "conch/token"

// rate is the part of a lease that is kept back for clocks that run at different
// rates: the hundredth of Pong in conch.client.v1.
const rate = 100

// lease is the latest end that the node has told for its present session.
type lease struct {
	session token.Session // 0 before the first
	end     token.Time
}

// leaseEnd counts a lease from when its Ping was made. What the node gives beyond the
// time to live is not believed: it gives a part of its own session.
func leaseEnd(stamp, remaining, ttl token.Time) token.Time {
	remaining = min(remaining, ttl)
	return stamp + remaining - (remaining+rate-1)/rate
}

// learn takes note of a lease that a Pong or a Granted told of. "It extends a hold only
// if its session is the one that the hold was granted in", if its end is not settled, and
// if the node has confirmed the hold on this stream.
func (a *Attachment) learn(session token.Session, end token.Time) {
	switch {
	case session < a.lease.session:
		return
	case session > a.lease.session:
		a.lease = lease{session, end}
	case end <= a.lease.end:
		return
	default:
		a.lease.end = end
	}
	for _, e := range a.claims.entries {
		if c := e.claim; c != nil && (c.state == granted || c.state == holding) && c.session == session && a.isConfirmed(c) {
			c.extend(end)
		}
	}
}

// isConfirmed reports whether the node said on the present stream that it has granted the
// claim.
func (a *Attachment) isConfirmed(c *claim) bool { return c.confirmed == a.streams }

// extend has a claim's lease last until end, unless its end is settled.
func (c *claim) extend(end token.Time) {
	if c.settled == 0 && end > c.end {
		c.end, c.warned = end, false
	}
}

// begin makes a hold of a grant that was confirmed on this stream and whose lease lasts
// still; another waits.
func (a *Attachment) begin(now token.Time, c *claim) {
	if !a.isConfirmed(c) || now >= c.end {
		c.state = granted
		return
	}
	c.state = holding
	a.firstEnd = min(a.firstEnd, c.end)
	a.arm(c.end - a.ttl/nearShare)
	if c.handle != 0 {
		a.emit(Effect{Kind: Held, Claim: c.handle, Fence: c.fence})
	}
}

// expire ends the holds that are over by this client's own clock. A message that comes
// later does not bring them back; the node is told, since it may not know.
func (a *Attachment) expire(now token.Time) {
	if now < a.firstEnd {
		return
	}
	a.firstEnd = token.Never
	for _, e := range a.claims.entries {
		switch c := e.claim; {
		case c == nil || c.state != holding:
		case now < c.end:
			a.firstEnd = min(a.firstEnd, c.end)
		default:
			a.lose(now, c, Effect{Cause: CauseLease})
			c.state, c.lost = releasing, c.keep != nil
			a.enqueue(c)
		}
	}
}
