package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// ErrUnreachable is wrapped by the error for nodes of which none could be spoken to.
// It names each with the reason.
var ErrUnreachable = errors.New("no node can be reached")

// DefaultPatience is for how long a node may be silent before it counts as out of
// reach.
const DefaultPatience = 5 * time.Second

const (
	// headStart is how long a node has before the next in the list is tried beside
	// it. It is as RFC 8305, section 8, has it for the addresses of one host.
	headStart = 250 * time.Millisecond
	// keepaliveTime and keepaliveTimeout bound for how long a connection that leads
	// nowhere any more looks like one on which nothing happens.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
	// windowBytes is how much a node may have under way that was not read here, for a
	// stream and for its connection. gRPC would find a good value by itself, and send a
	// ping with every answer for that.
	windowBytes = 1 << 20
)

// Connect connects to the first of some nodes that answers. It goes on to the next as
// soon as one refuses, or has kept silent for a moment. The error wraps
// [ErrUnreachable]; it comes at once when all refuse, and after patience when some keep
// silent. Where ctx ended before, it wraps the cause as well.
//
// The connection goes by no proxy. One to a HOST:PORT is secured; nil is not.
func Connect(ctx context.Context, targets []Target, patience time.Duration, secure Security) (*grpc.ClientConn, Target, error) {
	return connector{dial: dial, secure: secure}.first(ctx, targets, patience)
}

// Security is what a connection to a HOST:PORT is secured with; nil is nothing. A unix
// socket is secured by its permissions.
type Security func(address string) credentials.TransportCredentials

// dialer opens a connection to a node.
type dialer func(context.Context, Target) (net.Conn, error)

// connector is how nodes are connected to.
type connector struct {
	dial   dialer
	secure Security
}

// first is Connect.
func (c connector) first(ctx context.Context, targets []Target, patience time.Duration) (*grpc.ClientConn, Target, error) {
	return race(ctx, targets, patience, c.connect)
}

// race is Connect by some way to connect to one node.
func race[C io.Closer](ctx context.Context, targets []Target, patience time.Duration, connect func(context.Context, Target) (C, error)) (answered C, target Target, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", round(patience)))
	defer cancel()
	type outcome struct {
		index int
		conn  C
		err   error
	}
	outcomes := make(chan outcome)
	started, running := 0, 0
	start := func() {
		index := started
		started, running = started+1, running+1
		go func() {
			conn, err := connect(ctx, targets[index])
			outcomes <- outcome{index, conn, err}
		}()
	}
	turn := time.NewTimer(0)
	defer turn.Stop()
	reasons := make([]error, len(targets))
	first := -1
	for running > 0 || first < 0 && started < len(targets) {
		select {
		case <-turn.C:
		case o := <-outcomes:
			running--
			switch {
			case o.err != nil:
				reasons[o.index] = o.err
			case first < 0:
				first, answered = o.index, o.conn
				cancel() // the others are not needed any more
			default:
				_ = o.conn.Close()
			}
		}
		if first < 0 && started < len(targets) {
			start()
			turn.Reset(headStart)
		}
	}
	if first < 0 {
		return answered, Target{}, unreachable(targets, reasons)
	}
	return answered, targets[first], nil
}

// unreachable makes one error of the reasons of all nodes.
func unreachable(targets []Target, reasons []error) error {
	err := ErrUnreachable
	for i, reason := range reasons {
		mark := ";"
		if i == 0 {
			mark = ":"
		}
		err = fmt.Errorf("%w%s %s: %w", err, mark, targets[i], reason)
	}
	return err
}

// connect connects to a node, and returns when it has answered or cannot be reached.
func (c connector) connect(ctx context.Context, t Target) (*grpc.ClientConn, error) {
	var dialed lastError
	conn, err := grpc.NewClient("passthrough:///node",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := c.dial(ctx, t)
			dialed.set(err)
			return conn, err
		}),
		grpc.WithNoProxy(),
		grpc.WithAuthority(t.authority()),
		grpc.WithTransportCredentials(c.credentials(t, &dialed)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithInitialWindowSize(windowBytes),
		grpc.WithInitialConnWindowSize(windowBytes),
		grpc.WithDisableRetry(),
	)
	if err != nil {
		return nil, err
	}
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			return conn, nil
		case connectivity.Idle:
			conn.Connect()
		case connectivity.TransientFailure:
			err := dialed.get()
			if err == nil {
				err = errors.New("it does not answer as a node does")
			}
			return nil, errors.Join(err, conn.Close())
		}
		if !conn.WaitForStateChange(ctx, state) {
			return nil, errors.Join(context.Cause(ctx), conn.Close())
		}
	}
}

// credentials are those of a connection to a node. Why a handshake failed is kept.
func (c connector) credentials(t Target, last *lastError) credentials.TransportCredentials {
	if t.network == "unix" || c.secure == nil {
		return insecure.NewCredentials()
	}
	return &toldHandshake{c.secure(t.address), last}
}

// toldHandshake keeps why a handshake failed, of which gRPC makes a text of its own; or
// why the connection ended behind it, of which gRPC says nothing: there a side of TLS 1.3
// hears that its certificate was refused.
type toldHandshake struct {
	credentials.TransportCredentials
	last *lastError
}

func (h *toldHandshake) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, conn)
	if err != nil {
		h.last.set(err)
		return nil, nil, err
	}
	return &toldConn{secured, h.last}, info, nil
}

// toldConn keeps why nothing more can be read.
type toldConn struct {
	net.Conn
	last *lastError
}

func (c *toldConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.last.set(err)
	}
	return n, err
}

func (h *toldHandshake) Clone() credentials.TransportCredentials {
	return &toldHandshake{h.TransportCredentials.Clone(), h.last}
}

// lastError is the error of the latest of some calls.
type lastError struct {
	mu  sync.Mutex
	err error
}

func (l *lastError) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *lastError) get() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
