package service

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"

	"conch/internal/delimited"
	clientv1 "conch/proto/conch/client/v1"
)

// rpc is a stream over gRPC.
type rpc = grpc.BidiStreamingServer[clientv1.ClientFrame, clientv1.NodeFrame]

// Attach is the service's call.
func (s *Service) Attach(rpc rpc) error { return s.attach(rpcLink{rpc}) }

// rpcLink is the link of a stream over gRPC, which itself keeps what was not sent, and
// tells how the call ends.
type rpcLink struct{ rpc }

func (l rpcLink) Send(frame *clientv1.NodeFrame) (all bool, err error) {
	return true, l.rpc.Send(frame)
}

func (rpcLink) Flush() error  { return nil }
func (rpcLink) MayWait() bool { return true }
func (rpcLink) Hasten()       {}
func (rpcLink) End(error)     {}

// maxFrameBytes is how long a client's frame may be.
const maxFrameBytes = 16 << 10

// AttachConn serves a client's stream on a connection of its own, on which the preamble of
// package delimited was said: Attach without gRPC. It returns when the stream has ended and
// the connection is closed. info is what is known of the other end.
func (s *Service) AttachConn(conn net.Conn, info credentials.AuthInfo) {
	defer func() { _ = conn.Close() }() // it may be gone
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx = grpcpeer.NewContext(ctx, &grpcpeer.Peer{Addr: conn.RemoteAddr(), LocalAddr: conn.LocalAddr(), AuthInfo: info})
	_ = s.attach(connLink{delimited.NewServer(ctx, conn, maxFrameBytes)}) // the client was told
}

// connLink is the link of a stream on a connection of its own.
type connLink struct{ *delimited.Server }

func (connLink) MayWait() bool { return false }

// Hasten is link's. A client that does not read has no more time than for its Hello.
func (l connLink) Hasten() { l.SetSendDeadline(time.Now().Add(helloPatience)) }
