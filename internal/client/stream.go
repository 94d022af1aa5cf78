package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"conch/internal/client/attachment"
	"conch/internal/clientwire"
	"conch/internal/frames"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// version is of the protocol.
const version = 1

// stream is one call of Attach, or what stands for it, that the node has welcomed.
type stream struct {
	target Target
	ttl    token.Time
	values bool // the node understands Say
	notes  bool // the node knows runs and kept holds
	conn   conn
	link   link
	ctx    context.Context
	cancel context.CancelCauseFunc
	// behind is what came in one frame with Welcome.
	behind []*clientv1.NodeMessage
	// unsent: the link has not sent all that it was given. It is the one's who sends.
	unsent bool
	// closing: nothing more will be sent. It is guarded by the node's lock.
	closing bool

	// hearing has room for the one who hears the node; see hear.go. turns counts the
	// callers who have done so, and needed calls the listener.
	hearing  chan struct{}
	messages []frames.NodeMessage // the memory of those heard last
	turns    atomic.Int64
	needed   chan struct{}
}

// open connects to the first of some nodes that answers, and says Hello. The errors are
// those of Connect, and what the node says or fails to say.
func (c *Client) open(ctx context.Context, targets []Target, patience time.Duration, incarnation []byte) (*stream, error) {
	conn, target, err := race(ctx, targets, patience, c.connector.attachable)
	if err != nil {
		return nil, err
	}
	st := &stream{target: target, conn: conn, hearing: make(chan struct{}, 1), needed: make(chan struct{}, 1)}
	st.ctx, st.cancel = context.WithCancelCause(c.life)
	stop := context.AfterFunc(ctx, func() { st.cancel(context.Cause(ctx)) })
	defer stop()
	members, err := st.greet(c.caller, incarnation, patience)
	if err != nil {
		st.close(err)
		return nil, &refusal{target, st.reason()}
	}
	c.learn(members.GetMembers())
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

// greet says Hello and hears Welcome, of which it returns the frame.
func (st *stream) greet(caller *clientv1.Client, incarnation []byte, patience time.Duration) (*clientv1.NodeFrame, error) {
	timer := time.AfterFunc(patience, func() { st.cancel(fmt.Errorf("no Welcome within %v", round(patience))) })
	defer timer.Stop()
	link, err := st.conn.attach(st.ctx)
	if err != nil {
		return nil, err
	}
	st.link = link
	// If this fails the stream has ended, and Recv tells why.
	_ = st.sendFrame(&clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{
		{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{
			Version: version, Incarnation: incarnation, Client: caller,
		}}},
	}})
	frame, err := link.Recv()
	var m *clientv1.NodeMessage
	if len(frame.GetMessages()) > 0 {
		m, st.behind = frame.GetMessages()[0], frame.GetMessages()[1:]
	}
	welcome := m.GetWelcome()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errEnded
	case err != nil:
		return nil, err
	case welcome == nil:
		return nil, fmt.Errorf("%w: its first message is %T, want Welcome", errNonsense, m.GetKind())
	case welcome.GetVersion() != version:
		return nil, fmt.Errorf("%w: it speaks version %d, this client version %d", errNonsense, welcome.GetVersion(), version)
	case welcome.GetTtlNs() <= 0:
		return nil, fmt.Errorf("%w: Welcome.ttl_ns is %d, want more than 0", errNonsense, welcome.GetTtlNs())
	}
	st.ttl, st.values, st.notes = token.Time(welcome.GetTtlNs()), welcome.GetValues(), welcome.GetNotes()
	return frame, nil
}

// close ends the stream and its connection for a reason, if it has not ended.
func (st *stream) close(reason error) {
	st.cancel(reason)
	_ = st.conn.Close()
}

// reason returns why the stream ended.
func (st *stream) reason() error { return context.Cause(st.ctx) }

// sendFrame sends a frame, nil for none, and what is left of others. The caller is the one
// who sends.
func (st *stream) sendFrame(frame *clientv1.ClientFrame) error {
	if err := st.flush(); err != nil || frame == nil {
		return err
	}
	all, err := st.link.Send(frame)
	if err != nil {
		return err
	}
	st.unsent = !all
	return st.flush()
}

