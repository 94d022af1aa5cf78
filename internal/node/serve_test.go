package node

import (
	"context"
	"errors"
	"net"
	"testing"

	"conch/broadcast"
	"conch/hosts"
	"conch/token"
)

// brokenListener cannot accept.
type brokenListener struct {
	net.Listener
	err error
}

func (l brokenListener) Accept() (net.Conn, error) { return nil, l.err }

func TestNodeThatCannotAcceptEnds(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	cfg, members := Config{Listen: address, SessionTTL: MinSessionTTL}, hosts.Members{Addresses: []string{address}}
	access, err := cfg.access(members, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	n, err := cfg.start(members, access)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	n.serve(listeners{port: brokenListener{listener, broken}})
	<-n.Done()
	if err := n.Err(); !errors.Is(err, broken) {
		t.Errorf("Err = %v; want what the listener failed with", err)
	}
	if _, err := n.Acquire(t.Context(), "cs", token.Exclusive); !errors.Is(err, broadcast.ErrStopped) || !errors.Is(err, broken) {
		t.Errorf("Lock = %v; want ErrStopped and why", err)
	}
	if err := n.Stop(context.Background()); err != nil {
		t.Errorf("Stop = %v; want nil", err)
	}
}
