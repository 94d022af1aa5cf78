package client

import (
	"conch/token"
)

// rate is the part of a lease that is kept back for clocks that run at different
// rates: the hundredth of Pong in conch.client.v1.
const rate = 100

// lease is the latest end that the node has told for its present session.
type lease struct {
	session uint64 // 0 before the first
	end     token.Time
}

// leaseEnd counts a lease from when its Ping was sent. What the node gives beyond the
// time to live is not believed: it gives a part of its own session.
func leaseEnd(stamp, remaining, ttl token.Time) token.Time {
	remaining = min(remaining, ttl)
	return stamp + remaining - (remaining+rate-1)/rate
}

// learn takes note of a lease that a Pong or a Granted told of. Holds of this session
// are extended, unless their end is settled.
func (a *attachment) learn(session uint64, end token.Time) {
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
	for _, c := range a.claims {
		if c.session == session && c.settled == nil && (c.state == granted || c.state == holding) {
			c.end = max(c.end, end)
		}
	}
}

// begin makes a hold of a grant whose lease lasts still; another waits for a lease.
func (a *attachment) begin(now token.Time, c *claim) {
	if now >= c.end {
		c.state = granted
		return
	}
	c.state = holding
	a.firstEnd = min(a.firstEnd, c.end)
	a.arm(c.end - a.ttl/10)
	c.reply(nil)
}

// expire ends the holds that are over by this client's own clock. A message that comes
// later does not bring them back; the node is told, since it may not know.
func (a *attachment) expire(now token.Time) {
	if now < a.firstEnd {
		return
	}
	a.firstEnd = never
	for _, c := range a.claims {
		switch {
		case c.state != holding:
		case now >= c.end:
			a.overdue(c)
		default:
			a.firstEnd = min(a.firstEnd, c.end)
		}
	}
}

// overdue ends a hold that is over by the clock.
func (a *attachment) overdue(c *claim) {
	c.lose(c.loss(errLease))
	c.state = releasing
	a.enqueue(c)
}
