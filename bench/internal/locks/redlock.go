package locks

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	goredislib "github.com/redis/go-redis/v9"
)

// retryDelay is after how long a client asks again for a lock that is in use: Redlock
// has no queue.
const retryDelay = time.Millisecond

// errLost says that a hold had ended before.
var errLost = errors.New("locks: redlock: the lock had been lost")

// redlock is a lock over one Redis, or by Redlock over several.
type redlock struct {
	clients []*goredislib.Client
	mutex   *redsync.Mutex
}

func openRedlock(spec Spec) *redlock {
	r := &redlock{}
	var pools []redis.Pool
	for _, endpoint := range spec.Endpoints {
		client := goredislib.NewClient(&goredislib.Options{Addr: endpoint})
		r.clients = append(r.clients, client)
		pools = append(pools, goredis.NewPool(client))
	}
	r.mutex = redsync.New(pools...).NewMutex(Name,
		redsync.WithExpiry(spec.TTL),
		redsync.WithRetryDelay(retryDelay),
		redsync.WithTries(math.MaxInt32),
	)
	return r
}

func (r *redlock) Lock(ctx context.Context) error { return r.mutex.LockContext(ctx) }

func (r *redlock) Unlock(ctx context.Context) error {
	ok, err := r.mutex.UnlockContext(ctx)
	if !ok && err == nil {
		err = errLost
	}
	return err
}

func (r *redlock) Renew(ctx context.Context) error {
	ok, err := r.mutex.ExtendContext(ctx)
	if !ok && err == nil {
		err = errLost
	}
	return err
}

func (r *redlock) Close() error {
	var failures []error
	for _, client := range r.clients {
		failures = append(failures, client.Close())
	}
	return errors.Join(failures...)
}
