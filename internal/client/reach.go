package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"conch/internal/client/attachment"
)

// reach is an attempt to find a node, which all who want one wait for.
type reach struct {
	done chan struct{} // closed when what follows is set
	node *node
	err  error
}

// reach returns the node to be asked, and looks for one if there is none. The error
// wraps ErrUnreachable, or is errClosed.
func (c *Client) reach(ctx context.Context) (*node, error) {
	c.mu.Lock()
	switch {
	case c.closed:
		c.mu.Unlock()
		return nil, errClosed
	case c.node != nil && c.node.admits():
		defer c.mu.Unlock()
		return c.node, nil
	}
	r := c.reaching
	if r == nil {
		r = &reach{done: make(chan struct{})}
		c.reaching = r
		last := c.node
		c.running.Go(func() { c.look(r, last) })
	}
	c.mu.Unlock()
	select {
	case <-r.done:
		if r.err == nil || ctx.Err() == nil {
			return r.node, r.err
		}
	case <-ctx.Done():
	}
	return nil, c.unreached(context.Cause(ctx))
}

// unreached is the error of one who waits no longer for a node, because of the cause.
func (c *Client) unreached(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.node != nil {
		if why := c.node.why(); why != nil {
			return fmt.Errorf("%w: %w: %v: %w", cause, ErrUnreachable, c.node.target, why)
		}
		return fmt.Errorf("%w: %w", cause, ErrUnreachable) // one has been found just now
	}
	var names []string
	for _, t := range c.allTargets() {
		names = append(names, t.String())
	}
	return fmt.Errorf("%w: %w: no answer yet from %s", cause, ErrUnreachable, strings.Join(names, " or "))
}

// look finds a node in place of the last one. At first, and after it has failed, it
// tries each node once. When a node is gone that was of use, it tries again and again
// until its patience ends; a node that lets the client in and is of no use, such as one
// that is stopping, does not win it more time.
func (c *Client) look(r *reach, last *node) {
	node, err := c.find(last)
	if err == nil && node == nil {
		err = errClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && node == nil {
		err = errClosed
	}
	c.node, c.reaching = node, nil
	r.node, r.err = node, err
	close(r.done)
}

func (c *Client) find(last *node) (*node, error) {
	var before *attachment.Last
	var why error
	all := c.targets()
	if last != nil {
		before, why = last.last(max(0, slices.Index(all, last.target))), last.why()
	}
	c.search.Nodes = len(all)
	order, fresh := c.search.Begin(c.clock(), before)
	if fresh {
		c.pause.Reset()
	} else if !sleep(c.reachable, c.pause) {
		return nil, errClosed
	}
	targets := make([]Target, len(order))
	for i, index := range order {
		targets[i] = all[index]
	}
	for {
		left := c.search.Left(c.clock())
		switch {
		case left <= 0 && errors.Is(why, ErrUnreachable):
			return nil, why
		case left <= 0:
			return nil, fmt.Errorf("%w: %v: %w", ErrUnreachable, last.target, why)
		}
		node, err := c.attempt(targets, time.Duration(left))
		if err == nil {
			return node, nil
		}
		if why = err; !c.search.Again() {
			return nil, err
		}
		if !sleep(c.reachable, c.pause) {
			return nil, errClosed
		}
	}
}

// attempt tries each of some nodes once, and attaches to the first that welcomes it.
func (c *Client) attempt(targets []Target, patience time.Duration) (*node, error) {
	var reasons error
	for {
		incarnation := newIncarnation()
		st, err := c.open(c.reachable, targets, patience, incarnation)
		if err == nil {
			return c.attach(st, incarnation)
		}
		if reasons == nil {
			reasons = err
		} else {
			reasons = fmt.Errorf("%w; %w", reasons, err)
		}
		var refused *refusal
		if !errors.As(err, &refused) {
			return nil, reasons // none of them answers
		}
		targets = slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return t == refused.target })
		if len(targets) == 0 {
			return nil, reasons
		}
	}
}

// attach begins to use a node with a stream that was welcomed.
func (c *Client) attach(st *stream, incarnation []byte) (*node, error) {
	n := newNode(c, st, incarnation)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		st.close(nil)
		return nil, errClosed
	}
	c.attached[n], c.ttl = struct{}{}, time.Duration(st.ttl)
	c.running.Go(func() {
		n.run(st)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.attached, n)
		c.unheard += n.keptUnheard()
	})
	return n, nil
}
