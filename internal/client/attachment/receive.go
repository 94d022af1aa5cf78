package attachment

import (
	"fmt"
	"math"

	"conch/internal/frames"
	"conch/token"
)

// Receive takes a message of the present stream. An error ends the stream: the node does
// not keep to the protocol, so it is not to be believed any more. What comes late or twice
// is no error.
func (a *Attachment) Receive(now token.Time, m frames.NodeMessage) error {
	a.expire(now) // what the message says comes too late for those
	a.heard, a.awaiting = now, false
	switch m.Kind {
	case frames.Granted:
		return a.receiveGranted(now, m)
	case frames.Refused:
		return a.receiveRefused(now, m)
	case frames.Withdrawn:
		return a.receiveWithdrawn(m)
	case frames.Warned:
		return a.receiveWarned(now, m)
	case frames.Lost:
		return a.receiveLost(now, m)
	case frames.Released:
		return a.receiveReleased(m)
	case frames.Pong:
		return a.receivePong(now, m)
	case frames.Said:
		return a.receiveSaid(m)
	case frames.RunEnded:
		return a.receiveRunEnded(m)
	default:
		return fmt.Errorf("got a message of the kind %d, want %d to %d", m.Kind, frames.Granted, frames.RunEnded)
	}
}

// find returns the claim with an id; nil if it is over.
func (a *Attachment) find(id uint64) (*claim, error) {
	if id == 0 || id > a.lastID {
		return nil, fmt.Errorf("got the id %d, and this client has used 1 to %d", id, a.lastID)
	}
	return a.claims.find(id), nil
}

// checkLease checks the parts of a lease.
func (a *Attachment) checkLease(m frames.NodeMessage) error {
	switch {
	case m.Stamp <= 0 || m.Stamp > a.stamp:
		return fmt.Errorf("got the stamp %d, and the latest Ping had %d", m.Stamp, a.stamp)
	case m.Remaining < 0:
		return fmt.Errorf("got a lease that lasts %d ns, want 0 or more", m.Remaining)
	}
	return nil
}

// checkGranted checks what a Granted says whatever it is about.
func (a *Attachment) checkGranted(m frames.NodeMessage) error {
	switch {
	case m.Fence == 0 || m.Fence > math.MaxInt64:
		return fmt.Errorf("got a grant with the fence %d, want 1 to %d", m.Fence, int64(math.MaxInt64))
	case m.Session == 0:
		return fmt.Errorf("got a grant outside a session")
	case m.HadPing:
		return a.checkLease(m)
	}
	return nil
}

// receiveGranted begins a hold, or confirms it on this stream.
func (a *Attachment) receiveGranted(now token.Time, m frames.NodeMessage) error {
	c, err := a.find(m.ID)
	if err != nil {
		return err
	}
	if err := a.checkGranted(m); err != nil {
		return err
	}
	a.served = true
	switch {
	case c == nil: // it was given up, and the node is to give it up as well
		rest := &claim{id: m.ID, state: withdrawing}
		a.readd(rest)
		a.enqueue(rest)
		return nil
	case c.state == withdrawing: // the node will read of that
		c.fence = m.Fence // so it is not taken up
		return nil
	case c.state == releasing || c.state == ending: // likewise
		return nil
	case c.state != waiting && (c.fence != m.Fence || c.session != m.Session):
		return fmt.Errorf("got a grant with the fence %d of session %d, after one with the fence %d of session %d",
			m.Fence, m.Session, c.fence, c.session)
	}
	first := c.state != holding
	if c.state == waiting {
		c.state, c.fence, c.session = granted, m.Fence, m.Session
	}
	c.confirmed = a.streams
	if m.HadPing {
		end := leaseEnd(m.Stamp, m.Remaining, a.ttl)
		c.extend(end)
		a.learn(m.Session, end)
	}
	// The one lease of all holds is this one's, too. A node that leaves nothing of it
	// does so for a hold whose end is settled, and says that next.
	if m.Remaining > 0 && c.session == a.lease.session {
		c.extend(a.lease.end)
	}
	if first {
		a.begin(now, c)
	}
	if c.state == granted {
		a.duePing(now)
	}
	if c.says(a.streams) {
		a.enqueue(c)
	}
	return nil
}

// readd takes a claim in again under an id that was used.
func (a *Attachment) readd(c *claim) {
	a.claims.restore(c.id, c)
	a.live++
}

