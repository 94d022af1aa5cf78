package conch

import (
	"context"
)

// RLock waits until the caller holds a lock together with other readers, as [Locker]
// describes.
func (c *Client) RLock(ctx context.Context, name string) (Hold, error) {
	return Hold{}, ErrRefused
}

// TryRLock is RLock for a caller that does not want to wait.
func (c *Client) TryRLock(ctx context.Context, name string) (Hold, error) {
	return Hold{}, ErrRefused
}

// Acquire waits until the caller has one of a lock's permits, as [Locker] describes.
func (c *Client) Acquire(ctx context.Context, name string, limit int) (Hold, error) {
	return Hold{}, ErrRefused
}

// TryAcquire is Acquire for a caller that does not want to wait.
func (c *Client) TryAcquire(ctx context.Context, name string, limit int) (Hold, error) {
	return Hold{}, ErrRefused
}

// RDo calls f under a lock that is shared with other readers, as [Locker] describes.
func (c *Client) RDo(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error {
	return do(ctx, c.RLock, name, f)
}

// DoPermit calls f under one of limit permits, as [Locker] describes.
func (c *Client) DoPermit(ctx context.Context, name string, limit int, f func(ctx context.Context, fence uint64) error) error {
	acquire := func(ctx context.Context, name string) (Hold, error) { return c.Acquire(ctx, name, limit) }
	return do(ctx, acquire, name, f)
}
