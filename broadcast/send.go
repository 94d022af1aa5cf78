package broadcast

import (
	"context"
	"sync"

	"conch/broadcast/wire"
	"conch/token"
)

// lane is the right to send on a stream, which one goroutine has at a time: the
// stream's own sender, or a local caller whose release has just passed a token on,
// and who spares the token the wait for the sender to wake up.
type lane struct {
	call   call
	budget wire.FrameBudget

	mu    sync.Mutex
	spare []token.Message // what the queue goes on with
	frame wire.SentFrame
}

// sendQueued sends what is queued. It reports whether the queue was closed, and false if
// the stream has ended. The caller has the lane.
func (out *outgoing) sendQueued() (closed, ok bool) {
	lane := &out.lane
	messages, closed := out.queue.take(lane.spare)
	lane.spare = messages
	for rest := messages; len(rest) > 0; {
		k := lane.budget.Fit(rest)
		lane.frame.Messages = rest[:k]
		if lane.call.SendMsg(&lane.frame) != nil {
			return closed, false
		}
		rest = rest[k:]
	}
	return closed, true
}

// send sends what is queued until the stream ends. When the queue was closed it
// says so to the peer, and waits for the peer to end the stream, which shows that
// all has arrived.
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

// sendInPlace sends what is queued, once, and gives the lane back.
func (out *outgoing) sendInPlace() {
	defer out.lane.mu.Unlock()
	// What a stream's end is, its own goroutines find out; and for the end of the queue
	// the sender was woken.
	_, _ = out.sendQueued()
}

// hand leaves the lane, and what is queued, to the sender.
func (out *outgoing) hand() {
	out.lane.mu.Unlock()
	out.queue.signal()
}
