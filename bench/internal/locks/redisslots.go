package locks

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	goredislib "github.com/redis/go-redis/v9"

	"conch/token"
)

// redisSlots is a semaphore over one Redis, as it is usually built: a sorted set has a member
// for each holder, with the time of the server at which it took its place. A script drops
// those that are older than the time to live, and adds one if there is room.
type redisSlots struct {
	client *goredislib.Client
	ttl    time.Duration
	member string
	limit  token.Limit
}

// slotsKey is the sorted set.
const slotsKey = Name + "-slots"

// takeSlot takes a place: of the set KEYS[1], for ARGV[1], if there are fewer than ARGV[2] that
// are younger than ARGV[3] µs. It returns 1, or 0 if there is none.
var takeSlot = goredislib.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return 1
`)

func openRedisSlots(spec Spec) *redisSlots {
	return &redisSlots{
		client: goredislib.NewClient(&goredislib.Options{Addr: spec.Endpoints[0]}),
		ttl:    spec.TTL,
		member: rand.Text(),
		limit:  1,
	}
}

// In implements [Sharing].
func (r *redisSlots) In(mode token.Limit) Lock {
	r.limit = mode
	return r
}

func (r *redisSlots) Lock(ctx context.Context) error {
	for {
		got, err := takeSlot.Run(ctx, r.client, []string{slotsKey}, r.member, uint32(r.limit), r.ttl.Microseconds()).Int()
		if err != nil {
			return fmt.Errorf("locks: redis: %w", err)
		}
		if got == 1 {
			return nil
		}
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *redisSlots) Unlock(ctx context.Context) error {
	removed, err := r.client.ZRem(ctx, slotsKey, r.member).Result()
	if removed == 0 && err == nil {
		err = errLost
	}
	return err
}

func (r *redisSlots) Close() error { return r.client.Close() }
