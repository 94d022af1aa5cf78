package stress

import (
	"context"
	"slices"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// perFrame is how many holds and waits a restatement has in each frame.
const perFrame = 8

// run acts until ctx ends. Then it closes whatever is open, without saying so.
func (c *client) run(ctx context.Context) {
	var newest *stream
	for ctx.Err() == nil {
		older := newest
		var err error
		if newest, err = c.replace(ctx, older); err != nil {
			newest = older
			pause(ctx, time.Millisecond)
			continue
		}
		for range 1 + c.random.IntN(20) {
			if ctx.Err() != nil || newest.isEnded() {
				break
			}
			c.act(newest)
			pause(ctx, time.Duration(c.random.Int64N(int64(c.scenario.Pace))))
		}
		if c.random.IntN(3) == 0 {
			c.leave(newest)
		}
	}
	if newest != nil {
		newest.close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		c.end(r, c.scenario.now(), "the end")
	}
}

// leave ends a stream in a random way.
func (c *client) leave(s *stream) {
	if c.random.IntN(2) == 0 {
		_ = s.attach.CloseSend() // half-closed: the node must end it
		select {
		case <-s.ended:
		case <-time.After(time.Duration(c.random.Int64N(int64(20 * time.Millisecond)))):
		}
	}
	s.cancel()
}

// replace opens a stream in place of an older one, which may still be open: then frames
// arrive late on the older one while the new one restates.
func (c *client) replace(ctx context.Context, older *stream) (*stream, error) {
	bytes := int64(1) << 40
	if c.random.IntN(4) == 0 {
		bytes = 100 + c.random.Int64N(4000)
	}
	c.mu.Lock()
	newest, err := c.open(ctx, c.scenario.address(c.random), bytes)
	if err != nil {
		c.mu.Unlock()
		return nil, err
	}
	restatement := c.restate()
	var late []*clientv1.ClientMessage
	if older != nil && !older.isEnded() {
		late = c.late()
	}
	c.mu.Unlock()
	newest.send(c.ping())
	if len(late) > 0 && c.random.IntN(2) == 0 {
		older.send(late...)
		late = nil
	}
	for frame := range slices.Chunk(restatement, perFrame) {
		newest.send(frame...)
		if c.random.IntN(4) == 0 {
			pause(ctx, time.Duration(c.random.Int64N(int64(c.scenario.TTL/20))))
		}
		if len(late) > 0 {
			older.send(late[0])
			late = late[1:]
		}
	}
	if older != nil {
		older.send(late...)
		older.close()
	}
	return newest, nil
}

// restate is what a new stream asks for again: holds that last, by their fences, and waits
// under their ids, some of which are given up instead.
func (c *client) restate() []*clientv1.ClientMessage {
	now := c.scenario.now()
	c.expire(now)
	var messages []*clientv1.ClientMessage
	for _, r := range c.sorted() {
		switch {
		case r.until != 0:
			messages = append(messages, resume(r))
		case r.asked && c.random.IntN(2) == 0:
			messages = append(messages, acquire(r, clientv1.Acquire_MODE_WAIT))
		case r.hold.Fence != 0:
			messages = append(messages, c.give(r, now))
		default:
			c.end(r, now, "withdrawn")
		}
	}
	return messages
}

// late is what may arrive on a replaced stream: Pings, resumed holds, Withdraws, Releases
// and new requests.
func (c *client) late() []*clientv1.ClientMessage {
	messages := []*clientv1.ClientMessage{c.ping()}
	for _, r := range c.sorted() {
		switch c.random.IntN(8) {
		case 0, 1, 2:
			if r.until != 0 {
				messages = append(messages, resume(r))
			}
		case 3:
			c.end(r, c.scenario.now(), "withdrawn late")
			messages = append(messages, withdraw(r.id))
		case 4:
			if r.until != 0 {
				c.end(r, c.scenario.now(), "released late")
				messages = append(messages, release(r))
			}
		}
	}
	r, m := c.ask(clientv1.Acquire_MODE_WAIT)
	c.end(r, c.scenario.now(), "") // it was never attached
	return append(messages, m)
}

// act sends one random frame on the newest stream.
func (c *client) act(s *stream) {
	c.mu.Lock()
	now := c.scenario.now()
	c.expire(now)
	messages := []*clientv1.ClientMessage{}
	if c.random.IntN(2) == 0 {
		messages = append(messages, c.ping())
	}
	switch c.random.IntN(4) {
	case 0: // pairs
		for range 1 + c.random.IntN(8) {
			r, m := c.ask(clientv1.Acquire_MODE_WAIT)
			c.end(r, now, "withdrawn")
			messages = append(messages, m, withdraw(r.id))
		}
	case 1: // waits, and a try
		for range 1 + c.random.IntN(4) {
			_, m := c.ask(clientv1.Acquire_MODE_WAIT)
			messages = append(messages, m)
		}
		_, m := c.ask(clientv1.Acquire_MODE_TRY)
		messages = append(messages, m)
	case 2: // nothing but the Ping
	}
	if c.random.IntN(8) != 0 { // or they are forgotten, and go back when the lease is over
		messages = append(messages, c.giveUnwanted(now)...)
	}
	c.unwanted = nil
	for _, r := range c.sorted() {
		switch {
		case r.until == 0 && r.hold.Fence != 0: // granted without a lease
			messages = append(messages, c.give(r, now))
		case r.until != 0 && c.random.IntN(2) == 0:
			messages = append(messages, c.give(r, now))
		case r.until == 0 && c.random.IntN(3) == 0:
			c.end(r, now, "withdrawn")
			messages = append(messages, withdraw(r.id))
		}
	}
	c.mu.Unlock()
	s.send(messages...)
}

// give gives a lock back.
func (c *client) give(r *request, now int64) *clientv1.ClientMessage {
	c.end(r, now, "released")
	return release(r)
}

// giveUnwanted gives back locks that were granted on older streams. The node may also have
// told the newest stream of such a grant, or may do so later.
func (c *client) giveUnwanted(now int64) []*clientv1.ClientMessage {
	var messages []*clientv1.ClientMessage
	for _, u := range c.unwanted {
		if r := c.requests[u.id]; r != nil && r.hold.Fence == u.hold.Fence {
			c.end(r, now, "given back")
		}
		c.returned[grant{u.id, u.hold.Fence}] = true
		messages = append(messages, release(&u))
	}
	return messages
}

// sorted are the requests by id, so that a seed draws the same again.
func (c *client) sorted() []*request {
	var all []*request
	for _, r := range c.requests {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *request) int { return int(a.id) - int(b.id) })
	return all
}

// pause lets some time pass, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
