package node

import (
	"context"
	"net"
	"testing"

	"go.uber.org/goleak"

	clientv1 "conch/proto/conch/client/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freeAddress returns an address on loopback that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestLockServiceInProcess(t *testing.T) {
	address := freeAddress(t)
	n, err := Start(t.Context(), Config{Listen: address, SessionTTL: MinSessionTTL})
	if err != nil {
		t.Fatal(err)
	}
	status, err := n.LockService().Status(t.Context(), &clientv1.StatusRequest{})
	if err != nil || status.GetAnsweredBy() != address {
		t.Errorf("Status is answered by %q (%v); want %s", status.GetAnsweredBy(), err, address)
	}
	if err := n.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := n.LockService().Status(context.Background(), &clientv1.StatusRequest{}); err == nil {
		t.Error("a node that has stopped answers")
	}
}
