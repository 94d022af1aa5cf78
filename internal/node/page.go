package node

import (
	"context"

	"conch/broadcast"
	"conch/internal/rules"
	"conch/internal/service"
	"conch/token"
)

// Page is a node as its web page may use it. The page has no login, so the rules of
// Config.AllowFile know all its users by the one name @page, and refuse them what they do
// not grant to it. Beside Lock, it offers the calls of [Node.LockService] except Attach.
type Page struct {
	service.Insider
	node *Node
}

// Page returns the node as its page may use it.
func (n *Node) Page() Page {
	return Page{n.service.As(rules.Identity{Kind: rules.Page}), n}
}

// Lock is [Node.Acquire] of an exclusive lock, if the rules grant it. Otherwise the error is a gRPC status, as those
// of the calls are.
func (p Page) Lock(ctx context.Context, name string) (broadcast.Hold, error) {
	if err := broadcast.CheckName(name); err != nil {
		return broadcast.Hold{}, err
	}
	if err := p.Check(rules.Lock, name); err != nil {
		return broadcast.Hold{}, err
	}
	return p.node.Acquire(ctx, name, token.Exclusive)
}
