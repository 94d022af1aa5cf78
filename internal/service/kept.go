package service

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"conch/broadcast"
	"conch/internal/clientwire"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// keptHold is what this node remembers of a lock's latest kept hold; nil if it remembers none.
func keptHold(k token.KeptHold, inToken *token.KeptHold) *clientv1.KeptHold {
	if inToken != nil && inToken.Fence >= k.Fence && !k.Over {
		k = *inToken
	}
	if k.Fence == 0 {
		return nil
	}
	by := runs.Parse(k.About)
	return &clientv1.KeptHold{
		Fence: uint64(k.Fence), Owner: k.Owner, Client: clientwire.Holder(&by), Member: by.Member, SinceS: by.Began,
		Over: k.Over, InToken: inToken != nil && inToken.Fence == k.Fence,
	}
}

// keeps reports whether a part has a kept hold that is not over.
func keeps(part *clientv1.LockStatus) bool {
	return part.GetKept() != nil && !part.GetKept().GetOver()
}

// setNotes puts together what members remember of a lock's runs and kept holds. The latest kept
// hold bars the lock, unless somebody knows that it is over, or has it, or has had the lock
// since.
func setNotes(whole *clientv1.LockStatus, parts []*clientv1.LockStatus) {
	for _, part := range parts {
		if r := part.GetRun(); r != nil && (whole.Run == nil || markOf(r).Above(markOf(whole.GetRun()))) {
			whole.Run = r
		}
		k, before := part.GetKept(), whole.GetKept()
		switch {
		case k.GetFence() == 0 || k.GetFence() < before.GetFence():
		case k.GetFence() > before.GetFence():
			whole.Kept = proto.Clone(k).(*clientv1.KeptHold)
		default:
			before.Over = before.GetOver() || k.GetOver()
			before.InToken = before.GetInToken() || k.GetInToken()
		}
	}
	if whole.GetKept().GetOver() {
		whole.Kept = nil
	}
	for _, h := range whole.GetHolders() {
		if h.GetFence() >= whole.GetKept().GetFence() {
			whole.Kept = nil
		}
	}
}

// keptText says for those who wait that a kept hold bars the lock.
func keptText(k *clientv1.KeptHold) string {
	who := fmt.Sprintf("process %d on %s", k.GetClient().GetPid(), k.GetClient().GetHost())
	if k.GetOwner() != "" {
		who += fmt.Sprintf(", owner %q", k.GetOwner())
	}
	if k.GetInToken() {
		return fmt.Sprintf("the hold with fence %d is kept, and nobody alive has it (%s): it has to be broken or adopted", k.GetFence(), who)
	}
	return fmt.Sprintf("the hold with fence %d is kept, and no member that answered has it (%s)", k.GetFence(), who)
}

// freeKept says that a kept hold is over that nobody alive has, if that is what a Break means.
// Otherwise the error is the one that the Break had so far.
func (s *Service) freeKept(ctx context.Context, r *clientv1.BreakRequest, by broadcast.Caller, sofar error) (*clientv1.BreakResponse, error) {
	m := s.members()
	whole, parts := s.state(ctx, m, r.GetLock())
	kept := whole.GetKept()
	if kept == nil {
		kept = outdated(whole, parts, r.GetFence())
	}
	switch {
	case kept == nil:
		return nil, sofar
	case kept.GetFence() != r.GetFence():
		if f, told := faultIn(sofar); told && f.GetCode() == clientv1.Code_CODE_WRONG_FENCE {
			return nil, sofar
		}
		return nil, asStatus(fault(clientv1.Code_CODE_WRONG_FENCE, "%q: the kept hold has the fence %d, not %d", r.GetLock(), kept.GetFence(), r.GetFence()))
	case r.GetPid() != 0 && r.GetPid() != kept.GetClient().GetPid() || r.GetHost() != "" && r.GetHost() != kept.GetClient().GetHost():
		return nil, asStatus(fault(clientv1.Code_CODE_WRONG_FENCE, "%q: the hold with the fence %d was kept by process %d on %s",
			r.GetLock(), kept.GetFence(), kept.GetClient().GetPid(), kept.GetClient().GetHost()))
	}
	// A member says so of a hold only that it remembers.
	for i, part := range parts {
		if part.GetKept().GetFence() != r.GetFence() {
			continue
		}
		var err error
		if p := m.peers[i]; p == nil {
			_, err = s.freeHere(ctx, r, by)
		} else {
			_, err = p.Break(ctx, &clientv1.BreakRequest{
				Scope: clientv1.Scope_SCOPE_NODE, Lock: r.GetLock(), Fence: r.GetFence(), Reason: r.GetReason(), Caller: asClient(&by), Free: true,
			})
		}
		if err == nil {
			return &clientv1.BreakResponse{Freed: kept}, nil
		}
		if sofar = err; ctx.Err() != nil {
			break
		}
	}
	return nil, sofar
}

// outdated returns the kept hold with a fence that a member takes for kept, though others know
// better: it was away when the hold ended. Nil if there is none.
func outdated(whole *clientv1.LockStatus, parts []*clientv1.LockStatus, fence uint64) *clientv1.KeptHold {
	for _, h := range whole.GetHolders() {
		if h.GetFence() == fence {
			return nil
		}
	}
	for _, part := range parts {
		if keeps(part) && part.GetKept().GetFence() == fence {
			return part.GetKept()
		}
	}
	return nil
}

// freeHere says that a kept hold is over that this node remembers.
func (s *Service) freeHere(ctx context.Context, r *clientv1.BreakRequest, by broadcast.Caller) (*clientv1.BreakResponse, error) {
	err := s.driver.FreeKept(ctx, r.GetLock(), token.Fence(r.GetFence()), r.GetReason(), by)
	switch {
	case errors.Is(err, broadcast.ErrNotNoted):
		return nil, asStatus(fault(clientv1.Code_CODE_UNREACHABLE, "%q: %v; the members that were reached remember it, so the hold may be over once a majority is back: see 'conch who'", r.GetLock(), err))
	case err != nil:
		return nil, callError(err)
	}
	return new(clientv1.BreakResponse), nil
}

// state is what the members that answer know of a lock, together and each.
func (s *Service) state(ctx context.Context, m *roster, lock string) (whole *clientv1.LockStatus, parts []*clientv1.LockStatus) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sources := s.sources(ctx, m, lock)
	parts = make([]*clientv1.LockStatus, len(m.members))
	for i, src := range sources {
		src.advance()
		parts[i] = src.head
	}
	return merge(m.members, lock, parts, absentOf(sources)), parts
}
