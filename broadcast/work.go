package broadcast

import (
	"time"

	"conch/token"
)

// Whoever posts an input while nobody works becomes the worker: it takes its own input,
// then those that others have queued meanwhile, performs the effects, and leaves. So one
// goroutine at a time has the node, and without a queue no input waits for another
// goroutine to wake up. The inbox decides who works, and in which order inputs are taken.

// batchLimit is how many inputs a poster takes before it leaves the rest to the relief
// goroutine.
const batchLimit = 32

// post hands an input to the driver. It reports false if the driver has ended.
func (d *Driver) post(in input) bool { return d.offer(in, nil) }

// offer is post, and also reports false if giveUp is closed while the inbox is full.
func (d *Driver) offer(in input, giveUp <-chan struct{}) bool {
	select {
	case <-d.dead:
		return false
	default:
	}
	work, ok := d.inbox.put(&in, giveUp, d.dead)
	if work {
		d.owner.work(&in, batchLimit)
	}
	return ok
}

// work takes inputs until none is left, or at least limit were taken. first is an input
// outside the inbox, or nil.
//
// Each input has a time of its own: the log's writer may take long, and nothing may be done
// in a session that is over by then.
func (o *owner) work(first *input, limit int) {
	lends := first != nil && first.endsHold()
	for {
		taken := 0
		if first != nil {
			o.takeNow(first)
			first, taken = nil, 1
		}
		o.batch = o.inbox.take(o.batch)
		for i := range o.batch {
			o.takeNow(&o.batch[i])
		}
		taken += len(o.batch)
		o.finish()
		lane := o.wakeSenders(lends && o.inbox.empty())
		told := o.wakeTold()
		idle := o.inbox.rest()
		switch {
		case lane == nil:
		case idle:
			lane.sendInPlace()
		default:
			lane.hand()
		}
		switch {
		case told == nil:
		case idle:
			told.Send()
		default:
			told.Wake()
		}
		switch limit -= taken; {
		case idle:
			return
		case limit <= 0:
			o.relief <- struct{}{} // there is room: nobody else works
			return
		}
	}
}

// wakeSenders wakes the senders of all streams whose queues were filled. If there is only
// one such stream and the worker lends itself, the worker gets that stream's lane instead,
// and sends on it once others may work.
//
// Only a worker whose input ends a hold lends itself: it sends a token, to a member that
// has answered within the last T and so reads. Any other worker might wait for a silent
// peer whose buffers are full.
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

// wakeTold has what clients were told sent. If that is one client, the worker gets its
// stream instead, and sends on it as soon as others may work: a client gets its lock
// without another goroutine having to wake up for it.
func (o *owner) wakeTold() (one ClientStream) {
	if len(o.told) == 1 {
		one = o.told[0]
	} else {
		for _, st := range o.told {
			st.Wake()
		}
	}
	clear(o.told)
	o.told = o.told[:0]
	return one
}

// takeNow takes an input, unless the driver has ended. If that panics, it first flushes the
// log, which shows what led to it.
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

// finish sends what the inputs caused, and sets the timer for the next tick.
func (o *owner) finish() {
	o.flush()
	o.log.flush()
	if o.ended {
		o.end()
		return
	}
	if next := min(o.node.NextTick(), o.table.NextTick()); next != o.armed {
		o.armed = next
		o.timer.Reset(time.Duration(next - o.clock()))
	}
}

// end marks the driver as ended.
func (o *owner) end() {
	select {
	case <-o.dead:
	default:
		o.timer.Stop()
		if o.storing.timer != nil {
			o.storing.timer.Stop()
		}
		close(o.dead)
	}
}

// start performs the effects of the node's start. Until it returns, nobody else works.
func (o *owner) start() {
	o.armed = -1
	o.timer = time.AfterFunc(time.Duration(token.Never), func() { o.post(input{kind: inputTick}) })
	o.now = o.clock()
	o.perform()
	o.forgetNotes()
	o.perform()
	o.finish()
	if !o.inbox.rest() {
		o.work(nil, batchLimit)
	}
}

// relieve works in place of posters that have reached their limit, until the driver ends.
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
