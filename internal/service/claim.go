package service

import (
	"errors"
	"strings"
	"time"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// state is where a claim stands.
type state uint8

const (
	waiting   state = iota + 1
	withdrawn       // the driver has been told that nobody waits any more
	holding
	over // it is off the client's list
)

// claim is one wait or hold of a client. It is what the driver speaks to.
type claim struct {
	client *client
	id     uint64       // the client's
	claim  token.Waiter // the driver's
	lock   string
	try    *time.Timer // its end, for a claim that does not want to wait

	// What follows is guarded by the client's lock.
	// stream is where it was asked for, or taken up again; nil for a hold whose stream
	// is over.
	stream  *stream
	state   state
	answer  *clientv1.NodeMessage // what a withdrawn claim is answered by; nil if nobody listens
	fence   token.Fence
	session token.Session // the node's in which it was granted
	// settled is why no Pong extends the hold any more, if so, and text what is said of
	// it. ends is when a hold ends that is not extended.
	settled clientv1.Reason
	text    string
	ends    token.Time
}

// Granted is broadcast.Claimant's.
func (cl *claim) Granted(_ token.Waiter, g broadcast.Grant) {
	c := cl.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.state == withdrawn { // the driver ends the hold when it hears of that
		cl.done()
		return
	}
	cl.state, cl.fence, cl.session = holding, g.Fence, g.Lease.Session
	c.holds[cl] = struct{}{}
	if cl.try != nil {
		cl.try.Stop()
	}
	cl.tellGrant(g.Lease)
}

// tellGrant tells the client of its hold, and of its lease. The caller has the client's
// lock.
func (cl *claim) tellGrant(l broadcast.Lease) {
	st, left := cl.stream, time.Duration(0)
	if l.Session == cl.session && cl.settled == 0 {
		left = cl.client.extend(l)
	}
	st.out.put(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Granted{Granted: &clientv1.Granted{
		Id: cl.id, Fence: uint64(cl.fence), Stamp: st.pinged, HadPing: st.hadPing,
		Session: uint64(cl.session), LeaseRemainingNs: int64(left),
	}}})
}

// Refused is broadcast.Claimant's.
func (cl *claim) Refused(_ token.Waiter, err error) {
	c := cl.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.state == waiting {
		cl.answer = refused(cl.id, claimFault(err))
	}
	cl.done()
}

// done answers a claim that is over, and takes it off the list. The caller has the
// client's lock.
func (cl *claim) done() {
	if cl.answer != nil {
		cl.stream.out.put(cl.answer)
	}
	cl.client.end(cl)
}

// tooLate ends a try that has found out nothing.
func (cl *claim) tooLate() {
	s := cl.client.service
	why := fault(clientv1.Code_CODE_BUSY, "whether the lock is in use could not be found out within %v", s.ttl)
	if l, _ := s.driver.Lease(); l.Session == 0 {
		why = fault(clientv1.Code_CODE_NO_SESSION, "%s has no session: it does not reach %d of the %d members",
			s.members[s.self], s.quorum, len(s.members))
	}
	c := cl.client
	c.mu.Lock()
	if cl.state != waiting {
		c.mu.Unlock()
		return
	}
	cl.state, cl.answer = withdrawn, refused(cl.id, why)
	c.mu.Unlock()
	s.driver.Withdraw(cl.claim)
}

// Warned is broadcast.Claimant's.
func (cl *claim) Warned(_ token.Waiter, why error) {
	c := cl.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.state != holding {
		return
	}
	now := c.service.driver.Now()
	end := cl.end()
	reason := clientv1.Reason_REASON_LAPSE
	switch {
	case errors.Is(why, broadcast.ErrBroken):
		reason = clientv1.Reason_REASON_BREAK
		cl.text = strings.TrimPrefix(why.Error(), broadcast.ErrBroken.Error()+" ")
	case errors.Is(why, broadcast.ErrStopped):
		reason = clientv1.Reason_REASON_NODE_LEAVING
	}
	if reason != clientv1.Reason_REASON_LAPSE {
		cl.settled, cl.ends = reason, end
		c.arm(now, end)
	}
	if cl.stream != nil {
		cl.stream.out.put(warned(cl, reason, end-now))
	}
}

// Lost is broadcast.Claimant's.
func (cl *claim) Lost(token.Waiter) {
	c := cl.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.state == holding {
		reason := clientv1.Reason_REASON_LAPSE
		if cl.settled != 0 {
			reason = cl.settled
		}
		cl.lose(reason)
	}
}

// lose tells the client that a hold is over. The caller has the client's lock.
func (cl *claim) lose(reason clientv1.Reason) {
	if cl.stream != nil {
		cl.stream.out.put(lost(cl.id, reason, cl.text))
	}
	cl.client.end(cl)
}

// The answers that more than one place gives.

func refused(id uint64, f *clientv1.Error) *clientv1.NodeMessage {
	return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Refused{Refused: &clientv1.Refused{Id: id, Error: f}}}
}

func lost(id uint64, reason clientv1.Reason, text string) *clientv1.NodeMessage {
	return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Lost{Lost: &clientv1.Lost{
		Ids: []uint64{id}, Reason: reason, Text: text,
	}}}
}

func warned(cl *claim, reason clientv1.Reason, left token.Time) *clientv1.NodeMessage {
	return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Warned{Warned: &clientv1.Warned{
		Ids: []uint64{cl.id}, Reason: reason, LeaseRemainingNs: max(0, int64(left)), Text: cl.text,
	}}}
}
