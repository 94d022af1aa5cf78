package wires

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"conch/bench/internal/board"
)

// Echo sends back what comes in at some addresses until the board says that it is
// the end, or ctx ends.
func Echo(ctx context.Context, addresses []string, b *board.Board) error {
	server := newServer(func([]byte) error { return nil })
	served := make(chan error, len(addresses))
	for _, address := range addresses {
		listener, err := listen(ctx, address)
		if err != nil {
			server.Stop()
			return err
		}
		go func() { served <- server.Serve(listener) }()
	}
	b.Ready()
	_ = b.AwaitPhase(ctx, board.End) // if not, it ends all the same
	server.Stop()
	var failures []error
	for range addresses {
		failures = append(failures, <-served)
	}
	return errors.Join(failures...)
}

// Trip goes to an echo and back: what a lock costs at least if a client has to ask a
// server. Only one goroutine at a time may use it.
type Trip struct {
	conn    *grpc.ClientConn
	stream  grpc.ClientStream // nil for calls
	message []byte
}

// DialCall makes a trip by unary calls.
func DialCall(address string) (*Trip, error) {
	conn, err := connect(address)
	if err != nil {
		return nil, err
	}
	_, request := newMessages(0)
	return &Trip{conn: conn, message: request}, nil
}

// DialStream makes a trip on one stream. The context ends the stream.
func DialStream(ctx context.Context, address string) (*Trip, error) {
	trip, err := DialCall(address)
	if err != nil {
		return nil, err
	}
	if trip.stream, err = stream(ctx, trip.conn, echoName); err != nil {
		return nil, errors.Join(err, trip.conn.Close())
	}
	return trip, nil
}

// Lock goes there and back.
func (t *Trip) Lock(ctx context.Context) error {
	in := new(wrapperspb.BytesValue)
	var err error
	if t.stream == nil {
		err = t.conn.Invoke(ctx, "/"+serviceName+"/"+callName, wrapperspb.Bytes(t.message), in, grpc.WaitForReady(true))
	} else if err = t.stream.SendMsg(wrapperspb.Bytes(t.message)); err == nil {
		err = t.stream.RecvMsg(in)
	}
	if err != nil {
		return fmt.Errorf("wires: there and back: %w", err)
	}
	return nil
}

// Unlock does nothing: there is no lock.
func (t *Trip) Unlock(context.Context) error { return nil }

// Close ends the connection.
func (t *Trip) Close() error { return t.conn.Close() }
