package locks

import (
	"context"
	"errors"
	"fmt"

	"conch"
)

// client is a client of a conch node elsewhere, and the hold that its one user has.
type client struct {
	client *conch.Client
	// others are clients with connections of their own, one for each further caller that
	// has not taken it; nil where callers share a connection.
	others *Attached
	taken  *int
	name   string
	hold   conch.Hold
}

// dialNode connects to a node, once for each of the callers if they are to be apart.
func dialNode(ctx context.Context, spec Spec) (*client, error) {
	c, err := conch.Dial(ctx, conch.DialConfig{Nodes: spec.Endpoints})
	if err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	one := &client{client: c, name: Name}
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
	c.hold, err = c.client.Lock(ctx, c.name)
	return err
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
