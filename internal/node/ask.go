package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/broadcast/wire"
	"conch/hosts"
	"conch/internal/discovery"
	"conch/internal/reason"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// asker asks other nodes what they show, before this one runs.
type asker struct {
	self     string
	disk     token.Disk
	access   *access
	resolver *net.Resolver
	patience time.Duration // how long a node may take to answer; findPatience unless a test says
}

// askOne asks the node at an address. The name is looked up anew.
func (a *asker) askOne(ctx context.Context, address string) (*peerv1.ShowMembersResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(a.patience, findPatience))
	defer cancel()
	dialer := net.Dialer{Resolver: a.resolver}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithTransportCredentials(a.access.toMember(address)),
	)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	shown, err := peerv1.NewPeerServiceClient(conn).ShowMembers(ctx, &peerv1.ShowMembersRequest{Member: a.self, Disk: wire.EncodeDisk(a.disk)})
	switch {
	case status.Code(err) == codes.Unimplemented:
		return nil, errors.New("its version of conch cannot look for members")
	case err != nil:
		return nil, errors.New(reason.Of(err))
	case shown.GetVersion() != broadcast.ProtocolVersion:
		return nil, fmt.Errorf("protocol version %d; want %d", shown.GetVersion(), broadcast.ProtocolVersion)
	}
	return shown, checkShown(shown)
}

// askAll asks several nodes at once, and calls heard with what each shows, or why it shows
// nothing. It calls heard one at a time.
func (a *asker) askAll(ctx context.Context, addresses []string, heard func(address string, shown *peerv1.ShowMembersResponse, err error)) {
	var asking sync.WaitGroup
	var mu sync.Mutex
	for _, address := range addresses {
		asking.Go(func() {
			shown, err := a.askOne(ctx, address)
			mu.Lock()
			defer mu.Unlock()
			heard(address, shown, err)
		})
	}
	asking.Wait()
}

// checkShown refuses what no node of this version shows: it is read by people.
func checkShown(shown *peerv1.ShowMembersResponse) error {
	list := shown.GetMembers()
	if len(list) > hosts.MaxMembers {
		return fmt.Errorf("it shows %d members; want at most %d", len(list), hosts.MaxMembers)
	}
	for _, address := range append([]string{shown.GetMember()}, list...) {
		if form, err := hosts.ParseAddress(address); err != nil || form != address {
			return fmt.Errorf("it shows %s, which is not an address in its one form", reason.Printable(address))
		}
	}
	if s := shown.GetStage(); s < peerv1.Stage_STAGE_LOOKING || s > peerv1.Stage_STAGE_JOINING {
		return fmt.Errorf("it shows stage %d; want 1 to 4", s)
	}
	return nil
}

// decodeShown converts what a node shows to one that wants to be a member.
func decodeShown(shown *peerv1.ShowMembersResponse, maxBallot func() uint64) (discovery.Shown, error) {
	m, err := wire.DecodeMembership(shown.GetMembership(), maxBallot)
	if err != nil {
		return discovery.Shown{}, fmt.Errorf("it shows a membership that cannot be: %s", reason.Printable(err.Error()))
	}
	if m != nil {
		for _, l := range m.All() {
			if form, err := hosts.ParseAddress(l.Address); err != nil || form != l.Address {
				return discovery.Shown{}, fmt.Errorf("it shows %s, which is not an address in its one form", reason.Printable(l.Address))
			}
		}
	}
	return discovery.Shown{
		Member: shown.GetMember(), Stage: discovery.Stage(shown.GetStage()), TTL: discovery.Time(shown.GetTtl()), Membership: m,
	}, nil
}
