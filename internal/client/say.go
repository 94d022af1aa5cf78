package client

import (
	"context"
	"fmt"

	"conch/broadcast"
	"conch/internal/frames"
)

// saying is a value that a caller waits to be said.
type saying struct {
	number uint64
	answer chan error // there is room for one
}

// Say is [broadcast.Hold.Say]. If the stream breaks, the value is said on the next one.
func (c *claim) Say(ctx context.Context, _ uint64, value string) error {
	if err := broadcast.CheckValue(value); err != nil {
		return err
	}
	s, err := c.beginSaying(value)
	if err != nil {
		return err
	}
	if st := c.node.sendNow(); st != nil {
		signal(st.needed) // to hear the answer
	}
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *claim) beginSaying(value string) (saying, error) {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case c.released:
		return saying{}, broadcast.ErrReleased
	case !n.values && n.stream != nil:
		return saying{}, fmt.Errorf("%w: %v is of a version that knows no values", ErrRefused, n.target)
	}
	number := n.core.Say(n.client.clock(), c.id, value)
	n.perform(nil)
	switch {
	case c.lost != nil:
		return saying{}, c.lost
	case number == 0:
		return saying{}, fmt.Errorf("%w: %v: %w", ErrUnreachable, n.target, n.ended)
	}
	s := saying{number: number, answer: make(chan error, 1)}
	c.sayings = append(c.sayings, s)
	return s, nil
}

// said answers those whose values the node has, or refuses.
func (c *claim) said(number uint64, r frames.Refusal) {
	var err error
	if r.Code != 0 {
		err = c.node.refusalError(r)
	}
	for len(c.sayings) > 0 && c.sayings[0].number <= number {
		c.sayings[0].answer <- err
		c.sayings = c.sayings[1:]
	}
}

// endSayings answers all who wait, for the hold is over.
func (c *claim) endSayings(why error) {
	for _, s := range c.sayings {
		s.answer <- why
	}
	c.sayings = nil
}
