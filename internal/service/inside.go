package service

import (
	"context"

	"google.golang.org/grpc"

	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// Insider is the service as one caller inside this process sees it, who is judged by the
// rules as any other. It has no streams for locks.
type Insider struct {
	service *Service
	caller  rules.Identity
}

// As returns the service for a caller inside this process.
func (s *Service) As(caller rules.Identity) Insider { return Insider{s, caller} }

// insiderKey is the key of a context for the caller of an [Insider].
type insiderKey struct{}

func (i Insider) known(ctx context.Context) context.Context {
	return context.WithValue(ctx, insiderKey{}, i.caller)
}

// Check says why the caller may not do something to a lock; nil if they may.
func (i Insider) Check(action rules.Action, lock string) error {
	if f := i.service.gate.check(i.caller, action, lock); f != nil {
		return asStatus(f)
	}
	return nil
}

// Status is the service's call.
func (i Insider) Status(ctx context.Context, r *clientv1.StatusRequest) (*clientv1.StatusResponse, error) {
	return i.service.Status(i.known(ctx), r)
}

// ListLocks is the service's call.
func (i Insider) ListLocks(r *clientv1.ListLocksRequest, rpc grpc.ServerStreamingServer[clientv1.ListLocksResponse]) error {
	return i.service.ListLocks(r, inside[clientv1.ListLocksResponse]{rpc, i.known(rpc.Context())})
}

// Watch is the service's call.
func (i Insider) Watch(r *clientv1.WatchRequest, rpc grpc.ServerStreamingServer[clientv1.WatchResponse]) error {
	return i.service.Watch(r, inside[clientv1.WatchResponse]{rpc, i.known(rpc.Context())})
}

// Observe is the service's call.
func (i Insider) Observe(r *clientv1.ObserveRequest, rpc grpc.ServerStreamingServer[clientv1.ObserveResponse]) error {
	return i.service.Observe(r, inside[clientv1.ObserveResponse]{rpc, i.known(rpc.Context())})
}

// Break is the service's call.
func (i Insider) Break(ctx context.Context, r *clientv1.BreakRequest) (*clientv1.BreakResponse, error) {
	return i.service.Break(i.known(ctx), r)
}

// inside is a stream of answers whose context knows who asked.
type inside[T any] struct {
	grpc.ServerStreamingServer[T]
	ctx context.Context
}

// Context is grpc.ServerStream's.
func (i inside[T]) Context() context.Context { return i.ctx }
