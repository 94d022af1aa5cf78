package broadcast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// service is the gRPC service that other members call.
type service struct {
	peerv1.UnimplementedPeerServiceServer
	driver *Driver
}

// incoming is one stream that somebody opened to this node.
type incoming struct {
	remote string // the socket's address
	// verdict brings the owner's answer to HELLO. There is room for it.
	verdict chan verdict
	// accepted tells who opened the stream, once the owner has accepted it.
	accepted chan token.Member
	// The owner closes replaced when it accepts a later stream of the same member.
	replaced chan struct{}
	// wrong brings why the owner ends the stream: what came made no sense. There is room for it.
	wrong chan *refusal
	// closed is closed when the stream is over, for a receiver that waits for the owner.
	closed chan struct{}
	// heard is when the latest frame came, counted from began.
	began time.Time
	heard atomic.Int64
}

// verdict is the owner's answer to HELLO: who sent it, also beside an error if that is known.
type verdict struct {
	from token.Member
	err  error
}

// errEnded is the receiver's error if nothing is wrong: the sender ended the stream, or the
// stream was cut.
var errEnded = status.Error(codes.Canceled, "the sender ended the stream")

// Deliver runs one stream: a receiver of its own takes the frames, while this goroutine
// waits for a reason to end the stream. Only the return of Deliver frees a receiver that
// waits for a frame, so the two cannot be one.
func (s *service) Deliver(call grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt]) error {
	d := s.driver
	if !d.letIn() {
		return status.Error(codes.Unavailable, errStopping.Error())
	}
	defer d.incoming.Done()
	in := &incoming{
		remote:   remoteOf(call.Context()),
		verdict:  make(chan verdict, 1),
		accepted: make(chan token.Member, 1),
		replaced: make(chan struct{}),
		wrong:    make(chan *refusal, 1),
		closed:   make(chan struct{}),
		began:    time.Now(),
	}
	received := make(chan error, 1)
	d.incoming.Go(func() { received <- d.receive(call, in) })
	defer close(in.closed)
	return d.watch(in, received)
}

func remoteOf(ctx context.Context) string {
	if p, ok := grpcpeer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return "unknown"
}

// watch waits for the end of a stream and returns its status.
func (d *Driver) watch(in *incoming, received <-chan error) error {
	from := token.NoMember
	timer := time.NewTimer(d.limits.hello)
	defer timer.Stop()
	for {
		select {
		case err := <-received:
			return err
		case from = <-in.accepted:
			timer.Reset(d.ttl)
		case <-in.replaced:
			return status.Error(codes.Aborted, "a later stream of the same member has replaced it")
		case wrong := <-in.wrong:
			return wrong
		case <-d.life.Done():
			return status.Error(codes.Unavailable, context.Cause(d.life).Error())
		case <-timer.C:
			if from == token.NoMember {
				late := misunderstood("no HELLO within %v", d.limits.hello)
				d.postRefused(token.NoMember, in.remote, late.reason)
				return late
			}
			quiet := time.Since(in.began) - time.Duration(in.heard.Load())
			if quiet >= d.ttl {
				return status.Errorf(codes.DeadlineExceeded, "nothing came for %v", d.ttl)
			}
			timer.Reset(d.ttl - quiet)
		}
	}
}

// receive takes frames from a stream until it ends.
func (d *Driver) receive(call grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt], in *incoming) error {
	var frame wire.ReceivedFrame
	from, err := d.receiveHello(call, in, &frame.Decoder)
	if err == nil {
		err = d.receiveFrames(call, in, from, &frame)
	}
	if r := (*refusal)(nil); errors.As(err, &r) {
		d.postRefused(from, in.remote, r.reason)
	}
	return err
}

// receiveHello takes the first frame, and sets the decoder for those that follow. It returns
// the stream's opener, also beside an error if it is known.
func (d *Driver) receiveHello(call grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt], in *incoming, decoder *wire.Decoder) (token.Member, error) {
	frame, err := call.Recv()
	if err != nil {
		return token.NoMember, d.endOf(err)
	}
	hello := firstOf(frame).GetHello()
	if hello == nil {
		return token.NoMember, misunderstood("the first message is not HELLO")
	}
	from, g, r := d.checkHello(hello)
	// Who claims a member's address is told what is wrong, and which disk that member has, only
	// if it may speak for the address.
	if _, listed := d.roster.Load().byAddress[hello.GetMember()]; r == nil || listed && hello.GetVersion() == ProtocolVersion {
		if err := d.check(call.Context(), hello.GetMember()); err != nil {
			return token.NoMember, &refusal{code: codes.PermissionDenied, reason: fmt.Sprintf("%s is claimed, but: %v", shorten(hello.GetMember()), err)}
		}
	}
	if r != nil {
		return from, r
	}
	if !d.postIncoming(in, input{kind: inputAccept, incoming: in, greeting: g}) {
		return from, errEnded
	}
	answer := verdict{from: from, err: errEnded}
	select {
	case answer = <-in.verdict:
	case <-in.closed:
	}
	if answer.err != nil {
		return answer.from, answer.err
	}
	from = answer.from
	in.heard.Store(int64(time.Since(in.began)))
	in.accepted <- from
	if err := call.SendHeader(metadata.MD{}); err != nil {
		return from, errEnded
	}
	*decoder = d.decoder(from, g.hello.Membership)
	messages, err := decoder.Messages(frame.GetMessages()[1:])
	return from, d.deliver(in, from, messages, err)
}

