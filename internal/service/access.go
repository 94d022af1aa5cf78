package service

import (
	"context"
	"net"
	"sync"
	"time"

	grpcpeer "google.golang.org/grpc/peer"

	"conch/internal/pki"
	"conch/internal/rules"
	"conch/internal/socket"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// gate knows who calls, and says what they may do.
type gate struct {
	roster func() *roster
	rules  func() *rules.Rules
	// refused is told of a refusal, once a minute for each caller.
	refused func(caller string, reason error)

	mu    sync.Mutex
	noted map[string]time.Time // by caller, when it was told of
}

const (
	// noteInterval is how often a caller's refusals are told of.
	noteInterval = time.Minute
	// maxNoted is how many callers are remembered for that.
	maxNoted = 256
)

// identify tells who calls. Without TLS there is nothing to know other members by:
// whoever asks what only they ask is taken for one.
func (g *gate) identify(ctx context.Context, scope clientv1.Scope) (rules.Identity, error) {
	if id, inside := ctx.Value(insiderKey{}).(rules.Identity); inside {
		return id, nil
	}
	p, ok := grpcpeer.FromContext(ctx)
	if !ok { // a call of the node itself
		return rules.Identity{Kind: rules.Member, Name: g.roster().own()}, nil
	}
	if u, local := p.AuthInfo.(socket.User); local {
		return rules.Identity{Kind: rules.Local, Name: u.Name, UID: u.UID}, nil
	}
	if state, secured := pki.PeerState(ctx); secured {
		id, err := pki.Identify(state, g.roster().members)
		if err != nil {
			return id, asStatus(g.fault(rules.Identity{Name: hostOf(p.Addr)}, err))
		}
		return id, nil
	}
	host := hostOf(p.Addr)
	if scope == clientv1.Scope_SCOPE_NODE {
		return rules.Identity{Kind: rules.Member, Name: host}, nil
	}
	return rules.Identity{Name: host}, nil
}

// hostOf is where somebody connects from.
func hostOf(address net.Addr) string {
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}

// check says why somebody may not do something to a lock; nil if they may.
func (g *gate) check(id rules.Identity, action rules.Action, lock string) *clientv1.Error {
	return g.fault(id, g.rules().Check(id, action, lock))
}

// checkState says why somebody may not see the state of the cluster.
func (g *gate) checkState(id rules.Identity) *clientv1.Error {
	return g.fault(id, g.rules().CheckState(id))
}

// checkOperate says why somebody may not drain this node.
func (g *gate) checkOperate(id rules.Identity) *clientv1.Error {
	return g.fault(id, g.rules().CheckOperate(id))
}

// checkMembers says why somebody may not change the members.
func (g *gate) checkMembers(id rules.Identity) *clientv1.Error {
	return g.fault(id, g.rules().CheckMembers(id))
}

// actionFor is the action for which a caller needs permission to hold a lock in a mode.
func actionFor(limit token.Limit) rules.Action {
	if limit == token.Unlimited {
		return rules.Share
	}
	return rules.Lock
}

func (g *gate) fault(id rules.Identity, err error) *clientv1.Error {
	if err == nil {
		return nil
	}
	g.note(id.String(), err)
	return fault(clientv1.Code_CODE_FORBIDDEN, "%v", err)
}

// sees reports whether somebody may see a lock among others.
func (g *gate) sees(id rules.Identity, lock string) bool {
	return g.rules().Check(id, rules.Look, lock) == nil
}

// note tells of a refusal, unless the same caller was told of just now.
func (g *gate) note(caller string, reason error) {
	g.mu.Lock()
	now := time.Now()
	last, known := g.noted[caller]
	if known && now.Sub(last) < noteInterval {
		g.mu.Unlock()
		return
	}
	if len(g.noted) >= maxNoted {
		clear(g.noted)
	}
	g.noted[caller] = now
	g.mu.Unlock()
	g.refused(caller, reason)
}
