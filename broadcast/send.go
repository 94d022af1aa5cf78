package broadcast

import (
	"context"
	"sync"

	"conch/broadcast/wire"
	"conch/token"
)

// lane is the right to send on a stream, which one goroutine has at a time: the stream's
// own sender, or a local caller whose release has just passed a token on. The caller sends
// itself, so that the token does not wait for the sender to wake up.
type lane struct {
	call call

	mu    sync.Mutex
	spare []token.Message // memory for the queue to reuse
	frame wire.SentFrame
}

// sendQueued sends the queued messages. It reports whether the queue was closed, and ok
// false if the stream has ended. The caller has the lane.
func (out *outgoing) sendQueued() (closed, ok bool) {
	lane := &out.lane
	messages, closed := out.queue.take(lane.spare)
	lane.spare = messages
	for rest := messages; len(rest) > 0; {
		k := wire.Fit(rest)
		lane.frame.Messages = rest[:k]
		if lane.call.SendMsg(&lane.frame) != nil {
			return closed, false
		}
		rest = rest[k:]
	}
	return closed, true
}

// send sends the queued messages until the stream ends. When the queue is closed it tells
// the peer, and waits for the peer to end the stream, which shows that all has arrived.
func (out *outgoing) send(ctx context.Context) {
	for {
		out.lane.mu.Lock()
		closed, ok := out.sendQueued()
		if ok && closed {
			ok = out.lane.call.CloseSend() == nil
		}
		out.lane.mu.Unlock()
		switch {
		case !ok:
			return
		case closed:
			<-ctx.Done()
			return
		}
		select {
		case <-out.queue.ready:
		case <-ctx.Done():
			return
		}
	}
}

// sendInPlace sends the queued messages once and gives the lane back.
func (out *outgoing) sendInPlace() {
	defer out.lane.mu.Unlock()
	// The stream's own goroutines find out its end; the sender was woken if the queue was
	// closed.
	_, _ = out.sendQueued()
}

// hand leaves the lane and the queue to the sender.
func (out *outgoing) hand() {
	out.lane.mu.Unlock()
	out.queue.signal()
}
