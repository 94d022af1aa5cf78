package conch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"google.golang.org/grpc"

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
	socket net.Listener // nil if there is none
}

// open opens the port, and the socket if there is to be one.
func (cfg Config) open(ctx context.Context, address *net.TCPAddr) (l listeners, err error) {
	if l.port, err = listen(ctx, address); err != nil {
		return listeners{}, err
	}
	if cfg.Socket != "" {
		if l.socket, err = socket.Listen(ctx, cfg.Socket); err != nil {
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
// for clients of this machine.
type servers struct {
	port, socket *grpc.Server
}

func newServers(driver *broadcast.Driver, clients *service.Service, guard *guard) servers {
	options := broadcast.ServerOptions()
	if guard.tls != nil {
		options = append(options, grpc.Creds(guard.tls.ServerCredentials(guard.refused)))
	}
	s := servers{
		port:   grpc.NewServer(options...),
		socket: grpc.NewServer(append(broadcast.ServerOptions(), grpc.Creds(socket.Credentials()))...),
	}
	driver.Register(s.port)
	clients.Register(s.port)
	clients.Register(s.socket)
	return s
}

func (s servers) stop() {
	s.port.Stop()
	s.socket.Stop()
}

// serve lets in whoever connects.
func (n *Node) serve(l listeners) {
	port := l.port
	if n.guard.tls == nil {
		port = n.driver.Listener(port) // with TLS, the handshake tells what is no HTTP/2
	}
	n.serving.Go(func() { n.accept(n.servers.port, port) })
	if l.socket != nil {
		n.serving.Go(func() { n.accept(n.servers.socket, l.socket) })
	}
}

// accept takes connections until the server is stopped.
func (n *Node) accept(server *grpc.Server, listener net.Listener) {
	if err := server.Serve(listener); err != nil {
		n.driver.Fail(fmt.Errorf("accept on %s: %w", listener.Addr(), err))
	}
}
