package attachment

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"conch/internal/frames"
	"conch/token"
)

// modelNode is a node as conch.client.v1 describes it, as simple as can be: what the
// random test runs attachments against. Strangers, who are not simulated, get the locks
// whenever they may.
type modelNode struct {
	rng     *rand.Rand
	now     token.Time
	session token.Session // 0: it has none
	nodeEnd token.Time    // of the node's own lease
	cut     bool          // from its peers, so its lease is not extended
	fence   token.Fence
	locks   map[string]*modelLock
	clients []*modelClient
	ended   map[token.Fence]bool // the holds whose runs were ended in time
	last    token.Time           // of the latest tick
	forgets bool                 // planted: it forgets what it has taken when the stream breaks
	// planted has the node take leases for over when so much of them is left, which is
	// wrong: the judge has to notice.
	planted token.Time
}

type modelLock struct {
	last     token.Fence // the latest grant's
	owner    *modelClaim // nil: nobody, or a stranger
	stranger token.Time  // until when one holds it
}

// modelClient is a client as the node knows it.
type modelClient struct {
	node   *modelNode
	stream int // 0: none
	stamp  token.Time
	pinged bool
	lease  token.Time
	claims []*modelClaim
	ends   []*modelEnd
	out    []frames.NodeMessage
}

// modelEnd is a run that the client ended while it held the lock.
type modelEnd struct {
	id    uint64
	fence token.Fence
	at    token.Time // when a quorum remembers it
}

type modelClaim struct {
	client  *modelClient
	id      uint64
	lock    string
	holding bool
	fence   token.Fence
	session token.Session
	stream  int
	ends    token.Time // for a hold without a stream, or whose end is settled
	settled bool
}

func (n *modelNode) lock(name string) *modelLock {
	if n.locks[name] == nil {
		n.locks[name] = &modelLock{}
	}
	return n.locks[name]
}

// extend has the client's lease last as long as the node's.
func (c *modelClient) extend() token.Time {
	n := c.node
	if !n.cut {
		n.nodeEnd = max(n.nodeEnd, n.now+ttl*74/100+token.Time(n.rng.Int64N(int64(ttl/4))))
	}
	if n.session == 0 || n.nodeEnd <= n.now {
		return 0
	}
	c.lease = max(c.lease, n.nodeEnd)
	return n.nodeEnd - n.now
}

func (c *modelClient) find(id uint64) *modelClaim {
	i := slices.IndexFunc(c.claims, func(cl *modelClaim) bool { return cl.id == id })
	if i < 0 {
		return nil
	}
	return c.claims[i]
}

func (c *modelClient) say(m frames.NodeMessage) {
	if c.stream != 0 {
		c.out = append(c.out, m)
	}
}

func (c *modelClient) drop(cl *modelClaim) {
	if l := c.node.lock(cl.lock); l.owner == cl {
		l.owner = nil
	}
	c.claims = slices.DeleteFunc(c.claims, func(other *modelClaim) bool { return other == cl })
}

func (c *modelClient) sayGranted(cl *modelClaim) {
	m := frames.NodeMessage{Kind: frames.Granted, ID: cl.id, Fence: cl.fence, Session: cl.session, HadPing: c.pinged, Stamp: c.stamp}
	if !cl.settled {
		m.Remaining = c.extend()
	}
	c.say(m)
	if cl.settled {
		c.say(frames.NodeMessage{Kind: frames.Warned, ID: cl.id, Reason: frames.Break, Remaining: max(0, cl.ends-c.node.now)})
	}
}

// open begins a stream, in place of the one before.
func (c *modelClient) open(stream int) {
	c.closed()
	c.stream, c.pinged, c.out = stream, false, nil
}

// closed ends the waits of the stream, and has its holds last until their present end.
func (c *modelClient) closed() {
	for _, cl := range slices.Clone(c.claims) {
		switch {
		case !cl.holding:
			c.drop(cl)
		case cl.stream != 0:
			cl.ends, cl.stream = cl.end(), 0
		}
	}
	c.stream = 0
}

func (cl *modelClaim) end() token.Time {
	if cl.stream == 0 || cl.settled {
		return cl.ends
	}
	return cl.client.lease
}

