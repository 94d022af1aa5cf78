package service

import (
	"context"

	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// SetLimit is the service's call.
func (s *Service) SetLimit(ctx context.Context, r *clientv1.SetLimitRequest) (*clientv1.SetLimitResponse, error) {
	if f := checkLock(r.GetLock()); f != nil {
		return nil, asStatus(f)
	}
	limit := token.Limit(r.GetLimit())
	if limit == token.Exclusive || limit > token.MaxPermits {
		return nil, asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "the limit is %d, want 1 to %d permits", limit, token.MaxPermits))
	}
	by, f := asCaller(r.GetCaller())
	if f != nil {
		return nil, asStatus(f)
	}
	who, err := s.gate.identify(ctx, clientv1.Scope_SCOPE_CLUSTER)
	if err != nil {
		return nil, err
	}
	if f := s.gate.check(who, actionFor(token.Exclusive), r.GetLock()); f != nil {
		return nil, asStatus(f)
	}
	by.Identity = known(who)
	if err := s.driver.SetLimit(ctx, r.GetLock(), limit, by); err != nil {
		return nil, callError(err)
	}
	return &clientv1.SetLimitResponse{}, nil
}
