package virtual

import (
	"errors"
	"fmt"

	"conch/token"
)

const (
	// TTL is a session's time to live, the product's own default.
	TTL token.Time = 2e9
	// latency is how long each message takes. It is so short that no PING is due while
	// the lock is passed around: what a grant costs is counted without them.
	latency token.Time = 1000
)

// lockName is the one lock's name.
const lockName = "bench"

// Cluster is the members of a cluster, in virtual time.
type Cluster struct {
	nodes []*token.Node
	now   token.Time
	wire  wire
	ticks ticks
	// holders are who was let in and has not been seen to since.
	holders []holder
	// turn is whose turn it was last.
	turn token.Member

	Counts
}

// holder is a waiter in the critical section.
type holder struct {
	at     token.Member
	waiter token.Waiter
}

// Start starts a cluster, and waits until each member has a session that all others
// know of.
func Start(members int) (*Cluster, error) {
	if members < 2 {
		return nil, fmt.Errorf("virtual: members: got %d, want at least 2", members)
	}
	c := &Cluster{ticks: ticks{planned: make([]token.Time, members)}}
	for m := range members {
		node, err := token.New(c.now, config(token.Member(m), members))
		if err != nil {
			return nil, fmt.Errorf("virtual: %d members: %w", members, err)
		}
		c.nodes = append(c.nodes, node)
		c.perform(token.Member(m))
	}
	// From the last member to the first: each waits for all others, and looks for the
	// first that is missing at all that it hears. So it finds that at once.
	for from := token.Member(members - 1); from >= 0; from-- {
		for to := range token.Member(members) {
			if err := c.open(from, to); err != nil {
				return nil, fmt.Errorf("virtual: %d members: %w", members, err)
			}
		}
	}
	c.Pass(TTL / 2) // in which all hear that all sessions have begun
	for m, node := range c.nodes {
		if _, ok := node.InSession(); !ok {
			return nil, fmt.Errorf("virtual: %d members: member %d has no session", members, m)
		}
	}
	c.Pass(TTL / 8) // to between two PINGs
	return c, nil
}

func config(m token.Member, members int) token.Config {
	return token.Config{
		Self:           m,
		Members:        members,
		Incarnation:    token.Incarnation{byte(m), byte(m >> 8), 1},
		Session:        1,
		TTL:            TTL,
		IdleToken:      token.DefaultIdleToken,
		IdleLock:       token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
	}
}

// open opens the stream from one member to another.
func (c *Cluster) open(from, to token.Member) error {
	if from == to {
		return nil
	}
	if err := c.nodes[to].ReceiveHello(c.now, from, c.nodes[from].Hello(to)); err != nil {
		return err
	}
	c.perform(to)
	c.nodes[from].PeerUp(c.now, to)
	c.perform(from)
	return nil
}

// Members is how many members there are.
func (c *Cluster) Members() int { return len(c.nodes) }

// Pass lets time pass.
func (c *Cluster) Pass(time token.Time) {
	until := c.now + time
	for c.next() <= until {
		c.step()
	}
	c.now = until
}

// next is when something happens next.
func (c *Cluster) next() token.Time { return min(c.wire.next(), c.ticks.next()) }

// step lets happen what is next: a message comes, or a member hears what time it is.
func (c *Cluster) step() {
	if c.ticks.next() < c.wire.next() {
		m := c.ticks.pop(&c.now)
		if c.nodes[m].NextTick() <= c.now {
			c.nodes[m].Tick(c.now)
		}
		c.perform(m)
		return
	}
	p := c.wire.pop()
	c.now = p.at
	c.nodes[p.to].Receive(c.now, p.from, p.message)
	c.perform(p.to)
}

// perform does what a member wants done, counts it, and sees to it that the member
// hears of the time.
func (c *Cluster) perform(m token.Member) {
	effects := c.nodes[m].Effects()
	for i := range effects {
		e := &effects[i]
		c.count(e)
		switch e.Kind {
		case token.Send:
			p := c.wire.push()
			p.at, p.from, p.to, p.message = c.now+latency, m, e.Peer, e.Message
		case token.Grant:
			c.holders = append(c.holders, holder{m, e.Waiter})
		}
	}
	c.ticks.plan(m, c.nodes[m].NextTick())
}

// errStuck says that nobody is let in any more.
var errStuck = errors.New("virtual: nobody is granted the lock")

// await waits until somebody is in the critical section, and says who. It is an error
// if a time to live passes before, or if two are in it.
func (c *Cluster) await() (holder, error) {
	for limit := c.now + TTL; len(c.holders) == 0; c.step() {
		if c.next() > limit {
			return holder{}, errStuck
		}
	}
	if len(c.holders) > 1 {
		return holder{}, fmt.Errorf("virtual: %d holders at once", len(c.holders))
	}
	h := c.holders[0]
	c.holders = c.holders[:0]
	return h, nil
}

func (c *Cluster) acquire(m token.Member, w token.Waiter) {
	c.nodes[m].Acquire(c.now, lockName, w)
	c.perform(m)
}

func (c *Cluster) release(h holder) {
	c.nodes[h.at].Release(c.now, lockName, h.waiter)
	c.perform(h.at)
}
