package service

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/clientwire"
	"conch/internal/frames"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// What a client sends.

// version is of the protocol with clients.
const version = 1

// helloPatience is how long a client may take to say who it is.
const helloPatience = 5 * time.Second

// receive takes what the client sends. It returns why the stream ends.
func (st *stream) receive() error {
	if err := st.greet(); err != nil {
		return err
	}
	defer st.service.driver.Detach(st)
	for {
		frame, err := st.link.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := st.takeFrame(frame); err != nil {
			return err
		}
		if err := st.waitUntilRead(); err != nil {
			return err
		}
	}
}

// waitUntilRead waits while the client has too many answers to read.
func (st *stream) waitUntilRead() error {
	if !st.out.full() {
		return nil
	}
	st.unread.Reset(st.service.ttl)
	defer st.unread.Stop()
	for st.out.full() {
		select {
		case <-st.out.drained:
		case <-st.link.Context().Done():
			return status.FromContextError(st.link.Context().Err()).Err()
		}
	}
	return nil
}

// takeFrame takes what the client says at one go, and sends what there is to be said to
// that, unless the sender is about to send anyway.
func (st *stream) takeFrame(frame *clientv1.ClientFrame) error {
	if n := len(frame.GetMessages()); n > mostInFrame {
		return asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "a frame has %d messages, want at most %d", n, mostInFrame))
	}
	messages, wrong := clientwire.ClientMessages(nil, frame)
	if err := st.check(messages); err != nil {
		return err
	}
	frames.InOrder(messages)
	st.out.hold()
	running := st.service.driver.FromClient(st, messages)
	due := st.out.letGo()
	switch {
	case !due:
	case st.sending.TryLock():
		st.answer()
	default:
		st.out.signal()
	}
	switch {
	case wrong != nil:
		return asStatus(fault(clientv1.Code_CODE_INVALID_FIELD, "%v", wrong))
	case !running:
		return errLeaving
	}
	return nil
}

// answer sends what is in the outbox in the sender's place. The caller has sending, which
// answer lets go.
func (st *stream) answer() {
	defer st.sending.Unlock()
	if !st.link.MayWait() {
		if st.push(); !st.behind {
			return
		}
	}
	st.unread.Reset(st.service.ttl)
	st.answering.Store(true)
	st.sendAll()
	st.answering.Store(false)
	st.unread.Stop()
}

// check refuses the requests that may not be, whatever the state of their locks.
func (st *stream) check(messages []frames.ClientMessage) error {
	asks := false
	for i := range messages {
		m := &messages[i]
		var f *clientv1.Error
		switch {
		case m.Kind == frames.Acquire && m.ResumeFence == 0:
			asks = true
			if f = checkLock(m.Lock); f == nil {
				f = st.service.gate.check(st.who, actionFor(m.Limit), m.Lock)
			}
			if f == nil {
				f = checkWanted(m)
			}
		case m.Kind == frames.Say:
			f = st.checkSay(m)
		case m.Kind == frames.EndRun:
			f = st.checkEndRun(m)
		}
		if f != nil && m.Refusal.Code == 0 {
			m.Refusal = frames.Refusal{Code: frames.Code(f.GetCode()), Text: f.GetMessage()}
		}
	}
	if asks && st.service.mark() != nil {
		return errLeaving
	}
	return nil
}

// checkSay says what is wrong with a value, or that the client may not say it.
func (st *stream) checkSay(m *frames.ClientMessage) *clientv1.Error {
	if m.Number == 0 {
		return fault(clientv1.Code_CODE_INVALID_FIELD, "Say.number is 0, want 1 or more")
	}
	if err := broadcast.CheckValue(m.Value); err != nil {
		return fault(clientv1.Code_CODE_INVALID_FIELD, "%v", err)
	}
	if f := checkLock(m.Lock); f != nil {
		return f
	}
	return st.service.gate.check(st.who, rules.Lock, m.Lock)
}

// greet takes the client's Hello and answers it.
func (st *stream) greet() error {
	late := time.AfterFunc(helloPatience, func() {
		st.finish(status.Errorf(codes.DeadlineExceeded, "no Hello within %v", helloPatience))
	})
	defer late.Stop()
	frame, err := st.link.Recv()
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
	case len(hello.GetIncarnation()) != len(frames.Incarnation{}):
		return asStatus(fault(clientv1.Code_CODE_INVALID_FIELD,
			"Hello.incarnation has %d bytes, want %d", len(hello.GetIncarnation()), len(frames.Incarnation{})))
	}
	caller, f := asCaller(hello.GetClient())
	if f != nil {
		return asStatus(f)
	}
	s := st.service
	if st.who, err = s.gate.identify(st.link.Context(), clientv1.Scope_SCOPE_CLUSTER); err != nil {
		return err
	}
	caller.Identity = known(st.who)
	// Nothing is told on the stream before the client's first frame after Hello, so Welcome
	// is the first.
	switch err := s.driver.Attach(st, frames.Incarnation(hello.GetIncarnation()), caller); {
	case errors.Is(err, broadcast.ErrOtherCaller):
		return asStatus(s.gate.fault(st.who, err))
	case err != nil:
		return errLeaving
	}
	st.sending.Lock()
	defer st.sending.Unlock()
	m := s.members()
	all, err := st.link.Send(&clientv1.NodeFrame{Members: m.members, Messages: []*clientv1.NodeMessage{
		{Kind: &clientv1.NodeMessage_Welcome{Welcome: &clientv1.Welcome{
			Version: version, Member: m.own(), TtlNs: int64(s.ttl), Values: true, Notes: true,
		}}},
	}})
	if err == nil && !all {
		err = st.link.Flush()
	}
	if err != nil {
		s.driver.Detach(st)
		return err
	}
	if st.greeted = true; st.unsaid.Load() != nil {
		st.out.signal()
	}
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
