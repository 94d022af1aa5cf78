package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// version is of the protocol.
const version = 1

var (
	errSilent   = errors.New("nothing was heard of it for one time to live")
	errNonsense = errors.New("it does not keep to the protocol")
	errEnded    = errors.New("it ended the stream")
)

// stream is one call of Attach, that the node has welcomed.
type stream struct {
	target Target
	ttl    token.Time
	conn   *grpc.ClientConn
	rpc    grpc.BidiStreamingClient[clientv1.ClientFrame, clientv1.NodeFrame]
	ctx    context.Context
	cancel context.CancelCauseFunc
	// behind is what came in one frame with Welcome.
	behind []*clientv1.NodeMessage
}

// open connects to the first of some nodes that answers, and says Hello. The errors are
// those of Connect, and what the node says or fails to say.
func (c *Client) open(ctx context.Context, targets []Target, patience time.Duration, incarnation []byte) (*stream, error) {
	conn, target, err := c.connector.first(ctx, targets, patience)
	if err != nil {
		return nil, err
	}
	st := &stream{target: target, conn: conn}
	st.ctx, st.cancel = context.WithCancelCause(c.life)
	stop := context.AfterFunc(ctx, func() { st.cancel(context.Cause(ctx)) })
	defer stop()
	if err := st.greet(c.caller, incarnation, patience); err != nil {
		st.close(err)
		return nil, &refusal{target, st.reason()}
	}
	return st, nil
}

// refusal is why a node that was reached cannot be used.
type refusal struct {
	target Target
	reason error
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%v: %v: %v", ErrUnreachable, r.target, r.reason)
}
func (r *refusal) Unwrap() []error { return []error{ErrUnreachable, r.reason} }

// greet says Hello and hears Welcome.
func (st *stream) greet(caller *clientv1.Client, incarnation []byte, patience time.Duration) error {
	timer := time.AfterFunc(patience, func() { st.cancel(fmt.Errorf("no Welcome within %v", patience)) })
	defer timer.Stop()
	rpc, err := clientv1.NewLockServiceClient(st.conn).Attach(st.ctx)
	if err != nil {
		return err
	}
	st.rpc = rpc
	// If this fails the stream has ended, and Recv tells why.
	_ = rpc.Send(&clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{
		{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{
			Version: version, Incarnation: incarnation, Client: caller,
		}}},
	}})
	frame, err := rpc.Recv()
	var m *clientv1.NodeMessage
	if len(frame.GetMessages()) > 0 {
		m, st.behind = frame.GetMessages()[0], frame.GetMessages()[1:]
	}
	welcome := m.GetWelcome()
	switch {
	case errors.Is(err, io.EOF):
		return errEnded
	case err != nil:
		return err
	case welcome == nil:
		return fmt.Errorf("%w: its first message is %T, want Welcome", errNonsense, m.GetKind())
	case welcome.GetVersion() != version:
		return fmt.Errorf("%w: it speaks version %d, this client version %d", errNonsense, welcome.GetVersion(), version)
	case welcome.GetTtlNs() <= 0:
		return fmt.Errorf("%w: Welcome.ttl_ns is %d, want more than 0", errNonsense, welcome.GetTtlNs())
	}
	st.ttl = token.Time(welcome.GetTtlNs())
	return nil
}

// close ends the stream and its connection for a reason, if it has not ended.
func (st *stream) close(reason error) {
	st.cancel(reason)
	_ = st.conn.Close()
}

// reason returns why the stream ended.
func (st *stream) reason() error { return context.Cause(st.ctx) }

// serve sends and receives on a stream until it ends, and returns why.
func (a *attachment) serve(st *stream) error {
	a.up(st)
	var receiving sync.WaitGroup
	receiving.Go(func() { st.cancel(a.listen(st)) })
	a.send(st)
	receiving.Wait()
	st.close(nil)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stream = nil
	return st.reason()
}

