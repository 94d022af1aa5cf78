package conch

import (
	"context"
	"fmt"

	"conch/broadcast"
	"conch/token"
)

// MaxValueBytes is how long the value of a leader may be.
const MaxValueBytes = token.MaxValueBytes

// Leader is who leads under a lock: whoever holds it alone and has said a value, by
// [Locker].Elect or [Hold.Say]. The zero Leader says that nobody leads, as far as is known.
type Leader struct {
	// Term is the fence of the leader's hold; 0 if nobody leads. Each leader has a higher
	// one than all before it.
	Term uint64
	// Value is what the leader said last.
	Value string
	// Node is the address of the member at which the leader holds the lock: its own, or that
	// of the node that it speaks to.
	Node string
	// InDoubt: nothing was heard of that member for one SessionTTL. The leader may lead no
	// more, and another may lead already.
	InDoubt bool
}

// String describes a leader in one line.
func (l Leader) String() string {
	switch {
	case l.Term == 0:
		return "nobody leads"
	case l.InDoubt:
		return fmt.Sprintf("%q leads in term %d at %s, which is not heard", l.Value, l.Term, l.Node)
	}
	return fmt.Sprintf("%q leads in term %d at %s", l.Value, l.Term, l.Node)
}

func asLeader(l broadcast.Leader) Leader {
	return Leader{Term: uint64(l.Term), Value: l.Value, Node: l.Member, InDoubt: l.InDoubt}
}

// elect is Elect of a Locker.
func elect(ctx context.Context, locker Locker, name, value string, f func(ctx context.Context, term Hold) error) error {
	if err := broadcast.CheckValue(value); err != nil {
		return err
	}
	return doHold(ctx, locker.Lock, name, func(ctx context.Context, hold Hold) error {
		if err := hold.Say(ctx, value); err != nil {
			return err
		}
		return f(ctx, hold)
	})
}

// leader is Leader of a Locker.
func leader(l broadcast.Leader, err error) (Leader, error) {
	switch {
	case err != nil:
		return Leader{}, err
	case l.Term == 0:
		return Leader{}, ErrNoLeader
	}
	return asLeader(l), nil
}

// Elect waits until the caller leads, as [Locker] describes. The errors are those of
// [Node.Lock]; [ErrValue]; [ErrTooManyValues]; and f's.
func (n *Node) Elect(ctx context.Context, name, value string, f func(ctx context.Context, term Hold) error) error {
	return elect(ctx, n, name, value, f)
}

// Leader returns who leads, as this node has heard. The errors wrap [ErrName] or
// [ErrStopped]; are [ErrNoLeader]; or are the cause of the context's end.
func (n *Node) Leader(ctx context.Context, name string) (Leader, error) {
	return leader(n.node.Leader(ctx, name))
}

// Observe tells who leads, as [Locker] describes. The channel is closed when the context or
// the node ends. The errors are those of [Node.Leader], without ErrNoLeader.
func (n *Node) Observe(ctx context.Context, name string) (<-chan Leader, error) {
	if _, err := n.node.Leader(ctx, name); err != nil {
		return nil, err
	}
	return broadcast.RelayLeaders(ctx, asLeader, func(ctx context.Context, tell func(broadcast.Leader) error) {
		_ = n.node.Follow(ctx, name, tell) // whoever ended it knows why
	}), nil
}

// Elect waits until the caller leads, as [Locker] describes. The errors are those of
// [Client.Lock]; [ErrValue]; [ErrTooManyValues]; and f's. A node of a version that knows no
// values refuses: [ErrRefused].
func (c *Client) Elect(ctx context.Context, name, value string, f func(ctx context.Context, term Hold) error) error {
	return elect(ctx, c, name, value, f)
}

// Leader returns who leads, as the client's node has heard, or else the first other one that
// answers. It opens a connection of its own. The errors wrap [ErrName]; [ErrUnreachable];
// [ErrForbidden]; [ErrRefused]; are [ErrNoLeader], or [ErrStopped] after [Client.Close]; or
// are the cause of the context's end.
func (c *Client) Leader(ctx context.Context, name string) (Leader, error) {
	return leader(c.client.Leader(ctx, name))
}

// Observe tells who leads, as [Locker] describes, over a connection of its own. When its node
// is gone, it goes on at the next; while it finds none, the leader is in doubt. So it does
// when the node is frozen or cut off, and was not heard for one SessionTTL or 20 seconds,
// whichever is shorter. The channel is closed when the context or the client ends. The errors
// are those of [Client.Leader], without ErrNoLeader.
func (c *Client) Observe(ctx context.Context, name string) (<-chan Leader, error) {
	o, err := c.client.Observe(ctx, name)
	if err != nil {
		return nil, err
	}
	return broadcast.RelayLeaders(ctx, asLeader, o.Follow), nil
}
