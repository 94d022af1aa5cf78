package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"conch/broadcast"
	"conch/internal/reason"
	"conch/token"
)

// TellBirth tells, each [TellInterval], which members of a new cluster have not shown their
// data directories yet. It returns when the node waits for none, or ctx ends.
func (n *Node) TellBirth(ctx context.Context, tell func(string)) {
	ticker := time.NewTicker(TellInterval)
	defer ticker.Stop()
	for {
		status, err := n.driver.Membership(ctx)
		if err != nil || !status.View.Waits {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-n.driver.Done():
			return
		case <-ticker.C:
		}
		status, err = n.driver.Membership(ctx)
		if err != nil || !status.View.Waits {
			return
		}
		tell(n.birthText(ctx, status.View))
	}
}

// birthText says whom a new cluster waits for.
func (n *Node) birthText(ctx context.Context, view token.MembershipView) string {
	var asking sync.WaitGroup
	unseen := make([]string, len(view.Unseen))
	for i, id := range view.Unseen {
		at := slices.IndexFunc(view.Membership.Members, func(l token.Listed) bool { return l.ID == id })
		address := view.Membership.Members[at].Address
		asking.Go(func() { unseen[i] = address + n.whyUnseen(ctx, address) })
	}
	asking.Wait()
	return "this data directory is new, and so the node waits until all members have run at once; not seen yet: " + strings.Join(unseen, ", ")
}

// whyUnseen says in brackets what is wrong with a member, if that is known.
func (n *Node) whyUnseen(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	shown, err := n.driver.ShowNode(ctx, address)
	switch {
	case err != nil:
		return " (" + reason.Of(err) + ")"
	case shown.Version != broadcast.ProtocolVersion:
		return fmt.Sprintf(" (protocol version %d; want %d)", shown.Version, broadcast.ProtocolVersion)
	case shown.Membership != nil && shown.Membership.Born():
		return " (its cluster has begun without this node)"
	}
	return ""
}
