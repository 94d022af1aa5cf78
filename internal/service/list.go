package service

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"

	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// locksPerPart is how many locks this node looks at before it sends them.
const locksPerPart = 256

// ListLocks is the service's call.
func (s *Service) ListLocks(r *clientv1.ListLocksRequest, rpc grpc.ServerStreamingServer[clientv1.ListLocksResponse]) error {
	who, sees, err := s.mayLook(rpc.Context(), r.GetScope(), r.GetLock())
	if err != nil {
		return err
	}
	end, f := s.lists.begin(who)
	if f != nil {
		return asStatus(f)
	}
	defer end()
	ctx, cancel := context.WithCancel(rpc.Context())
	defer cancel()
	return whileRead(s, rpc, func(send func(*clientv1.ListLocksResponse) error) error {
		if r.GetScope() == clientv1.Scope_SCOPE_NODE {
			return s.listHere(ctx, r.GetLock(), sees, send)
		}
		return s.listAll(ctx, r.GetLock(), sees, send)
	})
}

// listHere tells what this node knows.
func (s *Service) listHere(ctx context.Context, lock string, sees func(string) bool, send func(*clientv1.ListLocksResponse) error) error {
	// Said before anything is looked up, so that whoever asks knows that we are there.
	if err := send(&clientv1.ListLocksResponse{}); err != nil {
		return err
	}
	return s.eachPart(ctx, lock, func(part *clientv1.LockStatus) error {
		if !sees(part.GetLock()) {
			return nil
		}
		return send(&clientv1.ListLocksResponse{Lock: part})
	})
}

// listAll tells what all members together know.
func (s *Service) listAll(ctx context.Context, lock string, sees func(string) bool, send func(*clientv1.ListLocksResponse) error) error {
	m := s.members()
	sources := s.sources(ctx, m, lock)
	for _, src := range sources {
		src.advance()
	}
	absent := absentOf(sources)
	if err := send(&clientv1.ListLocksResponse{Missing: absent}); err != nil {
		return err
	}
	parts := make([]*clientv1.LockStatus, len(m.members))
	for {
		lock, more := lowest(sources)
		if !more {
			break
		}
		clear(parts)
		for i, src := range sources {
			if src.head.GetLock() == lock && src.head != nil {
				parts[i] = src.head
				src.advance()
			}
		}
		if !sees(lock) {
			continue
		}
		whole := merge(m.members, lock, parts, absent)
		if err := send(&clientv1.ListLocksResponse{Lock: whole}); err != nil {
			return err
		}
	}
	if late := absentOf(sources); len(late) > len(absent) {
		return send(&clientv1.ListLocksResponse{Missing: late})
	}
	return nil
}

// eachPart calls a function with what this node knows of each lock, by name, or of the
// one that is named.
func (s *Service) eachPart(ctx context.Context, lock string, tell func(*clientv1.LockStatus) error) error {
	names := []string{lock}
	if lock == "" {
		var err error
		if names, err = s.driver.Locks(ctx); err != nil {
			return callError(err)
		}
	}
	for chunk := range slices.Chunk(names, locksPerPart) {
		states, err := s.driver.LockStates(ctx, chunk)
		if err != nil {
			return callError(err)
		}
		for i := range states {
			if err := tell(s.part(&states[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

// source is where the parts of one member come from, ordered by the locks' names.
type source struct {
	member string
	parts  chan *clientv1.LockStatus // closed at the end
	err    error                     // why it ended early; to be read after the end
	cancel context.CancelFunc
	// head is the part that comes next; nil at the end.
	head *clientv1.LockStatus
}

var errSlow = errors.New("it did not go on with its answer")

// sources opens one source for each member, in member order.
func (s *Service) sources(ctx context.Context, m *roster, lock string) []*source {
	var all []*source
	for i, p := range m.peers {
		ctx, cancel := context.WithCancel(ctx)
		src := &source{member: m.members[i], parts: make(chan *clientv1.LockStatus, locksPerPart), cancel: cancel}
		all = append(all, src)
		tell := func(part *clientv1.LockStatus) error {
			select {
			case src.parts <- part:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s.running.Go(func() {
			defer close(src.parts)
			if p == nil {
				src.err = s.eachPart(ctx, lock, tell)
			} else {
				src.err = p.eachPart(ctx, lock, tell)
			}
		})
	}
	return all
}

// eachPart calls a function with what the member knows.
func (p *peer) eachPart(ctx context.Context, lock string, tell func(*clientv1.LockStatus) error) error {
	list, err := p.ListLocks(ctx, &clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_NODE, Lock: lock})
	if err != nil {
		return err
	}
	for {
		r, err := list.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		part := p.own(lock, r.GetLock())
		if part == nil {
			continue
		}
		if err := tell(part); err != nil {
			return err
		}
	}
}

// advance takes the next part. A member that does not go on for too long is given up.
func (src *source) advance() {
	patience := time.NewTimer(askPatience)
	defer patience.Stop()
	var open bool
	select {
	case src.head, open = <-src.parts:
		if !open {
			src.head = nil
		}
	case <-patience.C:
		src.cancel()
		for range src.parts {
			continue // what came since is of no use: the rest will be missing
		}
		src.head, src.err = nil, errSlow
	}
}

// lowest returns the first name of those that come next.
func lowest(sources []*source) (lock string, found bool) {
	for _, src := range sources {
		if src.head != nil && (!found || src.head.GetLock() < lock) {
			lock, found = src.head.GetLock(), true
		}
	}
	return lock, found
}

// absentOf lists the members whose parts ended early.
func absentOf(sources []*source) []*clientv1.Missing {
	var absent []*clientv1.Missing
	for _, src := range sources {
		if src.head == nil && src.err != nil {
			absent = append(absent, missing(src.member, src.err))
		}
	}
	return absent
}

// mayLook returns who calls, and which locks they may see. The error is for one who wants
// to see a lock and may not, or any and may see none.
func (s *Service) mayLook(ctx context.Context, scope clientv1.Scope, lock string) (who rules.Identity, sees func(lock string) bool, err error) {
	who, err = s.gate.identify(ctx, scope)
	if err != nil {
		return who, nil, err
	}
	if lock == "" {
		if f := s.gate.checkState(who); f != nil {
			return who, nil, asStatus(f)
		}
		return who, func(lock string) bool { return s.gate.sees(who, lock) }, nil
	}
	if f := checkLock(lock); f != nil {
		return who, nil, asStatus(f)
	}
	if f := s.gate.check(who, rules.Look, lock); f != nil {
		return who, nil, asStatus(f)
	}
	return who, func(string) bool { return true }, nil
}

// checkLock says what is wrong with a lock's name; nil if nothing is.
func checkLock(lock string) *clientv1.Error {
	if err := broadcast.CheckName(lock); err != nil {
		return fault(clientv1.Code_CODE_INVALID_NAME, "%v", err)
	}
	return nil
}
