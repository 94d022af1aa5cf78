package claims

import (
	"container/heap"
	"slices"

	"conch/internal/frames"
	"conch/token"
)

// A client has one lease for all its holds. The answer to a Ping is how much is left of the
// node's own lease. The client counts that from when it sent the Ping, the node from when
// it answers, which is later. So the end that the node remembers here is never before the
// end that the client believes in. It is also never after the end of the node's own lease,
// before which no other node grants anything.

// extend makes a client's lease last as long as the node's, at most one time to live, and
// returns how long that is.
func (t *Table) extend(now token.Time, c *client) (left token.Time) {
	if t.lease.Session == 0 || t.lease.End <= now {
		return 0
	}
	left = min(t.lease.End-now, t.cfg.TTL) // End may be Never
	if c.lease.Session != t.lease.Session {
		c.lease = Lease{Session: t.lease.Session}
	}
	c.lease.End = max(c.lease.End, now+left)
	return left
}

// ping answers a Ping.
func (t *Table) ping(now token.Time, c *client, stamp token.Time) {
	c.pinged, c.hadPing = stamp, true
	left := t.extend(now, c)
	t.tell(c.stream, frames.NodeMessage{Kind: frames.Pong, Stamp: stamp, Session: t.lease.Session, Remaining: left})
}

// tellGrant tells a client its hold and its lease.
func (t *Table) tellGrant(now token.Time, cl *Claim) {
	c, left := cl.client, token.Time(0)
	if t.lease.Session == cl.session && cl.settled == 0 {
		left = t.extend(now, c)
	}
	t.tell(cl.stream, frames.NodeMessage{
		Kind: frames.Granted, ID: cl.number, Fence: cl.fence, Stamp: c.pinged, HadPing: c.hadPing,
		Session: cl.session, Remaining: left,
	})
	t.arm(c, t.end(cl))
}

// end is when a hold ends if nothing more is heard of its owner.
func (t *Table) end(cl *Claim) token.Time {
	switch {
	case cl.client == nil && cl.ends != 0:
		return min(cl.ends, t.endOf(t.lease, cl.session))
	case cl.client == nil:
		return t.endOf(t.lease, cl.session)
	case cl.settled != 0 || cl.stream == nil:
		return cl.ends
	}
	return t.endOf(cl.client.lease, cl.session)
}

// endOf is the end of a lease for a hold of some session. If the session is not the
// lease's, the node takes the hold back by itself.
func (t *Table) endOf(l Lease, s token.Session) token.Time {
	if l.Session != s {
		return 0
	}
	return l.End
}

// NextTick returns when the table needs its next Tick.
func (t *Table) NextTick() token.Time {
	next := token.Never
	if len(t.due) > 0 {
		next = t.due[0].due
	}
	for _, c := range t.broken {
		next = min(next, c.ends)
	}
	return next
}

// Tick tells the table the time. The driver calls it at NextTick, or soon after.
func (t *Table) Tick(now token.Time) {
	for len(t.due) > 0 && t.due[0].due <= now {
		c := t.due[0]
		t.disarm(c)
		t.check(now, c)
	}
	for i := 0; i < len(t.broken); {
		c := t.broken[i]
		if c.ends > now {
			i++
			continue
		}
		t.expire(now, c, "it was told that the lock was broken "+c.text) // this takes it out of broken
	}
}

// check ends what is over at a client: holds whose lease has ended, tries without a result,
// and a silent stream. The client is told of lost holds before any later Pong.
func (t *Table) check(now token.Time, c *client) {
	next := token.Never
	var over []*Claim
	for _, cl := range c.claims {
		at := cl.tryEnds
		if cl.holding {
			at = max(t.end(cl), 1)
		}
		switch {
		case at == 0: // a wait without end
		case at <= now:
			over = append(over, cl)
		default:
			next = min(next, at)
		}
	}
	slices.SortFunc(over, byID)
	for _, cl := range over {
		if cl.holding {
			t.expire(now, cl, expiryText(cl))
		} else {
			t.endTry(now, cl)
		}
	}
	switch {
	case c.answered == 0:
	case c.answered <= now:
		c.answered = 0
		t.forget(c)
	default:
		next = min(next, c.answered)
	}
	if c.stream != nil && len(c.claims) > 0 {
		if silent := c.heard + t.cfg.TTL; silent > now {
			next = min(next, silent)
		} else {
			e := t.issue(EndStream)
			e.Stream, e.End = c.stream, Silent
			t.detach(now, c, nil)
		}
	}
	if next != token.Never && t.clients[c.incarnation] == c {
		t.arm(c, next)
	}
}

// expiryText says for the log why a client's hold expires.
func expiryText(cl *Claim) string {
	switch cl.settled {
	case frames.Break:
		return "it was told that the lock was broken " + cl.text
	case frames.NodeLeaving:
		return "it was told that the node stops"
	default:
		return "nothing was heard of it until its lease was over"
	}
}

// expire ends a hold whose time is over, so that the node passes the lock on.
func (t *Table) expire(now token.Time, c *Claim, text string) {
	e := t.issue(Expired)
	e.Lock, e.Fence, e.Caller, e.Text = c.lock, c.fence, c.caller, text
	t.tellLost(c, frames.ClientLease)
	t.abandon(now, c)
}

// endTry refuses a try that had no result for one time to live.
func (t *Table) endTry(now token.Time, c *Claim) {
	refusal := frames.Refuse(frames.CodeBusy, "whether the lock is in use could not be found out within one time to live")
	if t.lease.Session == 0 || t.lease.End <= now {
		refusal = frames.Refuse(frames.CodeNoSession, "%s has no session: it does not reach %d of the %d members",
			t.cfg.Member, t.cfg.Quorum, t.cfg.Members)
	}
	id, lock := c.id, c.lock
	t.refuse(now, c, refusal)
	t.node.Withdraw(now, lock, id)
}

// arm schedules a check of a client at a time, unless one comes sooner.
func (t *Table) arm(c *client, at token.Time) {
	at = max(at, 1) // 0 means no check
	switch {
	case c.due == 0:
		c.due = at
		heap.Push(&t.due, c)
	case at < c.due:
		c.due = at
		heap.Fix(&t.due, c.index)
	}
}

func (t *Table) disarm(c *client) {
	if c.due != 0 {
		heap.Remove(&t.due, c.index)
		c.due = 0
	}
}

// dueQueue is a heap of clients, the one that is due first at the front.
type dueQueue []*client

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].due < q[j].due }
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements [heap.Interface].
func (q *dueQueue) Push(x any) {
	c := x.(*client)
	c.index = len(*q)
	*q = append(*q, c)
}

// Pop implements [heap.Interface].
func (q *dueQueue) Pop() any {
	old := *q
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return c
}
