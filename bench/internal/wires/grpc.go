package wires

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"conch/broadcast"
	"conch/broadcast/wire"
)

const (
	serviceName = "conch.bench.Wire"
	deliverName = "Deliver" // a stream of messages one way
	echoName    = "Echo"    // a stream on which each message is sent back
	callName    = "Call"    // a unary call
)

// receiver gets each message that comes in, on the goroutine of its stream.
type receiver func(message []byte) error

// newServer makes a gRPC server that delivers to a receiver, and sends back what
// comes on an echo stream or with a call.
func newServer(receive receiver) *grpc.Server {
	server := grpc.NewServer(broadcast.ServerOptions()...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: callName, Handler: answerCall}},
		Streams: []grpc.StreamDesc{
			{StreamName: deliverName, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
				return deliver(stream, receive)
			}},
			{StreamName: echoName, ClientStreams: true, ServerStreams: true, Handler: answerEcho},
		},
	}, struct{}{})
	return server
}

//nolint:revive // gRPC has the order of the parameters
func answerCall(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	message := new(wrapperspb.BytesValue)
	return message, decode(message)
}

func answerEcho(_ any, stream grpc.ServerStream) error {
	for {
		message := new(wrapperspb.BytesValue)
		if err := stream.RecvMsg(message); err != nil {
			return endOf(err)
		}
		if err := stream.SendMsg(message); err != nil {
			return err
		}
	}
}

// deliver says that the stream is there, and receives until it ends.
func deliver(stream grpc.ServerStream, receive receiver) error {
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		message := new(wrapperspb.BytesValue)
		if err := stream.RecvMsg(message); err != nil {
			return endOf(err)
		}
		if err := receive(message.GetValue()); err != nil {
			return err
		}
	}
}

// endOf is nil for a stream that its sender has ended.
func endOf(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// connect makes a connection with the settings of the product's. An address is
// HOST:PORT, or "unix:" and a path.
func connect(address string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(wire.MaxFrameBytes),
		grpc.WithInitialConnWindowSize(wire.MaxFrameBytes),
		grpc.WithDisableRetry(),
	)
	if err != nil {
		return nil, fmt.Errorf("wires: connect to %s: %w", address, err)
	}
	return conn, nil
}

// stream opens a stream, as soon as the other end is there.
func stream(ctx context.Context, conn *grpc.ClientConn, name string) (grpc.ClientStream, error) {
	desc := &grpc.StreamDesc{StreamName: name, ClientStreams: true, ServerStreams: name == echoName}
	opened, err := conn.NewStream(ctx, desc, "/"+serviceName+"/"+name, grpc.WaitForReady(true))
	if err != nil {
		return nil, fmt.Errorf("wires: open a stream to %s: %w", conn.Target(), err)
	}
	return opened, nil
}

// link is a stream on which messages go to one process.
type link struct {
	conn   *grpc.ClientConn
	mu     sync.Mutex // a stream has one sender at a time
	stream grpc.ClientStream
}

// dialLink opens a link and waits until the other end has taken it.
func dialLink(ctx context.Context, address string) (*link, error) {
	conn, err := connect(address)
	if err != nil {
		return nil, err
	}
	opened, err := stream(ctx, conn, deliverName)
	if err == nil {
		_, err = opened.Header()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &link{conn: conn, stream: opened}, nil
}

func (l *link) send(message []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stream.SendMsg(wrapperspb.Bytes(message))
}

// listen listens on HOST:PORT, or on a unix socket if the address begins with
// "unix:".
func listen(ctx context.Context, address string) (net.Listener, error) {
	network := "tcp"
	if path, ok := cutUnix(address); ok {
		network, address = "unix", path
	}
	listener, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("wires: %w", err)
	}
	return listener, nil
}