// flush sends what the link has.
func (st *stream) flush() error {
	if !st.unsent {
		return nil
	}
	if err := st.link.Flush(); err != nil {
		return err
	}
	st.unsent = false
	return nil
}

// serve sends and receives on a stream until it ends, and returns why.
func (n *node) serve(st *stream) error {
	n.mu.Lock()
	n.stream, n.values, n.notes = st, st.values, st.notes
	n.core.Up(n.client.clock())
	n.performAll()
	n.mu.Unlock()
	var receiving sync.WaitGroup
	receiving.Go(func() { st.cancel(n.listen(st)) })
	n.send(st)
	receiving.Wait()
	st.close(nil)
	err := st.reason()
	why := classify(err)
	if why == attachment.Gone {
		why = attachment.Other // it was there just now
	}
	n.down(err, why)
	return err
}

// send sends what there is to be said until the stream ends. When nothing is left to be
// done here, it ends the stream.
func (n *node) send(st *stream) {
	for {
		n.sending.Lock()
		more := n.sendAll(st)
		n.sending.Unlock()
		if !more {
			return
		}
		select {
		case <-n.wake:
		case <-st.ctx.Done():
			return
		}
	}
}

// sendAll sends what there is to be said, and reports whether more may follow. The caller
// is the one who sends.
func (n *node) sendAll(st *stream) (more bool) {
	for {
		frame, state := n.take(st)
		if st.sendFrame(frame) != nil {
			return false // Recv tells why
		}
		switch state {
		case closing:
			_ = st.link.CloseSend() // it may be gone
			return false
		case gone:
			return false
		case idle:
			return true
		case due:
		}
	}
}

// sendState is whether more is to be sent on a stream.
type sendState int

const (
	idle    sendState = iota // not now
	due                      // at once
	closing                  // never: nothing is left to be done at the node
	gone                     // never: the stream is not the present one
)

// take returns a frame that is to be sent on a stream now; nil if none is. The caller is
// the one who sends.
func (n *node) take(st *stream) (*clientv1.ClientFrame, sendState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stream != st {
		return nil, gone // what there is, is for the next one
	}
	return n.takeFrame()
}

// takeFrame is take for the present stream. The caller has the lock.
func (n *node) takeFrame() (frame *clientv1.ClientFrame, state sendState) {
	if n.core.Due() {
		if messages := n.core.Take(n.client.clock()); len(messages) > 0 {
			frame = clientwire.ClientFrame(messages)
		}
		n.perform(nil)
	}
	switch {
	case n.stream.closing:
		return frame, closing
	case n.core.Due():
		return frame, due
	}
	return frame, idle
}

// A caller sends in the sender's place, which saves its request a wake-up, as long as it
// cannot have to wait for a node that does not read: so few messages at a time, and so
// few times since the node was heard, are less than gRPC takes in. A link without gRPC
// says itself when it would have to wait.
const (
	maxAtOnce  = 8
	maxUnheard = 16
)

// sendNow has what there is to be said sent: by the caller if it may, or else by the
// sender. The caller sends one frame of few messages at most. It gets the stream on which
// the answer is to be expected; nil if there is none.
func (n *node) sendNow() *stream {
	if !n.sending.TryLock() {
		signal(n.wake)
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.stream
	}
	defer n.sending.Unlock()
	st, frame, state := n.takeNow()
	if frame != nil {
		all, err := st.link.Send(frame)
		if err != nil {
			return st // Recv tells why
		}
		st.unsent = !all
	}
	if state == due || state == closing || st != nil && st.unsent {
		signal(n.wake)
	}
	return st
}

// takeNow is take for a caller: only what it may send without waiting.
func (n *node) takeNow() (*stream, *clientv1.ClientFrame, sendState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.stream == nil:
		return nil, nil, gone
	case n.stream.unsent || n.unheard >= maxUnheard || n.core.Queued() > maxAtOnce:
		return n.stream, nil, due
	}
	n.unheard++
	n.rode = n.core.Queued() > 1
	frame, state := n.takeFrame()
	return n.stream, frame, state
}
