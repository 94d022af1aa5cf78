package service

import (
	"errors"
	"fmt"

	"conch/broadcast"
	"conch/internal/clientwire"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// part is what this node knows of a lock, as SCOPE_NODE has it.
func (s *Service) part(state *broadcast.LockState) *clientv1.LockStatus {
	part := &clientv1.LockStatus{Lock: state.Lock}
	if state.Notes.Run.Tick != 0 {
		run := runs.Remembered(state.Notes.Run)
		part.Run = clientwire.RunRecord(&run)
	}
	if !state.Known {
		part.Kept = keptHold(state.Notes.Kept, nil)
		return part
	}
	m := s.members()
	own := m.own()
	part.Waiting, part.Holding = uint64(state.Waits), uint64(state.Holds)
	part.Views = []*clientv1.LockView{{
		Member:         own,
		RequestNumbers: m.numbers(state.RequestNumbers),
		Requesting:     state.Requesting,
		Waiting:        uint64(state.Waits),
		Searching:      state.Searching,
		LocalBatch:     uint32(state.LocalBatch),
		Share:          m.share(&state.Share),
		Recalled:       state.Recalled,
		Limit:          uint32(state.Limit),
		LimitBy:        m.limitBy(state.Limit, state.LimitBy),
	}}
	for i := range state.Holders {
		part.Holders = append(part.Holders, s.holder(&state.Holders[i]))
	}
	if len(part.Holders) > 0 {
		part.Holder = part.Holders[0]
	}
	for _, w := range state.Waiters {
		part.Waiters = append(part.Waiters, &clientv1.Waiter{
			Member: own, Client: asClient(w.Caller), WaitedNs: int64(w.Since), Limit: uint32(w.Limit),
		})
	}
	var inToken *token.KeptHold
	if t := state.Token; t != nil {
		inToken = t.Kept
		part.Token = &clientv1.TokenStatus{
			Member:        own,
			EpochNumber:   t.Epoch.Number,
			EpochProposer: uint32(t.Epoch.Proposer),
			Hop:           t.Hop,
			Fence:         uint64(t.Fence),
			LastGranted:   m.numbers(t.LastGranted),
			BatchLeft:     uint32(state.BatchLeft),
			Limit:         uint32(t.Limit),
			LimitBy:       m.limitBy(t.Limit, t.LimitBy),
		}
		for i := range t.Shares {
			part.Token.Shares = append(part.Token.Shares, m.share(&t.Shares[i]))
		}
		for _, waits := range t.Queue {
			part.Token.Queue = append(part.Token.Queue, m.name(waits))
		}
	}
	part.Kept = keptHold(state.Notes.Kept, inToken)
	lease, _ := s.driver.Lease()
	switch {
	case state.Waits == 0:
	case lease.Session == 0:
		part.Obstacles = append(part.Obstacles, &clientv1.Obstacle{
			Kind: clientv1.Obstacle_KIND_NO_SESSION, Member: own,
			Text: fmt.Sprintf("%s has no session: it does not reach %d of the %d members", own, m.quorum, len(m.members)),
		})
	case state.Searching:
		part.Obstacles = append(part.Obstacles, &clientv1.Obstacle{
			Kind: clientv1.Obstacle_KIND_ROUND, Member: own,
			Text: own + " looks for the token, or has it made anew",
		})
	}
	return part
}

// share describes a share; nil if there is none.
func (r *roster) share(share *token.Share) *clientv1.Share {
	if *share == (token.Share{}) {
		return nil
	}
	return &clientv1.Share{
		Member: r.name(share.Member), Session: uint64(share.Session), Id: uint64(share.ID), Permits: share.Permits,
	}
}

// limitBy is the address of the member that said a limit; empty if nobody has.
func (r *roster) limitBy(limit token.Limit, by token.Member) string {
	if limit == token.Exclusive {
		return ""
	}
	return r.name(by)
}

// holder describes a hold of this node.
func (s *Service) holder(h *broadcast.Holding) *clientv1.Holder {
	holder := &clientv1.Holder{
		Member:           s.members().own(),
		Client:           asClient(h.Caller),
		Fence:            uint64(h.Fence),
		HeldNs:           int64(h.Since),
		LeaseRemainingNs: int64(h.Left),
		Limit:            uint32(h.Limit),
		Value:            h.Value,
		Kept:             h.Keep != nil,
	}
	if h.Run != nil {
		holder.Tick = int64(h.Run.Tick)
	}
	if h.Keep != nil {
		holder.Owner = h.Keep.Owner
	}
	switch {
	case errors.Is(h.Ending, broadcast.ErrBroken):
		holder.Ending = clientv1.Reason_REASON_BREAK
	case errors.Is(h.Ending, broadcast.ErrStopped):
		holder.Ending = clientv1.Reason_REASON_NODE_LEAVING
	}
	return holder
}

// numbers are the request numbers of the members, in their order, of those of all IDs.
func (r *roster) numbers(numbers []token.Number) []*clientv1.RequestNumber {
	var all []*clientv1.RequestNumber
	for _, id := range r.ids {
		var n token.Number // of a member that the lock has not heard of
		if int(id) < len(numbers) {
			n = numbers[id]
		}
		all = append(all, &clientv1.RequestNumber{Session: uint64(n.Session), Count: n.Count})
	}
	return all
}

func asClient(c *broadcast.Caller) *clientv1.Client {
	return &clientv1.Client{Host: c.Host, Pid: c.PID, User: c.User, Command: c.Command, Identity: c.Identity}
}