// receivePong takes a lease. Grants that waited for it begin; those of another session
// are worth nothing any more.
func (a *Attachment) receivePong(now token.Time, m frames.NodeMessage) error {
	if err := a.checkLease(m); err != nil {
		return err
	}
	a.pong = pong{had: true, came: now, stamp: m.Stamp}
	a.noSession = m.Session == 0
	if !a.noSession {
		a.learn(m.Session, leaseEnd(m.Stamp, m.Remaining, a.ttl))
	}
	for _, e := range a.claims.entries {
		switch c := e.claim; {
		case c == nil || c.state != granted:
		case c.session != m.Session:
			a.anew(c, releasing)
		default:
			a.begin(now, c)
		}
	}
	return nil
}

func (a *Attachment) receiveRefused(now token.Time, m frames.NodeMessage) error {
	c, err := a.find(m.ID)
	if err != nil || c == nil {
		return err
	}
	leaving := m.Refusal.Code == frames.CodeNodeLeaving
	a.served = a.served || !leaving
	switch c.state {
	case waiting, granted:
		answer := Effect{Kind: Refused, Refusal: m.Refusal}
		if leaving {
			answer = Effect{Kind: Moved, Refusal: m.Refusal}
		}
		a.tell(c, answer)
	case holding: // it was to be taken up again
		loss := Effect{Cause: CauseRefused, Refusal: m.Refusal}
		if leaving {
			loss = Effect{Cause: CauseNodeLeaving}
		}
		a.lose(now, c, loss)
	case releasing, ending: // its Released or RunEnded is still to come
		return nil
	case withdrawing, over:
	}
	a.finish(c)
	if leaving {
		a.leave()
	}
	return nil
}

func (a *Attachment) receiveWithdrawn(m frames.NodeMessage) error {
	c, err := a.find(m.ID)
	switch {
	case err != nil || c == nil:
		return err
	case c.state != withdrawing:
		return fmt.Errorf("got Withdrawn for the id %d, which was not withdrawn", m.ID)
	}
	a.finish(c)
	return nil
}

// receiveWarned: "With REASON_LAPSE it may still come to nothing. With REASON_BREAK and
// REASON_NODE_LEAVING the end is settled."
func (a *Attachment) receiveWarned(now token.Time, m frames.NodeMessage) error {
	settled := Cause(0)
	switch m.Reason {
	case frames.Lapse:
	case frames.Break:
		settled = CauseBroken
	case frames.NodeLeaving:
		settled = CauseNodeLeaving
	default:
		return fmt.Errorf("got Warned for the reason %d, want %d to %d", m.Reason, frames.Lapse, frames.NodeLeaving)
	}
	c, err := a.find(m.ID)
	if err != nil {
		return err
	}
	if m.Reason == frames.NodeLeaving {
		a.leave()
	}
	switch {
	case c == nil:
	case c.state == granted && settled != 0: // no Pong will make it a hold
		a.anew(c, releasing)
	case c.state == holding:
		switch {
		case c.settled != 0:
		case settled != 0:
			c.settled, c.text, c.warned = settled, m.Text, false
		default:
			c.nodeWarned = c.end
		}
		a.warn(now, c, CauseLapse)
	}
	return nil
}

func (a *Attachment) receiveLost(now token.Time, m frames.NodeMessage) error {
	loss := Effect{Text: m.Text}
	switch m.Reason {
	case frames.Lapse:
		loss.Cause = CauseLapse
	case frames.Break:
		loss.Cause = CauseBroken
	case frames.NodeLeaving:
		loss.Cause = CauseNodeLeaving
	case frames.ClientLease:
		loss.Cause = CauseClientLease
	default:
		return fmt.Errorf("got Lost for the reason %d, want %d to %d", m.Reason, frames.Lapse, frames.ClientLease)
	}
	c, err := a.find(m.ID)
	if err != nil {
		return err
	}
	if m.Reason == frames.NodeLeaving {
		a.leave()
	}
	switch {
	case c == nil:
	case c.state == granted: // it has not begun, so its caller waits still
		a.anew(c, over)
	case c.state == holding:
		a.lose(now, c, loss)
		a.finish(c)
	}
	return nil
}

func (a *Attachment) receiveReleased(m frames.NodeMessage) error {
	c, err := a.find(m.ID)
	switch {
	case err != nil || c == nil:
		return err
	case c.state != releasing || c.fence != m.Fence:
		return fmt.Errorf("got Released for the id %d with the fence %d, which was not released", m.ID, m.Fence)
	}
	a.finish(c)
	return nil
}
