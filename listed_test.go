package conch_test

import (
	"context"

	"google.golang.org/grpc"

	clientv1 "conch/proto/conch/client/v1"
)

// listed keeps the lock that a node tells of.
type listed struct {
	grpc.ServerStreamingServer[clientv1.ListLocksResponse]
	ctx  context.Context
	lock *clientv1.LockStatus
}

func (l *listed) Context() context.Context { return l.ctx }

func (l *listed) Send(r *clientv1.ListLocksResponse) error {
	if r.GetLock() != nil {
		l.lock = r.GetLock()
	}
	return nil
}
