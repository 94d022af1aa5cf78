package service

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"conch/broadcast"
	"conch/internal/delimited"
	"conch/internal/rules"
	"conch/internal/verify/memconn"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testTTL = 2 * time.Second

// node is a cluster of one in a bubble, and a connection to it.
type node struct {
	t        testing.TB
	driver   *broadcast.Driver
	service  *Service
	server   *grpc.Server
	served   chan struct{}
	conn     *grpc.ClientConn
	api      clientv1.LockServiceClient
	rules    *rules.Rules
	marks    int // how often it noted that there are clients
	markFail error
	riders   riders
	log      bytes.Buffer // the driver's; it is read once that stands still
	// framed: clients' streams do without gRPC. attached are the service's calls for them.
	framed   bool
	attached sync.WaitGroup
}

// riders counts the requests that rode on a token.
type riders struct {
	atomic.Int64
}

func (r *riders) Effect(e *token.Effect) {
	if e.Kind == token.Rode {
		r.Add(1)
	}
}
func (*riders) Waited(string, time.Duration) {}
func (*riders) Held(string, time.Duration)   {}
func (*riders) Connected(string)             {}
func (*riders) Stored(int, time.Duration)    {}

// memoryNotes are notes that no disk has.
type memoryNotes struct {
	mu   sync.Mutex
	runs map[string][]token.Run
}

func (*memoryNotes) All() ([]token.LockNotes, error) { return nil, nil }
func (*memoryNotes) Delete([]string) error           { return nil }

func (m *memoryNotes) Put(batch []token.LockNotes) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs == nil {
		m.runs = make(map[string][]token.Run)
	}
	for _, n := range batch {
		all := m.runs[n.Lock]
		if len(all) > 0 && all[len(all)-1].Tick == n.Run.Tick {
			all = all[:len(all)-1]
		}
		if n.Run.Tick != 0 {
			m.runs[n.Lock] = append(all, n.Run)
		}
	}
	return nil
}

func (m *memoryNotes) Runs(lock string) ([]token.Run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.runs[lock]), nil
}

func startNode(t testing.TB) *node {
	t.Helper()
	return startNodeWith(t, nil)
}

// startNodeWith starts a node whose service asks m about the members; nil is the driver.
func startNodeWith(t testing.TB, m membership) *node {
	t.Helper()
	all, err := rules.Parse("test", "@anonymous lock,break *\n@anonymous look *\n")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, rules: all, server: grpc.NewServer(), served: make(chan struct{})}
	began := time.Now()
	members := []string{"a:1"}
	n.driver, err = broadcast.Start(broadcast.Config{
		Members: members, Session: 1, TTL: testTTL,
		Clock:  func() token.Time { return token.Time(time.Since(began)) },
		Caller: broadcast.Caller{Host: "here", User: "node"}, Observer: &n.riders, Notes: new(memoryNotes), Log: zerolog.New(&n.log), Evidence: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		m = n.driver
	}
	n.service, err = newService(Config{
		Driver: n.driver, Members: members, TTL: testTTL,
		Encumber: func() error { n.marks++; return n.markFail },
		Rules:    func() *rules.Rules { return n.rules }, Credentials: insecureTo,
	}, m)
	if err != nil {
		t.Fatal(err)
	}
	n.service.Register(n.server)
	listener := bufconn.Listen(64 << 10)
	go func() {
		defer close(n.served)
		_ = n.server.Serve(listener)
	}()
	n.conn, err = grpc.NewClient("passthrough:///a:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(64<<10), // and no more, so that one who does not read is noticed
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	n.api = clientv1.NewLockServiceClient(n.conn)
	return n
}

// stop ends the node as a program does.
func (n *node) stop() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := errors.Join(n.driver.Stop(ctx), n.service.Close(ctx)); err != nil {
		n.t.Errorf("stop: %v", err)
	}
	// The ends of the streams are to reach the clients.
	late := time.AfterFunc(time.Minute, n.server.Stop)
	n.server.GracefulStop()
	late.Stop()
	<-n.served
	_ = n.conn.Close()
	n.attached.Wait()
}

// wire is a client's stream, spoken to message by message.
type wire struct {
	t      testing.TB
	rpc    sender
	cancel context.CancelFunc
	behind []*clientv1.NodeMessage // what is left of the last frame
}

// sender is the client's end of a stream.
type sender interface {
	Send(*clientv1.ClientFrame) error
	Recv() (*clientv1.NodeFrame, error)
	CloseSend() error
}

// framed is the client's end of a stream without gRPC.
type framed struct{ *delimited.Client }

// Send is sender's. It waits.
func (f framed) Send(frame *clientv1.ClientFrame) error {
	all, err := f.Client.Send(frame)
	if err == nil && !all {
		err = f.Flush()
	}
	return err
}

// attach opens a stream of the client with an incarnation, and reads the Welcome.
func (n *node) attach(client byte) *wire {
	n.t.Helper()
	w := n.open()
	w.send(&clientv1.Hello{Version: version, Incarnation: append(make([]byte, 15), client), Client: &clientv1.Client{
		Host: "there", Pid: int64(client), User: "alice", Command: "job",
	}})
	if got := w.next().GetWelcome(); got.GetMember() != "a:1" || got.GetTtlNs() != int64(testTTL) {
		n.t.Fatalf("Welcome %v; want of a:1, and the time to live", got)
	}
	return w
}

