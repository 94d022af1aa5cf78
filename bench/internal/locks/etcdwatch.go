package locks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// etcdWatch is a lock over etcd with one watch that stands for as long as the client
// does, where etcd's own lock makes a watch for each wait. The keys under the prefix,
// in the order in which they were made, are those who wait, the holder first. The
// watch tells of all of them in that order, so a client has the lock when its own key
// is the first that is left.
type etcdWatch struct {
	client  *clientv3.Client
	lease   clientv3.LeaseID
	asked   int // how often; each time has a key of its own
	changes clientv3.WatchChan
	queue   []string // as far as changes have been read
}

func openWatch(ctx context.Context, spec Spec) (*etcdWatch, error) {
	client, session, err := dialEtcd(ctx, spec)
	if err != nil {
		return nil, err
	}
	now, err := client.Get(ctx, etcdPrefix+"/", clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		return nil, fmt.Errorf("locks: etcd: %w", errors.Join(err, client.Close()))
	}
	w := &etcdWatch{client: client, lease: session.Lease()}
	for _, kv := range now.Kvs {
		w.queue = append(w.queue, string(kv.Key))
	}
	w.changes = client.Watch(clientv3.WithRequireLeader(ctx), etcdPrefix+"/",
		clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1))
	return w, nil
}

func (w *etcdWatch) key() string { return fmt.Sprintf("%s/%x-%d", etcdPrefix, w.lease, w.asked) }

// Lock makes a key, and waits until it is the first.
func (w *etcdWatch) Lock(ctx context.Context) error {
	w.asked++
	key := w.key()
	if _, err := w.client.Put(ctx, key, "", clientv3.WithLease(w.lease)); err != nil {
		return fmt.Errorf("locks: etcd: ask: %w", err)
	}
	for len(w.queue) == 0 || w.queue[0] != key {
		select {
		case change, open := <-w.changes:
			if !open || change.Err() != nil {
				return fmt.Errorf("locks: etcd: the watch has ended: %w", errors.Join(change.Err(), context.Cause(ctx)))
			}
			w.take(change.Events)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// take brings the queue up to date.
func (w *etcdWatch) take(events []*clientv3.Event) {
	for _, event := range events {
		key := string(event.Kv.Key)
		if event.IsCreate() {
			w.queue = append(w.queue, key)
		} else if event.Type == clientv3.EventTypeDelete {
			w.queue = slices.DeleteFunc(w.queue, func(k string) bool { return k == key })
		}
	}
}

// Unlock takes the key away.
func (w *etcdWatch) Unlock(ctx context.Context) error {
	if _, err := w.client.Delete(ctx, w.key()); err != nil {
		return fmt.Errorf("locks: etcd: release: %w", err)
	}
	return nil
}

func (w *etcdWatch) Close() error { return w.client.Close() }
