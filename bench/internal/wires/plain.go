package wires

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"conch/bench/internal/board"
)

// plainBytes is how long a message on a plain socket is: about as long as a request for a
// lock.
const plainBytes = 64

// EchoPlain sends back what comes in on connections to an address, without gRPC, until the
// board says that it is the end, or ctx ends.
func EchoPlain(ctx context.Context, address string, b *board.Board) error {
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	ending, end := context.WithCancel(context.WithoutCancel(ctx))
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			context.AfterFunc(ending, func() { _ = conn.Close() })
			serving.Go(func() { echo(conn) })
		}
	})
	b.Ready()
	_ = b.AwaitPhase(ctx, board.End) // if not, it ends all the same
	end()
	err = listener.Close()
	serving.Wait()
	return err
}

// echo sends each message back until the connection ends.
func echo(conn net.Conn) {
	message := make([]byte, plainBytes)
	for {
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		if _, err := conn.Write(message); err != nil {
			return
		}
	}
}

// PlainTrip goes to an EchoPlain and back: what a message to another process costs at
// least. Only one goroutine at a time may use it.
type PlainTrip struct {
	conn    net.Conn
	message []byte
}

// dialPause is the time between two attempts to dial an echo that may not listen yet, and
// dialPatience the time for all of them.
const (
	dialPause    = 10 * time.Millisecond
	dialPatience = 10 * time.Second
)

// DialPlain makes a trip on a plain connection. It waits for the echo to listen, until the
// context ends or dialPatience is over.
func DialPlain(ctx context.Context, address string) (*PlainTrip, error) {
	network := "tcp"
	if path, ok := cutUnix(address); ok {
		network, address = "unix", path
	}
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			return &PlainTrip{conn, make([]byte, plainBytes)}, nil
		}
		select {
		case <-time.After(dialPause):
		case <-ctx.Done():
			return nil, fmt.Errorf("wires: %w", err)
		}
	}
}

// Lock goes there and back.
func (t *PlainTrip) Lock(context.Context) error {
	_, err := t.conn.Write(t.message)
	if err == nil {
		_, err = io.ReadFull(t.conn, t.message)
	}
	if err != nil {
		return fmt.Errorf("wires: there and back: %w", err)
	}
	return nil
}

// Unlock does nothing: there is no lock.
func (t *PlainTrip) Unlock(context.Context) error { return nil }

// Close ends the connection.
func (t *PlainTrip) Close() error { return t.conn.Close() }
