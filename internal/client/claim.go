package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// state is how far a claim has come.
type state uint8

const (
	// waiting: the node is asked, or will be.
	waiting state = iota + 1
	// granted: the node has granted the lock, but no lease that lasts still. The next
	// Pong of the same session brings it.
	granted
	// holding: the lock is held, for as long as the lease lasts.
	holding
	// withdrawing: the node is to forget the claim, and will say that it has.
	withdrawing
	// releasing: the node is to take the lock back, and will say that it has.
	releasing
	// over: nothing more is said of it.
	over
)

// errMoved answers a claim that the node will not grant, where another node may.
var errMoved = errors.New("to be asked of another node")

// claim is a wait for a lock and the hold that comes of it.
type claim struct {
	attachment *attachment
	lock       string
	mode       clientv1.Acquire_Mode
	// answer brings what came of waiting, nil for a hold. Exactly one is sent, and there
	// is room for it. It is nil where nobody waits.
	answer chan error

	// What follows is guarded by the attachment's lock.

	id     uint64 // not 0; a new one if it has to be asked for anew
	state  state
	queued bool // in the attachment's queue
	sent   bool // the present stream carried its Acquire

	fence   uint64 // since it was granted
	session uint64 // the node's, in which it was granted
	end     token.Time
	settled error // why no Pong extends it any more; nil if one may
	// warnedEnd is the end that the node has warned of; zero before.
	warnedEnd token.Time
	lost      error // why the hold is over; nil if it is not
	// released: the caller has ended the hold.
	released bool

	done    chan struct{} // closed at the loss; made when somebody asks for it
	warned  bool
	warning chan struct{} // closed at the first warning; made when somebody asks for it
}

// message returns what is to be said of a claim on a new place in the stream; nil if
// nothing is.
func (c *claim) message() *clientv1.ClientMessage {
	switch c.state {
	case waiting:
		c.sent = true
		return acquireMessage(&clientv1.Acquire{Id: c.id, Lock: c.lock, Mode: c.mode})
	case granted, holding: // on a stream that is not the one of the grant
		c.sent = true
		return acquireMessage(&clientv1.Acquire{Id: c.id, Lock: c.lock, Mode: c.mode, ResumeFence: c.fence})
	case withdrawing:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Withdraw{Withdraw: &clientv1.Withdraw{Id: c.id}}}
	case releasing:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{
			Id: c.id, Lock: c.lock, Fence: c.fence,
		}}}
	case over:
	}
	return nil
}

func acquireMessage(a *clientv1.Acquire) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: a}}
}

// reply answers the one who waits.
func (c *claim) reply(err error) {
	if c.answer != nil {
		c.answer <- err
		c.answer = nil
	}
}

// lose tells the holder that its hold is over.
func (c *claim) lose(why error) {
	if c.lost != nil {
		return
	}
	c.lost = why
	if c.done != nil {
		close(c.done)
	}
}

// warn tells the holder that its hold ends soon, or may.
func (c *claim) warn() {
	if c.warned {
		return
	}
	c.warned = true
	if c.warning != nil {
		close(c.warning)
	}
}

// loss says that a hold is lost for a reason, and why its end was settled, if it was.
func (c *claim) loss(reason error) error {
	if c.settled != nil {
		reason = c.settled
	}
	return fmt.Errorf("%w: %w", broadcast.ErrLost, reason)
}

// sortByID orders claims as they were asked for.
func sortByID(claims []*claim) {
	slices.SortFunc(claims, func(a, b *claim) int { return cmp.Compare(a.id, b.id) })
}
