package stress

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"conch/internal/verify/exclusion"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// client is a client of the protocol, with what it may believe. One goroutine acts for it,
// and one reads each stream.
type client struct {
	scenario *Scenario
	name     string
	random   *rand.Rand // of the acting goroutine

	mu       sync.Mutex
	streams  int // opened so far; the newest has this number
	nextID   uint64
	requests map[uint64]*request
	unwanted []request // granted on older streams
	// returned are grants that the client gave back before it read of them on its newest
	// stream.
	returned map[grant]bool
	refused  map[clientv1.Code]int
}

// request is an Acquire that was sent, with the hold that may follow.
type request struct {
	id     uint64
	lock   string
	limit  token.Limit
	asked  bool // it waits, on the newest stream
	ended  bool // the client gave it up, or was told that it is over
	hold   exclusion.Interval
	until  int64 // the end of the lease; 0 without a hold
	stream int   // on which the node last confirmed the hold
	// session is the one in which the hold was granted; settled says that no Pong extends
	// the hold any more.
	session uint64
	settled bool
}

// grant is one grant of a lock. Those who share it may have the same fence.
type grant struct {
	id, fence uint64
}

// holds reports whether the client believes that it holds the lock.
func (r *request) holds(now int64) bool { return !r.ended && r.until > now }

// end ends what the client believes of a request. From then on it holds nothing.
func (c *client) end(r *request, now int64, why string) {
	if !r.ended && r.until != 0 {
		r.hold.To = max(r.hold.From, min(now, r.until))
		r.hold.Story += ", " + why
		c.scenario.record(r.hold)
	}
	r.ended = true
	delete(c.requests, r.id)
}

// expire ends holds that are over by the client's own clock.
func (c *client) expire(now int64) {
	for _, r := range c.requests {
		if r.until != 0 && r.until <= now {
			c.end(r, now, "expired by the client's clock")
		}
	}
}

// take takes an answer that came on the stream with a number.
func (c *client) take(stream int, m *clientv1.NodeMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stream != c.streams { // a newer one has replaced it, so its messages no longer count
		if g := m.GetGranted(); g != nil && c.requests[g.GetId()] != nil && c.requests[g.GetId()].until == 0 {
			r := *c.requests[g.GetId()]
			r.hold.Fence = g.GetFence()
			c.unwanted = append(c.unwanted, r)
		}
		return
	}
	now := c.scenario.now()
	c.expire(now)
	switch {
	case m.GetGranted() != nil:
		c.granted(stream, m.GetGranted(), now)
	case m.GetPong() != nil:
		p := m.GetPong()
		for _, r := range c.requests {
			if r.until != 0 && r.stream == stream && r.session == p.GetSession() && !r.settled {
				r.until = max(r.until, leaseEnd(p.GetStamp(), p.GetLeaseRemainingNs()))
			}
		}
	case m.GetRefused() != nil:
		c.refused[m.GetRefused().GetError().GetCode()]++
		c.over(m.GetRefused().GetId(), now, m.String())
	case m.GetWithdrawn() != nil:
		c.over(m.GetWithdrawn().GetId(), now, m.String())
	case m.GetLost() != nil:
		for _, id := range m.GetLost().GetIds() {
			c.over(id, now, m.String())
		}
	case m.GetWarned() != nil && m.GetWarned().GetReason() != clientv1.Reason_REASON_LAPSE:
		for _, id := range m.GetWarned().GetIds() {
			if r := c.requests[id]; r != nil {
				r.settled = true
				r.hold.Story += ", warned"
			}
		}
	}
}

func (c *client) over(id uint64, now int64, told string) {
	if r := c.requests[id]; r != nil {
		c.end(r, now, told)
	}
}

// granted takes a Granted. A grant without a lease yet, or with an ended one, does not
// begin a hold: the client gives such a lock back at its next action.
func (c *client) granted(stream int, g *clientv1.Granted, now int64) {
	r := c.requests[g.GetId()]
	if r == nil || r.ended {
		return
	}
	if c.returned[grant{r.id, g.GetFence()}] {
		c.end(r, now, "given back")
		return
	}
	until := int64(0)
	if g.GetHadPing() {
		until = leaseEnd(g.GetStamp(), g.GetLeaseRemainingNs())
	}
	switch {
	case r.until != 0 && r.hold.Fence == g.GetFence():
		r.stream = stream
		r.hold.Story += fmt.Sprintf(", confirmed on stream %d, until %d", stream, until)
		if !r.settled && r.session == g.GetSession() {
			r.until = max(r.until, until)
		}
	case r.until != 0:
		c.scenario.fail(fmt.Errorf("%v: resumed, it came back with fence %d", r.hold, g.GetFence()))
	default:
		r.asked, r.hold.Fence = false, g.GetFence()
		c.scenario.granted()
		if until > now {
			r.hold.From, r.until, r.stream, r.session = now, until, stream, g.GetSession()
			r.hold.Story = fmt.Sprintf("granted on stream %d, until %d", stream, until)
		}
	}
}

// leaseEnd is the end of a lease by the client's clock.
func leaseEnd(stamp, remaining int64) int64 { return stamp + remaining - remaining/100 }

// ask makes a new request for a lock, and its message.
func (c *client) ask(mode clientv1.Acquire_Mode) (*request, *clientv1.ClientMessage) {
	c.nextID++
	i := c.random.IntN(c.scenario.Locks)
	lock, limit := lockName(i), drawLimit(c.random, i)
	r := &request{id: c.nextID, lock: lock, limit: limit, asked: true, hold: exclusion.Interval{Lock: lock, Holder: c.name, Limit: limit}}
	c.requests[r.id] = r
	return r, acquire(r, mode)
}

func acquire(r *request, mode clientv1.Acquire_Mode) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: r.id, Lock: r.lock, Mode: mode, Limit: uint32(r.limit)}}}
}

func resume(r *request) *clientv1.ClientMessage {
	m := acquire(r, clientv1.Acquire_MODE_WAIT)
	m.GetAcquire().ResumeFence = r.hold.Fence
	return m
}

func withdraw(id uint64) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Withdraw{Withdraw: &clientv1.Withdraw{Id: id}}}
}

func release(r *request) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{Id: r.id, Lock: r.lock, Fence: r.hold.Fence}}}
}

func (c *client) ping() *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: c.scenario.now()}}}
}

// limits are those of the locks, in turn: one that nobody shares, one of readers, and
// semaphores.
var limits = []token.Limit{token.Exclusive, token.Unlimited, 1, 3}

// drawLimit draws the mode of a request for a lock: most share it where that is possible.
func drawLimit(random *rand.Rand, lock int) token.Limit {
	if random.IntN(4) == 0 {
		return token.Exclusive
	}
	return limits[lock%len(limits)]
}

// lockName is the name of a lock of the scenario.
func lockName(i int) string { return fmt.Sprint("stress ", i) }

// now is the clock of all clients of a scenario: nanoseconds, above 0.
func (s *Scenario) now() int64 { return int64(time.Since(s.begun)) + 1 }
