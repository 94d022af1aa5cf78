package service

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// watchAgain is how long to wait before a member that did not answer is asked again.
const watchAgain = time.Second

// Watch is the service's call.
func (s *Service) Watch(r *clientv1.WatchRequest, rpc grpc.ServerStreamingServer[clientv1.WatchResponse]) error {
	who, sees, err := s.mayLook(rpc.Context(), r.GetScope(), r.GetLock())
	if err != nil {
		return err
	}
	end, f := s.watches.begin(who)
	if f != nil {
		return asStatus(f)
	}
	defer end()
	ctx, cancel := context.WithCancel(rpc.Context())
	defer cancel()
	return whileRead(s, rpc, func(send func(*clientv1.WatchResponse) error) error {
		tell := func(w *clientv1.WatchResponse) error {
			if w.GetLock() != nil && !sees(w.GetLock().GetLock()) {
				return nil
			}
			return send(w)
		}
		if r.GetScope() == clientv1.Scope_SCOPE_NODE {
			return s.watchHere(ctx, r.GetLock(), tell)
		}
		return s.watchAll(ctx, r.GetLock(), tell)
	})
}

// watchHere tells what this node knows of a lock, or of all in use: how it is, then an
// empty message, then every change.
func (s *Service) watchHere(ctx context.Context, lock string, tell func(*clientv1.WatchResponse) error) error {
	sub, err := s.driver.Subscribe(ctx, lock)
	if err != nil {
		return callError(err)
	}
	names := []string{lock}
	if lock == "" {
		if names, err = s.driver.Locks(ctx); err != nil {
			return callError(err)
		}
	}
	told := make(map[string]struct{}) // the locks in use, of which all may change at once
	if err := s.tellParts(ctx, names, lock != "", told, tell); err != nil {
		return err
	}
	if err := tell(&clientv1.WatchResponse{}); err != nil {
		return err
	}
	for {
		select {
		case <-sub.Wake():
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
		c := sub.Take()
		names := c.Locks
		if c.Many {
			if names, err = s.driver.Locks(ctx); err != nil {
				return callError(err)
			}
		}
		if c.Cluster || c.Many {
			names = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(names, maps.Keys(told)))))
		}
		if err := s.tellParts(ctx, names, !c.Many, told, tell); err != nil {
			return err
		}
	}
}

// tellParts tells of locks; unless all are wanted, of those that are in use, or were when
// they were told of last.
func (s *Service) tellParts(
	ctx context.Context, names []string, all bool, inUse map[string]struct{}, tell func(*clientv1.WatchResponse) error,
) error {
	for chunk := range slices.Chunk(names, locksPerPart) {
		states, err := s.driver.LockStates(ctx, chunk)
		if err != nil {
			return callError(err)
		}
		for i := range states {
			state := &states[i]
			_, was := inUse[state.Lock]
			if state.InUse() {
				inUse[state.Lock] = struct{}{}
			} else {
				delete(inUse, state.Lock)
			}
			if !all && !was && !state.InUse() {
				continue
			}
			if err := tell(&clientv1.WatchResponse{Lock: s.part(state)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// news is what a member has to tell to who watches the whole cluster.
type news struct {
	member string
	part   *clientv1.LockStatus
	ready  bool  // all that was there at first has been told
	err    error // it does not answer
}

// watchAll tells what all members together know.
func (s *Service) watchAll(ctx context.Context, lock string, tell func(*clientv1.WatchResponse) error) error {
	feed := make(chan news, locksPerPart)
	m := s.members()
	following := make(map[string]context.CancelFunc)
	if !s.followAll(ctx, m, lock, feed, following) {
		return errLeaving
	}
	w := newView(m.members, lock)
	patience := time.NewTimer(askPatience)
	defer patience.Stop()
	for settled := false; !settled; {
		select {
		case n := <-feed:
			w.take(n)
			settled = w.complete()
		case <-patience.C:
			w.giveUp()
			settled = true
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	w.missingChanged = false // each of the first messages names them
	kept := 0
	defer func() { s.viewed.change(kept, 0) }()
	for first := true; ; first = false {
		if err := w.tell(tell); err != nil {
			return err
		}
		f := s.viewed.change(kept, len(w.parts))
		if kept = len(w.parts); f != nil {
			return asStatus(f)
		}
		if first {
			if err := tell(&clientv1.WatchResponse{Missing: w.absent()}); err != nil {
				return err
			}
		}
		select {
		case n := <-feed:
			w.take(n)
		case <-m.replaced:
			m = s.members()
			if !s.followAll(ctx, m, lock, feed, following) {
				return errLeaving
			}
			w.setMembers(m.members)
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
		for range len(feed) { // what came at once is told at once
			w.take(<-feed)
		}
	}
}

// followAll follows all members, and nobody else. following ends it for each that is followed.
// It reports false if the service ends.
func (s *Service) followAll(ctx context.Context, m *roster, lock string, feed chan<- news, following map[string]context.CancelFunc) bool {
	for address, end := range following {
		if !slices.Contains(m.members, address) {
			end()
			delete(following, address)
		}
	}
	for i, p := range m.peers {
		address := m.members[i]
		if following[address] != nil {
			continue
		}
		ctx, end := context.WithCancel(ctx)
		following[address] = end
		if !s.start(func() { s.follow(ctx, address, p, lock, feed) }) {
			end()
			return false
		}
	}
	return true
}

// follow passes on what a member tells, and asks again when it ends, until the context
// does.
func (s *Service) follow(ctx context.Context, address string, p *peer, lock string, feed chan<- news) {
	send := func(n news) error {
		select {
		case feed <- n:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tell := func(r *clientv1.WatchResponse) error {
		return send(news{member: address, part: r.GetLock(), ready: r.GetLock() == nil})
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
		var err error
		if p == nil {
			err = s.watchHere(ctx, lock, tell)
		} else {
			err = p.watchHere(ctx, lock, tell)
		}
		if send(news{member: address, err: err}) != nil {
			return
		}
		again.Reset(watchAgain)
	}
}

var errEnded = errors.New("it ended its answer")

// watchHere tells what the member knows, as it does itself.
func (p *peer) watchHere(ctx context.Context, lock string, tell func(*clientv1.WatchResponse) error) error {
	watch, err := p.Watch(ctx, &clientv1.WatchRequest{Scope: clientv1.Scope_SCOPE_NODE, Lock: lock})
	if err != nil {
		return err
	}
	for {
		r, err := watch.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return err
		}
		if r.GetLock() != nil {
			if r.Lock = p.own(lock, r.GetLock()); r.Lock == nil {
				continue // an empty message means something else
			}
		}
		if err := tell(r); err != nil {
			return err
		}
	}
}
