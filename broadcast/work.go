package broadcast

import (
	"time"

	"conch/token"
)

// Whoever has an input for the driver works for it, if nobody else does: it takes its
// input, and what others have put into the inbox meanwhile, performs what comes of
// them, and goes. So one goroutine at a time has the node, and where there is no queue
// an input waits for no other goroutine to wake up.
//
// What counts is pending: of the inputs that are to be taken, how many are known of.
// Who raises it from 0 has to work until it is 0 again.

// longestSpell is how many inputs a goroutine takes that has come with one of its own,
// before it leaves the others to the goroutine that the driver has for that.
const longestSpell = 32

// post hands an input to the driver. It reports false if the driver has ended.
func (d *Driver) post(in input) bool { return d.offer(in, nil) }

// offer is post by one who gives up when the channel is closed; it then reports false,
// too.
func (d *Driver) offer(in input, giveUp <-chan struct{}) bool {
	select {
	case <-d.dead:
		return false
	default:
	}
	if d.pending.CompareAndSwap(0, 1) {
		d.owner.work(&in, longestSpell)
		return true
	}
	select {
	case d.inbox <- in:
	case <-giveUp:
		return false
	case <-d.dead:
		return false
	}
	if d.pending.Add(1) == 1 {
		d.owner.work(nil, longestSpell)
	}
	return true
}

// work takes inputs until none is pending, or more than a spell of them were taken. The
// first may be one that is not in the inbox.
//
// Each input has a time of its own: the log's writer may take long, and nothing may
// be done in a session that is over by then.
func (o *owner) work(first *input, spell int) {
	lends := first != nil && first.kind.endsHold()
	for {
		taken := int64(0)
		if first != nil {
			o.takeNow(first)
			first, taken = nil, 1
		}
		for range o.pending.Load() - taken {
			in := <-o.inbox
			o.takeNow(&in)
			taken++
		}
		o.finish()
		lane := o.wakeSenders(lends && o.pending.Load() == taken)
		idle := o.pending.Add(-taken) == 0
		switch {
		case lane == nil:
		case idle:
			lane.sendInPlace()
		default:
			lane.hand()
		}
		switch spell -= int(taken); {
		case idle:
			return
		case spell <= 0:
			o.relief <- struct{}{} // there is room: nobody else works
			return
		}
	}
}

// wakeSenders sees to it that what the streams' queues were filled with is sent. Where
// it is for one stream only, and whoever works lends itself to that, it is given the
// lane of that stream, to send on it when others may work.
//
// Only who ends a hold lends itself: what it sends is a token, to a member that has
// answered within the last T and so reads what it is sent. Others might wait for a peer
// that has fallen silent, and whose buffers are full.
func (o *owner) wakeSenders(lends bool) (lane *outgoing) {
	if lends && len(o.filled) == 1 && o.filled[0].lane.mu.TryLock() {
		lane = o.filled[0]
	} else {
		for _, out := range o.filled {
			out.queue.signal()
		}
	}
	clear(o.filled)
	o.filled = o.filled[:0]
	return lane
}

// takeNow takes an input, if the driver has not ended. Where that panics, the log tells
// what has led to it.
func (o *owner) takeNow(in *input) {
	if o.ended {
		return
	}
	taken := false
	defer func() {
		if !taken {
			o.log.flush()
		}
	}()
	o.take(o.clock(), in)
	taken = true
}

// finish sends what the inputs brought about, and sees to it that the node hears of the
// time.
func (o *owner) finish() {
	o.flush()
	o.log.flush()
	if o.ended {
		o.end()
		return
	}
	if next := o.node.NextTick(); next != o.armed {
		o.armed = next
		o.timer.Reset(time.Duration(next - o.clock()))
	}
}

// end says that the driver has ended.
func (o *owner) end() {
	select {
	case <-o.dead:
	default:
		o.timer.Stop()
		close(o.dead)
	}
}

// start performs what came of the node's start. Until it returns, nobody else works.
func (o *owner) start() {
	o.armed = -1
	o.timer = time.AfterFunc(time.Duration(token.Never), func() { o.post(input{kind: inputTick}) })
	o.now = o.clock()
	o.perform()
	o.finish()
	if o.pending.Add(-1) > 0 {
		o.work(nil, longestSpell)
	}
}

// relieve works in place of those who have worked for a spell, until the driver ends.
func (o *owner) relieve() {
	for {
		select {
		case <-o.relief:
			o.work(nil, int(^uint(0)>>1))
		case <-o.dead:
			return
		}
	}
}
