package service_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

// startThree starts a cluster on loopback and returns its nodes, and a connection to
// the socket of each.
func startThree(t *testing.T) (nodes []*conch.Node, conns []*grpc.ClientConn) {
	t.Helper()
	dir := t.TempDir()
	addresses := freeAddresses(t, 3)
	for _, address := range addresses {
		socket := filepath.Join(dir, "s"+address[len("127.0.0.1:"):])
		node, err := conch.Start(t.Context(), conch.Config{
			Listen: address, Peers: addresses, Socket: socket, DataDir: filepath.Join(dir, "data "+address),
		})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(conn.Close(), node.Stop(context.Background())); err != nil {
				t.Error(err)
			}
		})
		nodes, conns = append(nodes, node), append(conns, conn)
	}
	return nodes, conns
}

// freeAddresses finds addresses that nobody listens on.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	var addresses []string
	for range n {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, listener.Addr().String())
		defer listener.Close() //nolint:gocritic // not sooner, lest an address come twice
	}
	return addresses
}

// Any node answers for all: members, a lock that is held at one and waited for at
// another, and what changes when one leaves.
func TestAnyNodeAnswersForAll(t *testing.T) {
	nodes, conns := startThree(t)
	hold, err := nodes[0].Lock(t.Context(), "cs")
	if err != nil {
		t.Fatal(err)
	}
	granted := make(chan error, 1)
	go func() {
		hold, err := nodes[1].Lock(t.Context(), "cs")
		granted <- errors.Join(err, hold.Unlock())
	}()

	asked := clientv1.NewLockServiceClient(conns[2])
	watch, err := asked.Watch(t.Context(), &clientv1.WatchRequest{Lock: "cs"})
	if err != nil {
		t.Fatal(err)
	}
	until := func(what string, is func(*clientv1.WatchResponse) bool) {
		t.Helper()
		for {
			r, err := watch.Recv()
			if err != nil {
				t.Fatalf("until %s: %v", what, err)
			}
			if is(r) {
				return
			}
		}
	}
	until("held at one and waited for at another", func(r *clientv1.WatchResponse) bool {
		l := r.GetLock()
		return l.GetHolder().GetMember() == nodes[0].Address() && l.GetHolder().GetFence() == hold.Fence() &&
			len(l.GetWaiters()) == 1 && l.GetWaiters()[0].GetMember() == nodes[1].Address() && l.GetWaiters()[0].GetAhead() == 1
	})
	list, err := asked.ListLocks(t.Context(), new(clientv1.ListLocksRequest))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for {
		r, err := list.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(r.GetMissing()) > 0 {
			t.Errorf("missing: %v", r.GetMissing())
		}
		if l := r.GetLock(); l != nil {
			seen = append(seen, l.GetLock())
			if l.GetHolder().GetFence() != hold.Fence() || l.GetWaiting() != 1 || len(l.GetViews()) != 3 {
				t.Errorf("%v; want the holder, one who waits, and what three members know", l)
			}
		}
	}
	if len(seen) != 1 || seen[0] != "cs" {
		t.Errorf("locks %q; want cs", seen)
	}
	answer, err := asked.Status(t.Context(), new(clientv1.StatusRequest))
	if err != nil || len(answer.GetStatuses()) != 3 || len(answer.GetMissing()) != 0 || answer.GetQuorum() != 2 {
		t.Errorf("status %v, %v; want all three", answer, err)
	}
	health, err := healthv1.NewHealthClient(conns[2]).Check(t.Context(), &healthv1.HealthCheckRequest{
		Service: clientv1.LockService_ServiceDesc.ServiceName,
	})
	if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v; want SERVING", health, err)
	}

	// A break at another node than the holder's, by a user of the socket.
	request := &clientv1.BreakRequest{Lock: "cs", Fence: hold.Fence() + 1, Reason: "test"}
	if _, err := asked.Break(t.Context(), request); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("break with another fence: %v; want FAILED_PRECONDITION", err)
	}
	warned := hold.Warned()
	request.Fence--
	if r, err := asked.Break(t.Context(), request); err != nil || r.GetHolder().GetMember() != nodes[0].Address() {
		t.Errorf("break: %v, %v", r, err)
	}
	<-warned
	if err := hold.Warning(); !errors.Is(err, conch.ErrBroken) {
		t.Errorf("Warning = %v; want ErrBroken", err)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if err := <-granted; err != nil {
		t.Errorf("the next one: %v", err)
	}
	until("free", func(r *clientv1.WatchResponse) bool {
		return r.GetLock().GetHolder() == nil && r.GetLock().GetWaiting() == 0 && r.GetLock().GetToken() != nil
	})

	// A member that leaves is missing, and the others go on.
	gone := nodes[0].Address()
	if err := nodes[0].Stop(context.Background()); err != nil {
		t.Error(err)
	}
	until("gone", func(r *clientv1.WatchResponse) bool {
		return len(r.GetMissing()) == 1 && r.GetMissing()[0].GetMember() == gone
	})
	answer, err = asked.Status(t.Context(), new(clientv1.StatusRequest))
	if err != nil || len(answer.GetStatuses()) != 2 || len(answer.GetMissing()) != 1 || answer.GetMissing()[0].GetMember() != gone {
		t.Errorf("status %v, %v; want two, and who is missing", answer, err)
	}
}
