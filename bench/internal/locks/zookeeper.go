package locks

import (
	"context"
	"fmt"

	"github.com/go-zookeeper/zk"
)

// zookeeper is ZooKeeper's lock, by its recipe.
type zookeeper struct {
	conn *zk.Conn
	lock *zk.Lock
}

// silent takes what the library would log.
type silent struct{}

func (silent) Printf(string, ...any) {}

func openZooKeeper(ctx context.Context, spec Spec) (*zookeeper, error) {
	conn, err := dialZooKeeper(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &zookeeper{conn: conn, lock: zk.NewLock(conn, "/"+Name, zk.WorldACL(zk.PermAll))}, nil
}

// dialZooKeeper connects a client, and begins a session.
func dialZooKeeper(ctx context.Context, spec Spec) (*zk.Conn, error) {
	conn, events, err := zk.Connect(spec.Endpoints, spec.TTL, zk.WithLogger(silent{}))
	if err != nil {
		return nil, fmt.Errorf("locks: zookeeper: %w", err)
	}
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				go func() { // the library wants its events read; Close ends them
					for range events {
					}
				}()
				return conn, nil
			}
		case <-ctx.Done():
			conn.Close()
			return nil, fmt.Errorf("locks: zookeeper: wait for a session: %w", context.Cause(ctx))
		}
	}
}

// Lock waits without an end to it: the library takes no context. Close ends it.
func (z *zookeeper) Lock(context.Context) error { return z.lock.Lock() }

func (z *zookeeper) Unlock(context.Context) error { return z.lock.Unlock() }

func (z *zookeeper) Close() error {
	z.conn.Close()
	return nil
}
