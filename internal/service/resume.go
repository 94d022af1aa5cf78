package service

import clientv1 "conch/proto/conch/client/v1"

// unheard reports whether a client asks for a lock that was granted to it on a stream
// which broke before it could hear of that.
func (c *client) unheard(a *clientv1.Acquire) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl := c.claims[a.GetId()]
	return cl != nil && cl.state == holding && cl.stream == nil && cl.lock == a.GetLock()
}

// resume takes up a hold that was granted on an earlier stream.
func (c *client) resume(st *stream, a *clientv1.Acquire) {
	lease, now := c.service.driver.Lease()
	c.mu.Lock()
	defer c.mu.Unlock()
	cl, fence := c.claims[a.GetId()], a.GetResumeFence()
	if cl == nil || cl.state != holding || cl.lock != a.GetLock() || fence != 0 && uint64(cl.fence) != fence {
		st.out.put(lost(a.GetId(), clientv1.Reason_REASON_CLIENT_LEASE, ""))
		return
	}
	cl.stream = st
	cl.tellGrant(lease)
	if cl.settled != 0 {
		st.out.put(warned(cl, cl.settled, cl.ends-now))
	}
}
