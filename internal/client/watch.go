package client

import (
	"time"

	"conch/token"
)

// watch does what is due by the clock: it has Pings sent, warns holders, ends holds,
// and finds out that the node is silent. It returns when no stream will be opened any
// more and no hold is left.
func (a *attachment) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-a.rearm:
		}
		a.mu.Lock()
		if a.ended != nil && len(a.claims) == 0 {
			a.mu.Unlock()
			return
		}
		now := a.client.clock()
		a.armed = a.tick(now)
		next := time.Duration(a.armed - now)
		a.mu.Unlock()
		// The timer may stand still while the machine is suspended, and the clock does
		// not; so what depends on a hold looks at the clock itself (see Hold.Err).
		timer.Reset(next)
	}
}

// arm makes sure that the timer goes off by then.
func (a *attachment) arm(at token.Time) {
	if at < a.armed {
		a.armed = at
		signal(a.rearm)
	}
}

// tick does what is due, and returns when something will be next.
func (a *attachment) tick(now token.Time) token.Time {
	next := never
	if a.stream != nil {
		next = a.tickStream(now)
	}
	a.expire(now)
	for _, c := range a.claims {
		if c.state != holding {
			continue
		}
		next = min(next, c.end)
		switch near := c.end - a.ttl/10; {
		case c.warned:
		case now >= near:
			c.warn()
		default:
			next = min(next, near)
		}
	}
	return next
}

// tickStream has a Ping sent every T/4 while anything is held or wanted, and gives up a
// node that has not been heard for T since one was due.
func (a *attachment) tickStream(now token.Time) token.Time {
	next := never
	if len(a.claims) > 0 {
		due := token.Time(a.stamp) + a.ttl/4
		if !a.pinged || now >= due {
			a.duePing(now)
			due = now + a.ttl/4
		}
		next = due
	}
	if a.unanswered == 0 {
		return next
	}
	if now-a.unanswered >= a.ttl {
		a.stream.cancel(errSilent)
		return next
	}
	return min(next, a.unanswered+a.ttl)
}

// duePing has a Ping sent.
func (a *attachment) duePing(now token.Time) {
	a.pingDue = true
	if a.unanswered == 0 {
		a.unanswered = now
	}
	a.arm(a.unanswered + a.ttl)
	signal(a.wake)
}
