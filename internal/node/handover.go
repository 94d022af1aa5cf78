package node

import (
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// On a secured connection, it is known whose it is before any message is read. Clients are
// then served by a server of their own, with lower limits: a member's frames are long, and
// one connection carries the requests of all its clients.

// Limits of a client's connection: how many calls it carries, how many bytes each may send
// ahead, and how long a message may be.
const (
	maxClientStreams = 16
	clientWindow     = 64 << 10
	maxClientMessage = 16 << 10
)

// clientOptions are for a server of clients alone.
func clientOptions(further ...grpc.ServerOption) []grpc.ServerOption {
	return serverOptions(append(further,
		grpc.MaxConcurrentStreams(maxClientStreams),
		grpc.InitialWindowSize(clientWindow),
		grpc.InitialConnWindowSize(clientWindow),
		grpc.MaxRecvMsgSize(maxClientMessage),
	)...)
}

// splitCredentials keep the connections of members, and hand over those of clients.
type splitCredentials struct {
	credentials.TransportCredentials
	isMember func(net.Addr, credentials.AuthInfo) bool
	clients  *handover
}

// ServerHandshake implements [credentials.TransportCredentials].
func (s splitCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := s.TransportCredentials.ServerHandshake(raw)
	if err != nil || s.isMember(raw.RemoteAddr(), info) {
		return conn, info, err
	}
	if !s.clients.give(secured{conn, info}) {
		return nil, nil, net.ErrClosed
	}
	return nil, nil, credentials.ErrConnDispatched
}

// Clone implements [credentials.TransportCredentials].
func (s splitCredentials) Clone() credentials.TransportCredentials {
	s.TransportCredentials = s.TransportCredentials.Clone()
	return s
}

// secured is a connection whose other end is known.
type secured struct {
	net.Conn
	info credentials.AuthInfo
}

// knownCredentials are those of handed-over connections: the handshake is done.
type knownCredentials struct {
	credentials.TransportCredentials
}

// ServerHandshake implements [credentials.TransportCredentials].
func (knownCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	s, ok := conn.(secured)
	if !ok {
		return nil, nil, fmt.Errorf("a connection of kind %T, want one that was handed over", conn)
	}
	return s.Conn, s.info, nil
}

// Clone implements [credentials.TransportCredentials].
func (k knownCredentials) Clone() credentials.TransportCredentials { return k }

// handover is the listener of the server to which connections are handed over.
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

// give hands a connection over. It reports false if the server no longer takes any.
func (h *handover) give(conn secured) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// Accept implements [net.Listener].
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (h *handover) Close() error {
	h.close()
	return nil
}

// Addr implements [net.Listener].
func (h *handover) Addr() net.Addr { return h.address }

// address is a member's.
type address string

// Network implements [net.Addr].
func (address) Network() string { return "tcp" }

// String implements [net.Addr].
func (a address) String() string { return string(a) }
