package service

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// askPatience is how long another member may take to answer, or to go on with its
// answer.
const askPatience = time.Second

// peer is another member, which is asked what it knows.
type peer struct {
	address string
	conn    *grpc.ClientConn
	clientv1.LockServiceClient
}

// newPeer prepares to ask a member. Nothing is dialled before it is asked.
func newPeer(address string, secure credentials.TransportCredentials) (*peer, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(secure), grpc.WithNoProxy())
	if err != nil {
		return nil, err
	}
	return &peer{address: address, conn: conn, LockServiceClient: clientv1.NewLockServiceClient(conn)}, nil
}

func (p *peer) close() error { return p.conn.Close() }

// missing says that a member did not answer.
func missing(address string, err error) *clientv1.Missing {
	return &clientv1.Missing{Member: address, Reason: status.Convert(err).Message()}
}

// ask calls a function for each other member at once, with its position and a context
// that ends when patience does, and returns when all have returned.
func (r *roster) ask(ctx context.Context, call func(ctx context.Context, i int, p *peer)) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	var asked sync.WaitGroup
	for i, p := range r.peers {
		if p != nil {
			asked.Go(func() { call(ctx, i, p) })
		}
	}
	asked.Wait()
}

// own returns what the member says that it knows of a lock: of itself, whatever names it
// gives. It is nil for another lock than was asked about; empty asks about all.
func (p *peer) own(lock string, part *clientv1.LockStatus) *clientv1.LockStatus {
	if lock != "" && part.GetLock() != lock {
		return nil
	}
	for _, h := range holdersOf(part) {
		h.Member = p.address
	}
	if t := part.GetToken(); t != nil {
		t.Member = p.address
	}
	for _, w := range part.GetWaiters() {
		w.Member = p.address
	}
	for _, v := range part.GetViews() {
		v.Member = p.address
	}
	for _, o := range part.GetObstacles() {
		o.Member = p.address
	}
	return part
}
