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

// listeners are what a node listens on.
type listeners struct {
	port   net.Listener
	socket net.Listener  // nil if there is none
	access socket.Access // to the socket
}

// open opens the port, and the socket if there is to be one.
func (cfg Config) open(ctx context.Context, address *net.TCPAddr) (l listeners, err error) {
	if l.port, err = listen(ctx, address); err != nil {
		return listeners{}, err
	}
	if cfg.Socket != "" {
		l.access = socket.Access{Mode: cfg.SocketMode, Group: cfg.SocketGroup}
		if l.socket, err = socket.Listen(ctx, cfg.Socket, l.access); err != nil {
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

// servers are what a node serves by: the port, for members and clients, and the socket,
// for clients of this machine. With TLS, those that come by the port are sorted.
type servers struct {
	port, socket *grpc.Server
	clients      *grpc.Server // nil without TLS
	handover     *handover    // likewise
}

// What a connection may cost. Of connections, package admission has the bounds.
const (
	// maxStreams is how many calls one carries. A member asks all that its clients ask
	// over one; see the bounds on these in package service.
	maxStreams = 256
	// maxHeaderBytes is how long the headers of a call may be.
	maxHeaderBytes = 16 << 10
	// idlePatience is for how long one may be open without a call.
	idlePatience = time.Minute
	// quietPatience is after how long without a word the other end is asked whether it
	// is there, and answerPatience how long it may take to say so.
	quietPatience  = 30 * time.Second
	answerPatience = 10 * time.Second
)

// serverOptions are those of all servers.
func serverOptions(further ...grpc.ServerOption) []grpc.ServerOption {
	return append(append(broadcast.ServerOptions(),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idlePatience, Time: quietPatience, Timeout: answerPatience,
		}),
	), further...)
}

func newServers(driver *broadcast.Driver, clients *service.Service, guard *guard) servers {
	tap := grpc.InTapHandle(guard.control.Call)
	s := servers{
		port:   grpc.NewServer(serverOptions(tap)...),
		socket: grpc.NewServer(serverOptions(grpc.Creds(socket.Credentials()), grpc.MaxRecvMsgSize(maxClientMessage))...),
	}
	if guard.tls != nil {
		secure := guard.tls.ServerCredentials(guard.refused)
		s.handover = newHandover(address(guard.tls.Member()))
		s.port = grpc.NewServer(serverOptions(tap, grpc.Creds(sorting{secure, guard.isMember, s.handover}))...)
		s.clients = grpc.NewServer(clientOptions(tap, grpc.Creds(known{secure}))...)
		clients.Register(s.clients)
		driver.Register(s.clients) // which refuses those who claim to be members
	}
	driver.Register(s.port)
	clients.Register(s.port)
	clients.Register(s.socket)
	return s
}

// stop ends all connections. What is handed over has to find that it is not taken any
// more, so its server is the first.
func (s servers) stop() {
	if s.clients != nil {
		s.clients.Stop()
	}
	s.port.Stop()
	s.socket.Stop()
}

// serve lets in whoever connects.
func (n *Node) serve(l listeners) {
	port := n.guard.control.Listener(l.port)
	if n.guard.tls == nil {
		port = n.driver.Listener(port) // with TLS, the handshake tells what is no HTTP/2
	}
	n.serving.Go(func() { n.accept(n.servers.port, port) })
	if n.servers.clients != nil {
		n.serving.Go(func() { n.accept(n.servers.clients, n.servers.handover) })
	}
	if l.socket != nil {
		local := newLocal(n.guard.control.Local(n.keep(l.socket, l.access)), n.service.AttachConn)
		n.serving.Go(func() { n.accept(n.servers.socket, local) })
		n.serving.Go(local.wait)
	}
}

// socketLook is the time between two looks at whether the socket's file is there.
const socketLook = time.Second

// keep looks after the file of the node's socket: where it is removed, it is made again.
func (n *Node) keep(listener net.Listener, access socket.Access) net.Listener {
	path := listener.Addr().String()
	again := func() (net.Listener, error) { return socket.Listen(context.Background(), path, access) }
	kept, err := socket.Keep(listener, socketLook, again, socket.Told{Remade: n.driver.SocketRemade, Lost: n.driver.SocketLost})
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
