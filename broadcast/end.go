package broadcast

import (
	"fmt"
	"maps"
	"slices"

	"conch/token"
)

// takeEnd takes one of the steps in which a driver ends.
func (o *owner) takeEnd(now token.Time, in *input) {
	switch in.kind {
	case inputStop:
		o.refuseCallers(now)
		o.node.Retire(now)
	case inputAbandon:
		o.abandon()
	case inputFlush:
		o.flush()
		o.flushing = true
		for i := range o.peers {
			if out := o.peers[i].out; out != nil {
				out.queue.close()
			}
		}
	case inputFail:
		o.fail(in.err)
	case inputEnd:
		o.log.nodeStopped()
		o.ended = true
	default:
		panic(fmt.Sprintf("broadcast: input of unknown kind %d", in.kind))
	}
}

// refuseCallers ends the wait of all callers, lets no more in, and tells the holders.
func (o *owner) refuseCallers(now token.Time) {
	o.stopping = true
	for _, id := range o.callers() {
		if c := o.claims[id]; c.holding == 0 {
			o.withdraw(now, id, c, ErrStopped)
			o.perform()
		} else {
			o.settle(id, ErrStopped)
		}
	}
}

// abandon tells the holders that they have lost their locks. The tokens stay: a
// holder may still be at work, so nobody else may enter before the session is over.
func (o *owner) abandon() {
	var view token.LockView
	for _, id := range o.callers() {
		if c := o.claims[id]; c.holding != 0 {
			o.node.InspectLock(c.lock, &view)
			o.log.lost(c.lock, c.holding, view.RequestNumbers)
			o.lose(id)
		}
	}
}

// fail ends the driver at once.
func (o *owner) fail(err error) {
	o.abandon()
	o.err, o.ended = err, true
	for _, id := range o.callers() {
		o.claims[id].claimant.Refused(id, fmt.Errorf("%w: %w", ErrStopped, err))
	}
	o.endLife(err)
}

// callers lists all claims in the order in which they were made.
func (o *owner) callers() []token.Waiter { return slices.Sorted(maps.Keys(o.claims)) }
