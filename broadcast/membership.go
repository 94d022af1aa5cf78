package broadcast

import (
	"context"
	"errors"
	"slices"
	"time"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

var (
	// ErrOtherChange is wrapped by the error for a change that another one came before.
	ErrOtherChange = errors.New("another change of the members came first")
	// ErrRemoved is wrapped by why a driver ended whose member is in the list no more.
	ErrRemoved = errors.New("this node was removed from the cluster")
)

// MembershipStatus is what a member knows of the membership.
type MembershipStatus struct {
	View token.MembershipView
	// Since is for how long it has known it.
	Since time.Duration
	// Heard tells by ID whom it hears; itself always.
	Heard []bool
}

// NodeShown is what a node shows of itself.
type NodeShown struct {
	Version    uint32
	TTL        time.Duration
	Disk       token.Disk
	Stage      peerv1.Stage
	Membership *token.Membership
}

// Members returns the addresses of the present members by ID.
func (d *Driver) Members() []string { return slices.Clone(d.members) }

// Membership describes the membership.
func (d *Driver) Membership(ctx context.Context) (MembershipStatus, error) {
	answer := make(chan MembershipStatus, 1)
	err := d.do(ctx, func(o *owner) {
		st := MembershipStatus{View: o.node.InspectMembership(), Since: time.Duration(o.now - o.started), Heard: make([]bool, len(o.members))}
		for i := range o.members {
			st.Heard[i] = token.Member(i) == o.self || o.node.InspectPeer(token.Member(i)).Connected
		}
		answer <- st
	})
	if err != nil {
		return MembershipStatus{}, err
	}
	return <-answer, nil
}

// PlanChange returns what a change would lead to.
func (d *Driver) PlanChange(ctx context.Context, change token.ChangeRequest) (*token.Membership, error) {
	return nil, token.ErrUnborn
}

// Change changes the members.
func (d *Driver) Change(ctx context.Context, change token.ChangeRequest) (*token.Membership, error) {
	return nil, token.ErrUnborn
}

// ShowNode asks the node at an address what it is.
func (d *Driver) ShowNode(ctx context.Context, address string) (NodeShown, error) {
	return NodeShown{}, errors.ErrUnsupported
}
