package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	o, err := c.observe(ctx, lock, Target{})
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
	if o.call, err = c.observe(ctx, lock, Target{}); err != nil {
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
	last   Target       // the node of the last call that ended
	// observer is what was told.
	observer leaders.Observer
}

func (o *Observation) end() {
	o.unbind()
	o.cancel()
}

// Follow tells who leads, as [broadcast.Driver.Follow] does, until the context of Observe or
// the client ends. When its node is gone or silent, it goes on at the next; the leader is in
// doubt after a silence, and while no node is found. It is called once.
func (o *Observation) Follow(_ context.Context, tell func(broadcast.Leader) error) {
	defer o.end()
	pause := newBackoff()
	for {
		if o.call != nil {
			began := time.Now()
			err := o.followCall(tell)
			if time.Since(began) > backoffMax {
				pause.Reset()
			}
			if errors.Is(err, errNoAnswer) && !o.doubt(tell) {
				return
			}
		}
		if o.ctx.Err() != nil {
			return
		}
		var err error
		if o.call, err = o.client.observe(o.ctx, o.lock, o.last); err == nil {
			continue
		}
		if !o.doubt(tell) || !sleep(o.ctx, pause) {
			return
		}
	}
}

// doubt tells that the leader is in doubt, if that is news. It reports whether the observer
// still listens.
func (o *Observation) doubt(tell func(broadcast.Leader) error) bool {
	return !o.observer.Doubt() || tell(o.observer.Told()) == nil
}

// followCall tells what one node says, until it ends its answer or is silent, and returns
// why.
func (o *Observation) followCall(tell func(broadcast.Leader) error) (err error) {
	defer func() {
		o.call.close()
		o.call, o.last = nil, o.call.target
	}()
	for l := o.call.first; err == nil; l, err = o.call.next() {
		o.observer.Hear(l)
		if err := tell(o.observer.Told()); err != nil {
			return err
		}
	}
	return err
}

// errNoAnswer: nothing was heard of a node for so long that it may be frozen, cut off or gone.
var errNoAnswer = errors.New("it does not answer")

// maxPatience is the most that a node may ask an observer to wait for its next message.
const maxPatience = time.Hour

// observation is a call of Observe that a node has answered.
type observation struct {
	client   *Client
	target   Target
	first    broadcast.Leader
	patience time.Duration // how long the node may be silent; 0 if it sends no heartbeats
	rpc      grpc.ServerStreamingClient[clientv1.ObserveResponse]
	conn     *grpc.ClientConn
	stop     context.CancelFunc
}

func (o *observation) close() {
	o.stop()
	_ = o.conn.Close()
}

// receive returns the node's next message. The error is errNoAnswer if none comes within
// patience, of which 0 is none.
func (o *observation) receive(patience time.Duration) (r *clientv1.ObserveResponse, err error) {
	if patience > 0 {
		silence := time.AfterFunc(patience, o.stop)
		defer func() {
			if !silence.Stop() {
				r, err = nil, errNoAnswer
			}
		}()
	}
	if r, err = o.rpc.Recv(); err == nil {
		o.client.learn(r.GetMembers())
	}
	return r, err
}

// next returns who leads, once that has changed. The error is errNoAnswer if the node is
// silent.
func (o *observation) next() (broadcast.Leader, error) {
	for {
		r, err := o.receive(o.patience)
		if err != nil {
			return broadcast.Leader{}, err
		}
		if !r.GetUnchanged() {
			return leaderOf(r), nil
		}
	}
}

// observe asks the first node that answers, of which the one that the client speaks to comes
// first, and the last one asked last.
func (c *Client) observe(ctx context.Context, lock string, last Target) (*observation, error) {
	if err := broadcast.CheckName(lock); err != nil {
		return nil, err
	}
	if c.life.Err() != nil {
		return nil, errClosed
	}
	targets := c.inOrder()
	if i := slices.Index(targets, last); i >= 0 {
		targets = append(slices.Delete(targets, i, i+1), last)
	}
	var reasons error
	for {
		o, asked, err := c.observeFirst(ctx, lock, targets)
		if err == nil || ctx.Err() != nil {
			return o, err
		}
		if reasons == nil {
			reasons = err
		} else {
			reasons = fmt.Errorf("%w; %w", reasons, err)
		}
		targets = slices.DeleteFunc(targets, func(t Target) bool { return t == asked })
		if asked == (Target{}) || len(targets) == 0 || errors.Is(err, ErrForbidden) {
			return nil, reasons
		}
	}
}

// observeFirst asks the first node to which a connection can be made, and also returns which
// that was.
func (c *Client) observeFirst(ctx context.Context, lock string, targets []Target) (*observation, Target, error) {
	conn, target, err := c.connector.first(ctx, targets, DefaultPatience)
	if err != nil {
		return nil, Target{}, err
	}
	o := &observation{client: c, target: target, conn: conn}
	var calling context.Context
	calling, o.stop = context.WithCancel(ctx)
	var answer *clientv1.ObserveResponse
	if o.rpc, err = clientv1.NewLockServiceClient(conn).Observe(calling, &clientv1.ObserveRequest{Lock: lock, Heartbeats: true}); err == nil {
		answer, err = o.receive(DefaultPatience)
	}
	if err != nil {
		o.close()
		if ctx.Err() != nil {
			return nil, target, context.Cause(ctx)
		}
		return nil, target, observeError(target, err)
	}
	o.first = leaderOf(answer)
	o.patience = 4 * min(max(time.Duration(answer.GetHeartbeatNs()), 0), maxPatience/4)
	return o, target, nil
}

// observeError says why a node does not tell who leads.
func observeError(t Target, err error) error {
	if errors.Is(err, errNoAnswer) {
		return fmt.Errorf("%w: %v: %w", ErrUnreachable, t, err)
	}
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
