package client

import (
	"context"
	"errors"
	"net"
	"os"

	"google.golang.org/grpc"

	"conch/internal/delimited"
	clientv1 "conch/proto/conch/client/v1"
)

// link is what carries a stream: gRPC, or a unix socket alone. One goroutine at a time
// sends, and one receives.
type link interface {
	// Send sends a frame. It reports whether that was all; if not, Flush sends the rest,
	// before any other frame.
	Send(*clientv1.ClientFrame) (all bool, err error)
	Flush() error
	// CloseSend tells the node that this was all.
	CloseSend() error
	// Recv returns the node's next frame. The error is io.EOF once the node has ended the
	// stream in peace, and os.ErrDeadlineExceeded after Interrupt.
	Recv() (*clientv1.NodeFrame, error)
	// CanInterrupt reports whether Interrupt ends a Recv that waits, or else the next one.
	// Resume ends an Interrupt.
	CanInterrupt() bool
	Interrupt()
	Resume()
	// Close ends the connection, and each call that waits.
	Close() error
}

// conn is a connection to a node that has answered.
type conn interface {
	// attach opens the client's stream. The context ends it.
	attach(ctx context.Context) (link, error)
	Close() error
}

// rpcConn is a connection of gRPC.
type rpcConn struct{ *grpc.ClientConn }

func (c rpcConn) attach(ctx context.Context) (link, error) {
	rpc, err := clientv1.NewLockServiceClient(c.ClientConn).Attach(ctx)
	if err != nil {
		return nil, err
	}
	return rpcLink{rpc, c}, nil
}

// rpcLink is a stream over gRPC, which keeps what it cannot send yet.
type rpcLink struct {
	grpc.BidiStreamingClient[clientv1.ClientFrame, clientv1.NodeFrame]
	conn rpcConn
}

func (l rpcLink) Send(frame *clientv1.ClientFrame) (all bool, err error) {
	return true, l.BidiStreamingClient.Send(frame)
}

func (rpcLink) Flush() error       { return nil }
func (rpcLink) CanInterrupt() bool { return false }
func (rpcLink) Interrupt()         {}
func (rpcLink) Resume()            {}
func (l rpcLink) Close() error     { return l.conn.Close() }

// maxFrameBytes is how long a node's frame may be, as gRPC has it.
const maxFrameBytes = 4 << 20

// socketConn is a unix socket that is used without gRPC.
type socketConn struct{ net.Conn }

func (c socketConn) attach(ctx context.Context) (link, error) {
	l := socketLink{delimited.NewClient(c.Conn, maxFrameBytes)}
	context.AfterFunc(ctx, func() { _ = l.Close() }) // whoever closes it twice hears of that
	return l, nil
}

// socketLink is a stream on a unix socket.
type socketLink struct{ *delimited.Client }

func (socketLink) CanInterrupt() bool { return true }

// attachable connects as first does, for a stream. On a unix socket, it does without gRPC
// if the node knows how.
func (c connector) attachable(ctx context.Context, t Target) (conn, error) {
	if t.network == "unix" {
		conn, err := c.openSocket(ctx, t)
		if err == nil {
			return socketConn{conn}, nil
		}
		if !errors.Is(err, delimited.ErrUnknown) {
			return nil, err
		}
	}
	conn, err := c.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	return rpcConn{conn}, nil
}

// openSocket connects to a node that knows how to do without gRPC.
func (c connector) openSocket(ctx context.Context, t Target) (net.Conn, error) {
	conn, err := c.dial(ctx, t)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	inTime := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = delimited.Open(conn)
	switch {
	case !inTime():
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// isInterrupt reports whether a Recv has ended by an Interrupt.
func isInterrupt(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
