package broadcast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

const (
	// windowBytes is how much a sender may send before it is read, on a stream and on its
	// connection: one frame of any size. A fixed window also avoids the pings by which gRPC
	// would estimate a better one.
	windowBytes = wire.MaxFrameBytes
	// keepaliveTime is how often gRPC checks a connection on which nothing comes.
	// keepaliveTimeout tells what it finds sooner.
	keepaliveTime = 10 * time.Second
)

// keepaliveTimeout is how long the other end may stay silent once gRPC checks. On Linux it
// is also how long written bytes may stay unacknowledged. So a connection that leads
// nowhere ends about when its other end gives it up, and not when TCP would next retry.
func (d *Driver) keepaliveTimeout() time.Duration { return max(d.ttl, time.Second) }

// dialer connects to a member's address.
type dialer func(ctx context.Context, address string) (net.Conn, error)

// link keeps the stream to one peer open. Its goroutine dials, and sends on the stream
// while it lasts.
type link struct {
	driver  *Driver
	peer    token.Member
	address string
	woken   chan struct{} // has an entry if the peer is evidently there
	// over is closed when the peer is no member any more. A stream that is open stays until it
	// ends.
	over    chan struct{}
	backoff backoff
}

func newLink(d *Driver, peer token.Member, address string) *link {
	return &link{driver: d, peer: peer, address: address, woken: make(chan struct{}, 1), over: make(chan struct{})}
}

// wake ends a wait before the next attempt.
func (l *link) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// run opens streams, one after the other, until the driver opens no more, or the peer is no
// member any more.
func (l *link) run() {
	d := l.driver
	for d.opening.Err() == nil {
		select {
		case <-l.over:
			return
		default:
		}
		l.stream()
		timer := time.NewTimer(l.backoff.next())
		select {
		case <-timer.C:
		case <-l.woken:
		case <-l.over:
		case <-d.opening.Done():
		}
		timer.Stop()
	}
}

// outgoing is one stream to a peer, from the dial on.
type outgoing struct {
	peer  token.Member
	hello chan token.Hello // the owner's answer; there is room for it
	queue *queue
	lane  lane
	// cancel ends the stream, for a reason.
	cancel context.CancelCauseFunc
}

type call = grpc.ClientStreamingClient[peerv1.Frame, peerv1.Receipt]

// stream opens one stream and sends on it until it ends.
func (l *link) stream() {
	d := l.driver
	ctx, cancel := context.WithCancelCause(d.life)
	defer cancel(nil)
	out := &outgoing{
		peer:   l.peer,
		hello:  make(chan token.Hello, 1),
		queue:  newQueue(d.limits.queue),
		cancel: cancel,
	}
	conn, err := d.connection(l.address)
	if err != nil {
		panic(fmt.Sprintf("broadcast: gRPC refuses options that do not vary: %v", err))
	}
	defer conn.Close()

	opened, err := l.open(ctx, conn, out)
	if err != nil {
		l.refused(err)
		if status.Code(err) == codes.FailedPrecondition {
			l.askRefuser(conn)
		}
		return
	}
	select { // this attempt already answers the wake
	case <-l.woken:
	default:
	}
	out.lane.call = opened
	if !d.post(input{kind: inputUp, outgoing: out}) {
		return
	}
	since := time.Now()
	err = out.serve(ctx)
	if time.Since(since) > backoffMax {
		l.backoff.reset()
	}
	d.post(input{kind: inputDown, outgoing: out, err: err})
}

// connection makes a gRPC connection that dials once it is used.
func (d *Driver) connection(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithContextDialer(d.dial),
		grpc.WithNoProxy(),
		grpc.WithTransportCredentials(d.secure(address)),
		grpc.WithInitialWindowSize(windowBytes),
		grpc.WithInitialConnWindowSize(windowBytes),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: d.keepaliveTimeout()}),
		grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.Codec)),
	)
}

// open dials, says HELLO, and waits until the peer has accepted it.
func (l *link) open(ctx context.Context, conn *grpc.ClientConn, out *outgoing) (call, error) {
	d := l.driver
	stopOpening := context.AfterFunc(d.opening, func() { out.cancel(errStopping) })
	defer stopOpening()
	timer := time.AfterFunc(d.limits.open, func() {
		out.cancel(fmt.Errorf("no answer within %v", d.limits.open))
	})
	defer timer.Stop()

	if !d.post(input{kind: inputHello, peer: l.peer, outgoing: out}) {
		return nil, errStopping
	}
	var hello token.Hello
	select {
	case hello = <-out.hello:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c, err := peerv1.NewPeerServiceClient(conn).Deliver(ctx)
	if err != nil {
		return nil, causeOr(ctx, err)
	}
	// If this fails the stream has ended, and Header tells why.
	_ = c.Send(d.helloFrame(l.peer, hello))
	header, err := c.Header()
	switch {
	case err != nil:
		return nil, causeOr(ctx, err)
	case header == nil:
		return nil, causeOr(ctx, c.RecvMsg(new(peerv1.Receipt)))
	}
	return c, nil
}

// causeOr returns the cause of a stream's context if it has ended, or else err.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// handshakeFailed begins gRPC's message of a failed handshake.
const handshakeFailed = "authentication handshake failed: "

// refused logs a failed attempt if the peer refused the stream. It does not log peers out
// of reach.
func (l *link) refused(err error) {
	s, ok := status.FromError(err)
	reason := s.Message()
	switch {
	case !ok:
		return
	case s.Code() == codes.Unavailable:
		// gRPC reports a failed handshake like an unreachable peer.
		_, handshake, found := strings.Cut(reason, handshakeFailed)
		if !found {
			return
		}
		reason = strings.TrimSuffix(handshake, `"`)
	}
	l.driver.post(input{kind: inputRefusedThere, peer: l.peer, reason: reason})
}

// serve sends the queued messages until the stream ends, and returns why it ended.
func (out *outgoing) serve(ctx context.Context) error {
	// The peer ends the call only with a status, which may come at any time.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := out.lane.call.RecvMsg(new(peerv1.Receipt))
		if err == nil {
			err = errors.New("the peer ended it")
		}
		out.cancel(reasonOf(err))
	}()
	out.send(ctx)
	<-ended
	return context.Cause(ctx)
}

// reasonOf reduces a status to its message.
func reasonOf(err error) error {
	if s, ok := status.FromError(err); ok {
		return errors.New(s.Message())
	}
	return err
}
