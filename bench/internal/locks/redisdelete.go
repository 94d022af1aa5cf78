package locks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	goredislib "github.com/redis/go-redis/v9"
)

// ErrNoConditionalDelete says that a server of Redis cannot delete a key on the condition
// that it has a value, but by a script.
var ErrNoConditionalDelete = errors.New("the server has neither DELEX (Redis 8.4) nor DELIFEQ (Valkey 9)")

// redisDelete is a lock over one Redis whose holder deletes the key by a command that looks
// at its value, where [Redlock] runs a script.
type redisDelete struct {
	client *goredislib.Client
	ttl    time.Duration
	token  string
	remove func(ctx context.Context) *goredislib.Cmd // of the key, if it has the token
}

func openRedisDelete(ctx context.Context, spec Spec) (*redisDelete, error) {
	r := &redisDelete{
		client: goredislib.NewClient(&goredislib.Options{Addr: spec.Endpoints[0]}),
		ttl:    spec.TTL,
		token:  rand.Text(),
	}
	command, err := conditionalDelete(ctx, r.client)
	if err != nil {
		return nil, errors.Join(err, r.client.Close())
	}
	args := []any{"DELEX", Name, "IFEQ", r.token}
	if command == "DELIFEQ" {
		args = []any{"DELIFEQ", Name, r.token}
	}
	r.remove = func(ctx context.Context) *goredislib.Cmd { return r.client.Do(ctx, args...) }
	return r, nil
}

// ConditionalDelete returns the command by which the server at an address deletes a key if
// it has a value. The error is [ErrNoConditionalDelete], or the connection's.
func ConditionalDelete(ctx context.Context, address string) (command string, err error) {
	client := goredislib.NewClient(&goredislib.Options{Addr: address})
	defer func() { err = errors.Join(err, client.Close()) }()
	return conditionalDelete(ctx, client)
}

func conditionalDelete(ctx context.Context, client *goredislib.Client) (string, error) {
	// COMMAND INFO, without the types that go-redis gives to what it returns.
	known, err := client.Do(ctx, "COMMAND", "INFO", "DELEX", "DELIFEQ").Slice()
	switch {
	case err != nil:
		return "", fmt.Errorf("locks: redis: which commands are there: %w", err)
	case len(known) != 2:
		return "", fmt.Errorf("locks: redis: COMMAND INFO of 2 commands: got %d answers", len(known))
	case known[0] != nil:
		return "DELEX", nil
	case known[1] != nil:
		return "DELIFEQ", nil
	}
	return "", ErrNoConditionalDelete
}

func (r *redisDelete) Lock(ctx context.Context) error {
	for {
		err := r.client.SetArgs(ctx, Name, r.token, goredislib.SetArgs{Mode: "NX", TTL: r.ttl}).Err()
		if !errors.Is(err, goredislib.Nil) {
			return err
		}
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *redisDelete) Unlock(ctx context.Context) error {
	deleted, err := r.remove(ctx).Int()
	if deleted == 0 && err == nil {
		err = errLost
	}
	return err
}

// Renew does not look whose the key is: whoever holds it renews it in time.
func (r *redisDelete) Renew(ctx context.Context) error {
	there, err := r.client.PExpire(ctx, Name, r.ttl).Result()
	if !there && err == nil {
		err = errLost
	}
	return err
}

func (r *redisDelete) Close() error { return r.client.Close() }
