package conch

import (
	"context"

	"conch/internal/runs"
	"conch/token"
)

// Keep is what [Locker].LockKept asks for.
type Keep struct {
	// Owner names who may adopt the hold after its holder died: UTF-8 of at most
	// [MaxOwnerBytes]. Empty is nobody.
	Owner string
	// Adopt: take up the hold that Owner keeps and nobody alive has, if there is one. The
	// caller then holds the lock with a fence of its own, above that hold's.
	Adopt bool
}

// LockKept waits until this node holds the lock for the caller, and keeps the hold, as
// [Locker] describes. The errors are those of [Node.Lock], and wrap [ErrOwner], [ErrNotesFull]
// or [ErrNoNotes].
func (n *Node) LockKept(ctx context.Context, name string, keep Keep) (Hold, error) {
	hold, err := n.node.AcquireKept(ctx, name, runs.Keep(keep))
	return Hold{hold}, err
}

// TryLockKept is [Node.LockKept] for a caller that does not want to wait, as [Node.TryLock]
// is Lock. The errors are those of LockKept, and [ErrBusy].
func (n *Node) TryLockKept(ctx context.Context, name string, keep Keep) (Hold, error) {
	hold, err := n.node.TryKept(ctx, name, runs.Keep(keep))
	return Hold{hold}, err
}

// LockKept waits until the caller holds the lock, and keeps the hold, as [Locker] describes.
// The errors are those of [Client.Lock], and wrap [ErrOwner], [ErrNotesFull] or [ErrNoNotes].
// A node of a version that knows no kept holds refuses: [ErrRefused].
func (c *Client) LockKept(ctx context.Context, name string, keep Keep) (Hold, error) {
	hold, err := c.client.AcquireKept(ctx, name, runs.Keep(keep))
	return c.hold(name, token.Exclusive, hold, err)
}

// TryLockKept is [Client.LockKept] for a caller that does not want to wait, as
// [Client.TryLock] is Lock. The errors are those of LockKept; [ErrBusy]; and [ErrNoSession]
// if the node cannot know.
func (c *Client) TryLockKept(ctx context.Context, name string, keep Keep) (Hold, error) {
	hold, err := c.client.TryKept(ctx, name, runs.Keep(keep))
	return c.hold(name, token.Exclusive, hold, err)
}
