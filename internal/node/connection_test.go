package node

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"conch/internal/admission"
	clientv1 "conch/proto/conch/client/v1"
)

// listed is a service that answers at once, or goes on answering until its client is gone.
type listed struct {
	clientv1.UnimplementedLockServiceServer
	watching, most atomic.Int64
}

func (*listed) Status(context.Context, *clientv1.StatusRequest) (*clientv1.StatusResponse, error) {
	return new(clientv1.StatusResponse), nil
}

func (l *listed) Watch(_ *clientv1.WatchRequest, rpc grpc.ServerStreamingServer[clientv1.WatchResponse]) error {
	l.most.Store(max(l.most.Load(), l.watching.Add(1)))
	defer l.watching.Add(-1)
	if err := rpc.Send(new(clientv1.WatchResponse)); err != nil {
		return err
	}
	<-rpc.Context().Done()
	return nil
}

// portServer is a server with the options of a node's port, in a bubble.
type portServer struct {
	t        *testing.T
	control  *admission.Control
	listener *bufconn.Listener
	service  *listed
}

func inBubble(t *testing.T, test func(t *testing.T, e *portServer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &portServer{t: t, listener: bufconn.Listen(64 << 10), service: new(listed)}
		e.control = admission.New(admission.Config{Limits: admission.Usual(3, admission.UsualClients), Refused: func(net.Addr, error) {}})
		server := grpc.NewServer(serverOptions(grpc.InTapHandle(e.control.Call))...)
		clientv1.RegisterLockServiceServer(server, e.service)
		served := make(chan error, 1)
		go func() { served <- server.Serve(e.control.Listener(e.listener)) }()
		test(t, e)
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		e.open(0)
	})
}

// open checks how many connections are open.
func (e *portServer) open(want int) {
	e.t.Helper()
	synctest.Wait()
	if c := e.control.Counts(); c.Unauthenticated+c.Clients != want {
		e.t.Errorf("%d unauthenticated and %d clients; want %d in all", c.Unauthenticated, c.Clients, want)
	}
}

// cable is a connection that can be cut so that neither end hears of it.
type cable struct {
	net.Conn
	cut atomic.Bool
}

func (c *cable) Write(p []byte) (int, error) {
	if c.cut.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// client returns a client, and its latest connection's cable.
func (e *portServer) client() (clientv1.LockServiceClient, *atomic.Pointer[cable]) {
	e.t.Helper()
	var latest atomic.Pointer[cable]
	conn, err := grpc.NewClient("passthrough:///node", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := e.listener.DialContext(ctx)
			if err != nil {
				return nil, err
			}
			latest.Store(&cable{Conn: conn})
			return latest.Load(), nil
		}))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = conn.Close() })
	return clientv1.NewLockServiceClient(conn), &latest
}

// Connections on which nothing comes, or only the beginning of HTTP/2, are closed.
func TestConnectionsOnWhichNothingIsAskedAreClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, e *portServer) {
		for _, words := range []string{"", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"} {
			conn, err := e.listener.Dial()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte(words)); err != nil {
				t.Error(err)
			}
			e.open(1)
			began := time.Now()
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("%q: %v; want the end", words, err)
			}
			if lived := time.Since(began); lived > 10*time.Second {
				t.Errorf("%q: closed after %v; want 10s at most", words, lived)
			}
			e.open(0)
		}
	})
}

// A connection without a call is closed after a while, and the client opens another when it
// needs one. A connection with a call stays.
func TestIdleConnectionsAreClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, e *portServer) {
		idle, _ := e.client()
		busy, _ := e.client()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := busy.Watch(ctx, new(clientv1.WatchRequest)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := idle.Status(t.Context(), new(clientv1.StatusRequest)); err != nil {
				t.Errorf("a client that was idle: %v", err)
			}
			e.open(2)
			time.Sleep(idlePatience + 10*time.Second)
			e.open(1)
		}
	})
}

// A client that vanishes silently is noticed, though nothing is sent to it. A silent client
// that is still there stays.
func TestHalfOpenConnectionsAreClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, e *portServer) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		there, _ := e.client()
		away, wire := e.client()
		for _, c := range []clientv1.LockServiceClient{there, away} {
			rpc, err := c.Watch(ctx, new(clientv1.WatchRequest))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rpc.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * quietPatience)
		e.open(2)
		wire.Load().cut.Store(true)
		time.Sleep(2*quietPatience + answerPatience)
		e.open(1)
		if n := e.service.watching.Load(); n != 1 {
			t.Errorf("%d calls go on; want that of the client that is there", n)
		}
		time.Sleep(time.Hour)
		e.open(1)
	})
}

// One connection carries a limited number of calls; further ones wait. Headers are bounded,
// too.
func TestCallsOfAConnectionAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, e *portServer) {
		ctx, cancel := context.WithCancel(t.Context())
		c, _ := e.client()
		if _, err := c.Status(ctx, new(clientv1.StatusRequest)); err != nil {
			t.Fatal(err)
		}
		long := metadata.AppendToOutgoingContext(ctx, "long", strings.Repeat("x", maxHeaderBytes))
		if _, err := c.Status(long, new(clientv1.StatusRequest)); err == nil || status.Code(err) == codes.Unimplemented {
			t.Errorf("headers of more than %d bytes: %v; want an error", maxHeaderBytes, err)
		}
		var watching sync.WaitGroup
		var ended atomic.Int64
		for range maxStreams + 50 {
			watching.Go(func() {
				rpc, err := c.Watch(ctx, new(clientv1.WatchRequest))
				for err == nil {
					_, err = rpc.Recv()
				}
				ended.Add(1)
			})
		}
		synctest.Wait()
		if n := e.service.watching.Load(); n != maxStreams {
			t.Errorf("%d calls over one connection; want %d", n, maxStreams)
		}
		if n := ended.Load(); n > 0 {
			t.Errorf("%d calls were refused; want them to wait", n)
		}
		cancel()
		watching.Wait()
	})
}
