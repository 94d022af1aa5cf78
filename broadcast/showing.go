package broadcast

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// What a node shows of itself and of the members outside a stream: to nodes that look for
// the members, that wait to be added, that were refused, or that change the members.

// ShowMembers tells who the members are. Where they may change, whoever is what it claims to
// be may ask, since a node that waits to be added, or was removed, is no member.
func (s *service) ShowMembers(ctx context.Context, r *peerv1.ShowMembersRequest) (*peerv1.ShowMembersResponse, error) {
	d := s.driver
	members := d.roster.Load()
	claimed := r.GetMember()
	_, isMember := members.byAddress[claimed]
	if !isMember && (members.membership == nil || wire.CheckAddress(claimed) != nil) {
		return nil, refused("%q is not a member; the members are %s", shorten(claimed), list(members.present()))
	}
	if err := d.check(ctx, claimed); err != nil {
		return nil, &refusal{code: codes.PermissionDenied, reason: fmt.Sprintf("%s is claimed, but: %v", shorten(claimed), err)}
	}
	return &peerv1.ShowMembersResponse{
		Version: ProtocolVersion, Member: members.address(), Members: members.present(), Stage: peerv1.Stage_STAGE_RUNNING,
		Disk: wire.EncodeDisk(members.disk), Ttl: int64(d.ttl), Membership: wire.EncodeMembership(members.membership),
	}, nil
}

// NodeShown is what a node shows of itself.
type NodeShown struct {
	Version uint32        // of the protocol between members
	Address string        // the one that it goes by
	TTL     time.Duration // 0 from versions that do not tell
	Disk    token.Disk    // zero if it has no data directory
	Stage   peerv1.Stage
	// Membership is nil while the node has none.
	Membership *token.Membership
}

// ShowNode asks the node at an address what it is. The context should have an end. The
// errors are gRPC's, or say what makes no sense in the answer.
func (d *Driver) ShowNode(ctx context.Context, address string) (NodeShown, error) {
	conn, err := d.connection(address)
	if err != nil {
		return NodeShown{}, err
	}
	defer conn.Close()
	return d.askNode(ctx, conn)
}

// askNode asks the node at the other end of a connection what it is.
func (d *Driver) askNode(ctx context.Context, conn *grpc.ClientConn) (NodeShown, error) {
	r := d.roster.Load()
	w, err := peerv1.NewPeerServiceClient(conn).ShowMembers(ctx, &peerv1.ShowMembersRequest{Member: r.address(), Disk: wire.EncodeDisk(r.disk)})
	if err != nil {
		return NodeShown{}, err
	}
	shown := NodeShown{Version: w.GetVersion(), Address: w.GetMember(), TTL: time.Duration(w.GetTtl()), Stage: w.GetStage()}
	if shown.Disk, err = wire.DecodeDisk(w.GetDisk()); err != nil {
		return shown, err
	}
	shown.Membership, err = wire.DecodeMembership(w.GetMembership(), d.mostBallot)
	return shown, err
}

// askRefuser asks a peer that has refused the stream who the members are: this node may have
// missed a change, or be no member any more.
func (l *link) askRefuser(conn *grpc.ClientConn) {
	d := l.driver
	if d.roster.Load().membership == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.opening, d.limits.open)
	defer cancel()
	shown, err := d.askNode(ctx, conn)
	if err != nil || shown.Membership == nil || !shown.Membership.Born() {
		return // the refusal says why the two are not together
	}
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.takeShown(&shown) }})
}

// takeShown takes the membership that a node has shown outside a stream.
func (o *owner) takeShown(shown *NodeShown) {
	from := token.NoMember
	if r := o.roster.Load(); r.membership != nil {
		from = r.membership.Find(shown.Address, shown.Disk)
	}
	// An error is why the other refuses this node; that was logged.
	_ = o.node.ReceiveMembership(o.now, from, shown.Membership)
}
