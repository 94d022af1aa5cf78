package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"conch/broadcast"
	"conch/internal/delimited"
	"conch/internal/verify/memconn"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

const testTTL = 2 * time.Second

const errRefused = syscall.ECONNREFUSED

// network is what the clients of a test dial. Its clock is that of the bubble.
type network struct {
	t      *testing.T
	framed bool // streams do without gRPC
	began  time.Time
	mu     sync.Mutex
	nodes  map[string]*fakeNode
}

// overBoth runs a test in a bubble, over gRPC, and on sockets without it.
func overBoth(t *testing.T, test func(t *testing.T, w *network)) {
	for name, framed := range map[string]bool{"gRPC": false, "framed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, &network{t: t, framed: framed, began: time.Now(), nodes: make(map[string]*fakeNode)})
			})
		})
	}
}

// pass lets time pass in the bubble.
func pass(d time.Duration) { time.Sleep(d) }

// targets are nodes with sockets or ports, as the network's streams want them.
func (w *network) targets(addresses ...string) []Target {
	targets := tcp(addresses...)
	for i := range targets {
		if w.framed {
			targets[i].network = "unix"
		}
	}
	return targets
}

// now reads the clock: an hour after its start, at first.
func (w *network) now() token.Time { return token.Time(time.Hour + time.Since(w.began)) }

func (w *network) dial(ctx context.Context, t Target) (net.Conn, error) {
	w.mu.Lock()
	node := w.nodes[t.address]
	w.mu.Unlock()
	return node.dial(ctx)
}

// fakeNode is a node that says what the test has it say.
type fakeNode struct {
	clientv1.UnimplementedLockServiceServer
	t        *testing.T
	address  string
	ttl      time.Duration
	version  uint32
	values   bool // it understands Say
	notes    bool // it knows runs and kept holds
	members  []string
	framed   bool
	listener *bufconn.Listener
	server   *grpc.Server
	served   chan struct{}
	attached sync.WaitGroup   // connections without gRPC
	streams  chan *nodeStream // that were opened
	observed chan *observer   // calls of Observe that were begun

	mu      sync.Mutex
	refuses bool
	silent  bool
	deaf    bool // so are its new streams
	conns   []net.Conn
}

// node starts a node.
func (w *network) node(address string) *fakeNode {
	w.t.Helper()
	n := &fakeNode{
		t: w.t, address: address, ttl: testTTL, version: version, values: true, notes: true, framed: w.framed,
		listener: bufconn.Listen(64 << 10),
		server:   grpc.NewServer(broadcast.ServerOptions()...),
		served:   make(chan struct{}),
		streams:  make(chan *nodeStream, 100),
		observed: make(chan *observer, 100),
	}
	clientv1.RegisterLockServiceServer(n.server, n)
	go func() {
		defer close(n.served)
		_ = n.server.Serve(n.listener)
	}()
	w.t.Cleanup(func() {
		n.server.Stop()
		<-n.served
		n.cut()
		n.attached.Wait()
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes[address] = n
	return n
}

func (n *fakeNode) dial(ctx context.Context) (net.Conn, error) {
	if n == nil {
		return nil, errRefused
	}
	n.mu.Lock()
	refuses, silent, framed := n.refuses, n.silent, n.framed
	n.mu.Unlock()
	switch {
	case refuses:
		return nil, errRefused
	case silent:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var conn net.Conn
	if framed {
		here, there := memconn.Pipe(64 << 10)
		n.attached.Go(func() { n.attach(there) })
		conn = here
	} else {
		var err error
		if conn, err = n.listener.DialContext(ctx); err != nil {
			return nil, err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, conn)
	return conn, nil
}

// attach serves a connection without gRPC.
func (n *fakeNode) attach(raw net.Conn) {
	defer func() { _ = raw.Close() }()
	conn, framed, err := delimited.Sort(raw)
	if err != nil || !framed {
		return // it was cut
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rpc := framedRPC{Server: delimited.NewServer(ctx, conn, 16<<10)}
	rpc.End(n.Attach(rpc))
}

// framedRPC is a stream without gRPC as a call.
type framedRPC struct {
	*delimited.Server
	grpc.ServerStream // of which nothing is called
}

func (r framedRPC) Context() context.Context { return r.Server.Context() }

// Send sends a frame, and waits.
func (r framedRPC) Send(frame *clientv1.NodeFrame) error {
	all, err := r.Server.Send(frame)
	if err == nil && !all {
		err = r.Flush()
	}
	return err
}

// set changes how the node answers to a connect.
func (n *fakeNode) set(refuses, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuses, n.silent = refuses, silent
}

// fallSilent has no Ping answered any more on new streams.
func (n *fakeNode) fallSilent() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deaf = true
}

// cut closes all connections.
func (n *fakeNode) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, conn := range n.conns {
		_ = conn.Close()
	}
	n.conns = nil
}

// die closes all connections, and lets nobody in any more.
func (n *fakeNode) die() {
	n.set(true, false)
	n.cut()
}

// nodeStream is a stream as the node has it.
type nodeStream struct {
	node    *fakeNode
	t       *testing.T
	hello   *clientv1.Hello
	got     chan *clientv1.ClientMessage // but Pings
	say     chan *clientv1.NodeMessage
	end     chan error
	members chan []string
	ended   chan struct{} // closed when the client has ended its side, or the stream is gone

	mu     sync.Mutex
	stamps []int64 // of all Pings
	early  bool    // something came before the first of them
	last   int64
	// session and left are what Pings are answered with, unless deaf.
	session uint64
	left    time.Duration
	deaf    bool
}

// Attach is the service's call.
func (n *fakeNode) Attach(rpc grpc.BidiStreamingServer[clientv1.ClientFrame, clientv1.NodeFrame]) error {
	hello, err := rpc.Recv()
	if err != nil {
		return err
	}
	st := &nodeStream{
		node: n, t: n.t, hello: hello.GetMessages()[0].GetHello(),
		got: make(chan *clientv1.ClientMessage, 10_000), say: make(chan *clientv1.NodeMessage),
		end: make(chan error), members: make(chan []string), ended: make(chan struct{}),
		session: 1, left: n.ttl,
	}
	n.mu.Lock()
	st.deaf = n.deaf
	n.mu.Unlock()
	first := frame(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Welcome{Welcome: &clientv1.Welcome{
		Version: n.version, Member: n.address, TtlNs: int64(n.ttl), Values: n.values, Notes: n.notes,
	}}})
	first.Members = n.members
	if err := rpc.Send(first); err != nil {
		return err
	}
	pongs := make(chan *clientv1.NodeMessage, 100)
	go st.receive(rpc, pongs)
	n.streams <- st
	for {
		var m *clientv1.NodeMessage
		select {
		case m = <-st.say:
		case m = <-pongs:
		case members := <-st.members:
			if err := rpc.Send(&clientv1.NodeFrame{Members: members}); err != nil {
				return err
			}
			continue
		case err := <-st.end:
			return err
		case <-st.ended:
			return nil
		}
		if err := rpc.Send(frame(m)); err != nil {
			return err
		}
	}
}

func frame(messages ...*clientv1.NodeMessage) *clientv1.NodeFrame {
	return &clientv1.NodeFrame{Messages: messages}
}

func (st *nodeStream) receive(rpc grpc.BidiStreamingServer[clientv1.ClientFrame, clientv1.NodeFrame], pongs chan<- *clientv1.NodeMessage) {
	defer close(st.ended)
	for {
		frame, err := rpc.Recv()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				st.got <- nil
			}
			return
		}
		for _, m := range frame.GetMessages() {
			st.take(m, pongs)
		}
	}
}

