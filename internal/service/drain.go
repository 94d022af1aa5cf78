package service

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// Drain is the service's call.
func (s *Service) Drain(r *clientv1.DrainRequest, rpc grpc.ServerStreamingServer[clientv1.DrainResponse]) error {
	by, f := asCaller(r.GetCaller())
	if f != nil {
		return asStatus(f)
	}
	who, err := s.gate.identify(rpc.Context(), clientv1.Scope_SCOPE_CLUSTER)
	if err != nil {
		return err
	}
	if f := s.gate.checkOperate(who); f != nil {
		return asStatus(f)
	}
	by.Identity = known(who)
	if r.GetUndo() {
		return s.undrain(rpc, by)
	}
	end, f := s.watches.begin(who)
	if f != nil {
		return asStatus(f)
	}
	defer end()
	ctx, cancel := context.WithCancel(rpc.Context())
	defer cancel()
	return whileRead(s, rpc, func(send func(*clientv1.DrainResponse) error) error {
		var unsent error
		err := s.driver.Drain(ctx, fmt.Sprintf("by %s", by), func(d broadcast.Drained) error {
			unsent = send(s.drained(&d, true))
			return unsent
		})
		switch {
		case err == nil || unsent != nil:
			return unsent
		case errors.Is(err, broadcast.ErrUndrained):
			return status.Error(codes.Aborted, err.Error())
		default:
			return callError(err)
		}
	})
}

// undrain has the node take requests again, and tells who holds locks.
func (s *Service) undrain(rpc grpc.ServerStreamingServer[clientv1.DrainResponse], by broadcast.Caller) error {
	now, err := s.driver.Undrain(rpc.Context(), fmt.Sprintf("by %s", by))
	if err != nil {
		return callError(err)
	}
	return rpc.Send(s.drained(&now, false))
}

// drained says who holds locks here.
func (s *Service) drained(d *broadcast.Drained, draining bool) *clientv1.DrainResponse {
	r := &clientv1.DrainResponse{Member: s.members().own(), Draining: draining, Holds: uint32(d.Holds)}
	for i := range d.Held {
		r.Held = append(r.Held, &clientv1.HeldLock{Lock: d.Held[i].Lock, Holder: s.holder(&d.Held[i].Holding)})
	}
	return r
}
