package service

import (
	"time"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// A client has one lease for all its holds. What the node answers to a Ping is how much
// is left of the node's own lease; the client counts that from when it sent the Ping,
// and the node from when it answers, which is later. So what the node remembers here
// as the end is never before the end that the client believes in; and it is never
// after the end of the node's own lease, before which no other node grants anything.

// extend has the client's lease last as long as the node's, one time to live at most,
// and returns how long that is. The caller has the client's lock.
func (c *client) extend(node broadcast.Lease) (left time.Duration) {
	now := c.service.driver.Now()
	if node.Session == 0 || node.End <= now {
		return 0
	}
	ttl := token.Time(c.service.ttl)
	remaining := min(node.End-now, ttl) // End may be Never
	if c.lease.Session != node.Session {
		c.lease = broadcast.Lease{Session: node.Session}
	}
	c.lease.End = max(c.lease.End, now+remaining)
	if len(c.holds) > 0 && c.armed == 0 {
		c.arm(now, c.lease.End)
	}
	return time.Duration(remaining)
}

// ping answers a Ping.
func (c *client) ping(st *stream, stamp int64) {
	lease, _ := c.service.driver.Lease()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != st {
		return // a later stream has its own
	}
	st.pinged, st.hadPing = stamp, true
	left := c.extend(lease)
	st.out.putPong(&clientv1.Pong{Stamp: stamp, Session: uint64(lease.Session), LeaseRemainingNs: int64(left)})
}

// end is when the node takes a hold for over, if the client says nothing more. The
// caller has the client's lock.
func (cl *claim) end() token.Time {
	switch {
	case cl.settled != 0 || cl.stream == nil:
		return cl.ends
	case cl.client.lease.Session == cl.session:
		return cl.client.lease.End
	}
	return 0 // the driver has taken the hold with its session
}

// arm has the timer fire at a time, unless it fires before. The caller has the client's
// lock.
func (c *client) arm(now, at token.Time) {
	switch {
	case c.armed != 0 && c.armed <= at:
		return
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Duration(at-now), c.expire)
	default:
		c.timer.Reset(time.Duration(at - now))
	}
	c.armed = at
}

// expire ends the holds whose lease is over. The client is told before any later Pong.
func (c *client) expire() {
	c.mu.Lock()
	now := c.service.driver.Now()
	c.armed = 0
	var ended []*claim
	for cl := range c.holds {
		if end := cl.end(); end <= now {
			ended = append(ended, cl)
		} else {
			c.arm(now, end)
		}
	}
	why := make([]string, len(ended))
	for i, cl := range ended {
		reason := cl.settled
		switch reason {
		case clientv1.Reason_REASON_BREAK:
			why[i] = "it was told that the lock was broken " + cl.text
		case clientv1.Reason_REASON_NODE_LEAVING:
			why[i] = "it was told that the node stops"
		default:
			reason = clientv1.Reason_REASON_CLIENT_LEASE
			why[i] = "nothing was heard of it until its lease was over"
		}
		cl.lose(reason)
	}
	c.mu.Unlock()
	for i, cl := range ended {
		c.service.driver.Expire(cl.claim, why[i])
	}
	if len(ended) > 0 {
		c.service.forget(c)
	}
}
