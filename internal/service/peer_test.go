package service

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	clientv1 "conch/proto/conch/client/v1"
)

// liar is a member that tells of others, and of locks that it was not asked about.
type liar struct {
	clientv1.UnimplementedLockServiceServer
}

func (liar) parts() []*clientv1.LockStatus {
	part := func(lock string) *clientv1.LockStatus {
		p := partOf("a:1", "a1")
		p.Lock = lock
		p.Holder, p.Token = &clientv1.Holder{Member: "a:1", Fence: 1 << 62}, &clientv1.TokenStatus{Member: "a:1"}
		p.Obstacles = []*clientv1.Obstacle{{Member: "a:1", Kind: clientv1.Obstacle_KIND_NO_SESSION}}
		return p
	}
	return []*clientv1.LockStatus{part("z"), part("cs"), part("other")}
}

func (l liar) ListLocks(_ *clientv1.ListLocksRequest, rpc grpc.ServerStreamingServer[clientv1.ListLocksResponse]) error {
	for _, part := range l.parts() {
		if err := rpc.Send(&clientv1.ListLocksResponse{Lock: part}); err != nil {
			return err
		}
	}
	return nil
}

func (l liar) Watch(_ *clientv1.WatchRequest, rpc grpc.ServerStreamingServer[clientv1.WatchResponse]) error {
	for _, part := range l.parts() {
		if err := rpc.Send(&clientv1.WatchResponse{Lock: part}); err != nil {
			return err
		}
	}
	return rpc.Send(&clientv1.WatchResponse{})
}

// A member tells of itself only, and of what it is asked about.
func TestAMemberTellsOfItselfOnly(t *testing.T) {
	listener, server := bufconn.Listen(64<<10), grpc.NewServer()
	clientv1.RegisterLockServiceServer(server, liar{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient("passthrough:///b:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{address: "b:1", conn: conn, LockServiceClient: clientv1.NewLockServiceClient(conn)}
	defer func() {
		_ = p.close()
		server.Stop()
		<-served
	}()
	for asked, want := range map[string][]string{"cs": {"cs"}, "": {"z", "cs", "other"}} {
		var listed, watched []string
		take := func(to *[]string) func(*clientv1.LockStatus) error {
			return func(part *clientv1.LockStatus) error {
				*to = append(*to, part.GetLock())
				for what, by := range map[string]string{
					"holder": part.GetHolder().GetMember(), "token": part.GetToken().GetMember(), "waiter": part.GetWaiters()[0].GetMember(),
					"view": part.GetViews()[0].GetMember(), "obstacle": part.GetObstacles()[0].GetMember(),
				} {
					if by != "b:1" {
						t.Errorf("the %s of %q is told to be at %s; want b:1, who says so", what, part.GetLock(), by)
					}
				}
				return nil
			}
		}
		if err := p.eachPart(t.Context(), asked, take(&listed)); err != nil {
			t.Error(err)
		}
		ready := 0
		err := p.watchHere(t.Context(), asked, func(r *clientv1.WatchResponse) error {
			if r.GetLock() == nil {
				ready++
				return nil
			}
			return take(&watched)(r.GetLock())
		})
		if !errors.Is(err, errEnded) || ready != 1 {
			t.Errorf("asked about %q: %v, ready %d times; want the end, and once", asked, err, ready)
		}
		if !slices.Equal(listed, want) || !slices.Equal(watched, want) {
			t.Errorf("asked about %q: listed %q, watched %q; want %q", asked, listed, watched, want)
		}
	}
}