func (st *nodeStream) take(m *clientv1.ClientMessage, pongs chan<- *clientv1.NodeMessage) {
	st.mu.Lock()
	defer st.mu.Unlock()
	ping := m.GetPing()
	if ping == nil {
		st.early = st.early || len(st.stamps) == 0
		st.got <- m // there is room
		return
	}
	st.stamps, st.last = append(st.stamps, ping.GetStamp()), ping.GetStamp()
	if !st.deaf {
		pongs <- pong(ping.GetStamp(), st.session, st.left)
	}
}

func pong(stamp int64, session uint64, left time.Duration) *clientv1.NodeMessage {
	if session == 0 {
		left = 0
	}
	return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Pong{Pong: &clientv1.Pong{
		Stamp: stamp, Session: session, LeaseRemainingNs: int64(left),
	}}}
}

// answer changes what Pings are answered with.
func (st *nodeStream) answer(session uint64, left time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.session, st.left = session, left
}

// fallSilent has no Ping answered any more.
func (st *nodeStream) fallSilent() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.deaf = true
}

// pings returns the stamps of all Pings so far.
func (st *nodeStream) pings() []int64 {
	synctest.Wait()
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]int64(nil), st.stamps...)
}

// pingFirst reports whether the first message was a Ping.
func (st *nodeStream) pingFirst() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return !st.early && len(st.stamps) > 0
}

// stream waits for the client to open one.
func (n *fakeNode) stream() *nodeStream {
	n.t.Helper()
	select {
	case st := <-n.streams:
		return st
	case <-time.After(time.Minute):
		n.t.Fatalf("%s: no stream within a minute", n.address)
		return nil
	}
}

// noStream checks that the client has opened none.
func (n *fakeNode) noStream() {
	n.t.Helper()
	synctest.Wait()
	if len(n.streams) > 0 {
		n.t.Errorf("%s: a stream was opened", n.address)
	}
}

// next waits for the client's next message that is no Ping.
func (st *nodeStream) next() *clientv1.ClientMessage {
	st.t.Helper()
	select {
	case m := <-st.got:
		if m == nil {
			st.t.Fatalf("%s: the stream is gone", st.node.address)
		}
		return m
	case <-time.After(time.Minute):
		st.t.Fatalf("%s: nothing within a minute", st.node.address)
		return nil
	}
}

