package conch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"conch"
	"conch/hosts"
	"conch/internal/datadir"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freeAddresses finds addresses that nobody listens on.
func freeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var listeners []net.Listener
	var addresses []string
	for range n {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	for _, listener := range listeners { // not sooner, or an address might come twice
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return addresses
}

func startNode(t testing.TB, cfg conch.Config) *conch.Node {
	t.Helper()
	if cfg.SessionTTL == calm && len(cfg.Peers) == 0 {
		letSettle(t, cfg)
	}
	node, err := conch.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// letSettle runs a node with a short time to live, and ends it: the next process knows by the data
// directory that no client is left, and need not wait for a long one.
func letSettle(t testing.TB, cfg conch.Config) {
	t.Helper()
	node := startNode(t, conch.Config{Listen: cfg.Listen, DataDir: cfg.DataDir, TLS: cfg.TLS, SessionTTL: conch.MinSessionTTL})
	hold, err := node.Lock(t.Context(), "settled")
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	stopNode(t, node)
}

func stopNode(t testing.TB, node *conch.Node) {
	t.Helper()
	if err := node.Stop(context.Background()); err != nil {
		t.Errorf("Stop of %s: %v", node.Address(), err)
	}
}

func TestNodesOnLoopbackTakeTurns(t *testing.T) {
	addresses := freeAddresses(t, 3)
	hostsFile := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hostsFile, []byte(addresses[2]+" # the third\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var nodes []*conch.Node
	for _, address := range addresses {
		nodes = append(nodes, startNode(t, conch.Config{
			Listen: address, Peers: addresses[:2], HostsFile: hostsFile, SessionTTL: conch.MinSessionTTL,
		}))
	}
	var last uint64
	for range 3 {
		for i, node := range nodes {
			if got := node.Address(); got != addresses[i] {
				t.Errorf("Address = %q; want %q", got, addresses[i])
			}
			if got := len(node.Members()); got != 3 {
				t.Errorf("%d members; want 3", got)
			}
			hold, err := node.Lock(t.Context(), "cs")
			if err != nil {
				t.Fatal(err)
			}
			if hold.Fence() <= last {
				t.Errorf("fence %d after %d; want a higher one", hold.Fence(), last)
			}
			last = hold.Fence()
			if err := hold.Unlock(); err != nil && !errors.Is(err, conch.ErrLost) { // a slow machine may lose it
				t.Error(err)
			}
		}
	}
	for _, node := range nodes {
		stopNode(t, node)
	}
}

func TestLockOfOneNode(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0]})
	for _, name := range []string{"", strings.Repeat("x", 256), "\xff"} {
		if _, err := node.Lock(t.Context(), name); !errors.Is(err, conch.ErrName) {
			t.Errorf("Lock(%.10q) = %v; want ErrName", name, err)
		}
	}
	hold, err := node.Lock(t.Context(), "cs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.TryLock(t.Context(), "cs"); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("TryLock = %v; want ErrBusy", err)
	}
	cause := errors.New("had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := node.Lock(ctx, "cs"); !errors.Is(err, cause) {
		t.Errorf("Lock = %v; want the cause of the context's end", err)
	}
	if err := hold.Err(); err != nil {
		t.Errorf("Err = %v; want nil", err)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if err := hold.Unlock(); !errors.Is(err, conch.ErrUnlocked) {
		t.Errorf("second Unlock = %v; want ErrUnlocked", err)
	}
	hold, err = node.TryLock(t.Context(), "cs")
	if err != nil {
		t.Fatal(err)
	}

	// A Stop whose time is already up takes the lock from its holder.
	lost := hold.Done()
	if err := node.Stop(ctx); !errors.Is(err, cause) {
		t.Errorf("Stop = %v; want the cause of the context's end", err)
	}
	<-lost
	<-node.Done()
	if err := hold.Unlock(); !errors.Is(err, conch.ErrLost) {
		t.Errorf("Unlock = %v; want ErrLost", err)
	}
	if _, err := node.Lock(t.Context(), "cs"); !errors.Is(err, conch.ErrStopped) {
		t.Errorf("Lock = %v; want ErrStopped", err)
	}
	if err := node.Err(); err != nil {
		t.Errorf("Err of the node = %v; want nil after Stop", err)
	}
}

func TestStartRefuses(t *testing.T) {
	address := freeAddresses(t, 1)[0]
	for _, test := range []struct {
		cfg  conch.Config
		want error
		says string
	}{
		{conch.Config{Listen: "nonsense"}, hosts.ErrAddress, "Listen: "},
		{conch.Config{Listen: "0.0.0.0:7400"}, hosts.ErrWildcard, "Advertise"},
		{conch.Config{Listen: address, Advertise: "[::]:1"}, hosts.ErrWildcard, "Advertise: "},
		{conch.Config{Listen: address, Peers: []string{"a:1", "a:1"}}, hosts.ErrDuplicate, "Peers: "},
		{conch.Config{Listen: address, HostsFile: "does/not/exist"}, os.ErrNotExist, "does/not/exist"},
		{conch.Config{Listen: address, SessionTTL: conch.MinSessionTTL - 1}, conch.ErrConfig, "SessionTTL: "},
		{conch.Config{Listen: address, SessionTTL: -1}, conch.ErrConfig, "SessionTTL: "},
		{conch.Config{Listen: address, LocalBatch: -1}, conch.ErrConfig, "LocalBatch: got -1, want 1 to 1000"},
		{conch.Config{Listen: address, LocalBatch: conch.MaxLocalBatch + 1}, conch.ErrConfig, "LocalBatch: got 1001, want"},
	} {
		node, err := conch.Start(t.Context(), test.cfg)
		if node != nil || !errors.Is(err, test.want) || !errors.Is(err, conch.ErrConfig) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("Start(%+v) = %v, %v; want %v with %q", test.cfg, node, err, test.want, test.says)
		}
	}
}

func TestStartOnAPortInUse(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0]})
	defer stopNode(t, node)
	_, err := conch.Start(t.Context(), conch.Config{Listen: node.Address()})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another process listens on "+node.Address()) {
		t.Errorf("Start = %v; want an error that names the port in use", err)
	}
}

func TestDataDirMakesSessionsRise(t *testing.T) {
	address, dir := freeAddresses(t, 1)[0], filepath.Join(t.TempDir(), "data")
	var last string
	for range 3 {
		var log bytes.Buffer
		node := startNode(t, conch.Config{Listen: address, DataDir: dir, Log: zerolog.New(&log), Version: "v1"})
		// The port would keep a second process out too, so this one listens elsewhere.
		second := conch.Config{Listen: freeAddresses(t, 1)[0], Advertise: address, DataDir: dir}
		if _, err := conch.Start(t.Context(), second); !errors.Is(err, datadir.ErrInUse) {
			t.Errorf("Start of a second node with the same directory = %v; want ErrInUse", err)
		}
		stopNode(t, node)
		var started struct{ Event, Session, Version string }
		if err := json.Unmarshal(bytes.SplitN(log.Bytes(), []byte("\n"), 2)[0], &started); err != nil {
			t.Fatal(err)
		}
		// Microseconds since 1970 have had 16 digits since 2001, so they compare as text as
		// they do as numbers.
		if started.Event != "node_started" || started.Version != "v1" || started.Session <= last {
			t.Errorf("first line %+v; want node_started of v1, with a session above %s", started, last)
		}
		last = started.Session
	}
}

func TestNodeIsDoneOnlyAtItsEnd(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0]})
	select {
	case <-node.Done():
		t.Error("done before its end")
	default:
	}
	stopNode(t, node)
	stopNode(t, node)
	<-node.Done()
}
