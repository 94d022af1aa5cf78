package node

import (
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Where connections are secured, it is known whose one is before anything that it says is
// read. Then clients are served by a server of their own, which takes in less: a member's
// frames are long, and over one connection it asks for all of its clients.

// What a client's connection may cost: it carries so many calls, and each may send ahead
// so much, in messages that are no longer than that.
const (
	maxClientStreams = 16
	clientWindow     = 64 << 10
	maxClientMessage = 16 << 10
)

// guestOptions are for a server of clients alone.
func clientOptions(further ...grpc.ServerOption) []grpc.ServerOption {
	return serverOptions(append(further,
		grpc.MaxConcurrentStreams(maxClientStreams),
		grpc.InitialWindowSize(clientWindow),
		grpc.InitialConnWindowSize(clientWindow),
		grpc.MaxRecvMsgSize(maxClientMessage),
	)...)
}

// sorting are credentials that keep the connections of members, and hand those of clients
// over.
type sorting struct {
	credentials.TransportCredentials
	isMember func(net.Addr, credentials.AuthInfo) bool
	clients  *handover
}

// ServerHandshake is [credentials.TransportCredentials]'s.
func (s sorting) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := s.TransportCredentials.ServerHandshake(raw)
	if err != nil || s.isMember(raw.RemoteAddr(), info) {
		return conn, info, err
	}
	if !s.clients.give(secured{conn, info}) {
		return nil, nil, net.ErrClosed
	}
	return nil, nil, credentials.ErrConnDispatched
}

// Clone is [credentials.TransportCredentials]'s.
func (s sorting) Clone() credentials.TransportCredentials {
	s.TransportCredentials = s.TransportCredentials.Clone()
	return s
}

// secured is a connection whose other end is known.
type secured struct {
	net.Conn
	info credentials.AuthInfo
}

// known are the credentials of connections that were handed over: all is known already.
type known struct {
	credentials.TransportCredentials
}

// ServerHandshake is [credentials.TransportCredentials]'s.
func (known) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	s, ok := conn.(secured)
	if !ok {
		return nil, nil, fmt.Errorf("a connection of kind %T, want one that was handed over", conn)
	}
	return s.Conn, s.info, nil
}

// Clone is [credentials.TransportCredentials]'s.
func (k known) Clone() credentials.TransportCredentials { return k }

// handover is the listener of the server that connections are handed over to.
type handover struct {
	address address
	conns   chan secured
	closed  chan struct{}
	close   func()
}

func newHandover(address address) *handover {
	closed := make(chan struct{})
	return &handover{
		address: address, conns: make(chan secured),
		closed: closed, close: sync.OnceFunc(func() { close(closed) }),
	}
}

// give hands a connection over. It reports false if nobody takes it any more.
func (h *handover) give(conn secured) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// Accept is [net.Listener]'s.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close is [net.Listener]'s.
func (h *handover) Close() error {
	h.close()
	return nil
}

// Addr is [net.Listener]'s.
func (h *handover) Addr() net.Addr { return h.address }

// address is a member's.
type address string

// Network is [net.Addr]'s.
func (address) Network() string { return "tcp" }

// String is [net.Addr]'s.
func (a address) String() string { return string(a) }
