package conch

import (
	"context"

	"conch/broadcast"
	"conch/token"
)

// RLock waits until the caller holds a lock together with other readers, as [Locker]
// describes. The errors are those of [Client.Lock], and [ErrLimit].
func (c *Client) RLock(ctx context.Context, name string) (Hold, error) {
	return c.acquire(ctx, name, token.Unlimited)
}

// TryRLock is [Client.RLock] for a caller that does not want to wait, as [Client.TryLock] is
// Lock. The errors are those of RLock; [ErrBusy]; and [ErrNoSession] if the node cannot
// know.
func (c *Client) TryRLock(ctx context.Context, name string) (Hold, error) {
	return c.try(ctx, name, token.Unlimited)
}

// Acquire waits until the caller has one of limit permits of a lock, as [Locker] describes.
// The errors are those of [Client.Lock], [ErrLimit] and [ErrPermits].
func (c *Client) Acquire(ctx context.Context, name string, limit int) (Hold, error) {
	mode, err := broadcast.CheckPermits(limit)
	if err != nil {
		return Hold{}, err
	}
	return c.acquire(ctx, name, mode)
}

// TryAcquire is [Client.Acquire] for a caller that does not want to wait, as
// [Client.TryLock] is Lock. The errors are those of Acquire; [ErrBusy]; and [ErrNoSession]
// if the node cannot know.
func (c *Client) TryAcquire(ctx context.Context, name string, limit int) (Hold, error) {
	mode, err := broadcast.CheckPermits(limit)
	if err != nil {
		return Hold{}, err
	}
	return c.try(ctx, name, mode)
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

// acquire is Lock, RLock and Acquire.
func (c *Client) acquire(ctx context.Context, name string, mode token.Limit) (Hold, error) {
	hold, err := c.client.Acquire(ctx, name, mode)
	return c.hold(name, mode, hold, err)
}

// try is TryLock, TryRLock and TryAcquire.
func (c *Client) try(ctx context.Context, name string, mode token.Limit) (Hold, error) {
	hold, err := c.client.Try(ctx, name, mode)
	return c.hold(name, mode, hold, err)
}

// hold makes a Hold of the client's. If its fence does not go with those seen, it gives the
// lock back.
func (c *Client) hold(name string, mode token.Limit, hold broadcast.Hold, err error) (Hold, error) {
	if err != nil {
		return Hold{}, err
	}
	if err := c.seen.See(name, hold.Fence(), mode); err != nil {
		_ = hold.Unlock() // it is of no use, lost or not
		return Hold{}, err
	}
	return Hold{hold}, nil
}
