package client

import (
	"fmt"

	clientv1 "conch/proto/conch/client/v1"
)

// leave notes that the node is stopping. Those who wait move on at once; holds stay.
func (a *attachment) leave() {
	if a.leaving {
		return
	}
	a.leaving = true
	for _, c := range a.claims {
		switch c.state {
		case waiting:
			c.reply(errMoved)
			a.withdraw(c)
		case granted:
			c.reply(errMoved)
			c.state = releasing
			a.enqueue(c)
		case holding, withdrawing, releasing, over:
		}
	}
	signal(a.wake)
}

// withdraw ends a wait.
func (a *attachment) withdraw(c *claim) {
	if !c.sent {
		a.finish(c)
		return
	}
	c.state = withdrawing
	a.enqueue(c)
}

// admits reports whether the node may be asked for locks.
func (a *attachment) admits() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.admitsLocked()
}

func (a *attachment) admitsLocked() bool { return a.ended == nil && !a.leaving && !a.draining }

// ask begins a claim, which is then to be sent. It reports false if the node may not be
// asked.
func (a *attachment) ask(lock string, mode clientv1.Acquire_Mode) (*claim, <-chan error, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.admitsLocked() {
		return nil, nil, false
	}
	answer := make(chan error, 1)
	c := &claim{attachment: a, lock: lock, mode: mode, answer: answer, state: waiting}
	a.add(c)
	a.queueUp(c)
	a.arm(a.client.clock() + a.ttl/4)
	return c, answer, true
}

// add gives a claim a new id.
func (a *attachment) add(c *claim) {
	a.lastID++
	c.id = a.lastID
	a.claims[c.id] = c
}

// enqueue has what there is to be said of a claim sent.
func (a *attachment) enqueue(c *claim) {
	if a.ended != nil {
		a.finish(c)
		return
	}
	a.queueUp(c)
	signal(a.wake)
}

// queueUp puts a claim in line to be sent, unless it stands there.
func (a *attachment) queueUp(c *claim) {
	if !c.queued {
		c.queued = true
		a.queue = append(a.queue, c)
	}
}

// finish says no more of a claim.
func (a *attachment) finish(c *claim) {
	c.state = over
	delete(a.claims, c.id)
	if len(a.claims) == 0 {
		signal(a.wake) // the sender may be done
		signal(a.rearm)
	}
}

// anew asks for a lock once more, under a new id. If anything is left to be said of the
// old one, a claim that nobody waits for says it.
func (a *attachment) anew(c *claim, left state) {
	delete(a.claims, c.id)
	if left != over {
		rest := &claim{attachment: a, lock: c.lock, id: c.id, state: left, fence: c.fence}
		a.claims[rest.id] = rest
		a.enqueue(rest)
	}
	c.state, c.sent = waiting, false
	c.fence, c.session, c.end = 0, 0, 0
	a.add(c)
	a.enqueue(c)
}

// giveUp ends a wait whose caller has gone, and returns what to tell it. A lock that was
// granted in that moment is released.
func (a *attachment) giveUp(c *claim, cause error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.answer, c.released = nil, true
	switch c.state {
	case waiting:
		a.withdraw(c)
	case granted, holding:
		c.state = releasing
		a.enqueue(c)
	case withdrawing, releasing, over:
	}
	if a.noSession {
		return fmt.Errorf("%w: %w", cause, ErrNoSession)
	}
	return cause
}

// drain ends all waits and holds, for the client ends. Holds are not released: who held
// them may not be done. What was released or withdrawn is still told to the node.
func (a *attachment) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
	for _, c := range a.claims {
		switch c.state {
		case holding:
			c.lose(c.loss(errClosed))
			a.finish(c)
		case waiting:
			c.reply(errClosed)
			a.withdraw(c)
		case granted:
			c.reply(errClosed)
			c.state = releasing
			a.enqueue(c)
		case withdrawing, releasing, over:
		}
		// The node says that it has heard of a release when it has something else to say.
		a.pingDue = a.pingDue || c.state == releasing
	}
	signal(a.wake)
	signal(a.rearm)
}

// hold returns the hold that a claim has become.
func (a *attachment) hold(c *claim) Hold {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Hold{claim: c, fence: c.fence}
}

// undelivered returns how many releases the node has not answered.
func (a *attachment) undelivered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, c := range a.claims {
		if c.state == releasing {
			n++
		}
	}
	return n
}
