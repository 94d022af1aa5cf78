package service

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// Observe is the service's call. A caller that does not read holds up nobody: it misses what
// has changed meanwhile, and is ended after a time.
func (s *Service) Observe(r *clientv1.ObserveRequest, rpc grpc.ServerStreamingServer[clientv1.ObserveResponse]) error {
	if f := checkLock(r.GetLock()); f != nil {
		return asStatus(f)
	}
	who, _, err := s.mayLook(rpc.Context(), clientv1.Scope_SCOPE_CLUSTER, r.GetLock())
	if err != nil {
		return err
	}
	end, f := s.observers.begin(who)
	if f != nil {
		return asStatus(f)
	}
	defer end()
	ctx, cancel := context.WithCancel(rpc.Context())
	defer cancel()
	observer := observing{first: true, members: func() []string { return s.members().members }}
	var ticks <-chan time.Time
	if r.GetHeartbeats() {
		observer.heartbeat = heartbeatFor(s.ttl)
		ticker := time.NewTicker(observer.heartbeat)
		defer ticker.Stop()
		ticks = ticker.C
	}
	return whileRead(s, rpc, func(send func(*clientv1.ObserveResponse) error) error {
		return callError(s.driver.Follow(ctx, r.GetLock(), ticks, func(l broadcast.Leader) error {
			return send(observer.next(l))
		}))
	})
}

// maxHeartbeat bounds the time between two messages to an observer where sessions are long.
const maxHeartbeat = 5 * time.Second

// heartbeatFor returns the time between two messages to an observer while nothing changes,
// for a session's time to live.
func heartbeatFor(ttl time.Duration) time.Duration { return min(ttl/4, maxHeartbeat) }

// observing is what one observer was told.
type observing struct {
	first     bool // it was told nothing
	last      broadcast.Leader
	heartbeat time.Duration // 0 if it did not ask for that
	members   func() []string
	told      []string // the members
}

// next returns the next message.
func (o *observing) next(l broadcast.Leader) *clientv1.ObserveResponse {
	r := new(clientv1.ObserveResponse)
	if r.Unchanged = l == o.last && !o.first; !r.Unchanged {
		r.Leader = leader(l)
	}
	if o.first {
		r.HeartbeatNs = int64(o.heartbeat)
	}
	if members := o.members(); !slices.Equal(members, o.told) {
		r.Members, o.told = members, members
	}
	o.first, o.last = false, l
	return r
}

// leader is who leads on the wire; nil if nobody does.
func leader(l broadcast.Leader) *clientv1.Leader {
	if l.Term == 0 {
		return nil
	}
	return &clientv1.Leader{Member: l.Member, Fence: uint64(l.Term), Count: l.Count, Value: l.Value, InDoubt: l.InDoubt}
}
