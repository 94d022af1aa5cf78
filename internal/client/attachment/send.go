package attachment

import (
	"conch/internal/frames"
	"conch/token"
)

// maxFrame is how many messages are sent as one frame unless Config says otherwise: such
// a frame is within 16 KiB.
const maxFrame = 48

// pingShare of a time to live is the time between Pings.
const pingShare = 4

// Due reports whether Take has something to do on the present stream.
func (a *Attachment) Due() bool {
	return a.up && !a.closing && (a.Queued() > 0 || a.pingDue || a.isDone())
}

// Queued returns how many claims there is something to be said of.
func (a *Attachment) Queued() int { return len(a.queue) - a.taken }

// isDone reports whether nothing is left to be done at this node.
func (a *Attachment) isDone() bool { return a.live == 0 && (a.leaving || a.draining) }

// Take returns what is to be sent on the present stream as one frame; empty if nothing
// is. More may be due after it. What it returns is valid until the next Take. A Ping comes
// before what wants a lease.
func (a *Attachment) Take(now token.Time) []frames.ClientMessage {
	if !a.up || a.closing {
		return nil
	}
	asks := false
	a.frame = append(a.frame[:0], frames.ClientMessage{}) // room for a Ping
	for size := 1; a.taken < len(a.queue); {
		c := a.queue[a.taken]
		length := c.size(a.streams)
		if len(a.frame) > 1 && size+length > a.maxFrame {
			break
		}
		a.queue[a.taken] = nil
		a.taken++
		c.queued = false
		if m, ok := c.message(a.streams); ok {
			asks = asks || c.asks()
			a.frame = append(a.frame, m)
			size += length
		}
	}
	if a.taken == len(a.queue) {
		a.queue, a.taken = a.queue[:0], 0
		clear(a.leftOver)
		a.leftOver = a.leftOver[:0]
	}
	frame := a.frame
	if a.pingDue || asks && (!a.pinged || now-a.stamp >= a.ttl/pingShare) {
		frame[0] = a.ping(now)
	} else {
		frame = frame[1:]
	}
	if a.isDone() && a.Queued() == 0 {
		a.closing = true
		a.emit(Effect{Kind: CloseStream})
		a.await(now) // the node is to end the stream
	}
	return frame
}

// ping makes a Ping. Its stamp is taken before it is sent, so that the lease is not
// longer than the node means it.
func (a *Attachment) ping(now token.Time) frames.ClientMessage {
	a.pingDue, a.pinged = false, true
	a.stamp = max(now, a.stamp+1)
	a.await(now)
	return frames.ClientMessage{Kind: frames.Ping, Stamp: a.stamp}
}

// duePing has a Ping sent.
func (a *Attachment) duePing(now token.Time) {
	a.pingDue = true
	a.await(now)
}

// await notes that the node is to say something from now on.
func (a *Attachment) await(now token.Time) {
	if !a.awaiting {
		a.awaiting, a.unanswered = true, now
	}
	a.arm(a.unanswered + a.ttl)
}
