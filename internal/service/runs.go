package service

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/clientwire"
	"conch/internal/frames"
	"conch/internal/rules"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// mostRuns is how many runs of a lock are told of.
const mostRuns = 50

// checkWanted says what is wrong with a run or a kept hold that is asked for, and notes the
// time of the request.
func checkWanted(m *frames.ClientMessage) *clientv1.Error {
	switch {
	case m.Run != nil:
		m.Wall = time.Now().Unix()
		if err := m.Run.Check(m.Wall); err != nil {
			return fault(clientv1.Code_CODE_INVALID_TICK, "%v", err)
		}
	case m.Keep != nil:
		m.Wall = time.Now().Unix()
		if err := m.Keep.Check(); err != nil {
			return fault(clientv1.Code_CODE_INVALID_FIELD, "owner: %v", err)
		}
	}
	return nil
}

// checkEndRun says what is wrong with the end of a run, or that the client may not say it.
func (st *stream) checkEndRun(m *frames.ClientMessage) *clientv1.Error {
	m.Wall = time.Now().Unix()
	if m.Fence == 0 || m.Fence > math.MaxInt64 {
		return fault(clientv1.Code_CODE_INVALID_FIELD, "EndRun.fence is %d, want 1 to %d", m.Fence, int64(math.MaxInt64))
	}
	if n := len(m.End.Text); n > runs.MaxTextBytes {
		return fault(clientv1.Code_CODE_INVALID_FIELD, "EndRun.text has %d bytes, want at most %d", n, runs.MaxTextBytes)
	}
	if err := m.Run.CheckEnd(m.Wall); err != nil {
		return fault(clientv1.Code_CODE_INVALID_TICK, "%v", err)
	}
	if f := checkLock(m.Lock); f != nil {
		return f
	}
	return st.service.gate.check(st.who, rules.Lock, m.Lock)
}

// ListRuns is the service's call.
func (s *Service) ListRuns(ctx context.Context, r *clientv1.ListRunsRequest) (*clientv1.ListRunsResponse, error) {
	if f := checkLock(r.GetLock()); f != nil {
		return nil, asStatus(f)
	}
	if _, _, err := s.mayLook(ctx, r.GetScope(), r.GetLock()); err != nil {
		return nil, err
	}
	own, err := s.ownRuns(ctx, r.GetLock())
	if r.GetScope() == clientv1.Scope_SCOPE_NODE {
		return &clientv1.ListRunsResponse{Runs: own}, err
	}
	m := s.members()
	answers := make([][]*clientv1.RunRecord, len(m.members))
	faults := make([]*clientv1.Missing, len(m.members))
	answers[m.self] = own
	if err != nil {
		faults[m.self] = missing(m.own(), err)
	}
	m.ask(ctx, func(ctx context.Context, i int, p *peer) {
		answer, err := p.ListRuns(ctx, &clientv1.ListRunsRequest{Scope: clientv1.Scope_SCOPE_NODE, Lock: r.GetLock()})
		if err != nil {
			faults[i] = missing(p.address, err)
		}
		answers[i] = answer.GetRuns()
	})
	absent := present(faults)
	if len(absent) == len(m.members) {
		return nil, err
	}
	return &clientv1.ListRunsResponse{Runs: mergeRuns(answers), Missing: absent}, nil
}

// ownRuns are the runs that this node remembers.
func (s *Service) ownRuns(ctx context.Context, lock string) ([]*clientv1.RunRecord, error) {
	if !s.driver.Remembers() {
		return nil, callError(broadcast.ErrNoNotes)
	}
	all, err := s.driver.Runs(ctx, lock)
	if err != nil {
		return nil, callError(err)
	}
	var records []*clientv1.RunRecord
	for _, r := range all[max(0, len(all)-mostRuns):] {
		run := runs.Remembered(r)
		records = append(records, clientwire.RunRecord(&run))
	}
	return records, nil
}

// mergeRuns puts together what members remember of a lock's runs: of each tick what says most,
// the latest ticks of all.
func mergeRuns(answers [][]*clientv1.RunRecord) []*clientv1.RunRecord {
	latest := make(map[int64]*clientv1.RunRecord)
	for _, answer := range answers {
		for _, r := range answer {
			if before := latest[r.GetTick()]; before == nil || markOf(r).Above(markOf(before)) {
				latest[r.GetTick()] = r
			}
		}
	}
	var all []*clientv1.RunRecord
	for _, r := range latest {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *clientv1.RunRecord) int { return cmp.Compare(a.GetTick(), b.GetTick()) })
	return all[max(0, len(all)-mostRuns):]
}

func markOf(r *clientv1.RunRecord) token.RunMark { return clientwire.Run(r).RunMark }

// Runs is ListRuns of all members, for the node's own program. The errors wrap
// [broadcast.ErrName], [broadcast.ErrNoNotes] or [broadcast.ErrStopped], or are the cause of the
// context's end.
func (s *Service) Runs(ctx context.Context, lock string) ([]runs.Run, error) {
	if err := broadcast.CheckName(lock); err != nil {
		return nil, err
	}
	answer, err := s.ListRuns(ctx, &clientv1.ListRunsRequest{Lock: lock})
	switch f, told := faultIn(err); {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case told && f.GetCode() == clientv1.Code_CODE_NO_NOTES:
		return nil, broadcast.ErrNoNotes
	case err != nil && status.Code(err) == codes.Unavailable:
		return nil, broadcast.ErrStopped
	case err != nil:
		return nil, errors.New(status.Convert(err).Message())
	}
	var all []runs.Run
	for _, r := range answer.GetRuns() {
		all = append(all, clientwire.Run(r))
	}
	return all, nil
}
