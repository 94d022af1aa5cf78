package conch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"conch"
	"conch/internal/pki"
	clientv1 "conch/proto/conch/client/v1"
)

// secured are certificates of some members and of the clients alice and operator.
type secured struct {
	ca   string
	of   map[string]conch.TLSFiles // by address or name
	mine conch.TLSFiles            // alice's
}

func certify(t *testing.T, addresses []string) secured {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs")
	authority, _, err := pki.Init(dir, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var subjects []pki.Subject
	for _, name := range []string{"alice", "operator"} {
		client, err := pki.NewClient(name)
		if err != nil {
			t.Fatal(err)
		}
		subjects = append(subjects, client)
	}
	for _, address := range addresses {
		member, err := pki.NewMember(address)
		if err != nil {
			t.Fatal(err)
		}
		subjects = append(subjects, member)
	}
	pairs, err := authority.Issue(dir, time.Hour, subjects...)
	if err != nil {
		t.Fatal(err)
	}
	s := secured{ca: authority.CertFile(), of: make(map[string]conch.TLSFiles)}
	for _, pair := range pairs {
		s.of[pair.Subject.Name] = conch.TLSFiles{Cert: pair.CertFile, Key: pair.KeyFile, CA: s.ca}
	}
	s.mine = s.of["alice"]
	return s
}

// credentials are the client's, for calls made by hand.
func (s secured) credentials(t *testing.T, address string) credentials.TransportCredentials {
	t.Helper()
	files, err := pki.LoadClient(pki.Files(s.mine), nil)
	if err != nil {
		t.Fatal(err)
	}
	return files.ToNodeCredentials(address)
}

// connect returns a connection to a node that comes from a host of this machine. It dials
// when it is used.
func connect(t *testing.T, address, from string, secure credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(secure),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			return dialer.DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// onManyHosts skips a test if only one address leads to this machine.
func onManyHosts(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("LEFT OUT: this system has no 127.0.1.1, from which a second host would connect")
	}
}

// gauge reads one of a node's metrics; labels are values, in order.
func gauge(t *testing.T, registry *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() != name || len(m.GetLabel()) != len(labels) {
				continue
			}
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no %s%v", name, labels)
	return 0
}

// await repeats a check until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for range 3000 {
		if holds() {
			return
		}
		<-ticker.C
	}
	t.Fatalf("after half a minute: not %s", what)
}

// locked takes a lock and gives it back. On a busy machine it may lose the lock meanwhile.
func locked(t *testing.T, locker conch.Locker, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := conch.ErrLost
	for errors.Is(err, conch.ErrLost) {
		err = locker.Do(ctx, name, func(context.Context, uint64) error { return nil })
	}
	if err != nil {
		t.Error(err)
	}
}

// Unauthenticated peers at a TLS port, which begin no handshake or stop in the middle of
// one, keep out neither members and clients nor a member that comes back.
func TestUnauthenticatedAtAPortWithTLS(t *testing.T) {
	onManyHosts(t)
	addresses := freeAddresses(t, 3)
	certs := certify(t, addresses)
	registry := prometheus.NewPedanticRegistry()
	var log lockedBuffer
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	start := func(i int) *conch.Node {
		cfg := conch.Config{Listen: addresses[i], Peers: addresses, DataDir: dirs[i], TLS: certs.of[addresses[i]]}
		if i == 0 {
			cfg.Metrics, cfg.Log = registry, zerolog.New(&log)
		}
		return startNode(t, cfg)
	}
	nodes := []*conch.Node{start(0), start(1), start(2)}
	for _, node := range nodes {
		locked(t, node, "cs")
	}
	unauthenticated := func() float64 { return gauge(t, registry, "conch_connections", "unauthenticated") }

	const many = 1500
	var conns []net.Conn
	come := func() {
		t.Helper()
		for i := range many {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%10))}}
			conn, err := dialer.DialContext(t.Context(), "tcp", addresses[0])
			if err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 { // a handshake's first bytes
				_, _ = conn.Write([]byte("\x16\x03\x01\x02\x00\x01"))
			}
			conns = append(conns, conn)
		}
	}
	come()
	if n, closed := unauthenticated(), gauge(t, registry, "conch_connections_closed_total"); n > 512 || closed == 0 {
		t.Errorf("%v unauthenticated peers are let in, %v closed; want 512 at most, and others closed", n, closed)
	}
	client, err := conch.Dial(t.Context(), conch.DialConfig{Nodes: addresses[:1], TLS: certs.mine})
	if err != nil {
		t.Fatal(err)
	}
	stopNode(t, nodes[2])
	come()
	nodes[2] = start(2)
	for _, locker := range []conch.Locker{nodes[0], nodes[1], nodes[2], client} {
		locked(t, locker, "cs")
	}
	for _, node := range nodes[1:] { // asks the others over a connection of its own
		if _, err := node.LockService().Status(t.Context(), new(clientv1.StatusRequest)); err != nil {
			t.Error(err)
		}
	}
	await(t, "two connections of each member", func() bool { return gauge(t, registry, "conch_connections", "member") >= 4 })
	if n := gauge(t, registry, "conch_connections", "client"); n != 1 {
		t.Errorf("%v clients; want the client", n)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	await(t, "rid of the unauthenticated peers", func() bool { return unauthenticated() == 0 })
	closeClient(t, client)
	for _, node := range nodes {
		stopNode(t, node)
	}
	if lines := strings.Count(log.String(), `"event":"peer_refused"`); lines == 0 || lines > 10*4*2 {
		t.Errorf("%d lines of the log tell of unauthenticated peers; want some, and a few for each host and minute", lines)
	}
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// With TLS, a client's connection costs less than a member's. A client that sends too much
// is told so.
func TestClientsHaveAServerOfTheirOwn(t *testing.T) {
	addresses := freeAddresses(t, 1)
	certs := certify(t, addresses)
	node := startNode(t, conch.Config{Listen: addresses[0], DataDir: t.TempDir(), TLS: certs.of[addresses[0]], SessionTTL: calm})
	defer stopNode(t, node)
	conn := connect(t, addresses[0], "127.0.0.1", certs.credentials(t, addresses[0]))
	clients := clientv1.NewLockServiceClient(conn)
	if s, err := clients.Status(t.Context(), new(clientv1.StatusRequest)); err != nil || s.GetAnsweredBy() != addresses[0] {
		t.Errorf("Status: %v, %v", s, err)
	}
	_, err := clients.Break(t.Context(), &clientv1.BreakRequest{Lock: "x", Fence: 1, Reason: strings.Repeat("x", 20<<10)})
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("a message of 20 KB: %v; want RESOURCE_EXHAUSTED", err)
	}
}

