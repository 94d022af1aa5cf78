package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"conch/broadcast"
	"conch/internal/service"
	"conch/internal/socket"
)

// listen opens the port that other members dial.
func listen(ctx context.Context, address *net.TCPAddr) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: another process listens on %s; stop it, or listen on another port", err, address)
	case err != nil:
		return nil, err
	}
	return listener, nil
}

// listeners are where a node listens.
type listeners struct {
	port         net.Listener
	socket       net.Listener  // nil if there is none
	socketAccess socket.Access // to the socket
}

// open opens the port, and the socket if one is configured.
func (cfg Config) open(ctx context.Context, address *net.TCPAddr) (l listeners, err error) {
	if l.port, err = listen(ctx, address); err != nil {
		return listeners{}, err
	}
	if cfg.Socket != "" {
		l.socketAccess = socket.Access{Mode: cfg.SocketMode, Group: cfg.SocketGroup}
		if l.socket, err = socket.Listen(ctx, cfg.Socket, l.socketAccess); err != nil {
			return listeners{}, errors.Join(err, l.port.Close())
		}
	}
	return l, nil
}

func (l listeners) close() error {
	err := l.port.Close()
	if l.socket != nil {
		err = errors.Join(err, l.socket.Close())
	}
	return err
}

// servers serve a node's port, for members and clients, and its socket, for clients of this
// machine. With TLS, clients that come through the port have a server of their own.
type servers struct {
	port, socket *grpc.Server
	clients      *grpc.Server // nil without TLS
	handover     *handover    // likewise
}

// Limits of one connection. Package admission bounds the number of connections.
const (
	// maxStreams is how many calls one carries. A member sends the requests of all its
	// clients over one connection; package service bounds them.
	maxStreams = 256
	// maxHeaderBytes is how long the headers of a call may be.
	maxHeaderBytes = 16 << 10
	// idlePatience is how long one may be open without a call.
	idlePatience = time.Minute
	// After quietPatience without a message, the other end is asked whether it is there; it
	// must answer within answerPatience.
	quietPatience  = 30 * time.Second
	answerPatience = 10 * time.Second
)

// serverOptions are the options of all servers.
func serverOptions(further ...grpc.ServerOption) []grpc.ServerOption {
	return append(append(broadcast.ServerOptions(),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idlePatience, Time: quietPatience, Timeout: answerPatience,
		}),
	), further...)
}

func newServers(driver *broadcast.Driver, clients *service.Service, access *access) servers {
	tap := grpc.InTapHandle(access.control.Call)
	s := servers{
		port:   grpc.NewServer(serverOptions(tap)...),
		socket: grpc.NewServer(serverOptions(grpc.Creds(socket.Credentials()), grpc.MaxRecvMsgSize(maxClientMessage))...),
	}
	if access.tls != nil {
		secure := access.tls.ServerCredentials(access.refused)
		s.handover = newHandover(address(access.tls.Member()))
		s.port = grpc.NewServer(serverOptions(tap, grpc.Creds(splitCredentials{secure, access.isMember, s.handover}))...)
		s.clients = grpc.NewServer(clientOptions(tap, grpc.Creds(knownCredentials{secure}))...)
		clients.Register(s.clients)
		driver.Register(s.clients) // which refuses clients that claim to be members
	}
	driver.Register(s.port)
	clients.Register(s.port)
	clients.Register(s.socket)
	return s
}

// stop ends all connections. The server of handed-over connections stops first, so that the
// port's handshakes find it closed.
func (s servers) stop() {
	if s.clients != nil {
		s.clients.Stop()
	}
	s.port.Stop()
	s.socket.Stop()
}

// serve accepts connections.
func (n *Node) serve(l listeners) {
	port := n.access.control.Listener(l.port)
	if n.access.tls == nil {
		port = n.driver.Listener(port) // with TLS, the handshake refuses what is not HTTP/2
	}
	n.serving.Go(func() { n.accept(n.servers.port, port) })
	if n.servers.clients != nil {
		n.serving.Go(func() { n.accept(n.servers.clients, n.servers.handover) })
	}
	if l.socket != nil {
		local := newLocal(n.access.control.Local(n.keep(l.socket, l.socketAccess)), n.service.AttachConn)
		n.serving.Go(func() { n.accept(n.servers.socket, local) })
		n.serving.Go(local.wait)
	}
}

// socketCheckInterval is the time between two checks that the socket's file is there.
const socketCheckInterval = time.Second

// keep makes the node's socket again if its file is removed.
func (n *Node) keep(listener net.Listener, access socket.Access) net.Listener {
	path := listener.Addr().String()
	again := func() (net.Listener, error) { return socket.Listen(context.Background(), path, access) }
	kept, err := socket.Keep(listener, socketCheckInterval, again, socket.Told{Remade: n.driver.SocketRemade, Lost: n.driver.SocketLost})
	if err != nil {
		n.driver.SocketLost(err.Error())
		return listener
	}
	return kept
}

// accept takes connections until the server is stopped.
func (n *Node) accept(server *grpc.Server, listener net.Listener) {
	if err := server.Serve(listener); err != nil {
		n.driver.Fail(fmt.Errorf("accept on %s: %w", listener.Addr(), err))
	}
}
