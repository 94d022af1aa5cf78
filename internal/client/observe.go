package client

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/leaders"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// Whoever observes leaders has a connection of its own for that, to one node at a time: a
// node's unix socket without gRPC carries locks only.

// Leader returns who leads under a lock, as the first node that answers has heard. The errors
// are those of [Client.Observe].
func (c *Client) Leader(ctx context.Context, lock string) (broadcast.Leader, error) {
	o, err := c.observe(ctx, lock)
	if err != nil {
		return broadcast.Leader{}, err
	}
	o.close()
	return o.first, nil
}

// Observe begins to observe who leads under a lock. The errors wrap [broadcast.ErrName],
// [ErrUnreachable], [ErrForbidden] or [ErrRefused]; or are the cause of the context's end, or
// that the client is closed.
func (c *Client) Observe(ctx context.Context, lock string) (*Observation, error) {
	ctx, cancel := context.WithCancel(ctx)
	o := &Observation{client: c, lock: lock, ctx: ctx, cancel: cancel, unbind: context.AfterFunc(c.life, cancel)}
	var err error
	if o.call, err = c.observe(ctx, lock); err != nil {
		o.end()
		return nil, err
	}
	return o, nil
}

// Observation tells of the leaders under a lock.
type Observation struct {
	client *Client
	lock   string
	ctx    context.Context // ends with the client, too
	cancel context.CancelFunc
	unbind func() bool
	call   *observation // nil between two nodes
	// observer is what was told.
	observer leaders.Observer
}

func (o *Observation) end() {
	o.unbind()
	o.cancel()
}

// Follow tells who leads, as [broadcast.Driver.Follow] does, until the context of Observe or
// the client ends. When its node is gone, it goes on at the next; while it finds none, the
// leader is in doubt. It is called once.
func (o *Observation) Follow(_ context.Context, tell func(broadcast.Leader) error) {
	defer o.end()
	pause := newBackoff()
	for {
		if o.call != nil {
			began := time.Now()
			o.followCall(tell)
			if time.Since(began) > backoffMax {
				pause.Reset()
			}
		}
		if o.ctx.Err() != nil {
			return
		}
		var err error
		if o.call, err = o.client.observe(o.ctx, o.lock); err == nil {
			continue
		}
		if o.observer.Doubt() && tell(o.observer.Told()) != nil || !sleep(o.ctx, pause) {
			return
		}
	}
}

// followCall tells what one node says, until it ends its answer.
func (o *Observation) followCall(tell func(broadcast.Leader) error) {
	defer func() {
		o.call.close()
		o.call = nil
	}()
	l := o.call.first
	for {
		o.observer.Hear(l)
		if tell(o.observer.Told()) != nil {
			return
		}
		r, err := o.call.rpc.Recv()
		if err != nil {
			return
		}
		l = leaderOf(r)
	}
}

// observation is a call of Observe that a node has answered.
type observation struct {
	first broadcast.Leader
	rpc   grpc.ServerStreamingClient[clientv1.ObserveResponse]
	conn  *grpc.ClientConn
	stop  context.CancelFunc
}

func (o *observation) close() {
	o.stop()
	_ = o.conn.Close()
}

// observe asks the first node that answers, of which the one that the client speaks to comes
// first.
func (c *Client) observe(ctx context.Context, lock string) (*observation, error) {
	if err := broadcast.CheckName(lock); err != nil {
		return nil, err
	}
	if c.life.Err() != nil {
		return nil, errClosed
	}
	conn, target, err := c.connector.first(ctx, c.inOrder(), DefaultPatience)
	if err != nil {
		return nil, err
	}
	o := &observation{conn: conn}
	var calling context.Context
	calling, o.stop = context.WithCancel(ctx)
	var answer *clientv1.ObserveResponse
	if o.rpc, err = clientv1.NewLockServiceClient(conn).Observe(calling, &clientv1.ObserveRequest{Lock: lock}); err == nil {
		answer, err = o.rpc.Recv()
	}
	if err != nil {
		o.close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, observeError(target, err)
	}
	o.first = leaderOf(answer)
	return o, nil
}

// observeError says why a node does not tell who leads.
func observeError(t Target, err error) error {
	why := status.Convert(err).Message()
	switch status.Code(err) {
	case codes.PermissionDenied:
		return fmt.Errorf("%w: %v says: %s", ErrForbidden, t, why)
	case codes.Unimplemented:
		return fmt.Errorf("%w: %v is of a version that knows no values", ErrRefused, t)
	case codes.Unavailable:
		return fmt.Errorf("%w: %v: %s", ErrUnreachable, t, why)
	}
	return fmt.Errorf("%w: %v says: %s", ErrRefused, t, why)
}

// leaderOf reads an answer.
func leaderOf(r *clientv1.ObserveResponse) broadcast.Leader {
	l := r.GetLeader()
	return broadcast.Leader{Member: l.GetMember(), Term: token.Fence(l.GetFence()), Count: l.GetCount(), Value: l.GetValue(), InDoubt: l.GetInDoubt()}
}
