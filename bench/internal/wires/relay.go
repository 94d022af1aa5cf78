package wires

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"conch/bench/internal/board"
)

// RelayKind says how the processes of a relay pass a message on.
type RelayKind string

// The kinds of relay. Messages go around; each process counts what it passes on.
const (
	GRPCRing RelayKind = "grpc ring" // a token over a gRPC stream to the next
	GRPCMesh RelayKind = "grpc mesh" // the same, with a request to each other process at every hop
	TCPRing  RelayKind = "tcp ring"  // a token over a TCP connection to the next
)

// Relay is one process's part in a relay.
type Relay struct {
	Kind      RelayKind
	Addresses []string // of all processes, in the order of the ring
	Self      int
}

// Run passes messages on until the board says that it is the end, or ctx ends.
func (r Relay) Run(ctx context.Context, b *board.Board) error {
	switch r.Kind {
	case GRPCRing, GRPCMesh:
		return r.runGRPC(ctx, b)
	case TCPRing:
		return r.runTCP(ctx, b)
	default:
		return fmt.Errorf("wires: relay: got kind %q, want %q, %q or %q", r.Kind, GRPCRing, GRPCMesh, TCPRing)
	}
}

func (r Relay) next() int { return (r.Self + 1) % len(r.Addresses) }

func (r Relay) runGRPC(ctx context.Context, b *board.Board) error {
	token, request := newMessages(r.Self)
	var m *mesh
	pass := func() error {
		b.Hop(r.Self)
		if r.Kind == GRPCMesh {
			if err := m.sendAll(request); err != nil {
				return err
			}
		}
		return m.send(r.next(), token)
	}
	receive := func(message []byte) error {
		kind, _, err := parse(message, len(r.Addresses))
		if err != nil || kind == kindRequest {
			return err
		}
		return pass()
	}
	want := func(other int) bool { return r.Kind == GRPCMesh || other == r.next() }
	m, err := joinMesh(ctx, r.Addresses, r.Self, want, receive)
	if err != nil {
		return err
	}
	m.begin()
	b.Ready()
	if r.Self == 0 {
		err = pass()
	}
	_ = b.AwaitPhase(ctx, board.End) // if not, it ends all the same
	_ = m.close()                    // the others may have gone first, which is no failure
	return err
}

func (r Relay) runTCP(ctx context.Context, b *board.Board) error {
	listener, err := listen(ctx, r.Addresses[r.Self])
	if err != nil {
		return err
	}
	defer listener.Close()
	out, err := dialUntilThere(ctx, r.Addresses[r.next()])
	if err != nil {
		return err
	}
	defer out.Close()
	in, err := listener.Accept()
	if err != nil {
		return fmt.Errorf("wires: %w", err)
	}
	defer in.Close()
	passed := make(chan error, 1)
	go func() { passed <- r.passTCP(in, out, b) }()
	b.Ready()
	if err := b.AwaitPhase(ctx, board.End); err != nil {
		return errors.Join(err, <-passed)
	}
	return nil // what the other goroutine finds now is that the others have gone
}

// passTCP passes messages on until a connection ends.
func (r Relay) passTCP(in io.Reader, out io.Writer, b *board.Board) error {
	token, _ := newMessages(r.Self)
	for first := r.Self == 0; ; first = false {
		if !first {
			if _, err := io.ReadFull(in, token); err != nil {
				return err
			}
		}
		b.Hop(r.Self)
		if _, err := out.Write(token); err != nil {
			return err
		}
	}
}

// dialUntilThere connects to an address on which somebody will listen.
func dialUntilThere(ctx context.Context, address string) (net.Conn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wires: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}