// wants waits for a message and compares it.
func (st *nodeStream) wants(want *clientv1.ClientMessage) {
	st.t.Helper()
	if got := st.next(); !proto.Equal(got, want) {
		st.t.Errorf("%s: got %v; want %v", st.node.address, got, want)
	}
}

// nothing checks that the client has nothing more to say.
func (st *nodeStream) nothing() {
	st.t.Helper()
	synctest.Wait()
	select {
	case m := <-st.got:
		st.t.Errorf("%s: got %v; want nothing", st.node.address, m)
	default:
	}
}

// acquire waits for an Acquire.
func (st *nodeStream) acquire() *clientv1.Acquire {
	st.t.Helper()
	m := st.next()
	if m.GetAcquire() == nil {
		st.t.Fatalf("%s: got %v; want Acquire", st.node.address, m)
	}
	return m.GetAcquire()
}

// tell sends a message.
func (st *nodeStream) tell(kind any) {
	st.t.Helper()
	m := new(clientv1.NodeMessage)
	switch kind := kind.(type) {
	case *clientv1.Granted:
		m.Kind = &clientv1.NodeMessage_Granted{Granted: kind}
	case *clientv1.Refused:
		m.Kind = &clientv1.NodeMessage_Refused{Refused: kind}
	case *clientv1.Withdrawn:
		m.Kind = &clientv1.NodeMessage_Withdrawn{Withdrawn: kind}
	case *clientv1.Warned:
		m.Kind = &clientv1.NodeMessage_Warned{Warned: kind}
	case *clientv1.Lost:
		m.Kind = &clientv1.NodeMessage_Lost{Lost: kind}
	case *clientv1.Released:
		m.Kind = &clientv1.NodeMessage_Released{Released: kind}
	case *clientv1.Said:
		m.Kind = &clientv1.NodeMessage_Said{Said: kind}
	case *clientv1.RunEnded:
		m.Kind = &clientv1.NodeMessage_RunEnded{RunEnded: kind}
	case *clientv1.NodeMessage:
		m = kind
	default:
		panic(fmt.Sprintf("no message: %T", kind))
	}
	select {
	case st.say <- m:
		synctest.Wait()
	case <-st.ended:
	}
}

// grant grants a lock with a lease that counts from the newest Ping.
func (st *nodeStream) grant(id, fence uint64) {
	st.t.Helper()
	synctest.Wait()
	st.mu.Lock()
	g := &clientv1.Granted{
		Id: id, Fence: fence, Session: st.session, LeaseRemainingNs: int64(st.left), Stamp: st.last, HadPing: len(st.stamps) > 0,
	}
	st.mu.Unlock()
	st.tell(g)
}

// finish ends the stream from the node's side.
func (st *nodeStream) finish(err error) {
	st.end <- err
	synctest.Wait()
}

func acquireMessage(a *clientv1.Acquire) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: a}}
}

func acquire(id uint64, lock string) *clientv1.ClientMessage {
	return acquireMessage(&clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT})
}

func release(id uint64, lock string, fence uint64) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{Id: id, Lock: lock, Fence: fence}}}
}

func withdraw(id uint64) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Withdraw{Withdraw: &clientv1.Withdraw{Id: id}}}
}

// client starts a client of some nodes, which the test's end closes.
func (w *network) client(addresses ...string) *Client {
	w.t.Helper()
	c, err := start(w.t.Context(), Config{Targets: w.targets(addresses...), Clock: w.now}, w.dial)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// asking is a call of Acquire or Try under way.
type asking struct {
	t      *testing.T
	cancel context.CancelCauseFunc
	done   chan struct{}
	hold   broadcast.Hold
	err    error
}

func (w *network) ask(c *Client, lock string) *asking {
	return w.asking(func(ctx context.Context) (broadcast.Hold, error) { return c.Acquire(ctx, lock, token.Exclusive) })
}

func (w *network) asking(call func(context.Context) (broadcast.Hold, error)) *asking {
	ctx, cancel := context.WithCancelCause(context.Background())
	a := &asking{t: w.t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer cancel(nil)
		defer close(a.done)
		a.hold, a.err = call(ctx)
	}()
	synctest.Wait()
	return a
}

// granted waits for the hold.
func (a *asking) granted() broadcast.Hold {
	a.t.Helper()
	<-a.done
	if a.err != nil {
		a.t.Fatalf("Acquire: %v", a.err)
	}
	return a.hold
}

// fails waits for an error that wraps all of some.
func (a *asking) fails(want ...error) {
	a.t.Helper()
	<-a.done
	for _, err := range want {
		if !errors.Is(a.err, err) {
			a.t.Errorf("Acquire: %v; want an error that wraps %q", a.err, err)
		}
	}
}

// waits checks that the call has not returned.
func (a *asking) waits() {
	a.t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
		a.t.Errorf("Acquire returned %v", a.err)
	default:
	}
}

// isClosed reports whether a channel is.
func isClosed(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-c:
		return true
	default:
		return false
	}
}
