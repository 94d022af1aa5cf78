package service

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

const (
	// newPatience is how long a process that is to be added may take to answer.
	newPatience = 3 * time.Second
	// changePeriod is the time between two looks at how far a change is, if nothing else
	// says that it went on.
	changePeriod = 200 * time.Millisecond
)

// ChangeMembers is the service's call.
func (s *Service) ChangeMembers(r *clientv1.ChangeMembersRequest, rpc grpc.ServerStreamingServer[clientv1.ChangeMembersResponse]) error {
	by, f := asCaller(r.GetCaller())
	if f != nil {
		return asStatus(f)
	}
	who, err := s.gate.identify(rpc.Context(), clientv1.Scope_SCOPE_CLUSTER)
	if err != nil {
		return err
	}
	if f := s.gate.checkMembers(who); f != nil {
		return asStatus(f)
	}
	by.Identity = known(who)
	end, f := s.watches.begin(who)
	if f != nil {
		return asStatus(f)
	}
	defer end()
	ctx, cancel := context.WithCancel(rpc.Context())
	defer cancel()
	return whileRead(s, rpc, func(send func(*clientv1.ChangeMembersResponse) error) error {
		return s.change(ctx, r, by, send)
	})
}

// change plans a change and, unless only the plan is wanted, makes it.
func (s *Service) change(
	ctx context.Context, r *clientv1.ChangeMembersRequest, by broadcast.Caller, send func(*clientv1.ChangeMembersResponse) error,
) error {
	st, err := s.membership.Membership(ctx)
	if err != nil {
		return callError(err)
	}
	if isUnderWay(st.View.Membership, r) {
		return s.goOn(ctx, &st, r, send)
	}
	change, plan, err := s.plan(ctx, &st, r)
	if err != nil {
		return err
	}
	if err := send(&clientv1.ChangeMembersResponse{Plan: plan}); err != nil || r.GetPlan() {
		return err
	}
	sub, err := s.driver.Subscribe(ctx, noLock)
	if err != nil {
		return callError(err)
	}
	if err := send(&clientv1.ChangeMembersResponse{Stage: clientv1.ChangeStage_CHANGE_STAGE_CHOOSING}); err != nil {
		return err
	}
	chosen, err := s.membership.Change(ctx, change, by)
	if err != nil {
		return s.outcome(ctx, chosen, err)
	}
	return s.followChange(ctx, sub, chosen, send)
}

// goOn tells how far a change is that was chosen before somebody asked for it once more: an
// operator whose command has ended, perhaps.
func (s *Service) goOn(
	ctx context.Context, st *broadcast.MembershipStatus, r *clientv1.ChangeMembersRequest, send func(*clientv1.ChangeMembersResponse) error,
) error {
	m := st.View.Membership
	plan, _ := planOf(st, m) // nobody can refuse it any more
	if err := send(&clientv1.ChangeMembersResponse{Plan: plan}); err != nil || r.GetPlan() {
		return err
	}
	sub, err := s.driver.Subscribe(ctx, noLock)
	if err != nil {
		return callError(err)
	}
	return s.followChange(ctx, sub, m, send)
}

// plan finds out what a change means. The error is why it cannot be.
func (s *Service) plan(
	ctx context.Context, st *broadcast.MembershipStatus, r *clientv1.ChangeMembersRequest,
) (token.ChangeRequest, *clientv1.ChangePlan, error) {
	none := token.ChangeRequest{}
	lease, _ := s.driver.Lease()
	if f := isTurn(&st.View, lease.Session != 0); f != nil {
		return none, nil, asStatus(f)
	}
	m := st.View.Membership
	change, f := readChange(m, r)
	if f != nil {
		return none, nil, asStatus(f)
	}
	if f := takeShown(m, &change, s.showNew(ctx, change.Add), s.ttl, s.members().own()); f != nil {
		return none, nil, asStatus(f)
	}
	next, err := s.membership.PlanChange(ctx, change)
	if err != nil {
		if f := s.refusal(ctx, nil, err); f != nil {
			return none, nil, asStatus(f)
		}
		return none, nil, callError(err)
	}
	plan, f := planOf(st, next)
	if f != nil {
		return none, nil, asStatus(f)
	}
	return change, plan, nil
}

// showNew asks the processes that are to be added what they are.
func (s *Service) showNew(ctx context.Context, list []token.Listed) []shown {
	ctx, cancel := context.WithTimeout(ctx, newPatience)
	defer cancel()
	nodes := make([]shown, len(list))
	var asking sync.WaitGroup
	for i, l := range list {
		asking.Go(func() { nodes[i].NodeShown, nodes[i].err = s.membership.ShowNode(ctx, l.Address) })
	}
	asking.Wait()
	return nodes
}

// outcome is what a change ends with that this node's proposal did not bring about. first is
// the membership that came first, if one did.
func (s *Service) outcome(ctx context.Context, first *token.Membership, err error) error {
	if f := s.refusal(ctx, first, err); f != nil {
		return asStatus(f)
	}
	if ctx.Err() != nil {
		return callError(ctx.Err())
	}
	return asStatus(fault(clientv1.Code_CODE_UNREACHABLE, "%v; see 'conch members'", err))
}

// followChange tells how far a change is that was chosen, until it is complete.
func (s *Service) followChange(
	ctx context.Context, sub *broadcast.Subscription, chosen *token.Membership, send func(*clientv1.ChangeMembersResponse) error,
) error {
	complete := &clientv1.ChangeMembersResponse{Stage: clientv1.ChangeStage_CHANGE_STAGE_COMPLETE, Members: addressesOf(chosen.Next)}
	ticker := time.NewTicker(changePeriod)
	defer ticker.Stop()
	var told []string
	for first := true; ; {
		st, err := s.membership.Membership(ctx)
		switch {
		case errors.Is(err, broadcast.ErrRemoved), err == nil && st.View.Membership.Version > chosen.Version:
			return send(complete)
		case err != nil && ctx.Err() == nil:
			return asStatus(fault(clientv1.Code_CODE_UNREACHABLE, "the change goes on, but this node cannot tell how far it is: %v", err))
		case err != nil:
			return callError(err)
		}
		awaited := addressesIn(chosen, st.View.Awaited)
		if st.View.Membership.Version < chosen.Version { // this node has not adopted it yet
			awaited = addressesOf(chosen.All())
		}
		if first || !slices.Equal(awaited, told) {
			first, told = false, awaited
			if err := send(&clientv1.ChangeMembersResponse{Stage: clientv1.ChangeStage_CHANGE_STAGE_JOINT, Awaited: awaited}); err != nil {
				return err
			}
		}
		select {
		case <-sub.Wake():
			sub.Take()
		case <-ticker.C:
		case <-s.driver.Done(): // the next look tells why
		case <-ctx.Done():
		}
	}
}
