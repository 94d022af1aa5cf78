package client

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/client/attachment"
	"conch/token"
)

// node is the shell around one attachment: the streams to one node, from the first until
// nothing is left to be done there. What to do is decided by the core.
type node struct {
	client *Client
	target Target
	// incarnation is that of the protocol's Hello. To the node, each attachment is a
	// client of its own.
	incarnation []byte
	ttl         token.Time // T, as the node says

	wake  chan struct{} // there is something to send
	rearm chan struct{} // the timer has to be set anew
	// finished is closed when nothing is held here any more and no stream is open.
	finished chan struct{}

	sending sync.Mutex // had by whoever sends; taken before mu

	mu      sync.Mutex
	core    *attachment.Attachment
	claims  map[attachment.Claim]*claim // that the core may tell something of
	stream  *stream                     // nil while there is none
	values  bool                        // the node understands Say
	notes   bool                        // the node knows runs and kept holds
	unheard int                         // how often callers have sent since the node said something
	waits   int                         // how many claims wait for their answer
	// receiving: the core takes what the node says, so whoever hears that looks by itself
	// whether its claim was answered.
	receiving bool
	// riding: the listener looks after releases that are left to the next request, and
	// rode: the last request took one along. See performRelease.
	// cameQuickly: the last answer that its caller has heard did.
	riding, rode, cameQuickly bool

	armed   token.Time // when the timer goes off next
	over    bool       // the core has said Finished
	leaving string     // the node's own words for taking no requests; empty: none
	ended   error      // why no stream is opened any more; nil while one is, or will be
}

// newNode makes the shell of an attachment of a stream that was welcomed.
func newNode(c *Client, st *stream, incarnation []byte) *node {
	return &node{
		client:      c,
		target:      st.target,
		incarnation: incarnation,
		ttl:         st.ttl,
		wake:        make(chan struct{}, 1),
		rearm:       make(chan struct{}, 1),
		finished:    make(chan struct{}),
		core:        attachment.New(c.clock(), attachment.Config{TTL: st.ttl}),
		claims:      make(map[attachment.Claim]*claim),
		notes:       st.notes,
		armed:       token.Never,
	}
}

// run serves the attachment until nothing is left to be done.
func (n *node) run(st *stream) {
	defer close(n.finished)
	var watching sync.WaitGroup
	watching.Go(n.watch)
	pause := newBackoff()
	for st != nil {
		began := time.Now()
		err := n.serve(st)
		// A node that ends each stream soon is not to be overwhelmed with them.
		if time.Since(began) > backoffMax {
			pause.Reset()
		} else if n.isOpen() && !sleep(n.client.life, pause) {
			n.down(err, attachment.Final)
		}
		st = n.reopen(err, pause)
	}
	watching.Wait()
}

// isOpen reports whether another stream may be opened.
func (n *node) isOpen() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ended == nil
}

// reopen opens another stream to the same node, for as long as the core wants one; nil if
// it does not. The error is why the last stream ended.
func (n *node) reopen(err error, pause *attachment.Backoff) *stream {
	c := n.client
	for {
		left, wanted := n.wanted(err)
		if !wanted {
			return nil
		}
		var st *stream
		if st, err = c.open(c.life, []Target{n.target}, time.Duration(left), n.incarnation); err == nil {
			if st.ttl == n.ttl {
				return st
			}
			st.close(nil)
			err = nonsense("it welcomes with the time to live %v, which was %v before", time.Duration(st.ttl), time.Duration(n.ttl))
		}
		n.down(err, classify(err))
		if n.isOpen() && !sleep(c.life, pause) {
			n.down(err, attachment.Final)
		}
	}
}

// wanted asks the core whether to open another stream.
func (n *node) wanted(err error) (left token.Time, wanted bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	left, wanted = n.core.Reopen(n.client.clock())
	n.perform(err)
	return left, wanted
}

// down tells the core that a stream has ended, or could not be opened.
func (n *node) down(err error, why attachment.Why) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stream = nil
	if n.client.life.Err() != nil {
		why = attachment.Final
	}
	n.core.Down(n.client.clock(), why)
	n.perform(err)
}

// classify says what kind of end a stream came to.
func classify(err error) attachment.Why {
	switch {
	case errors.Is(err, errSilent):
		return attachment.Silent
	case errors.Is(err, errNonsense):
		return attachment.Final
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist):
		return attachment.Gone
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Unimplemented, codes.Aborted, codes.PermissionDenied, codes.Unauthenticated:
		return attachment.Final
	default:
		return attachment.Other
	}
}

