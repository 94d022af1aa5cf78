package client

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

// The environment names a proxy that hangs up, for all tests: Go reads it once.
func TestMain(m *testing.M) {
	proxy, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if err := proxy.Close(); err != nil {
		panic(err)
	}
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"} {
		_ = os.Setenv(name, "http://"+proxy.Addr().String())
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

// testNetwork is what the clients of a test dial: by address, a port in memory. Where
// there is none, it refuses.
type testNetwork map[string]*bufconn.Listener

func (w testNetwork) dial(ctx context.Context, t Target) (net.Conn, error) {
	listener := w[t.address]
	if listener == nil {
		return nil, errRefused
	}
	return listener.DialContext(ctx)
}

// serve starts a server without any service, until the test's end.
func serve(t *testing.T, listener net.Listener) {
	t.Helper()
	server := grpc.NewServer()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func tcp(addresses ...string) []Target {
	var targets []Target
	for _, address := range addresses {
		targets = append(targets, Target{"tcp", address})
	}
	return targets
}

func TestConnectTakesTheFirstThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := bufconn.Listen(1 << 10) // nobody accepts
		live, other := bufconn.Listen(1<<10), bufconn.Listen(1<<10)
		serve(t, live)
		serve(t, other)
		c := connector{dial: testNetwork{"silent:1": silent, "live:1": live, "other:1": other}.dial}
		for _, test := range []struct {
			targets []Target
			want    string
			after   time.Duration
		}{
			{tcp("live:1"), "live:1", 0},
			{tcp("live:1", "other:1"), "live:1", 0},
			{tcp("other:1", "live:1"), "other:1", 0},
			{tcp("refuses:1", "live:1"), "live:1", 0},
			{tcp("silent:1", "live:1", "other:1"), "live:1", headStart},
			{tcp("silent:1", "refuses:1", "live:1"), "live:1", headStart},
		} {
			began := time.Now()
			conn, target, err := c.first(t.Context(), test.targets, DefaultPatience)
			if err != nil {
				t.Errorf("%v: %v", test.targets, err)
				continue
			}
			if after := time.Since(began); target.String() != test.want || after != test.after {
				t.Errorf("%v: got %v after %v; want %v after %v", test.targets, target, after, test.want, test.after)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestConnectGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := bufconn.Listen(1 << 10)
		c := connector{dial: testNetwork{"silent:1": silent}.dial}
		cause := errors.New("had enough")
		impatient, stop := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer stop()
		for _, test := range []struct {
			ctx     context.Context
			targets []Target
			after   time.Duration
			want    error
			says    string
		}{
			{t.Context(), tcp("refuses:1", "refuses:2"), 0, syscall.ECONNREFUSED, "refuses:2: connection refused"},
			{impatient, tcp("silent:1"), time.Second, cause, "silent:1: had enough"},
			{impatient, tcp("silent:1", "refuses:1"), 0, cause, "silent:1: had enough"},
			{t.Context(), tcp("refuses:1", "silent:1"), DefaultPatience, syscall.ECONNREFUSED, "silent:1: no answer within 5s"},
		} {
			began := time.Now()
			_, _, err := c.first(test.ctx, test.targets, DefaultPatience)
			if !errors.Is(err, ErrUnreachable) || !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v: %v; want ErrUnreachable, %v, with %q", test.targets, err, test.want, test.says)
			}
			if after := time.Since(began); after != test.after {
				t.Errorf("%v: after %v; want %v", test.targets, after, test.after)
			}
		}
	})
}

// hangUp is a server that ends each connection.
func hangUp(t *testing.T, listener net.Listener) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
}

// Over real sockets, with a proxy in the environment that would refuse.
func TestConnectByRealSockets(t *testing.T) {
	listen := func(network, address string) net.Listener {
		t.Helper()
		listener, err := new(net.ListenConfig).Listen(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		return listener
	}
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // a socket's path must not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "a %zz ü.sock")
	serve(t, listen("unix", path))
	all := listen("tcp4", "0.0.0.0:0") // no loopback address, for which no proxy is used
	serve(t, all)
	stranger := listen("tcp", "127.0.0.1:0")
	hangUp(t, stranger)
	for _, target := range []Target{{"unix", path}, {"tcp", all.Addr().String()}} {
		conn, got, err := Connect(t.Context(), []Target{target}, time.Minute, nil)
		if err != nil || got != target {
			t.Errorf("%v: got %v, %v", target, got, err)
			continue
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	for target, says := range map[Target]string{
		{"unix", path + "x"}:                 "no such file",
		{"tcp", stranger.Addr().String()}:    "does not answer as a node does",
		{"unix", strings.Repeat("x", 1<<10)}: "invalid argument",
	} {
		if _, _, err := Connect(t.Context(), []Target{target}, time.Minute, nil); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v; want ErrUnreachable, %q", target, err, says)
		}
	}
}