// decoder decodes the messages of a member to this one. theirs is the membership that it
// shows, nil if that never changes.
func (d *Driver) decoder(from token.Member, theirs *token.Membership) wire.Decoder {
	r := d.roster.Load()
	decoder := wire.Decoder{Members: len(r.addresses), Self: r.self, From: from, MaxBallot: d.mostBallot}
	if theirs != nil {
		decoder.Members, decoder.Changes = int(theirs.IDs), r.membership != nil
	}
	return decoder
}

func firstOf(frame *peerv1.Frame) *peerv1.Message {
	if len(frame.GetMessages()) == 0 {
		return nil
	}
	return frame.GetMessages()[0]
}

// receiveFrames takes the frames after the first.
func (d *Driver) receiveFrames(call grpc.ClientStreamingServer[peerv1.Frame, peerv1.Receipt], in *incoming, from token.Member, frame *wire.ReceivedFrame) error {
	for {
		if err := call.RecvMsg(frame); err != nil {
			return d.endOf(err)
		}
		err := d.deliver(in, from, frame.Messages, frame.Err)
		in.heard.Store(int64(time.Since(in.began)))
		if err != nil {
			return err
		}
	}
}

// deliver hands messages to the owner if they make sense. It waits while the inbox is full,
// so that gRPC's flow control holds back the sender.
func (d *Driver) deliver(in *incoming, from token.Member, messages []token.Message, wrong error) error {
	switch {
	case wrong != nil:
		return misunderstood("%v", wrong)
	case len(messages) == 0:
		return nil
	case !d.postIncoming(in, input{kind: inputFrame, peer: from, incoming: in, messages: messages}):
		return errEnded
	}
	return nil
}

// endOf distinguishes the end of the stream from an unreadable frame.
func (d *Driver) endOf(err error) error {
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return misunderstood("frame longer than %d bytes: %s", wire.MaxFrameBytes, status.Convert(err).Message())
	case codes.Internal, codes.Unimplemented:
		return misunderstood("frame that cannot be read: %s", status.Convert(err).Message())
	default:
		return errEnded
	}
}

// postIncoming hands an input to the owner while a stream lasts.
func (d *Driver) postIncoming(in *incoming, i input) bool {
	return d.offer(i, in.closed)
}

// RefusedUnauthenticated logs that a connection was refused, and why: once a minute for
// each host and reason.
func (d *Driver) RefusedUnauthenticated(remote net.Addr, reason error) {
	d.postRefused(token.NoMember, remote.String(), reason.Error())
}

// RefusedClient logs that a client's request was refused.
func (d *Driver) RefusedClient(caller string, reason error) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.log.clientRefused(caller, reason.Error()) }})
}

// SocketRemade logs that the socket for clients was removed and made again.
func (d *Driver) SocketRemade(reason string) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.log.socketRemade(reason) }})
}

// SocketLost logs that the socket for clients was removed, and why it is not made again.
func (d *Driver) SocketLost(reason string) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.log.socketLost(reason) }})
}

// FilesChanged logs that changed files of the node were loaded, or why they were not.
func (d *Driver) FilesChanged(err error) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.log.filesChanged(err) }})
}

// RulesDiffer logs that another member's rules allow clients other things than this one's.
func (d *Driver) RulesDiffer(peer string) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.log.rulesDiffer(peer) }})
}

// CertificateEnding logs that this node's certificate ends soon.
func (d *Driver) CertificateEnding(reason error) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.log.certificateEnding(reason) }})
}

// postRefused has the owner log a refusal: of a member's stream, or of an unauthenticated
// peer's.
func (d *Driver) postRefused(from token.Member, remote, reason string) {
	d.offer(input{kind: inputRefusedHere, peer: from, remote: remote, reason: reason}, d.life.Done())
}
