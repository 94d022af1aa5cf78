package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"conch/broadcast"
	"conch/internal/client/attachment"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// incarnationBytes is the length of Hello.incarnation.
const incarnationBytes = 16

// Config is what a client is started with.
type Config struct {
	// Targets are the nodes to speak to, most wanted first.
	Targets []Target
	// Caller describes this process to people; nil is nothing.
	Caller *clientv1.Client
	// Patience is for how long all nodes may be out of reach before those who wait are
	// told; zero is [DefaultPatience].
	Patience time.Duration
	// Secure secures connections to a HOST:PORT; nil does not.
	Secure Security
	// Clock reads this process's clock; nil is [broadcast.Clock].
	Clock func() token.Time
}

// Client is a client of one node at a time. Its methods are safe for concurrent use.
type Client struct {
	given     []Target // the nodes to try first
	caller    *clientv1.Client
	clock     func() token.Time
	connector connector

	// life ends when nothing more is to be delivered; reachable, when no node is to be
	// looked for any more.
	life        context.Context
	endLife     context.CancelFunc
	reachable   context.Context
	endReaching context.CancelFunc
	running     sync.WaitGroup // all goroutines that the client has started
	closeOnce   sync.Once
	closeErr    error

	mu       sync.Mutex
	closed   bool
	node     *node // the latest; nil before the first and after a failure
	attached map[*node]struct{}
	unheard  int           // kept holds of which their nodes, now gone, may not have heard that they were released
	told     []Target      // the members, as a node told last
	reaching *reach        // nil while nobody looks for a node
	ttl      time.Duration // of sessions, as the latest node told

	// What follows is the looker's; see reach.go.
	search attachment.Search
	pause  *attachment.Backoff
}

// Dial connects to the first node that answers. The errors are those of [Connect], or
// wrap [ErrUnreachable] too if a node answers otherwise than it should. The context
// bounds the dial only.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	return start(ctx, cfg, dial)
}

// start is Dial by some way to connect.
func start(ctx context.Context, cfg Config, dial dialer) (*Client, error) {
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Clock == nil {
		cfg.Clock = broadcast.Clock
	}
	c := &Client{
		given:     cfg.Targets,
		caller:    cfg.Caller,
		clock:     cfg.Clock,
		connector: connector{dial: dial, secure: cfg.Secure},
		attached:  make(map[*node]struct{}),
		search:    attachment.Search{Patience: token.Time(cfg.Patience)},
		pause:     newBackoff(),
	}
	c.life, c.endLife = context.WithCancel(context.Background())
	c.reachable, c.endReaching = context.WithCancel(c.life)
	if _, err := c.reach(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Node returns the node that the client speaks to, or spoke to last.
func (c *Client) Node() Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.node == nil {
		return c.given[0]
	}
	return c.node.target
}

// SessionTTL returns the time to live of the cluster's sessions, as the latest node told.
func (c *Client) SessionTTL() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ttl
}

// Acquire waits until the caller holds the lock: alone if the limit is [token.Exclusive],
// else together with others. Callers of one client are served in the order in which they
// came, for as long as it speaks to the same node.
//
// The errors wrap [broadcast.ErrName]; [broadcast.ErrLimit]; [broadcast.ErrTooManyLocks];
// [broadcast.ErrStopped] once the client is closed; [ErrUnreachable], once no node has been reached for as long as the client has
// patience; [ErrRefused]; or the cause of the context's end, and [ErrNoSession] or
// [ErrUnreachable] too where that was the state at the end. The lock is then not held.
func (c *Client) Acquire(ctx context.Context, lock string, limit token.Limit) (broadcast.Hold, error) {
	return c.claim(ctx, want{lock: lock, limit: limit})
}

// Try takes the lock if it is free. It knows within one time to live of the cluster.
// The errors are those of [Client.Acquire], where [ErrUnreachable] comes at once if all
// nodes that can be reached take no requests; [broadcast.ErrBusy] if the lock is in use;
// and [ErrNoSession] if the node could not find out, for lack of a session.
func (c *Client) Try(ctx context.Context, lock string, limit token.Limit) (broadcast.Hold, error) {
	return c.claim(ctx, want{lock: lock, limit: limit, try: true})
}

// want is what is asked for: a lock, in a mode or for a run or under a hold that is kept.
type want struct {
	lock  string
	limit token.Limit
	try   bool
	run   *runs.Request
	keep  *runs.Keep
}

// claim asks for a lock, at one node after the other, and waits for the answer.
func (c *Client) claim(ctx context.Context, w want) (broadcast.Hold, error) {
	if err := broadcast.CheckName(w.lock); err != nil {
		return broadcast.Hold{}, err
	}
	var leaving []Target // they have said that they take no requests
	var reasons []error
	for {
		if ctx.Err() != nil {
			return broadcast.Hold{}, context.Cause(ctx)
		}
		n, err := c.reach(ctx)
		if err != nil {
			return broadcast.Hold{}, err
		}
		cl, err := n.ask(w)
		switch {
		case err != nil:
			return broadcast.Hold{}, err
		case cl == nil:
			continue
		}
		n.hearFor(ctx, n.sendNow(), cl)
		select {
		case err = <-cl.answer:
		case <-ctx.Done():
			select {
			case err = <-cl.answer: // it came first
			default:
				return broadcast.Hold{}, cl.giveUp(context.Cause(ctx))
			}
		}
		switch {
		case err == nil:
			return broadcast.NewHold(cl, 0, cl.fence), nil
		case !errors.Is(err, errMoved):
			return broadcast.Hold{}, err
		case w.try && slices.Contains(leaving, n.target):
			return broadcast.Hold{}, unreachable(leaving, reasons) // and so has each in between
		case n.isLeaving():
			leaving, reasons = append(leaving, n.target), append(reasons, n.why())
		}
	}
}

// Close ends the client. Those who wait get [broadcast.ErrStopped]; holds that were not
// released are lost to their holders, but nobody else gets these locks before the leases
// are over. Close returns when the node has heard of every release, or after one time to
// live, by when the locks are free anyway; the error then says so. A kept hold whose node
// may not have heard of its release stays kept; the error says that too. Later calls wait
// for the first and return the same.
func (c *Client) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.close() })
	return c.closeErr
}

func (c *Client) close() error {
	c.mu.Lock()
	c.closed = true
	all := slices.Collect(maps.Keys(c.attached))
	c.mu.Unlock()
	c.endReaching()
	var patience time.Duration
	for _, n := range all {
		n.drain()
		patience = max(patience, time.Duration(n.ttl))
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	undelivered := 0
	for _, n := range all {
		select {
		case <-n.finished:
		case <-timer.C:
			timer.Reset(0) // for the others
			undelivered += n.undelivered()
		}
	}
	c.endLife()
	c.running.Wait()
	var plain, kept error
	if undelivered > 0 {
		plain = fmt.Errorf("close: %d releases may not have reached the node; these locks are free once their leases are over", undelivered)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unheard > 0 {
		kept = fmt.Errorf("close: %d releases of kept holds may not have reached the node; these holds are then kept until somebody frees or adopts them", c.unheard)
	}
	return errors.Join(plain, kept)
}

// newIncarnation draws the bytes by which a node tells its clients apart.
func newIncarnation() []byte {
	incarnation := make([]byte, incarnationBytes)
	_, _ = rand.Read(incarnation) // which does not fail
	return incarnation
}
