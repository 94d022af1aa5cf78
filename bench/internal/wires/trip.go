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
	answers chan error        // of the goroutine that receives; nil if there is none
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

// DialShared makes a trip on one stream as several callers have to share it: a goroutine
// receives what comes, and hands it to the one who waits. The context ends both.
func DialShared(ctx context.Context, address string) (*Trip, error) {
	trip, err := DialStream(ctx, address)
	if err != nil {
		return nil, err
	}
	trip.answers = make(chan error, 1)
	go func() {
		for {
			err := trip.stream.RecvMsg(new(wrapperspb.BytesValue))
			select {
			case trip.answers <- err:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return trip, nil
}

// Lock goes there and back.
func (t *Trip) Lock(ctx context.Context) error {
	var err error
	if t.stream == nil {
		err = t.conn.Invoke(ctx, "/"+serviceName+"/"+callName, wrapperspb.Bytes(t.message), new(wrapperspb.BytesValue), grpc.WaitForReady(true))
	} else if err = t.stream.SendMsg(wrapperspb.Bytes(t.message)); err == nil {
		err = t.receive(ctx)
	}
	if err != nil {
		return fmt.Errorf("wires: there and back: %w", err)
	}
	return nil
}

func (t *Trip) receive(ctx context.Context) error {
	if t.answers == nil {
		return t.stream.RecvMsg(new(wrapperspb.BytesValue))
	}
	select {
	case err := <-t.answers:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Unlock does nothing: there is no lock.
func (t *Trip) Unlock(context.Context) error { return nil }

// Close ends the connection.
func (t *Trip) Close() error { return t.conn.Close() }
