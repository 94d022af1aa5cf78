package attachment

import "conch/token"

// nearShare of a time to live before its end, a hold is near its end.
const nearShare = 10

// Tick does what is due by the clock: it has Pings sent, warns holders, ends holds, and
// finds out that the node is silent.
func (a *Attachment) Tick(now token.Time) {
	if a.next != token.Never {
		a.late = max(0, now-a.next)
	}
	a.next = token.Never
	if a.up {
		a.tickStream(now)
	}
	a.expire(now)
	for _, e := range a.claims.entries {
		c := e.claim
		if c == nil || c.state != holding {
			continue
		}
		a.arm(c.end)
		switch near := c.end - a.ttl/nearShare; {
		case c.warned:
		case now >= near:
			a.warn(now, c, CauseLease)
		default:
			a.arm(near)
		}
	}
}

// NextTick is when Tick is to be called at the latest; [token.Never] if it need not be.
func (a *Attachment) NextTick() token.Time { return a.next }

// arm has Tick called by then.
func (a *Attachment) arm(at token.Time) { a.next = min(a.next, at) }

// tickStream has a Ping sent every T/4 while anything is held or wanted, and gives up a
// node that has not been heard for T since one was due.
func (a *Attachment) tickStream(now token.Time) {
	if a.live > 0 && !a.closing {
		due := a.stamp + a.ttl/pingShare
		if !a.pinged || now >= due {
			a.duePing(now)
			due = now + a.ttl/pingShare
		}
		a.arm(due)
	}
	switch {
	case !a.awaiting || a.ending:
	case now-a.unanswered >= a.ttl:
		a.ending = true
		a.emit(Effect{Kind: EndStream})
	default:
		a.arm(a.unanswered + a.ttl)
	}
}
