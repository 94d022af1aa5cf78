package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/discovery"
	peerv1 "conch/proto/conch/peer/v1"
)

// What members that look for each other say to each other.

// errLooking is what others get from a node that looks for the members.
var errLooking = status.Error(codes.Unavailable, "this node is still looking for the other members")

// memberServer is a node's service for members while it looks for them.
type memberServer struct {
	peerv1.UnimplementedPeerServiceServer
	searching *searching
}

// Deliver is for nodes that run already: they try again.
func (s *memberServer) Deliver(grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt]) error {
	return errLooking
}

// ShowMembers shows this node's list.
func (s *memberServer) ShowMembers(context.Context, *peerv1.ShowMembersRequest) (*peerv1.ShowMembersResponse, error) {
	shows := s.searching.showing()
	return &peerv1.ShowMembersResponse{
		Version: broadcast.ProtocolVersion, Member: shows.Member, Members: shows.List,
		Stage: peerv1.Stage(shows.Stage),
	}, nil
}

// listen opens the port and serves members that look, until stop is called.
func (s *searching) listen(ctx context.Context) (stop func() error, err error) {
	address, err := net.ResolveTCPAddr("tcp", s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.cfg.Listen, err)
	}
	s.access, err = s.cfg.access(hosts.Members{Addresses: []string{s.self}}, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	listener, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	options := []grpc.ServerOption{
		grpc.InTapHandle(s.access.control.Call),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return errLooking }),
	}
	if s.access.tls != nil {
		options = append(options, grpc.Creds(s.access.tls.ServerCredentials(s.access.refused)))
	}
	server := grpc.NewServer(serverOptions(options...)...)
	peerv1.RegisterPeerServiceServer(server, &memberServer{searching: s})
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.access.control.Listener(listener)) }()
	return func() error {
		server.Stop()
		err := <-served
		s.access.control.Wait()
		return err
	}, nil
}

// askMember asks the node at a member's address what it shows. The name is looked up anew.
func (s *searching) askMember(ctx context.Context, member string) (discovery.Showing, error) {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	dialer := net.Dialer{Resolver: s.Resolver}
	conn, err := grpc.NewClient("passthrough:///"+member,
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithTransportCredentials(s.access.toMember(member)),
	)
	if err != nil {
		return discovery.Showing{}, err
	}
	defer conn.Close()
	shown, err := peerv1.NewPeerServiceClient(conn).ShowMembers(ctx, &peerv1.ShowMembersRequest{Member: s.self})
	switch {
	case status.Code(err) == codes.Unimplemented:
		return discovery.Showing{}, errors.New("its version of conch cannot look for members")
	case err != nil:
		return discovery.Showing{}, errors.New(reasonOf(err))
	case shown.GetVersion() != broadcast.ProtocolVersion:
		return discovery.Showing{}, fmt.Errorf("protocol version %d; want %d", shown.GetVersion(), broadcast.ProtocolVersion)
	}
	if err := checkShown(shown); err != nil {
		return discovery.Showing{}, err
	}
	return discovery.Showing{Member: shown.GetMember(), List: shown.GetMembers(), Stage: discovery.Stage(shown.GetStage())}, nil
}

// checkShown refuses what no node of this version shows: it is read by people.
func checkShown(shown *peerv1.ShowMembersResponse) error {
	list := shown.GetMembers()
	if len(list) > hosts.MaxMembers {
		return fmt.Errorf("it shows %d members; want at most %d", len(list), hosts.MaxMembers)
	}
	for _, address := range append([]string{shown.GetMember()}, list...) {
		if form, err := hosts.ParseAddress(address); err != nil || form != address {
			return fmt.Errorf("it shows %s, which is not an address in its one form", printable(address))
		}
	}
	if s := shown.GetStage(); s < peerv1.Stage_STAGE_LOOKING || s > peerv1.Stage_STAGE_RUNNING {
		return fmt.Errorf("it shows stage %d; want 1 to 3", s)
	}
	return nil
}

// reasonOf is why a call failed, without what gRPC puts around it.
func reasonOf(err error) string {
	reason := status.Convert(err).Message()
	if _, inner, found := strings.Cut(reason, `desc = "`); found {
		reason = strings.TrimPrefix(strings.TrimSuffix(inner, `"`), "transport: ")
	}
	return printable(reason)
}

// printable makes a text that another process sent fit for a terminal, at a length that a
// log line may have.
func printable(text string) string {
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
