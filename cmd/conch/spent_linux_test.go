package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	clientv1 "conch/proto/conch/client/v1"
	peerv1 "conch/proto/conch/peer/v1"
)

// BenchmarkSpent measures the most memory that a single node has had while its peers did
// what they could, up to each limit. Run it once:
//
// \tgo test -run '^$' -bench Spent -benchtime 1x ./cmd/conch
//
// MB is all that the process has had; it has some 25 MB without peers.
func BenchmarkSpent(b *testing.B) {
	for _, attack := range []struct {
		name string
		make func(b *testing.B, address string)
	}{
		{"Nobody", func(*testing.B, string) {}},
		{"10000UnauthenticatedThatSayNothing", func(b *testing.B, address string) { b.Cleanup(fullFlood(b, address, "").close) }},
		{"10000UnauthenticatedThatBegin", func(b *testing.B, address string) { b.Cleanup(fullFlood(b, address, begun).close) }},
		{"512UnauthenticatedWithHalfAHello", halfHellos},
		{"1000Clients", func(b *testing.B, address string) { attachMany(b, address, 1000) }},
		{"1000ClientsThatDoNotRead", nonReadingClients},
		{"262144Waits", manyWaits},
		{"1000000LocksWithNamesOf16", func(b *testing.B, address string) { manyLocks(b, address, 16) }},
		{"1000000LocksWithNamesOf255", func(b *testing.B, address string) { manyLocks(b, address, 255) }},
		{"64WatchesThatAreNotRead", nonReadingWatches},
	} {
		b.Run(attack.name, func(b *testing.B) {
			for range b.N {
				address, pid := singleNode(b)
				attack.make(b, address)
				b.ReportMetric(float64(peakMegabytes(b, pid)), "MB")
			}
		})
	}
}

// singleNode starts a node without other members, and waits until it answers.
func singleNode(b *testing.B) (address string, pid int) {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	check(b, err)
	address = listener.Addr().String()
	check(b, listener.Close())
	dir := b.TempDir()
	cmd := exec.Command(program(b), "node", "--single", "--listen", address, "--data-dir", filepath.Join(dir, "state"),
		"--socket", "none", "--log-level", "warn", "--session-ttl", "10s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	check(b, cmd.Start())
	b.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	_, err = caller(b, address, "127.0.0.1").Status(b.Context(), new(clientv1.StatusRequest), grpc.WaitForReady(true))
	check(b, err)
	return address, cmd.Process.Pid
}

// fullFlood is a flood of ten thousand connections.
func fullFlood(b *testing.B, address, words string) *flood {
	if !mayOpen(b, 11_000) {
		b.Skip("LEFT OUT: this process may not open 10,000 files (ulimit -n)")
	}
	c := &flood{t: b, to: address, words: words}
	c.open(10_000)
	return c
}

// truncatingConn is a connection that sends only so many bytes, and reports all as sent.
type truncatingConn struct {
	net.Conn
	left atomic.Int64
}

func (h *truncatingConn) Write(p []byte) (int, error) {
	left := h.left.Add(-int64(len(p)))
	if left < 0 {
		_, err := h.Conn.Write(p[:max(0, int64(len(p))+left)])
		return len(p), err
	}
	return h.Conn.Write(p)
}

// caller connects to a node from a host, for calls of the test's own.
func caller(b *testing.B, address, from string) clientv1.LockServiceClient {
	return clientv1.NewLockServiceClient(connection(b, address, from, 1<<40))
}

// connection connects with small windows for answers, and sends at most so many bytes.
func connection(b *testing.B, address, from string, most int64) *grpc.ClientConn {
	b.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(64<<10),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			conn, err := dialer.DialContext(ctx, "tcp", address)
			h := &truncatingConn{Conn: conn}
			h.left.Store(most)
			return h, err
		}))
	check(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// halfHellos opens members' streams whose first frame never ends.
func halfHellos(b *testing.B, address string) {
	long := &peerv1.Frame{Messages: []*peerv1.Message{{Kind: &peerv1.Message_Hello{Hello: &peerv1.Hello{
		Member: strings.Repeat("x", 1<<20-100),
	}}}}}
	for range 512 {
		rpc, err := peerv1.NewPeerServiceClient(connection(b, address, "127.0.0.1", 1_000_000)).Deliver(b.Context())
		check(b, err)
		go func() { _ = rpc.Send(long) }() // it never ends
	}
	settle()
}

// settle gives a node time to take in what was sent.
func settle() {
	timer := time.NewTimer(3 * time.Second)
	<-timer.C
}

type attached = grpc.BidiStreamingClient[clientv1.ClientFrame, clientv1.NodeFrame]

// say sends one message.
func say(rpc attached, m *clientv1.ClientMessage) error {
	return rpc.Send(&clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{m}})
}

