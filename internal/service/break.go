package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// maxReasonBytes bounds what is given as the reason for breaking a lock.
const maxReasonBytes = 1024

// Break is the service's call.
func (s *Service) Break(ctx context.Context, r *clientv1.BreakRequest) (*clientv1.BreakResponse, error) {
	if f := checkLock(r.GetLock()); f != nil {
		return nil, asStatus(f)
	}
	if n := len(r.GetReason()); n == 0 || n > maxReasonBytes {
		return nil, asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "reason has %d bytes, want 1 to %d", n, maxReasonBytes))
	}
	if n := len(r.GetHost()); n > maxNameBytes {
		return nil, asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "host has %d bytes, want at most %d", n, maxNameBytes))
	}
	by, f := asCaller(r.GetCaller())
	if f != nil {
		return nil, asStatus(f)
	}
	who, err := s.gate.identify(ctx, r.GetScope())
	if err != nil {
		return nil, err
	}
	if f := s.gate.check(who, rules.Break, r.GetLock()); f != nil {
		return nil, asStatus(f)
	}
	by.Identity = known(who)
	if who.Kind == rules.Member { // which speaks for another, whom it knows
		by.Identity = r.GetCaller().GetIdentity()
	}
	if r.GetFree() && r.GetScope() == clientv1.Scope_SCOPE_NODE {
		return s.freeHere(ctx, r, by)
	}
	response, err := s.breakHere(ctx, r, by)
	if err == nil {
		return response, nil
	}
	if r.GetScope() == clientv1.Scope_SCOPE_NODE {
		return nil, err
	}
	if response, err = s.breakThere(ctx, r, by, err); err == nil {
		return response, nil
	}
	return s.freeKept(ctx, r, by, err)
}

// mostBroken is how many of those whose holds were broken are named.
const mostBroken = 100

// breakHere breaks the lock if clients of this node hold it.
func (s *Service) breakHere(ctx context.Context, r *clientv1.BreakRequest, by broadcast.Caller) (*clientv1.BreakResponse, error) {
	whom := broadcast.Whom{Fence: token.Fence(r.GetFence()), PID: r.GetPid(), Host: r.GetHost()}
	broken, err := s.driver.Break(ctx, r.GetLock(), whom, r.GetReason(), by)
	switch {
	case errors.Is(err, broadcast.ErrNotHeld):
		return nil, asStatus(fault(clientv1.Code_CODE_NOT_HELD, "nobody holds %q", r.GetLock()))
	case errors.Is(err, broadcast.ErrWrongFence), errors.Is(err, broadcast.ErrNotAmong):
		return nil, asStatus(fault(clientv1.Code_CODE_WRONG_FENCE, "%q: %v", r.GetLock(), err))
	case err != nil:
		return nil, callError(err)
	}
	response := new(clientv1.BreakResponse)
	for i := range broken[:min(len(broken), mostBroken)] {
		response.Holders = append(response.Holders, s.holder(&broken[i]))
	}
	response.Holder = response.Holders[0]
	return response, nil
}

// breakThere has the other members break the lock. The error is this node's, if
// nobody knows better.
func (s *Service) breakThere(ctx context.Context, r *clientv1.BreakRequest, by broadcast.Caller, own error) (*clientv1.BreakResponse, error) {
	m := s.members()
	answers := make([]*clientv1.BreakResponse, len(m.members))
	errs := make([]error, len(m.members))
	errs[m.self] = own
	m.ask(ctx, func(ctx context.Context, i int, p *peer) {
		answers[i], errs[i] = p.Break(ctx, &clientv1.BreakRequest{
			Scope: clientv1.Scope_SCOPE_NODE, Lock: r.GetLock(), Fence: r.GetFence(), Reason: r.GetReason(), Caller: asClient(&by),
			Pid: r.GetPid(), Host: r.GetHost(),
		})
		if h := answers[i].GetHolder(); h != nil {
			h.Member = p.address
		}
		for _, h := range answers[i].GetHolders() {
			h.Member = p.address
		}
	})
	var wrong []string
	var unknown error
	for i, err := range errs {
		f, told := faultIn(err)
		switch {
		case err == nil:
			return answers[i], nil
		case told && f.GetCode() == clientv1.Code_CODE_WRONG_FENCE:
			wrong = append(wrong, strings.TrimPrefix(f.GetMessage(), fmt.Sprintf("%q: ", r.GetLock())))
		case !told || f.GetCode() != clientv1.Code_CODE_NOT_HELD:
			unknown = asStatus(fault(clientv1.Code_CODE_UNREACHABLE,
				"nobody who answered holds %q, and %s did not answer: %s", r.GetLock(), m.members[i], status.Convert(err).Message()))
		}
	}
	switch {
	case len(wrong) > 0: // those who share a lock at several members have several fences
		return nil, asStatus(fault(clientv1.Code_CODE_WRONG_FENCE, "%q: %s", r.GetLock(), strings.Join(wrong, "; ")))
	case unknown != nil:
		return nil, unknown
	}
	return nil, own
}
