package service

import (
	"context"

	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// history is a client's latest holds that are over, so that a release which comes late
// or twice is told from one that makes no sense.
type history struct {
	entries []ended
	next    int
}

// ended is a hold that is over.
type ended struct {
	lock  string
	fence token.Fence
}

// historyLength is how many holds a client's history has.
const historyLength = 256

func (h *history) add(lock string, fence token.Fence) {
	e := ended{lock, fence}
	if len(h.entries) < historyLength {
		h.entries = append(h.entries, e)
		return
	}
	h.entries[h.next] = e
	h.next = (h.next + 1) % historyLength
}

func (h *history) has(lock string, fence token.Fence) bool {
	for _, e := range h.entries {
		if e == (ended{lock, fence}) {
			return true
		}
	}
	return false
}

// release ends a hold, if it is the one that the client means.
func (c *client) release(st *stream, r *clientv1.Release) {
	c.mu.Lock()
	cl := c.held(r)
	before := cl == nil && c.past.has(r.GetLock(), token.Fence(r.GetFence()))
	if cl != nil {
		c.end(cl)
	}
	c.mu.Unlock()
	outcome := clientv1.Released_OUTCOME_RELEASED
	switch {
	case cl != nil:
	case before || c.service.granted(r.GetLock(), token.Fence(r.GetFence())):
		outcome = clientv1.Released_OUTCOME_ENDED_BEFORE
	default:
		outcome = clientv1.Released_OUTCOME_NOT_HELD
	}
	st.out.putLater(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Released{Released: &clientv1.Released{
		Id: r.GetId(), Lock: r.GetLock(), Fence: r.GetFence(), Outcome: outcome,
	}}})
	if cl != nil { // after the answer, which is not to come behind another's grant
		c.service.driver.ReleaseClaim(cl.claim)
	}
}

// held returns the hold that a release means; nil if there is none. The caller has the
// client's lock.
func (c *client) held(r *clientv1.Release) *claim {
	means := func(cl *claim) bool {
		return cl != nil && cl.state == holding && cl.lock == r.GetLock() && uint64(cl.fence) == r.GetFence()
	}
	if r.GetId() != 0 {
		if cl := c.claims[r.GetId()]; means(cl) {
			return cl
		}
		return nil
	}
	for _, cl := range c.claims {
		if means(cl) {
			return cl
		}
	}
	return nil
}

// granted reports whether the node knows of a grant of a lock with a fence, or of a
// later one.
func (s *Service) granted(lock string, fence token.Fence) bool {
	states, err := s.driver.LockStates(context.Background(), []string{lock})
	return err == nil && fence != 0 && states[0].Token != nil && states[0].Token.Fence >= fence
}
