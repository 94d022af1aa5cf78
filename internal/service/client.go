package service

import (
	"sync"
	"time"

	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// client is a client process: what it waits for and holds, across its streams. The
// service knows it for as long as it is attached or has a claim.
//
// Its lock is taken by the driver's goroutine too, so nobody calls the driver while
// holding it.
type client struct {
	service     *Service
	incarnation incarnation
	caller      broadcast.Caller

	mu     sync.Mutex
	stream *stream // nil while none is attached
	// claims are its waits and holds, by the client's ids, and holds the latter.
	claims map[uint64]*claim
	holds  map[*claim]struct{}
	// lease is the latest end that the client was told of; see lease.go.
	lease broadcast.Lease
	// timer fires at armed, not after the next end of a hold; zero if it is not set.
	timer *time.Timer
	armed token.Time
	// past are its latest holds that are over.
	past history
}

// attach finds the client of a stream, or makes it, and ends the stream before.
func (s *Service) attach(id incarnation, caller broadcast.Caller, st *stream) (*client, error) {
	s.mu.Lock()
	c := s.clients[id]
	if c == nil {
		c = &client{
			service: s, incarnation: id, caller: caller,
			claims: make(map[uint64]*claim), holds: make(map[*claim]struct{}),
		}
		s.clients[id] = c
	}
	if c.caller.Identity != caller.Identity {
		s.mu.Unlock()
		return nil, asStatus(s.gate.fault(st.who, errOther))
	}
	c.mu.Lock()
	before := c.stream
	c.stream = st
	c.mu.Unlock()
	s.mu.Unlock()
	if before != nil {
		before.finish(errReplaced)
		c.detach(before)
	}
	return c, nil
}

// begin watches over a stream from its Welcome on.
func (c *client) begin(st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == st {
		st.watchdog = time.AfterFunc(c.service.ttl, func() { c.watch(st) })
	}
}

// detach ends the waits of a stream that is over. Holds stay, until their lease as it is
// now is over, unless another stream takes them up.
func (c *client) detach(st *stream) {
	c.mu.Lock()
	if c.stream == st {
		c.stream = nil
	}
	if st.watchdog != nil {
		st.watchdog.Stop()
	}
	var waits []*claim
	for _, cl := range c.claims {
		if cl.stream == st && cl.state == waiting {
			waits = append(waits, cl)
			cl.state = withdrawn
			delete(c.claims, cl.id) // which may come again on another stream
		}
	}
	for cl := range c.holds {
		if cl.stream == st {
			cl.ends, cl.stream = cl.end(), nil
		}
	}
	c.mu.Unlock()
	for _, cl := range waits {
		c.service.driver.Withdraw(cl.claim)
	}
	c.service.forget(c)
}

// forget drops a client that is neither attached nor has a claim.
func (s *Service) forget(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != nil || len(c.claims) > 0 {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	delete(s.clients, c.incarnation)
}

// attached returns the client's stream, nil if there is none.
func (c *client) attached() *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream
}

// watch ends a stream whose client wants something and has fallen silent.
func (c *client) watch(st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != st {
		return
	}
	ttl := c.service.ttl
	silent := time.Since(st.began) - time.Duration(st.heard.Load())
	switch {
	case silent < ttl:
		st.watchdog.Reset(ttl - silent)
	case st.out.full() || st.answering.Load():
		st.finish(errNotRead)
	case len(c.claims) > 0:
		st.finish(errSilent)
	default:
		st.watchdog.Reset(ttl)
	}
}

// receive takes the messages of a frame. An error ends the stream.
//
// Releases are taken after the rest: a client that gives a lock back and asks for it
// again is in line when the token leaves, so the node needs no request of its own for
// it. But a try would find the lock in use.
func (c *client) receive(st *stream, messages []*clientv1.ClientMessage) error {
	var releases []*clientv1.Release
	releaseAll := func() {
		for _, r := range releases {
			c.release(st, r)
		}
		releases = releases[:0]
	}
	defer releaseAll()
	for _, m := range messages {
		switch kind := m.GetKind().(type) {
		case *clientv1.ClientMessage_Acquire:
			if kind.Acquire.GetMode() == clientv1.Acquire_MODE_TRY {
				releaseAll()
			}
			if err := c.acquire(st, kind.Acquire); err != nil {
				return err
			}
		case *clientv1.ClientMessage_Withdraw:
			c.withdraw(st, kind.Withdraw.GetId())
		case *clientv1.ClientMessage_Release:
			releases = append(releases, kind.Release)
		case *clientv1.ClientMessage_Ping:
			c.ping(st, kind.Ping.GetStamp())
		default:
			return asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "got a message of kind %T, want Acquire, Withdraw, Release or Ping", kind))
		}
	}
	return nil
}

