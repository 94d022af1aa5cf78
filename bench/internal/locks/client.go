package locks

import (
	"context"
	"fmt"

	"conch"
)

// client is a client of a conch node elsewhere, and the hold that its one user has.
type client struct {
	client *conch.Client
	hold   conch.Hold
}

func dialNode(ctx context.Context, spec Spec) (*client, error) {
	c, err := conch.Dial(ctx, conch.DialConfig{Nodes: spec.Endpoints})
	if err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	return &client{client: c}, nil
}

func (c *client) Lock(ctx context.Context) (err error) {
	c.hold, err = c.client.Lock(ctx, Name)
	return err
}

func (c *client) Unlock(context.Context) error { return c.hold.Unlock() }

func (c *client) Close() error { return c.client.Close() }
