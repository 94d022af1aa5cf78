package locks

import (
	"context"
	"fmt"

	"conch"
)

// client is a client of a conch node elsewhere, and the hold that its one user has.
type client struct {
	client *conch.Client
	name   string
	hold   conch.Hold
}

func dialNode(ctx context.Context, spec Spec) (*client, error) {
	c, err := conch.Dial(ctx, conch.DialConfig{Nodes: spec.Endpoints})
	if err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	return &client{client: c, name: Name}, nil
}

func (c *client) Lock(ctx context.Context) (err error) {
	c.hold, err = c.client.Lock(ctx, c.name)
	return err
}

func (c *client) Unlock(context.Context) error { return c.hold.Unlock() }

// Another returns an end for one more caller of the client.
func (c *client) Another() Lock { return c.Of(c.name) }

// Of returns an end for one more caller of the client, of a lock of some name.
func (c *client) Of(name string) Lock { return &client{client: c.client, name: name} }

func (c *client) Close() error { return c.client.Close() }
