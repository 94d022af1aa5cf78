package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// membership is the part of a driver that knows the members and changes them.
type membership interface {
	Membership(ctx context.Context) (broadcast.MembershipStatus, error)
	PlanChange(ctx context.Context, change token.ChangeRequest) (*token.Membership, error)
	Change(ctx context.Context, change token.ChangeRequest, by broadcast.Caller) (*token.Membership, error)
	ShowNode(ctx context.Context, address string) (broadcast.NodeShown, error)
}

// ShowMembers is the service's call.
func (s *Service) ShowMembers(ctx context.Context, r *clientv1.ShowMembersRequest) (*clientv1.ShowMembersResponse, error) {
	who, err := s.gate.identify(ctx, clientv1.Scope_SCOPE_CLUSTER)
	if err != nil {
		return nil, err
	}
	if f := s.gate.checkState(who); f != nil {
		return nil, asStatus(f)
	}
	st, err := s.driver.Status(ctx)
	if err != nil {
		return nil, callError(err)
	}
	response, err := s.shownMembers(ctx, &st)
	if err != nil || !r.GetAskOthers() {
		return response, err
	}
	m := s.members()
	answers := make([]*clientv1.MemberStatus, len(m.members))
	m.ask(ctx, func(ctx context.Context, i int, p *peer) {
		answer, err := p.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		if err == nil && len(answer.GetStatuses()) == 1 {
			answers[i] = answer.GetStatuses()[0]
		}
	})
	for _, listed := range response.GetMembers() {
		i := slices.Index(m.ids, token.Member(listed.GetId()))
		if i >= 0 && answers[i] != nil {
			listed.Session, listed.UpNs = answers[i].GetSession(), answers[i].GetUpNs()
		}
	}
	return response, nil
}

// shownMembers is what this node says of the members by itself.
func (s *Service) shownMembers(ctx context.Context, own *broadcast.Status) (*clientv1.ShowMembersResponse, error) {
	st, err := s.membership.Membership(ctx)
	if err != nil {
		return nil, callError(err)
	}
	m := s.members()
	response := &clientv1.ShowMembersResponse{
		AnsweredBy: m.own(), SinceNs: int64(st.Since), Fixed: fixed(&st.View, own.Session != 0),
	}
	list := listOf(&st.View)
	if list == nil {
		list = token.NewMembership(m.members)
	} else if list.Born() {
		response.Cluster = list.Cluster.String()
	}
	response.Version = list.Version
	for _, l := range list.All() {
		listed := &clientv1.ListedMember{
			Id: uint32(l.ID), Address: l.Address, Standing: standing(list, l.ID), Heard: hears(&st, l.ID),
			Joined: list.Joint() && slices.Contains(st.View.Joined, l.ID),
		}
		if l.Disk != (token.Disk{}) {
			listed.Disk = l.Disk.String()
		}
		if l.ID == st.View.Self {
			listed.Session, listed.UpNs = uint64(own.Session), int64(own.Up)
		} else {
			listed.Trouble = trouble(own.Peers, l.Address, s.ttl)
		}
		response.Members = append(response.Members, listed)
	}
	return response, nil
}

// hears reports whether a node hears a member.
func hears(st *broadcast.MembershipStatus, m token.Member) bool {
	return m == st.View.Self || st.Heard[m]
}

// standing is where a member stands in a change.
func standing(m *token.Membership, id token.Member) clientv1.Standing {
	stays := func(list []token.Listed) bool {
		return slices.ContainsFunc(list, func(l token.Listed) bool { return l.ID == id })
	}
	switch {
	case !m.Joint(), stays(m.Members) && stays(m.Next):
		return clientv1.Standing_STANDING_MEMBER
	case stays(m.Next):
		return clientv1.Standing_STANDING_JOINING
	}
	return clientv1.Standing_STANDING_LEAVING
}

// trouble says what is wrong with another member; empty if nothing is.
func trouble(peers []broadcast.PeerStatus, address string, ttl time.Duration) string {
	i := slices.IndexFunc(peers, func(p broadcast.PeerStatus) bool { return p.Address == address })
	if i < 0 {
		return ""
	}
	switch p := &peers[i]; {
	case p.RefusedHere != "":
		return "refused here: " + p.RefusedHere
	case p.RefusedThere != "":
		return "refuses this node: " + p.RefusedThere
	case p.Silent < 0 && !p.Sends:
		return "no stream to it since this node started"
	case p.Silent < 0:
		return ""
	case p.Silent > ttl:
		return fmt.Sprintf("no answer for %v", p.Silent.Round(100*time.Millisecond))
	}
	return ""
}

// listOf is the membership that a node goes by; nil if the members have no data directories,
// and so never change.
func listOf(v *token.MembershipView) *token.Membership {
	if m := v.Membership; m != nil && m.Members[0].Address != "" {
		return m
	}
	return nil
}

// fixed says why the members cannot be changed now; empty if they can.
func fixed(v *token.MembershipView, inSession bool) string {
	switch m := listOf(v); {
	case m == nil:
		return "this node has no data directory, so the members never change"
	case !m.Born():
		return "not all members have shown their disks yet: " + namesOf(m, v.Unseen) + " not; one without a data directory never does"
	case m.Joint():
		return "a change is under way: " + changeText(m)
	case v.Proposed != nil:
		return "a change is being chosen: " + changeText(v.Proposed)
	case v.Departed:
		return "this node leaves the cluster"
	case !inSession:
		return noSession
	}
	return ""
}

// noSession says why a node without a session changes nothing.
const noSession = "this node has no session: it started less than --session-ttl ago, or does not reach a quorum of the members; ask again then, or ask another"

// changeText says from which list a joint membership leads to which.
func changeText(m *token.Membership) string {
	return fmt.Sprintf("from %s to %s", strings.Join(addressesOf(m.Members), ", "), strings.Join(addressesOf(m.Next), ", "))
}

// namesOf joins the addresses of some members.
func namesOf(m *token.Membership, ids []token.Member) string {
	return strings.Join(addressesIn(m, ids), ", ")
}

// addressesIn are the addresses of some members, in the order of the lists.
func addressesIn(m *token.Membership, ids []token.Member) []string {
	var all []string
	for _, l := range m.All() {
		// While one disk takes the place of another, their address comes once.
		if slices.Contains(ids, l.ID) && !slices.Contains(all, l.Address) {
			all = append(all, l.Address)
		}
	}
	return all
}

func addressesOf(list []token.Listed) []string {
	var all []string
	for _, l := range list {
		all = append(all, l.Address)
	}
	return all
}