// The clients of one host may have so many calls and connections. A client that asks for
// more is told so; those of other hosts are served as before, and members are not affected.
func TestClientsOfOneHostAreBounded(t *testing.T) {
	onManyHosts(t)
	addresses := freeAddresses(t, 2)
	registry := prometheus.NewPedanticRegistry()
	a := startNode(t, conch.Config{Listen: addresses[0], Peers: addresses, DataDir: t.TempDir(), Metrics: registry, SessionTTL: calm})
	b := startNode(t, conch.Config{Listen: addresses[1], Peers: addresses, DataDir: t.TempDir(), SessionTTL: calm})
	locked(t, a, "cs")
	locked(t, b, "cs")
	attach := func(from string) (clientv1.LockService_AttachClient, error) {
		conn := connect(t, addresses[0], from, insecure.NewCredentials())
		rpc, err := clientv1.NewLockServiceClient(conn).Attach(t.Context())
		if err != nil {
			return nil, err
		}
		_ = rpc.Send(&clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{
			Version: 1, Incarnation: fmt.Appendf(nil, "%016d", time.Now().UnixNano()%1e16),
		}}}}})
		_, err = rpc.Recv()
		return rpc, err
	}
	const ofEach = 256
	for i := range ofEach {
		if _, err := attach("127.0.1.1"); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	_, err := attach("127.0.1.1")
	var told *clientv1.Error
	for _, detail := range status.Convert(err).Details() {
		told, _ = detail.(*clientv1.Error)
	}
	if status.Code(err) != codes.ResourceExhausted || told.GetCode() != clientv1.Code_CODE_TOO_MANY_CALLS || !strings.Contains(told.GetMessage(), "clients at 127.0.1.1 have 256 connections") {
		t.Errorf("one too many: %v, %v; want RESOURCE_EXHAUSTED, and why", err, told)
	}
	if _, err := attach("127.0.1.2"); err != nil {
		t.Errorf("a client of another host: %v", err)
	}
	locked(t, a, "cs")
	locked(t, b, "cs")
	await(t, "the other member known as one", func() bool { return gauge(t, registry, "conch_connections", "member") >= 1 })
	if n := gauge(t, registry, "conch_calls_refused_total"); n != 1 {
		t.Errorf("%v calls are counted as refused; want 1", n)
	}
	// Without TLS, the connection by which the other member asks for the rules counts, too.
	await(t, "as many clients as were let in", func() bool {
		n := gauge(t, registry, "conch_connections", "client")
		return n == ofEach+1 || n == ofEach+2
	})
	stopNode(t, a)
	stopNode(t, b)
}

// A socket has a bound, too: connections beyond it are closed at once, and those that are
// open go on.
func TestConnectionsToTheSocketAreBounded(t *testing.T) {
	path := socketPath(t)
	registry := prometheus.NewPedanticRegistry()
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], Socket: path, DataDir: t.TempDir(), Metrics: registry, SessionTTL: calm})
	defer stopNode(t, node)
	near := dial(t, "unix:"+path)
	const most = 1024
	const begun = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // stays for a minute
	var conns []net.Conn
	for range most - 1 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:gocritic // they must be open together
		if _, err := io.WriteString(conn, begun); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	await(t, "full", func() bool { return gauge(t, registry, "conch_connections", "local") == most })
	late, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	_ = late.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := io.Copy(io.Discard, late); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one too many: %d bytes, %v; want it closed", n, err)
	}
	locked(t, near, "cs")
	for _, conn := range conns[:10] {
		_ = conn.Close()
	}
	await(t, "with room again", func() bool { return gauge(t, registry, "conch_connections", "local") < most })
	closeClient(t, dial(t, "unix:"+path))
	closeClient(t, near)
}
