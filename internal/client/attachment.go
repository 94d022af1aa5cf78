package client

import (
	"errors"
	"io/fs"
	"math"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/token"
)

// never is when nothing happens any more.
const never = token.Time(math.MaxInt64)

// attachment is what this client has at one node, from its first stream there until
// nothing is left to be done. It outlives a stream that breaks: its holds are taken up
// again by the next, unless the node is gone. To the node, each attachment is a client of
// its own, so that what is left of one is not touched by the next.
type attachment struct {
	client *Client
	target Target
	// incarnation is that of the protocol's Hello.
	incarnation []byte
	ttl         token.Time // T, as the node says
	began       token.Time

	wake  chan struct{} // there is something to send
	rearm chan struct{} // the timer has to be set anew
	// finished is closed when nothing is held here any more and no stream is open.
	finished chan struct{}

	sending sync.Mutex // had by whoever sends

	mu     sync.Mutex
	lastID uint64
	claims map[uint64]*claim // but those that are over
	queue  []*claim          // to be sent, each at most once, so it is bounded by claims
	lease  lease
	// noSession: the latest Pong said that the node has none.
	noSession bool
	stream    *stream // nil while there is none
	unheard   int     // how often callers have sent since the node said something
	// heard is when the node said something last, but for Welcome.
	heard token.Time
	// unanswered is since when a Ping is due or sent and nothing has been heard; zero if
	// that is not so.
	unanswered token.Time
	pingDue    bool
	stamp      int64      // the latest Ping's; later ones have higher stamps
	pinged     bool       // on the present stream
	armed      token.Time // when the timer goes off next
	firstEnd   token.Time // no hold ends before
	// leaving: the node is stopping. draining: so is the client. Either way nothing new
	// is asked here.
	leaving, draining bool
	// served: the node has granted something, or refused it for good.
	served bool
	// avoid: another node is rather to be asked next.
	avoid bool
	ended error // why no stream is opened any more; nil while one is, or will be
	backoff
}

// newAttachment makes an attachment of a stream that was welcomed.
func newAttachment(c *Client, st *stream, incarnation []byte) *attachment {
	now := c.clock()
	return &attachment{
		client:      c,
		target:      st.target,
		incarnation: incarnation,
		ttl:         st.ttl,
		wake:        make(chan struct{}, 1),
		rearm:       make(chan struct{}, 1),
		finished:    make(chan struct{}),
		claims:      make(map[uint64]*claim),
		heard:       now,
		began:       now,
		armed:       never,
		firstEnd:    never,
	}
}

// run serves the attachment until nothing is left to be done.
func (a *attachment) run(st *stream) {
	defer close(a.finished)
	var watching sync.WaitGroup
	watching.Go(a.watch)
	var err error
	for {
		began := time.Now()
		err = a.serve(st)
		if !a.resumable(err) {
			break
		}
		// A node that ends each stream soon is not to be overwhelmed with them.
		if time.Since(began) > backoffMax {
			a.reset()
		} else if !a.wait(a.client.life) {
			break
		}
		if st, err = a.reopen(); err != nil {
			break
		}
	}
	a.end(err)
	watching.Wait()
}

// resumable reports whether the holds and waits of a stream that has ended are worth
// another stream to the same node.
func (a *attachment) resumable(err error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaving || len(a.claims) == 0 || a.client.life.Err() != nil {
		return false
	}
	return !errors.Is(err, errSilent) && !isFinal(err)
}

// isFinal reports whether a stream ended in a way that the next would, too.
func isFinal(err error) bool {
	if errors.Is(err, errNonsense) {
		return true
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Unimplemented, codes.Aborted, codes.PermissionDenied, codes.Unauthenticated:
		return true
	default:
		return false
	}
}

// isGone reports whether an attempt to connect failed because no process is there.
func isGone(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// reopen opens another stream to the same node. It tries until all leases of the node
// are over, which is at the latest one time to live after it was last heard of.
func (a *attachment) reopen() (*stream, error) {
	c := a.client
	for {
		a.mu.Lock()
		a.avoid = true
		left, wanted := time.Duration(a.heard+a.ttl-c.clock()), len(a.claims) > 0
		a.mu.Unlock()
		switch {
		case !wanted:
			return nil, errEnded
		case left <= 0:
			return nil, errSilent
		}
		st, err := c.open(c.life, []Target{a.target}, left, a.incarnation)
		switch {
		case err == nil && st.ttl != a.ttl:
			st.close(nil)
			return nil, nonsense("it welcomes with the time to live %v, which was %v before", time.Duration(st.ttl), time.Duration(a.ttl))
		case err == nil:
			return st, nil
		case isGone(err) || isFinal(err):
			return nil, err
		}
		if !a.wait(c.life) {
			return nil, err
		}
	}
}

// end ends the attachment's waits, which may be asked of another node. Its holds last
// as long as their lease does.
func (a *attachment) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		err = errEnded
	}
	a.ended = err
	a.avoid = a.avoid || a.leaving || errors.Is(err, errSilent) || isFinal(err)
	for _, c := range a.claims {
		if c.state != holding {
			c.reply(errMoved)
			a.finish(c)
		}
	}
	a.queue = nil
	signal(a.rearm)
}

// useful reports whether the node was of use: it did what was asked, or has long stood
// by.
func (a *attachment) useful() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.served || a.client.clock()-a.began >= a.ttl
}

// avoided reports whether another node is rather to be asked next.
func (a *attachment) avoided() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.avoid || a.leaving
}

// why returns why the node is asked for nothing any more.
func (a *attachment) why() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaving {
		return broadcast.ErrStopped
	}
	return a.ended
}

// signal leaves a mark in a channel of room one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
