package locks

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"conch"
	"conch/token"
)

// client is a client of a conch node elsewhere, and the hold that its one user has.
type client struct {
	client *conch.Client
	// others are clients with connections of their own, one for each further caller that
	// has not taken it; nil where callers share a connection.
	others *Attached
	taken  *int
	name   string
	mode   token.Limit
	hold   conch.Hold
}

// dialNode connects to a node, once for each of the callers if they are to be apart.
func dialNode(ctx context.Context, spec Spec) (*client, error) {
	c, err := conch.Dial(ctx, conch.DialConfig{Nodes: spec.Endpoints})
	if err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	one := &client{client: c, name: cmp.Or(spec.Name, Name)}
	if spec.Connections > 1 {
		others, err := Attach(ctx, spec.Endpoints[0], spec.Connections-1)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		one.others, one.taken = &others, new(int)
	}
	return one, nil
}

func (c *client) Lock(ctx context.Context) (err error) {
	c.hold, err = take(ctx, c.client, c.name, c.mode)
	return err
}

// take takes a lock of conch's in a mode.
func take(ctx context.Context, from conch.Locker, name string, mode token.Limit) (conch.Hold, error) {
	switch mode {
	case token.Exclusive:
		return from.Lock(ctx, name)
	case token.Unlimited:
		return from.RLock(ctx, name)
	default:
		return from.Acquire(ctx, name, int(mode))
	}
}

// In implements [Sharing].
func (c *client) In(mode token.Limit) Lock {
	c.mode = mode
	return c
}

func (c *client) Unlock(context.Context) error { return c.hold.Unlock() }

// Another returns an end for one more caller, on a connection of its own while there is
// one.
func (c *client) Another() Lock {
	if c.others != nil && *c.taken < len(*c.others) {
		*c.taken++
		return &client{client: (*c.others)[*c.taken-1], name: c.name}
	}
	return c.Of(c.name)
}

// Of returns an end for one more caller of the client, of a lock of some name.
func (c *client) Of(name string) Lock { return &client{client: c.client, name: name} }

func (c *client) Close() error {
	err := c.client.Close()
	if c.others != nil {
		err = errors.Join(err, c.others.Close())
	}
	return err
}
