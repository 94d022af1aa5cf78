package node

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/hosts"
	peerv1 "conch/proto/conch/peer/v1"
)

// memberServer is a node's service for others before the node runs: it shows what the node
// is, and nothing else.
type memberServer struct {
	peerv1.UnimplementedPeerServiceServer
	show func() *peerv1.ShowMembersResponse
	// dialled is called when a node that runs wants to deliver something.
	dialled func()
	// away is why others get no more.
	away string
}

// Deliver is for nodes that run already: they try again.
func (s *memberServer) Deliver(grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt]) error {
	s.dialled()
	return status.Error(codes.Unavailable, s.away)
}

// ShowMembers shows what this node is.
func (s *memberServer) ShowMembers(context.Context, *peerv1.ShowMembersRequest) (*peerv1.ShowMembersResponse, error) {
	return s.show(), nil
}

// accessAlone reads what the configuration says about access, for a node that knows no
// others. It returns the address to listen on, too.
func (cfg Config) accessAlone(self string) (*access, *net.TCPAddr, error) {
	address, err := net.ResolveTCPAddr("tcp", cfg.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	access, err := cfg.access(hosts.Members{Addresses: []string{self}}, address)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return access, address, nil
}

// listenEarly opens the node's port before the node runs, until stop is called.
func listenEarly(ctx context.Context, access *access, address *net.TCPAddr, service *memberServer) (stop func() error, err error) {
	listener, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	options := []grpc.ServerOption{
		grpc.InTapHandle(access.control.Call),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.Unavailable, service.away) }),
	}
	if access.tls != nil {
		options = append(options, grpc.Creds(access.tls.ServerCredentials(access.refused)))
	}
	server := grpc.NewServer(serverOptions(options...)...)
	peerv1.RegisterPeerServiceServer(server, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(access.control.Listener(listener)) }()
	return func() error {
		server.Stop()
		err := <-served
		access.control.Wait()
		return err
	}, nil
}
