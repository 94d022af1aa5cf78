package broadcast

import (
	"cmp"
	"fmt"
	"slices"

	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

// takeEnd takes one of the steps in which a driver ends.
func (o *owner) takeEnd(now token.Time, in *input) {
	switch in.kind {
	case inputStop:
		if o.finishSaving(); o.ended {
			return
		}
		o.table.Stop(now)
		o.perform()
		o.node.Retire(now)
	case inputAbandon:
		o.abandon()
	case inputFlush:
		if o.finishSaving(); o.ended {
			return
		}
		if o.finishWriting(); o.ended {
			return
		}
		o.perform() // what is noted is answered
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

// abandon tells the holders that they have lost their locks. The tokens stay: a holder may
// still be at work, so nobody else may enter before the session is over.
func (o *owner) abandon() {
	type hold struct {
		lock  string
		id    token.Waiter
		fence token.Fence
		mode  token.Limit
	}
	var holds []hold
	o.table.Holders(o.now, func(lock string, h claims.Holder) { holds = append(holds, hold{lock, h.ID, h.Fence, h.Limit}) })
	slices.SortFunc(holds, func(a, b hold) int { return cmp.Or(cmp.Compare(a.lock, b.lock), cmp.Compare(a.id, b.id)) })
	for _, h := range holds {
		o.node.InspectLock(h.lock, &o.view)
		o.log.lost(h.lock, h.fence, h.mode, o.view.RequestNumbers)
	}
	o.table.Abandon(o.now)
}

// fail ends the driver at once, since it cannot go on.
func (o *owner) fail(err error) {
	o.log.nodeFailed(err)
	o.endWith(err, "the node has failed")
}

// endWith ends the driver at once. Clients are told of the error, and what it means.
func (o *owner) endWith(err error, means string) {
	o.err = err
	o.abandon()
	o.table.Fail(o.now, frames.Refuse(frames.CodeNodeLeaving, "%s: %v", means, err))
	o.performClaims()
	o.ended = true
	o.endLife(err)
}