// watch calls Tick when it is due. It returns when the core has finished.
func (n *node) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-n.rearm:
		}
		n.mu.Lock()
		if n.over {
			n.mu.Unlock()
			return
		}
		now := n.client.clock()
		ticked := now >= n.core.NextTick()
		if ticked {
			n.core.Tick(now)
		}
		n.armed = n.core.NextTick()
		next := time.Duration(n.armed - now)
		if ticked {
			n.performAll()
		}
		n.mu.Unlock()
		// The timer may stand still while the machine is suspended, and the clock does
		// not; so what depends on a hold looks at the clock itself (see Hold.Err).
		timer.Reset(next)
	}
}

// perform does what the core wants done after an input, and has Ticks come in time. The
// error is why a stream has ended, if it has. The caller has the lock.
func (n *node) perform(err error) {
	for _, e := range n.core.Effects() {
		n.performOne(e)
	}
	if why, ended := n.core.Ended(); ended && n.ended == nil {
		n.ended = endError(why, err)
	}
	if n.core.NextTick() < n.armed {
		n.armed = n.core.NextTick()
		signal(n.rearm)
	}
}

// performAll is perform, and wakes the sender if there is something to send.
func (n *node) performAll() {
	n.perform(nil)
	if n.core.Due() {
		signal(n.wake)
	}
}

// performOne does one thing that the core wants done.
func (n *node) performOne(e attachment.Effect) {
	switch e.Kind {
	case attachment.Held:
		c := n.claims[e.Claim]
		c.fence, c.began = uint64(e.Fence), n.client.clock()
		n.settle(c, nil)
	case attachment.Refused:
		n.answer(e.Claim, n.refused(n.claims[e.Claim], e.Refusal))
	case attachment.Moved:
		if e.Refusal.Text != "" {
			n.leaving = e.Refusal.Text
		}
		n.answer(e.Claim, errMoved)
	case attachment.Closed:
		n.answer(e.Claim, errClosed)
	case attachment.Warned:
		n.claims[e.Claim].warn()
	case attachment.Lost:
		c := n.claims[e.Claim]
		delete(n.claims, e.Claim)
		c.lose(e.End, n.lossError(e))
	case attachment.Said:
		n.claims[e.Claim].said(e.Number, e.Refusal)
	case attachment.RunEnded:
		n.endedRun(e)
	case attachment.CloseStream:
		n.stream.closing = true
	case attachment.EndStream:
		n.stream.cancel(errSilent)
	case attachment.Finished:
		n.over = true
		signal(n.rearm)
	}
}

// answer tells one who waits that nothing comes of it here.
func (n *node) answer(id attachment.Claim, err error) {
	c := n.claims[id]
	delete(n.claims, id)
	n.settle(c, err)
}

// settle answers a claim. Its caller may be hearing the node itself.
func (n *node) settle(c *claim, err error) {
	n.endWait(c)
	c.answer <- err
	if n.stream != nil && !n.receiving {
		n.stream.link.Interrupt()
	}
}

// endWait notes that a claim waits no more.
func (n *node) endWait(c *claim) {
	if c.waits {
		c.waits = false
		n.waits--
	}
}

// endError says why a node is asked for nothing any more.
func endError(why attachment.Why, err error) error {
	switch {
	case why == attachment.Silent && !errors.Is(err, errSilent):
		return errSilent
	case err == nil:
		return errEnded
	default:
		return err
	}
}

// why returns why the node is asked for nothing any more, for those who look for
// another.
func (n *node) why() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.core.Leaving() {
		return leavingError{n.leaving}
	}
	return n.ended
}

// isLeaving reports whether the node has said that it takes no requests.
func (n *node) isLeaving() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.core.Leaving()
}

// admits reports whether the node may be asked for locks.
func (n *node) admits() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.core.Admits()
}

// last tells what became of the node, which has a place among those to try.
func (n *node) last(place int) *attachment.Last {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &attachment.Last{Node: place, Useful: n.core.Useful(n.client.clock()), Avoid: n.core.Avoid()}
}

// drain ends all waits and holds, for the client ends.
func (n *node) drain() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.core.Drain(n.client.clock())
	n.performAll()
	if n.stream != nil {
		signal(n.stream.needed) // for what is answered to the last releases
	}
}

// undelivered returns how many releases the node has not answered.
func (n *node) undelivered() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.core.Undelivered()
}

// keptUnheard returns how many kept holds were released of which the node may not have heard.
func (n *node) keptUnheard() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.core.Unheard()
}

// signal leaves a mark in a channel of room one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

const (
	backoffMin = 10 * time.Millisecond
	backoffMax = 500 * time.Millisecond
)

func newBackoff() *attachment.Backoff {
	return &attachment.Backoff{Min: token.Time(backoffMin), Max: token.Time(backoffMax)}
}

// sleep pauses between attempts. It returns false if the context ended before the pause
// did.
func sleep(ctx context.Context, b *attachment.Backoff) bool {
	half := time.Duration(b.Next()) / 2
	timer := time.NewTimer(half + rand.N(half+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
