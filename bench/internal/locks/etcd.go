package locks

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"
)

// dialPatience is how long a client waits for its servers.
const dialPatience = 5 * time.Second

// etcdPrefix is where the lock's keys are.
const etcdPrefix = "/lock/" + Name

// dialEtcd connects a client, and begins a session.
func dialEtcd(ctx context.Context, spec Spec) (*clientv3.Client, *concurrency.Session, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   spec.Endpoints,
		DialTimeout: dialPatience,
		Context:     ctx,
		Logger:      zap.NewNop(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("locks: etcd: %w", err)
	}
	session, err := concurrency.NewSession(client, concurrency.WithTTL(int(spec.TTL/time.Second)))
	if err != nil {
		return nil, nil, fmt.Errorf("locks: etcd: begin a session: %w", errors.Join(err, client.Close()))
	}
	return client, session, nil
}

// etcdMutex is etcd's own lock.
type etcdMutex struct {
	client *clientv3.Client
	mutex  *concurrency.Mutex
}

func openEtcd(ctx context.Context, spec Spec) (*etcdMutex, error) {
	client, session, err := dialEtcd(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &etcdMutex{client: client, mutex: concurrency.NewMutex(session, etcdPrefix)}, nil
}

func (m *etcdMutex) Lock(ctx context.Context) error   { return m.mutex.Lock(ctx) }
func (m *etcdMutex) Unlock(ctx context.Context) error { return m.mutex.Unlock(ctx) }
func (m *etcdMutex) Close() error                     { return m.client.Close() }