// acquire begins a claim, or takes up a hold of an earlier stream.
func (c *client) acquire(st *stream, a *clientv1.Acquire) error {
	if a.GetResumeFence() != 0 || c.unheard(a) {
		c.resume(st, a)
		return nil
	}
	if err := c.service.mark(); err != nil {
		return errLeaving
	}
	cl, refusal := c.propose(st, a)
	if refusal != nil {
		st.out.put(refused(a.GetId(), refusal))
		return nil
	}
	driver := c.service.driver
	var err error
	if cl.try != nil {
		err = driver.ClaimIfFree(cl.claim, cl.lock, cl, &c.caller)
	} else {
		err = driver.Claim(cl.claim, cl.lock, cl, &c.caller)
	}
	if err != nil {
		cl.Refused(cl.claim, err)
	}
	return nil
}

// propose notes a claim before the driver hears of it.
func (c *client) propose(st *stream, a *clientv1.Acquire) (*claim, *clientv1.Error) {
	if f := checkLock(a.GetLock()); f != nil {
		return nil, f
	}
	if f := c.service.gate.check(st.who, rules.Lock, a.GetLock()); f != nil {
		return nil, f
	}
	cl := &claim{client: c, id: a.GetId(), claim: c.service.driver.NewClaim(), lock: a.GetLock(), stream: st, state: waiting}
	switch a.GetMode() {
	case clientv1.Acquire_MODE_WAIT:
	case clientv1.Acquire_MODE_TRY:
		cl.try = time.AfterFunc(c.service.ttl, cl.tooLate)
	default:
		return nil, fault(clientv1.Code_CODE_INVALID_FIELD, "Acquire.mode is %d, want MODE_WAIT or MODE_TRY", a.GetMode())
	}
	refusal := c.admit(cl)
	if refusal != nil && cl.try != nil {
		cl.try.Stop()
	}
	return cl, refusal
}

// admit counts a claim, if there is room for it.
func (c *client) admit(cl *claim) *clientv1.Error {
	s := c.service
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case cl.id == 0:
		return fault(clientv1.Code_CODE_INVALID_ID, "the id is 0, want another number")
	case c.claims[cl.id] != nil:
		return fault(clientv1.Code_CODE_INVALID_ID, "the id %d has a wait or a hold already, of the lock %q", cl.id, c.claims[cl.id].lock)
	case len(c.claims) >= maxClaimsPerClient:
		return fault(clientv1.Code_CODE_TOO_MANY_WAITS, "a client may have %d waits and holds, and this one has", maxClaimsPerClient)
	case s.claims.Load() >= maxClaims:
		return fault(clientv1.Code_CODE_TOO_MANY_WAITS, "the clients of a node may have %d waits and holds in all, and they have", maxClaims)
	}
	s.claims.Add(1)
	c.claims[cl.id] = cl
	return nil
}

// withdraw ends a wait.
func (c *client) withdraw(st *stream, id uint64) {
	done := &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Withdrawn{Withdrawn: &clientv1.Withdrawn{Id: id}}}
	c.mu.Lock()
	cl := c.claims[id]
	switch {
	case cl == nil: // it was refused, or is no more
		c.mu.Unlock()
		st.out.put(done)
		return
	case cl.state == waiting:
		cl.state, cl.answer = withdrawn, done
		c.mu.Unlock()
		c.service.driver.Withdraw(cl.claim)
		return
	case cl.state == withdrawn: // just now, by a try's end, or on a stream that broke
		if cl.stream != st {
			cl.stream, cl.answer = st, done
		}
		c.mu.Unlock()
		return
	}
	c.end(cl)
	c.mu.Unlock()
	c.service.driver.ReleaseClaim(cl.claim)
	st.out.put(done)
	c.service.forget(c)
}

// end takes a claim off the client's list. The caller has the client's lock.
func (c *client) end(cl *claim) {
	if cl.state == over {
		return
	}
	if cl.state == holding {
		c.past.add(cl.lock, cl.fence)
		delete(c.holds, cl)
	}
	cl.state = over
	if cl.try != nil {
		cl.try.Stop()
	}
	if c.claims[cl.id] == cl {
		delete(c.claims, cl.id)
	}
	c.service.claims.Add(-1)
}

// The bounds on what a client says of itself, in bytes.
const (
	maxNameBytes    = 255
	maxCommandBytes = 4096
)

// asCaller takes what a client says of itself.
func asCaller(c *clientv1.Client) (broadcast.Caller, *clientv1.Error) {
	for _, field := range []struct {
		name, value string
		most        int
	}{
		{"host", c.GetHost(), maxNameBytes},
		{"user", c.GetUser(), maxNameBytes},
		{"command", c.GetCommand(), maxCommandBytes},
		{"identity", c.GetIdentity(), maxNameBytes + 32}, // a member's word
	} {
		if len(field.value) > field.most {
			return broadcast.Caller{}, fault(clientv1.Code_CODE_INVALID_FIELD,
				"Client.%s has %d bytes, want at most %d", field.name, len(field.value), field.most)
		}
	}
	return broadcast.Caller{Host: c.GetHost(), PID: c.GetPid(), User: c.GetUser(), Command: c.GetCommand()}, nil
}

// known is what an identity adds to what a client says of itself.
func known(id rules.Identity) string {
	if id.Kind == rules.Anonymous {
		return ""
	}
	return id.String()
}
