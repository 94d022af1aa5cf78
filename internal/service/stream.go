package service

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// version is of the protocol with clients.
const version = 1

// helloPatience is how long a client may take to say who it is.
const helloPatience = 5 * time.Second

var (
	errLeaving  = status.Error(codes.Unavailable, "the node is stopping")
	errReplaced = status.Error(codes.Aborted, "a later stream of the same client has replaced this one")
	errSilent   = status.Error(codes.DeadlineExceeded, "nothing was heard for one time to live, though there is a hold or a wait")
)

// stream is a client's connection. One goroutine receives, one sends, and the
// handler waits for a reason to end both. What a frame of the client's brings about is
// sent by the one that receives, in the sender's place, so that an answer does not wait
// for that to wake up.
type stream struct {
	service *Service
	rpc     rpc
	out     *outbox
	client  *client // once it has said Hello; the receiver's
	// reason is why the stream is to end; nil is in peace. There is room for it.
	reason chan error
	over   chan struct{} // closed when nothing is sent any more
	began  time.Time
	who    rules.Identity
	heard  atomic.Int64 // when something came last, in nanoseconds since began

	// sending is had by whoever sends; answering: that is the one that receives.
	sending   sync.Mutex
	answering atomic.Bool
	spare     []*clientv1.NodeMessage // what the outbox goes on with

	// What follows is guarded by the client's lock.
	pinged   int64 // the stamp of the latest Ping, if hadPing
	hadPing  bool
	watchdog *time.Timer
}

type rpc = grpc.BidiStreamingServer[clientv1.ClientFrame, clientv1.NodeFrame]

// Attach is the service's call.
func (s *Service) Attach(rpc rpc) error {
	st := &stream{
		service: s, rpc: rpc, out: newOutbox(),
		reason: make(chan error, 1), over: make(chan struct{}), began: time.Now(),
	}
	received := make(chan error, 1)
	if !s.start(func() { received <- st.receive() }) {
		return errLeaving
	}
	s.running.Go(st.send)
	var err error
	select {
	case err = <-received:
	case err = <-st.reason:
	case <-s.life.Done():
		err = errLeaving
	case <-rpc.Context().Done():
		err = status.FromContextError(context.Cause(rpc.Context())).Err()
	}
	st.out.close()
	patience := time.NewTimer(s.ttl)
	defer patience.Stop()
	select {
	case <-st.over:
	case <-patience.C: // it does not read
	}
	return err
}

// start runs a goroutine of the service's, unless that is closed.
func (s *Service) start(run func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(run)
	return true
}

// finish has the stream end for a reason, unless it ends already.
func (st *stream) finish(reason error) {
	select {
	case st.reason <- reason:
	default:
	}
}

// send sends what is in the outbox, until that is closed or the stream is gone.
func (st *stream) send() {
	defer close(st.over)
	for open := true; open; {
		select {
		case <-st.out.wake:
		case <-st.rpc.Context().Done():
			return
		}
		st.sending.Lock()
		open = st.sendAll()
		st.sending.Unlock()
	}
}

const (
	// maxFrame is how many messages are sent as one frame.
	maxFrame = 256
	// mostInFrame is how many a client may send as one, so that the answers are bounded.
	mostInFrame = 4096
)

// sendAll sends what is in the outbox, and reports whether more may follow. The caller
// is the one who sends.
func (st *stream) sendAll() (open bool) {
	messages, open := st.out.take(st.spare)
	st.spare = messages
	for part := range slices.Chunk(messages, maxFrame) {
		if err := st.rpc.Send(&clientv1.NodeFrame{Messages: part}); err != nil {
			st.finish(err)
			return false
		}
	}
	return open
}

// receive takes what the client sends. It returns why the stream ends.
func (st *stream) receive() error {
	if err := st.greet(); err != nil {
		return err
	}
	defer st.client.detach(st)
	for {
		frame, err := st.rpc.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		st.heard.Store(int64(time.Since(st.began)))
		if err := st.takeFrame(frame.GetMessages()); err != nil {
			return err
		}
		for st.out.full() {
			select {
			case <-st.out.drained:
			case <-st.rpc.Context().Done():
				return status.FromContextError(st.rpc.Context().Err()).Err()
			}
		}
	}
}

// takeFrame takes what the client says at one go, and sends what there is to be said to
// that, unless the sender is about to send anyway.
func (st *stream) takeFrame(messages []*clientv1.ClientMessage) error {
	if n := len(messages); n > mostInFrame {
		return asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "a frame has %d messages, want at most %d", n, mostInFrame))
	}
	st.out.hold()
	err := st.client.receive(st, messages)
	if !st.out.letGo() {
		return err
	}
	if st.sending.TryLock() {
		st.answering.Store(true)
		st.sendAll()
		st.answering.Store(false)
		st.sending.Unlock()
	} else {
		st.out.signal()
	}
	return err
}

// greet takes the client's Hello and answers it.
func (st *stream) greet() error {
	late := time.AfterFunc(helloPatience, func() {
		st.finish(status.Errorf(codes.DeadlineExceeded, "no Hello within %v", helloPatience))
	})
	frame, err := st.rpc.Recv()
	late.Stop()
	if err != nil {
		return err
	}
	hello, wrong := onlyHello(frame)
	switch {
	case wrong != nil:
		return asStatus(wrong)
	case hello.GetVersion() != version:
		return asStatus(fault(clientv1.Code_CODE_WRONG_VERSION,
			"the client speaks version %d of the protocol, and this node version %d", hello.GetVersion(), version))
	case len(hello.GetIncarnation()) != len(incarnation{}):
		return asStatus(fault(clientv1.Code_CODE_INVALID_FIELD,
			"Hello.incarnation has %d bytes, want %d", len(hello.GetIncarnation()), len(incarnation{})))
	}
	caller, f := asCaller(hello.GetClient())
	if f != nil {
		return asStatus(f)
	}
	if st.who, err = st.service.gate.identify(st.rpc.Context(), clientv1.Scope_SCOPE_CLUSTER); err != nil {
		return err
	}
	caller.Identity = known(st.who)
	if st.client, err = st.service.attach(incarnation(hello.GetIncarnation()), caller, st); err != nil {
		return err
	}
	st.out.put(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Welcome{Welcome: &clientv1.Welcome{
		Version: version, Member: st.service.members[st.service.self], TtlNs: int64(st.service.ttl),
	}}})
	st.client.begin(st)
	return nil
}

// onlyHello returns the Hello that is all of a frame.
func onlyHello(frame *clientv1.ClientFrame) (*clientv1.Hello, *clientv1.Error) {
	if n := len(frame.GetMessages()); n != 1 {
		return nil, fault(clientv1.Code_CODE_INVALID_FIELD, "the first frame of a stream has %d messages, want Hello alone", n)
	}
	m := frame.GetMessages()[0]
	if m.GetHello() == nil {
		return nil, fault(clientv1.Code_CODE_INVALID_FIELD, "the first message of a stream is %T, want Hello", m.GetKind())
	}
	return m.GetHello(), nil
}