func (c *modelClient) receive(m frames.ClientMessage) {
	cl := c.find(m.ID)
	switch m.Kind {
	case frames.Ping:
		c.stamp, c.pinged = m.Stamp, true
		left := c.extend()
		c.say(frames.NodeMessage{Kind: frames.Pong, Stamp: m.Stamp, Session: c.node.session, Remaining: left})
	case frames.Acquire:
		switch {
		case m.ResumeFence != 0 && (cl == nil || !cl.holding || cl.fence != m.ResumeFence):
			c.say(frames.NodeMessage{Kind: frames.Lost, ID: m.ID, Reason: frames.ClientLease})
		case cl != nil:
			cl.stream = c.stream
			c.sayGranted(cl)
		default:
			c.claims = append(c.claims, &modelClaim{client: c, id: m.ID, lock: m.Lock, stream: c.stream})
		}
	case frames.Withdraw:
		if cl != nil {
			c.drop(cl)
		}
		c.say(frames.NodeMessage{Kind: frames.Withdrawn, ID: m.ID})
	case frames.EndRun:
		i := slices.IndexFunc(c.ends, func(e *modelEnd) bool { return e.id == m.ID && e.fence == m.Fence })
		switch {
		case i >= 0 && c.node.forgets:
			c.say(frames.NodeMessage{Kind: frames.RunEnded, ID: m.ID, Fence: m.Fence, RunOutcome: frames.RunLost})
		case i >= 0 && c.ends[i].at <= c.node.now:
			c.sayEnded(c.ends[i])
		case i >= 0:
		case cl != nil && cl.holding && cl.fence == m.Fence:
			c.drop(cl)
			c.ends = append(c.ends, &modelEnd{m.ID, m.Fence, c.node.now + 1 + token.Time(c.node.rng.Int64N(int64(ttl/2)))})
			c.node.ended[m.Fence] = true
		default:
			c.say(frames.NodeMessage{Kind: frames.RunEnded, ID: m.ID, Fence: m.Fence, RunOutcome: frames.RunLost})
		}
	case frames.Release:
		outcome := frames.OutcomeEndedBefore
		if cl != nil && cl.holding && cl.fence == m.Fence {
			c.drop(cl)
			outcome = frames.OutcomeReleased
		}
		c.say(frames.NodeMessage{Kind: frames.Released, ID: m.ID, Lock: m.Lock, Fence: m.Fence, Outcome: outcome})
	}
}

func (c *modelClient) sayEnded(e *modelEnd) {
	c.say(frames.NodeMessage{Kind: frames.RunEnded, ID: e.id, Fence: e.fence, RunOutcome: frames.RunNoted})
}

// tick does what is due: leases and sessions end, and what is free is granted.
func (n *modelNode) tick() {
	if n.session != 0 && n.cut && n.nodeEnd <= n.now {
		n.session = 0
	}
	for _, c := range n.clients {
		for _, e := range c.ends {
			if n.last < e.at && e.at <= n.now {
				c.sayEnded(e)
			}
		}
	}
	n.last = n.now
	for _, c := range n.clients {
		for _, cl := range slices.Clone(c.claims) {
			switch {
			case !cl.holding:
			case n.session != cl.session:
				c.say(frames.NodeMessage{Kind: frames.Lost, ID: cl.id, Reason: frames.Lapse})
				c.drop(cl)
			case cl.end()-n.planted <= n.now:
				c.say(frames.NodeMessage{Kind: frames.Lost, ID: cl.id, Reason: frames.ClientLease})
				c.drop(cl)
			}
		}
	}
	if n.session == 0 {
		return
	}
	for _, c := range n.clients {
		for _, cl := range c.claims {
			l := n.lock(cl.lock)
			if cl.holding || l.owner != nil || l.stranger > n.now {
				continue
			}
			n.fence++
			l.owner, l.last = cl, n.fence
			cl.holding, cl.fence, cl.session = true, n.fence, n.session
			c.sayGranted(cl)
		}
	}
}

// intrude lets a stranger have a lock, if it is free.
func (n *modelNode) intrude(name string, until token.Time) {
	if l := n.lock(name); l.owner == nil && l.stranger <= n.now {
		n.fence++
		l.last, l.stranger = n.fence, until
	}
}

// breakOne settles the end of a hold.
func (n *modelNode) breakOne(name string) {
	if cl := n.lock(name).owner; cl != nil && !cl.settled {
		cl.ends = cl.end()
		cl.settled = true
		cl.client.say(frames.NodeMessage{Kind: frames.Warned, ID: cl.id, Reason: frames.Break, Remaining: max(0, cl.ends-n.now)})
	}
}

func (cl *modelClaim) String() string { return fmt.Sprintf("%d %s fence %d", cl.id, cl.lock, cl.fence) }
