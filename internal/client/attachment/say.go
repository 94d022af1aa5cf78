package attachment

import (
	"fmt"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// Say has the value of a hold changed. Said follows, with the number that Say returns or a
// higher one, unless the hold ends before. The number is 0 if the claim is no hold, or no
// stream is opened any more. Of values that were not sent, only the latest is.
func (a *Attachment) Say(now token.Time, claim Claim, value string) (number uint64) {
	a.expire(now)
	c := a.handles.find(uint64(claim))
	if c == nil || c.state != holding || a.ended {
		return 0
	}
	c.number++
	c.value = value
	a.enqueue(c)
	return c.number
}

// says reports whether a value is to be sent on the stream that has a number.
func (c *claim) says(stream uint64) bool {
	return c.state == holding && c.confirmed == stream && c.number > c.heard && c.number > c.sentNumber
}

// say returns the value that is to be sent; false if none is.
func (c *claim) say(stream uint64) (frames.ClientMessage, bool) {
	if !c.says(stream) {
		return frames.ClientMessage{}, false
	}
	c.sentNumber = c.number
	return frames.ClientMessage{Kind: frames.Say, ID: c.id, Lock: c.lock, Fence: c.fence, Number: c.number, Value: c.value}, true
}

// size is how many messages of a usual size what is to be said of a claim is as long as.
func (c *claim) size(stream uint64) int {
	switch {
	case c.says(stream):
		return 1 + token.MaxValueBytes/usualBytes
	case c.state == ending:
		return 1 + (runs.MaxTextBytes+noteBytes)/usualBytes
	case c.run != nil || c.keep != nil:
		return 1 + (token.MaxOwnerBytes+noteBytes)/usualBytes
	}
	return 1
}

// usualBytes is the size of all other messages: maxFrame of them are within a frame.
const usualBytes = 341

// noteBytes are more than what else a message about a run or a kept hold has.
const noteBytes = 64

func (a *Attachment) receiveSaid(m frames.NodeMessage) error {
	c, err := a.find(m.ID)
	switch {
	case err != nil || c == nil:
		return err
	case m.Number == 0 || m.Number > c.number:
		return fmt.Errorf("got Said with the number %d for the id %d, which has said %d values", m.Number, m.ID, c.number)
	case m.Number <= c.heard:
		return nil
	}
	c.heard = m.Number
	if c.handle != 0 {
		a.emit(Effect{Kind: Said, Claim: c.handle, Number: m.Number, Refusal: m.Refusal})
	}
	return nil
}
