package service

import (
	"context"

	"google.golang.org/grpc"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// Observe is the service's call. A caller that does not read holds up nobody: it misses what
// has changed meanwhile, and is ended after a time.
func (s *Service) Observe(r *clientv1.ObserveRequest, rpc grpc.ServerStreamingServer[clientv1.ObserveResponse]) error {
	if f := checkLock(r.GetLock()); f != nil {
		return asStatus(f)
	}
	who, _, err := s.mayLook(rpc.Context(), clientv1.Scope_SCOPE_CLUSTER, r.GetLock())
	if err != nil {
		return err
	}
	end, f := s.observers.begin(who)
	if f != nil {
		return asStatus(f)
	}
	defer end()
	ctx, cancel := context.WithCancel(rpc.Context())
	defer cancel()
	return whileRead(s, rpc, func(send func(*clientv1.ObserveResponse) error) error {
		return callError(s.driver.Follow(ctx, r.GetLock(), func(l broadcast.Leader) error {
			return send(&clientv1.ObserveResponse{Leader: leader(l)})
		}))
	})
}

// leader is who leads on the wire; nil if nobody does.
func leader(l broadcast.Leader) *clientv1.Leader {
	if l.Term == 0 {
		return nil
	}
	return &clientv1.Leader{Member: l.Member, Fence: uint64(l.Term), Count: l.Count, Value: l.Value, InDoubt: l.InDoubt}
}