// attachMany attaches clients, each on its own connection, as many from each host as the
// node allows.
func attachMany(b *testing.B, address string, many int) []attached {
	b.Helper()
	const ofEach = 256
	var all []attached
	for i := range many {
		rpc, err := caller(b, address, fmt.Sprintf("127.0.1.%d", 1+i/ofEach)).Attach(b.Context())
		check(b, err)
		incarnation := make([]byte, 16)
		binary.BigEndian.PutUint64(incarnation, uint64(i+1))
		check(b, say(rpc, &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{
			Version: 2, Incarnation: incarnation,
		}}}))
		_, err = rpc.Recv()
		check(b, err)
		all = append(all, rpc)
	}
	return all
}

func acquire(id uint64, lock string) *clientv1.ClientMessage {
	return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{
		Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT,
	}}}
}

// nonReadingClients send requests for as long as the node reads them, and read nothing.
func nonReadingClients(b *testing.B, address string) {
	for i, rpc := range attachMany(b, address, 1000) {
		go func() {
			long := strings.Repeat("x", 255)
			for id := uint64(1); say(rpc, &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{
				Id: id, Lock: long, Fence: uint64(i),
			}}}) == nil; id++ {
				continue
			}
		}()
	}
	settle()
}

// manyWaits makes four clients wait for one lock, with as many waits as the node allows.
func manyWaits(b *testing.B, address string) {
	const each = 1 << 16
	for _, rpc := range attachMany(b, address, 4) {
		go func() { _ = drain(rpc) }()
		for id := range uint64(each) {
			check(b, say(rpc, acquire(id+1, "one")))
		}
		check(b, say(rpc, &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: 1}}}))
	}
	status := caller(b, address, "127.0.0.1")
	for {
		s, err := status.Status(b.Context(), new(clientv1.StatusRequest))
		check(b, err)
		if m := s.GetStatuses()[0]; m.GetWaits()+m.GetHolds() == 4*each {
			return
		}
	}
}

// drain reads a stream to its end.
func drain(rpc attached) error {
	for {
		if _, err := rpc.Recv(); err != nil {
			return err
		}
	}
}

// readUntil reads messages until so many counted.
func readUntil(b *testing.B, rpc attached, many int, counts func(m *clientv1.NodeMessage) bool) {
	b.Helper()
	for many > 0 {
		frame, err := rpc.Recv()
		check(b, err)
		for _, m := range frame.GetMessages() {
			if counts(m) {
				many--
			}
		}
	}
}

// useOnce takes some locks and releases them. It returns the reasons of refusals.
func useOnce(b *testing.B, rpc attached, firstID uint64, names []string) (refused []clientv1.Code) {
	b.Helper()
	for i, name := range names {
		check(b, say(rpc, acquire(firstID+uint64(i), name)))
	}
	var grants []*clientv1.Granted
	readUntil(b, rpc, len(names), func(m *clientv1.NodeMessage) bool {
		switch {
		case m.GetGranted() != nil:
			grants = append(grants, m.GetGranted())
		case m.GetRefused() != nil:
			refused = append(refused, m.GetRefused().GetError().GetCode())
		default:
			return false
		}
		return true
	})
	for _, g := range grants {
		check(b, say(rpc, &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{
			Id: g.GetId(), Lock: names[g.GetId()-firstID], Fence: g.GetFence(),
		}}}))
	}
	// The next answer carries those to the releases.
	check(b, say(rpc, &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: int64(firstID)}}}))
	readUntil(b, rpc, len(grants), func(m *clientv1.NodeMessage) bool { return m.GetReleased() != nil })
	return refused
}

// batches calls a function with many names in parts, and with the number of each part's
// first.
func batches(many int, name func(i int) string, use func(first int, names []string)) {
	const batch = 500
	for first := 0; first < many; first += batch {
		var names []string
		for i := range batch {
			names = append(names, name(first+i))
		}
		use(first, names)
	}
}

// manyLocks uses once as many locks as the node may know, with names of so many bytes.
func manyLocks(b *testing.B, address string, nameBytes int) {
	rpc := attachMany(b, address, 1)[0]
	name := func(i int) string { return fmt.Sprintf("%0*d", nameBytes, i) }
	const most = 1_000_000
	batches(most, name, func(first int, names []string) {
		if refused := useOnce(b, rpc, uint64(first+1), names); len(refused) > 0 {
			b.Fatalf("after %d locks: %v", first, refused)
		}
	})
	if refused := useOnce(b, rpc, most+1, []string{"another"}); len(refused) != 1 || refused[0] != clientv1.Code_CODE_TOO_MANY_NAMES {
		b.Fatalf("one lock more: %v", refused)
	}
}

// nonReadingWatches opens as many watches of all locks as the node allows and reads none,
// while a hundred thousand locks are taken and released over and over.
func nonReadingWatches(b *testing.B, address string) {
	for i := range 64 {
		watch, err := caller(b, address, fmt.Sprintf("127.0.1.%d", 1+i/16)).Watch(b.Context(), new(clientv1.WatchRequest))
		check(b, err)
		_, err = watch.Recv()
		check(b, err)
	}
	rpc := attachMany(b, address, 1)[0]
	const locks, rounds = 100_000, 3
	batches(rounds*locks, func(i int) string { return fmt.Sprintf("lock %d", i%locks) }, func(first int, names []string) {
		useOnce(b, rpc, uint64(first+1), names)
	})
}
