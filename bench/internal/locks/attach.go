package locks

import (
	"context"
	"errors"
	"fmt"

	"conch"
)

// Attached are clients of one conch node that want nothing.
type Attached []*conch.Client

// Attach connects so many clients to a node, each on a connection of its own.
func Attach(ctx context.Context, node string, clients int) (Attached, error) {
	var all Attached
	for range clients {
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{node}})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locks: client %d of %d: %w", len(all)+1, clients, err), all.Close())
		}
		all = append(all, client)
	}
	return all, nil
}

// Close ends them.
func (a Attached) Close() error {
	var failures []error
	for _, client := range a {
		failures = append(failures, client.Close())
	}
	return errors.Join(failures...)
}
