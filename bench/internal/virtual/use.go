package virtual

import "conch/token"

// Elsewhere has the members enter in turns, nobody competing, so that the token is
// always at another member.
func (c *Cluster) Elsewhere(grants int) error {
	for range grants {
		c.turn = (c.turn + 1) % token.Member(len(c.nodes))
		if err := c.enter(c.turn); err != nil {
			return err
		}
	}
	return nil
}

// Here has the member enter again and again that has the token.
func (c *Cluster) Here(grants int) error {
	for range grants {
		if err := c.enter(c.turn); err != nil {
			return err
		}
	}
	return nil
}

// enter lets one member in, and out again, and everybody know.
func (c *Cluster) enter(m token.Member) error {
	c.acquire(m, 1)
	h, err := c.await()
	if err != nil {
		return err
	}
	c.release(h)
	c.Pass(latency)
	return nil
}

// Crowd has some waiters ask at every member.
func (c *Cluster) Crowd(waiters int) {
	for m := range c.nodes {
		for w := range waiters {
			c.acquire(token.Member(m), token.Waiter(w)+1)
		}
	}
}

// Saturated lets waiters in who ask again as soon as they have left. With two of them
// at a member somebody waits there whenever the token goes on, so requests ride.
func (c *Cluster) Saturated(grants int) error {
	for range grants {
		h, err := c.await()
		if err != nil {
			return err
		}
		c.Pass(latency) // in the critical section
		c.release(h)
		c.acquire(h.at, h.waiter)
	}
	return nil
}
