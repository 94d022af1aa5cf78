package attachment

import (
	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// state is how far a claim has come.
type state uint8

const (
	// waiting: the node is asked, or will be.
	waiting state = iota + 1
	// granted: the node has granted the lock, but no lease that lasts still. The next
	// Pong of the same session brings it.
	granted
	// holding: the lock is held, for as long as the lease lasts.
	holding
	// withdrawing: the node is to forget the claim, and will say that it has.
	withdrawing
	// releasing: the node is to take the lock back, and will say that it has.
	releasing
	// ending: the node is to note that the run is done and take the lock back, and will say
	// what became of that.
	ending
	// over: nothing more is said of it.
	over
)

// claim is a wait for a lock and the hold that comes of it.
type claim struct {
	handle Claim  // 0 once nobody is to be told of it
	id     uint64 // on the wire, not 0; another one if it has to be asked for anew
	lock   string
	limit  token.Limit // the mode
	try    bool
	run    *runs.Request // nil if it is for no run
	keep   *runs.Keep    // nil if the hold is not kept
	state  state
	queued bool // in the queue
	sent   bool // the present stream carried its Acquire

	fence   token.Fence   // since it was granted
	session token.Session // the node's, in which it was granted
	// confirmed is the number of the stream on which the node said Granted last. Only on
	// that stream does anything extend the claim's lease or let a hold begin: before the
	// node has read of a hold again it keeps it until its old end only, whatever it
	// answers to a Ping.
	confirmed uint64
	end       token.Time
	settled   Cause // why nothing extends it any more; 0 if something may
	text      string
	// lost: the hold, which is kept, was lost before it was released.
	lost bool
	// ran is how long the run lasted that is ending, and runEnd how it ended.
	ran    token.Time
	runEnd *runs.End
	// value is what the holder said last, number counts what it said, and heard is the
	// number that the node answered last. sentNumber is the number that was sent last on the
	// present stream; 0 for none.
	value                     string
	number, heard, sentNumber uint64
	// warned: the holder was told of the end that it has now.
	warned bool
	// nodeWarned: the node warned of a lapse while this was the end; zero before.
	nodeWarned token.Time
}

// message returns what is to be said of a claim on a new place in the stream that has a
// number; false if nothing is.
func (c *claim) message(stream uint64) (frames.ClientMessage, bool) {
	switch c.state {
	case waiting:
		if c.sent {
			return frames.ClientMessage{}, false // it was given up, and taken up before the node was told
		}
		c.sent = true
		return c.acquire(), true
	case granted, holding:
		if c.confirmed == stream {
			return c.say(stream)
		}
		c.sent = true
		m := c.acquire()
		m.ResumeFence, m.Run, m.Keep = c.fence, nil, nil
		return m, true
	case withdrawing:
		return frames.ClientMessage{Kind: frames.Withdraw, ID: c.id}, true
	case releasing:
		return frames.ClientMessage{Kind: frames.Release, ID: c.id, Lock: c.lock, Fence: c.fence, Lost: c.lost}, true
	case ending:
		return c.endRun(), true
	case over:
	}
	return frames.ClientMessage{}, false
}

// acquire is what asks for the lock.
func (c *claim) acquire() frames.ClientMessage {
	return frames.ClientMessage{Kind: frames.Acquire, ID: c.id, Lock: c.lock, Limit: c.limit, Try: c.try, Run: c.run, Keep: c.keep}
}

// asks reports whether what is to be said of the claim wants a lease.
func (c *claim) asks() bool { return c.state == waiting || c.state == granted || c.state == holding }

// add gives a claim a new id.
func (a *Attachment) add(c *claim) {
	a.lastID++
	c.id = a.lastID
	a.claims.add(c.id, c)
}

// tell answers a claim for good: nothing is said of it to anybody any more.
func (a *Attachment) tell(c *claim, e Effect) {
	if c.handle == 0 {
		return
	}
	e.Claim = c.handle
	a.emit(e)
	a.disown(c)
}

// disown notes that nobody wants to hear of a claim any more.
func (a *Attachment) disown(c *claim) {
	if c.handle != 0 {
		a.handles.set(uint64(c.handle), nil)
		c.handle = 0
	}
}

// lose tells the holder that its hold is over. Why its end was settled comes first.
func (a *Attachment) lose(now token.Time, c *claim, e Effect) {
	if c.settled != 0 {
		e.Cause, e.Text = c.settled, c.text
	}
	e.Kind, e.Fence, e.End, e.Times = Lost, c.fence, c.end, a.times(now, c.end)
	a.tell(c, e)
}

// warn tells the holder that its hold ends soon, or may.
func (a *Attachment) warn(now token.Time, c *claim, cause Cause) {
	if c.warned {
		return
	}
	c.warned = true
	if c.handle == 0 {
		return
	}
	if c.settled != 0 {
		cause = c.settled
	}
	a.emit(Effect{
		Kind: Warned, Claim: c.handle, Fence: c.fence, Cause: cause, Text: c.text,
		End: c.end, Times: a.times(now, c.end),
	})
}

// withdraw ends a wait.
func (a *Attachment) withdraw(c *claim) {
	if !c.sent {
		a.finish(c)
		return
	}
	c.state = withdrawing
	a.enqueue(c)
	a.leftOver = append(a.leftOver, c)
}

// enqueue has what there is to be said of a claim sent.
func (a *Attachment) enqueue(c *claim) {
	if a.ended {
		a.drop(c)
		return
	}
	if !c.queued {
		c.queued = true
		a.queue = append(a.queue, c)
	}
}

// drop says no more of a claim of which the node may not have heard all.
func (a *Attachment) drop(c *claim) {
	if c.state == releasing && c.keep != nil && !c.lost {
		a.unheard++
	}
	a.finish(c)
}

// finish says no more of a claim.
func (a *Attachment) finish(c *claim) {
	if c.state == over {
		return
	}
	c.state = over
	a.disown(c)
	a.claims.set(c.id, nil)
	a.live--
	a.checkFinished()
}

// anew asks for a lock once more, under a new id. If anything is left to be said of the
// old one, a claim that nobody waits for says it.
func (a *Attachment) anew(c *claim, left state) {
	if left == over {
		a.claims.set(c.id, nil)
	} else {
		rest := &claim{id: c.id, lock: c.lock, state: left, fence: c.fence}
		a.claims.set(rest.id, rest)
		a.live++
		a.enqueue(rest)
	}
	c.state, c.sent = waiting, false
	c.fence, c.session, c.confirmed, c.end = 0, 0, 0, 0
	a.add(c)
	a.enqueue(c)
}

// leave notes that the node is stopping. Those who wait move on at once; holds stay.
func (a *Attachment) leave() {
	if a.leaving {
		return
	}
	a.leaving = true
	a.endWaits(Effect{Kind: Moved})
}

// endWaits answers all who wait, and has the node forget their claims.
func (a *Attachment) endWaits(answer Effect) {
	for _, e := range a.claims.entries {
		c := e.claim
		switch {
		case c == nil:
		case c.state == waiting:
			a.tell(c, answer)
			a.withdraw(c)
		case c.state == granted:
			a.tell(c, answer)
			c.state = releasing
			a.enqueue(c)
		}
	}
}
