package claims

import (
	"slices"

	"conch/internal/frames"
	"conch/token"
)

// client is a client process with its waits and holds, across its streams.
type client struct {
	incarnation frames.Incarnation
	caller      Caller
	// stream is its present one, nil if it has none. heard is when its last message came,
	// and pinged the stamp of its latest Ping, if hadPing.
	stream  Stream
	heard   token.Time
	pinged  token.Time
	hadPing bool
	// claims are its waits and holds by the client's own ids; holds counts the holds.
	claims map[uint64]*Claim
	// lease is the latest lease that the client was told; see lease.go.
	lease Lease
	// past are its latest ended holds, and ending counts those whose runs are in Table.ended.
	past   history
	ending int
	// answered is until when the client is remembered since an EndRun was answered; 0 if it
	// need not be.
	answered token.Time
	// due is the latest time for the next check of the client, 0 if none is needed. index
	// is its index in the queue of due clients.
	due   token.Time
	index int
}

// Attach makes a stream the present one of a client and ends an earlier one. It reports
// false if another caller's client has the incarnation.
func (t *Table) Attach(now token.Time, st Stream, id frames.Incarnation, caller Caller) bool {
	c := t.clients[id]
	switch {
	case c == nil:
		c = &client{incarnation: id, caller: caller, claims: make(map[uint64]*Claim)}
		t.clients[id] = c
	case c.caller.Identity != caller.Identity:
		return false
	case c.stream != nil:
		e := t.issue(EndStream)
		e.Stream, e.End = c.stream, Replaced
		t.detach(now, c, st)
	}
	c.stream, c.heard, c.hadPing = st, now, false
	t.streams[st] = c
	return true
}

// Detach says that a stream is over.
func (t *Table) Detach(now token.Time, st Stream) {
	if c := t.streams[st]; c != nil {
		t.detach(now, c, nil)
	}
}

// detach ends the waits of a client whose stream is over; next is the stream that replaces
// it, or nil. Its holds last until the lease that the client has now is over, unless
// another stream resumes them.
func (t *Table) detach(now token.Time, c *client, next Stream) {
	delete(t.streams, c.stream)
	c.stream = next
	for _, cl := range c.sorted() {
		if cl.holding {
			cl.ends, cl.stream = t.end(cl), nil
		} else {
			t.giveUp(now, cl)
		}
	}
	t.forget(c)
}

// forget drops a client that has neither stream nor claim, and waits for no answer.
func (t *Table) forget(c *client) {
	if c.stream == nil && len(c.claims) == 0 && c.ending == 0 && c.answered == 0 && t.clients[c.incarnation] == c {
		delete(t.clients, c.incarnation)
		t.disarm(c)
	}
}

func (c *client) remove(cl *Claim) {
	if cl.holding {
		c.past.add(cl.lock, cl.fence)
	}
	if c.claims[cl.number] == cl {
		delete(c.claims, cl.number)
	}
}

// sorted returns the claims of a client in the order of their ids.
func (c *client) sorted() []*Claim {
	if len(c.claims) == 0 {
		return nil
	}
	all := make([]*Claim, 0, len(c.claims))
	for _, cl := range c.claims {
		all = append(all, cl)
	}
	slices.SortFunc(all, byID)
	return all
}

// Receive takes a message from a stream. It ignores messages on a stream that is not its
// client's present one: they are too late.
func (t *Table) Receive(now token.Time, st Stream, m *frames.ClientMessage) {
	c := t.streams[st]
	if c == nil {
		return
	}
	c.heard = now
	switch m.Kind {
	case frames.Acquire:
		t.acquire(now, c, m)
	case frames.Withdraw:
		t.withdraw(now, c, m.ID)
	case frames.Release:
		t.release(now, c, m)
	case frames.Ping:
		t.ping(now, c, m.Stamp)
	case frames.Say:
		t.say(now, c, m)
	case frames.EndRun:
		t.endRun(now, c, m)
	}
}
