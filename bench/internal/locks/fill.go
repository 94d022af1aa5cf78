package locks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"conch"
)

// Fill has clients of the nodes of conch lock and unlock so many locks, each once, so that
// every member knows them. The names are numbers from a first one on, 16 bytes long.
func Fill(ctx context.Context, nodes []string, from, locks, clients int) error {
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: nodes})
	if err != nil {
		return fmt.Errorf("locks: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var used atomic.Int64
	for range clients {
		all.Go(func() {
			for i := used.Add(1); i <= int64(locks); i = used.Add(1) {
				hold, err := client.Lock(ctx, fmt.Sprintf("lock/%011d", from+int(i)))
				if err == nil {
					err = hold.Unlock()
				}
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(context.Cause(ctx), client.Close())
}
