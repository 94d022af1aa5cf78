package node

import (
	"context"

	"conch/broadcast"
	"conch/internal/rules"
	"conch/internal/service"
)

// Page is a node as its page on the web may use it. The page has no login, so the rules of
// Config.AllowFile know all who reach it by the one name @page, and what they do not grant
// to that is refused. What it offers beside Lock are the calls of [Node.LockService], but
// Attach.
type Page struct {
	service.Insider
	node *Node
}

// Page returns the node as its page may use it.
func (n *Node) Page() Page {
	return Page{n.service.As(rules.Identity{Kind: rules.Page}), n}
}

// Lock is [Node.Lock], where the rules grant it. The error is a gRPC status where they do
// not, as those of the calls are.
func (p Page) Lock(ctx context.Context, name string) (broadcast.Hold, error) {
	if err := broadcast.CheckName(name); err != nil {
		return broadcast.Hold{}, err
	}
	if err := p.Check(rules.Lock, name); err != nil {
		return broadcast.Hold{}, err
	}
	return p.node.Lock(ctx, name)
}
