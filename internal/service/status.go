package service

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// Status is the service's call.
func (s *Service) Status(ctx context.Context, r *clientv1.StatusRequest) (*clientv1.StatusResponse, error) {
	who, err := s.gate.identify(ctx, r.GetScope())
	if err != nil {
		return nil, err
	}
	if f := s.gate.checkState(who); f != nil {
		return nil, asStatus(f)
	}
	own, membership, err := s.ownStatus(ctx)
	if err != nil {
		return nil, err
	}
	m := s.members()
	response := &clientv1.StatusResponse{
		AnsweredBy: m.own(),
		Members:    m.members,
		Quorum:     uint32(m.quorum),
		TtlNs:      int64(s.ttl),
		Statuses:   []*clientv1.MemberStatus{own},
		Membership: membership,
	}
	if r.GetScope() == clientv1.Scope_SCOPE_NODE {
		return response, nil
	}
	answers := make([]*clientv1.MemberStatus, len(m.members))
	faults := make([]*clientv1.Missing, len(m.members))
	answers[m.self] = own
	m.ask(ctx, func(ctx context.Context, i int, p *peer) {
		answer, err := p.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		switch {
		case err != nil:
			faults[i] = missing(p.address, err)
		case len(answer.GetStatuses()) != 1:
			faults[i] = &clientv1.Missing{Member: p.address, Reason: "it did not tell of itself"}
		default:
			answers[i] = answer.GetStatuses()[0]
			answers[i].Member = p.address
		}
	})
	response.Statuses, response.Missing = present(answers), present(faults)
	return response, nil
}

// present returns what is not nil, in order.
func present[T any](all []*T) []*T {
	return slices.DeleteFunc(all, func(one *T) bool { return one == nil })
}

// ownStatus is what this node says of itself and of the members.
func (s *Service) ownStatus(ctx context.Context) (*clientv1.MemberStatus, *clientv1.ShowMembersResponse, error) {
	st, err := s.driver.Status(ctx)
	if err != nil {
		return nil, nil, callError(err)
	}
	members, err := s.shownMembers(ctx, &st)
	if err != nil {
		return nil, nil, err
	}
	own := &clientv1.MemberStatus{
		Member:           s.members().own(),
		Version:          st.Version,
		Incarnation:      st.Incarnation[:],
		UpNs:             int64(st.Up),
		Session:          uint64(st.Session),
		LeaseRemainingNs: int64(st.LeaseLeft),
		Clients:          uint32(st.Clients),
		Holds:            uint32(st.Holds),
		Waits:            uint32(st.Waits),
		Locks:            uint64(st.Locks),
		MaxLocks:         uint64(st.MaxLocks),
		Rules:            s.gate.rules().Hash(),
		Draining:         st.Draining,
		Remembers:        st.Remembers,
		Notes:            uint64(st.Notes),
		MaxNotes:         uint64(st.MaxNotes),
		Kept:             uint64(st.Kept),
	}
	if s.logLoss != nil {
		lines, now := s.logLoss()
		own.LogLinesMissing = lines
		if now != nil {
			own.LogTrouble = now.Error()
		}
	}
	for _, p := range st.Peers {
		own.Peers = append(own.Peers, &clientv1.PeerStatus{
			Member: p.Address, Sends: p.Sends, Receives: p.Receives, SilentNs: int64(p.Silent), RoundTripNs: int64(p.RoundTrip),
			RefusedThere: p.RefusedThere, RefusedHere: p.RefusedHere,
		})
	}
	return own, members, nil
}

// callError is what a call ends with when the driver does not answer.
func callError(err error) error {
	if ctxErr := status.FromContextError(err); ctxErr.Code() != codes.Unknown {
		return ctxErr.Err()
	}
	return asStatus(claimFault(err))
}
