package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// deaf is a member that accepts streams and does not read them until told to.
type deaf struct {
	peerv1.UnimplementedPeerServiceServer
	hellos chan *peerv1.Hello
	listen chan struct{}
	heard  chan *peerv1.Message
}

func (d *deaf) Deliver(call grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt]) error {
	frame, err := call.Recv()
	if err != nil {
		return err
	}
	d.hellos <- frame.GetMessages()[0].GetHello()
	if err := call.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	select {
	case <-d.listen:
	case <-call.Context().Done():
		return call.Context().Err()
	}
	for {
		frame, err := call.Recv()
		if err != nil {
			return err
		}
		for _, m := range frame.GetMessages() {
			d.heard <- m
		}
	}
}

// ender is a member that accepts streams and ends them at once.
type ender struct {
	peerv1.UnimplementedPeerServiceServer
	streams atomic.Int64
}

func (r *ender) Deliver(call grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt]) error {
	r.streams.Add(1)
	if _, err := call.Recv(); err != nil {
		return err
	}
	if err := call.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	return status.Error(codes.Aborted, "no")
}

func TestStreamsThatEndAtOnceAreNotOpenedFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		r := new(ender)
		server := grpc.NewServer()
		peerv1.RegisterPeerServiceServer(server, r)
		served := make(chan error, 1)
		listener := w.listen("b:1")
		go func() { served <- server.Serve(listener) }()
		a := startWithPeer(t, w)
		time.Sleep(10 * time.Second)
		most := int64(10*time.Second/(backoffMax/2)) + 10
		if got := r.streams.Load(); got < 10 || got > most {
			t.Errorf("%d streams in 10 s; want 10 to %d", got, most)
		}
		for _, l := range a.lines("peer_lost") {
			if l["reason"] != "no" {
				t.Errorf("line %v; want the reason that the peer gave", l)
			}
		}
		a.stop()
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
}

// A peer that does not read costs no more than its queue: its stream is closed and opened
// anew, and the others do not wait for it.
func TestFullQueueClosesTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		addresses := []string{"a:1", "b:1", "c:1"}
		small := defaultLimits
		small.queue = 10
		a := w.startMember(t, "a:1", setup{members: addresses, limits: small})
		b := w.startMember(t, "b:1", setup{members: addresses})
		c := &deaf{hellos: make(chan *peerv1.Hello, 100), listen: make(chan struct{}), heard: make(chan *peerv1.Message, 100000)}
		server := grpc.NewServer()
		peerv1.RegisterPeerServiceServer(server, c)
		served := make(chan error, 1)
		listener := w.listen("c:1")
		go func() { served <- server.Serve(listener) }()
		eventually(t, "connected", func() bool { return connected(a, b) && len(a.lines("peer_connected")) == 2 })

		ctx, cancel := context.WithCancel(t.Context())
		time.Sleep(2 * testTTL) // until a is in a session
		const locks = 320       // their requests and probes are more than gRPC itself takes in
		results := make(chan error, locks)
		for i := range locks {
			name := fmt.Sprintf("%d%s", i, strings.Repeat("x", 240))
			go func() {
				hold, err := a.driver.Acquire(ctx, name, token.Exclusive)
				if err == nil {
					err = hold.Unlock()
				}
				results <- err
			}()
			synctest.Wait()
		}
		lost := a.lines("peer_lost")
		if len(lost) == 0 {
			t.Fatal("no stream was lost; want the one to c closed")
		}
		for _, l := range lost {
			if l["peer"] != "c:1" || l["reason"] != "its queue of 10 messages is full" {
				t.Errorf("line %v; want c:1 lost for its queue", l)
			}
		}
		for range locks {
			if err := <-results; err != nil {
				t.Fatalf("lock: %v; want all granted, with b's help", err)
			}
		}

		close(c.listen)
		eventually(t, "heard again", func() bool { return len(c.heard) > 0 })
		for next := uint64(0); len(c.hellos) > 0; {
			hello := <-c.hellos
			if hello.GetMember() != "a:1" {
				continue
			}
			if hello.GetCounter() < next {
				t.Errorf("stream %d; want %d or a later one", hello.GetCounter(), next)
			}
			next = hello.GetCounter() + 1
		}
		cancel()
		stopAll([]*member{a, b})
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
}