// up takes a new stream into use. What was said on an earlier one and not answered is
// said again. A wait may have become a hold without this client having heard of it, so
// it is withdrawn under its old id and asked for again under a new one.
func (a *attachment) up(st *stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stream, a.pinged, a.unanswered, a.avoid = st, false, 0, false
	a.queue = nil
	var all []*claim
	for _, c := range a.claims {
		c.queued = false
		all = append(all, c)
	}
	sortByID(all)
	for _, c := range all {
		if c.state == waiting && c.sent {
			a.anew(c, withdrawing)
			continue
		}
		a.enqueue(c)
	}
	a.arm(a.client.clock())
}

// listen takes what the node says, and returns why there is no more.
func (a *attachment) listen(st *stream) error {
	for messages := st.behind; ; {
		if err := a.receiveAll(messages); err != nil {
			return err
		}
		frame, err := st.rpc.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return err
		}
		messages = frame.GetMessages()
	}
}

// maxFrame is how many messages are sent as one frame, so that it is within 16 KiB.
const maxFrame = 48

// send sends what there is to be said until the stream ends. When nothing is left to be
// done here, it ends the stream.
func (a *attachment) send(st *stream) {
	for {
		a.sending.Lock()
		more := a.sendAll(st)
		a.sending.Unlock()
		if !more {
			return
		}
		select {
		case <-a.wake:
		case <-st.ctx.Done():
			return
		}
	}
}

// sendAll sends what there is to be said, and reports whether more may follow. The caller
// is the one who sends.
func (a *attachment) sendAll(st *stream) (more bool) {
	messages, done := a.take(st)
	for part := range slices.Chunk(messages, maxFrame) {
		if st.rpc.Send(&clientv1.ClientFrame{Messages: part}) != nil {
			return false // Recv tells why
		}
	}
	if done {
		_ = st.rpc.CloseSend() // it may be gone
	}
	return !done
}

// A caller sends in the sender's place, which saves its request a wake-up, as long as it
// cannot have to wait for a node that does not read: so few messages at a time, and so
// few times since the node was heard, are less than gRPC takes in.
const (
	maxAtOnce  = 8
	maxUnheard = 16
)

// sendNow has what there is to be said sent: by the caller if it may, or else by the
// sender.
func (a *attachment) sendNow() {
	st := a.mayNow()
	if st == nil || !a.sending.TryLock() {
		signal(a.wake)
		return
	}
	a.sendAll(st)
	a.sending.Unlock()
}

// mayNow returns the stream that a caller may send on; nil if it may not.
func (a *attachment) mayNow() *stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unheard >= maxUnheard || len(a.queue) > maxAtOnce {
		return nil
	}
	a.unheard++
	return a.stream
}

// take returns what is to be sent on a stream now, and whether nothing will follow.
func (a *attachment) take(st *stream) (messages []*clientv1.ClientMessage, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stream != st {
		return nil, true // what there is, is for the next one
	}
	now := a.client.clock()
	asks := false
	messages = append(messages, nil) // room for a Ping
	for _, c := range a.queue {
		c.queued = false
		asks = asks || c.state == waiting || c.state == granted || c.state == holding
		if m := c.message(); m != nil {
			messages = append(messages, m)
		}
	}
	clear(a.queue)
	a.queue = a.queue[:0]
	if a.pingDue || asks && (!a.pinged || now-token.Time(a.stamp) >= a.ttl/4) {
		messages[0] = a.ping(now)
	} else {
		messages = messages[1:]
	}
	done = len(a.claims) == 0 && (a.leaving || a.draining)
	if done && a.unanswered == 0 {
		a.unanswered = now // the node is to end the stream
		a.arm(now + a.ttl)
	}
	return messages, done
}

// ping makes a Ping. Its stamp is taken before it is sent, so that the lease is not
// longer than the node means it.
func (a *attachment) ping(now token.Time) *clientv1.ClientMessage {
	a.pingDue, a.pinged = false, true
	a.stamp = max(int64(now), a.stamp+1)
	if a.unanswered == 0 {
		a.unanswered = now
	}
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: a.stamp}}}
}