// open opens a stream that has said nothing.
func (n *node) open() *wire {
	n.t.Helper()
	if n.framed {
		f := framed{delimited.NewClient(n.connect(), 4<<20)}
		return &wire{t: n.t, rpc: f, cancel: func() { _ = f.Close() }}
	}
	ctx, cancel := context.WithCancel(context.Background())
	rpc, err := n.api.Attach(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	return &wire{t: n.t, rpc: rpc, cancel: cancel}
}

// connect opens a connection on which the preamble was said.
func (n *node) connect() net.Conn {
	n.t.Helper()
	here, there := memconn.Pipe(64 << 10)
	n.attached.Go(func() {
		conn, isFramed, err := delimited.Sort(there)
		if err != nil || !isFramed {
			n.t.Errorf("a connection that begins with the preamble: framed %t, %v", isFramed, err)
			return
		}
		n.service.AttachConn(conn, nil)
	})
	if err := delimited.Open(here); err != nil {
		n.t.Fatal(err)
	}
	return here
}

// send sends messages of any kind as one frame.
func (w *wire) send(messages ...any) {
	w.t.Helper()
	frame := new(clientv1.ClientFrame)
	for _, m := range messages {
		frame.Messages = append(frame.Messages, w.message(m))
	}
	if err := w.rpc.Send(frame); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

func (w *wire) message(m any) *clientv1.ClientMessage {
	w.t.Helper()
	message := new(clientv1.ClientMessage)
	switch m := m.(type) {
	case *clientv1.Hello:
		message.Kind = &clientv1.ClientMessage_Hello{Hello: m}
	case *clientv1.Acquire:
		message.Kind = &clientv1.ClientMessage_Acquire{Acquire: m}
	case *clientv1.Withdraw:
		message.Kind = &clientv1.ClientMessage_Withdraw{Withdraw: m}
	case *clientv1.Release:
		message.Kind = &clientv1.ClientMessage_Release{Release: m}
	case *clientv1.Say:
		message.Kind = &clientv1.ClientMessage_Say{Say: m}
	case *clientv1.Ping:
		message.Kind = &clientv1.ClientMessage_Ping{Ping: m}
	case *clientv1.AcquireRun:
		message.Kind = &clientv1.ClientMessage_AcquireRun{AcquireRun: m}
	case *clientv1.AcquireKept:
		message.Kind = &clientv1.ClientMessage_AcquireKept{AcquireKept: m}
	case *clientv1.EndRun:
		message.Kind = &clientv1.ClientMessage_EndRun{EndRun: m}
	case nil:
	default:
		w.t.Fatalf("no message: %T", m)
	}
	return message
}

// next returns the next message.
func (w *wire) next() *clientv1.NodeMessage {
	w.t.Helper()
	m, err := w.read()
	if err != nil {
		w.t.Fatalf("receive: %v", err)
	}
	return m
}

// read returns the next message, or why there is none.
func (w *wire) read() (*clientv1.NodeMessage, error) {
	for len(w.behind) == 0 {
		frame, err := w.rpc.Recv()
		if err != nil {
			return nil, err
		}
		w.behind = frame.GetMessages()
	}
	m := w.behind[0]
	w.behind = w.behind[1:]
	return m, nil
}

// lock waits for a lock and returns the grant.
func (w *wire) lock(id uint64, lock string) *clientv1.Granted {
	w.t.Helper()
	w.send(&clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT})
	return w.granted(id)
}

// granted reads a grant.
func (w *wire) granted(id uint64) *clientv1.Granted {
	w.t.Helper()
	m := w.next()
	if g := m.GetGranted(); g.GetId() != id {
		w.t.Fatalf("got %v; want Granted for %d", m, id)
	}
	return m.GetGranted()
}

// ping sends a Ping and returns its Pong.
func (w *wire) ping(stamp int64) *clientv1.Pong {
	w.t.Helper()
	w.send(&clientv1.Ping{Stamp: stamp})
	m := w.next()
	if m.GetPong().GetStamp() != stamp {
		w.t.Fatalf("got %v; want Pong for %d", m, stamp)
	}
	return m.GetPong()
}

// release gives a lock back and returns what that did.
func (w *wire) release(id uint64, lock string, fence uint64) clientv1.Released_Outcome {
	w.t.Helper()
	w.send(&clientv1.Release{Id: id, Lock: lock, Fence: fence})
	return w.released(id, lock, fence)
}

// released asks for what there is to be said, reads that a lock was given back, and
// returns what that did.
func (w *wire) released(id uint64, lock string, fence uint64) clientv1.Released_Outcome {
	w.t.Helper()
	w.send(&clientv1.Ping{Stamp: 1})
	m := w.next()
	if r := m.GetReleased(); r.GetId() != id || r.GetLock() != lock || r.GetFence() != fence {
		w.t.Fatalf("got %v; want Released for %d, %q, %d", m, id, lock, fence)
	}
	if pong := w.next(); pong.GetPong() == nil {
		w.t.Fatalf("got %v; want Pong", pong)
	}
	return m.GetReleased().GetOutcome()
}

// end ends the stream in peace, and reads to its end.
func (w *wire) end() {
	w.t.Helper()
	if err := w.rpc.CloseSend(); err != nil {
		w.t.Error(err)
	}
	for {
		if _, err := w.rpc.Recv(); err != nil {
			break
		}
	}
	w.cancel()
}

// insecureTo secures no connection.
func insecureTo(string) credentials.TransportCredentials { return insecure.NewCredentials() }
