package service

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/claims"
	"conch/internal/clientwire"
	"conch/internal/frames"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

var (
	errLeaving  = status.Error(codes.Unavailable, "the node is stopping")
	errReplaced = status.Error(codes.Aborted, "a later stream of the same client has replaced this one")
	errSilent   = status.Error(codes.DeadlineExceeded, "nothing was heard for one time to live, though there is a hold or a wait")
)

// link is what carries a stream: gRPC, or a connection of its own. One goroutine at a
// time receives, and one sends.
type link interface {
	// Context tells who the client is. It may end when the client is gone.
	Context() context.Context
	// Recv returns the client's next frame. The error is io.EOF in peace.
	Recv() (*clientv1.ClientFrame, error)
	// Send sends a frame. It reports whether that was all; if not, Flush sends the rest,
	// before any other frame.
	Send(*clientv1.NodeFrame) (all bool, err error)
	Flush() error
	// MayWait reports whether Send may have to wait for a client that does not read.
	MayWait() bool
	// Hasten bounds the time that the client has to read what is sent, also now.
	Hasten()
	// End tells the client how the stream ends. Nothing is sent any more.
	End(error)
}

// stream is a client's connection. One goroutine receives, one sends, and the
// handler waits for a reason to end both. What a frame of the client's brings about is
// sent by the one that receives, in the sender's place, so that an answer does not wait
// for that to wake up. Where sending need not wait for the client, the driver's worker
// does likewise.
type stream struct {
	service *Service
	link    link
	out     *outbox
	// reason is why the stream is to end; nil is in peace. There is room for it.
	reason chan error
	over   chan struct{} // closed when nothing is sent any more
	who    rules.Identity
	// unsaid are the members of which the client is to be told; nil for none.
	unsaid atomic.Pointer[[]string]

	// sending is had by whoever sends; answering: that is the one that receives.
	sending   sync.Mutex
	answering atomic.Bool
	// What follows is the one's who sends. behind: the link has not sent all. ended: nothing
	// is sent any more.
	spare []frames.NodeMessage // what the outbox goes on with
	// greeted: Welcome was sent.
	behind, ended, greeted bool
	// unread ends the stream if an answer is not read in time.
	unread *time.Timer
}

// attach serves a client's stream, and returns why it has ended.
func (s *Service) attach(link link) error {
	st := &stream{
		service: s, link: link, out: newOutbox(!link.MayWait()),
		reason: make(chan error, 1), over: make(chan struct{}),
	}
	st.unread = time.AfterFunc(s.ttl, func() { st.finish(errNotRead) })
	st.unread.Stop()
	defer st.unread.Stop()
	// It is enlisted first, so that it hears of all members that come after its Welcome.
	s.enlist(st)
	defer s.delist(st)
	received := make(chan error, 1)
	if !s.start(func() { received <- st.receive() }) {
		close(st.over)
		st.end(errLeaving)
		return errLeaving
	}
	s.running.Go(st.send)
	var err error
	select {
	case err = <-received:
	case err = <-st.reason:
	case <-s.life.Done():
		err = errLeaving
	case <-link.Context().Done():
		err = status.FromContextError(context.Cause(link.Context())).Err()
	}
	st.out.close()
	patience := time.NewTimer(s.ttl)
	defer patience.Stop()
	select {
	case <-st.over:
		st.end(err)
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

// enlist notes a stream that is under way, and delist that it is over.
func (s *Service) enlist(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[st] = struct{}{}
}

func (s *Service) delist(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st)
}

// Tell is [broadcast.ClientStream]'s.
func (st *stream) Tell(m *frames.NodeMessage) (unsent bool) { return st.out.put(m) }

// Send is [broadcast.ClientStream]'s. It is called where the link need not wait.
func (st *stream) Send() {
	if !st.sending.TryLock() {
		st.out.signal()
		return
	}
	st.push()
	if st.behind {
		st.out.signal()
	}
	st.sending.Unlock()
}

// tellMembers has the client told who the members are.
func (st *stream) tellMembers(members []string) {
	st.unsaid.Store(&members)
	st.out.signal()
}

// Wake is [broadcast.ClientStream]'s.
func (st *stream) Wake() { st.out.signal() }

// End is [broadcast.ClientStream]'s.
func (st *stream) End(why claims.End) {
	switch {
	case why == claims.Replaced:
		st.finish(errReplaced)
	case st.out.full() || st.answering.Load(): // it was not read from
		st.finish(errNotRead)
	default:
		st.finish(errSilent)
	}
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
		case <-st.link.Context().Done():
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
	return st.flush() && st.push() && st.flush()
}

// push gives the link what is in the outbox, unless that has not sent all of what it has.
// It reports whether more may follow. The caller is the one who sends.
func (st *stream) push() (open bool) {
	switch {
	case st.ended:
		return false
	case st.behind:
		return true
	}
	if st.greeted && st.unsaid.Load() != nil {
		all, err := st.link.Send(&clientv1.NodeFrame{Members: *st.unsaid.Swap(nil)})
		if err != nil {
			st.finish(err)
			return false
		}
		if st.behind = !all; st.behind {
			st.out.signal()
			return true
		}
	}
	messages, open := st.out.take(st.spare)
	st.spare = messages
	for part := range slices.Chunk(messages, maxFrame) {
		all, err := st.link.Send(clientwire.NodeFrame(part))
		if err != nil {
			st.finish(err)
			return false
		}
		st.behind = !all
	}
	return open
}

// flush has the link send all that it has. It reports whether more may follow.
func (st *stream) flush() (open bool) {
	if !st.behind {
		return true
	}
	if err := st.link.Flush(); err != nil {
		st.finish(err)
		return false
	}
	st.behind = false
	return true
}

// end tells the client how the stream ends. The one that receives, and the worker, may
// still be about to send.
func (st *stream) end(reason error) {
	if st.link.MayWait() {
		return // what is returned by the call tells it, and frees whoever sends
	}
	st.link.Hasten()
	st.sending.Lock()
	defer st.sending.Unlock()
	st.ended = true
	st.link.End(reason)
}
