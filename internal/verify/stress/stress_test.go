package stress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conch"
	"conch/internal/verify/exclusion"
	clientv1 "conch/proto/conch/client/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newScenario prepares a scenario of three nodes.
func newScenario(t *testing.T) *Scenario {
	t.Helper()
	var addresses []string
	var listeners []net.Listener
	for range 3 {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, addresses = append(listeners, listener), append(addresses, listener.Addr().String())
	}
	s := &Scenario{TTL: ttl, Seed: seed(t), Clients: 32, Callers: 4, Locks: 24, Pace: pace, Patience: time.Minute, Log: t.Logf}
	for i, address := range addresses {
		if err := listeners[i].Close(); err != nil {
			t.Fatal(err)
		}
		s.Nodes = append(s.Nodes, conch.Config{
			Listen: address, Peers: addresses, SessionTTL: s.TTL, DataDir: filepath.Join(t.TempDir(), fmt.Sprint(i)),
		})
	}
	return s
}

// seed returns the one of CONCH_SEED, or else a fresh one.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("CONCH_SEED")
	if text == "" {
		return rand.Uint64N(1_000_000)
	}
	var s uint64
	if _, err := fmt.Sscan(text, &s); err != nil {
		t.Fatalf("CONCH_SEED: got %q, want a number: %v", text, err)
	}
	return s
}

// TestSoakStress runs a scenario for CONCH_SOAK, or a few seconds, with more threads than
// cores, so that goroutines are preempted in the middle of functions.
func TestSoakStress(t *testing.T) {
	last := 4*time.Second + 2*ttl
	if soak := os.Getenv("CONCH_SOAK"); soak != "" {
		var err error
		if last, err = time.ParseDuration(soak); err != nil {
			t.Fatalf("CONCH_SOAK: %v", err)
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * runtime.NumCPU()))
	s := newScenario(t)
	if err := s.Run(t.Context(), last); err != nil {
		t.Fatalf("seed %d: %v\nthe same actions again: CONCH_SEED=%d go test -run '%s' ./internal/verify/stress", s.Seed, err, s.Seed, t.Name())
	}
	if !s.hasShown() {
		t.Errorf("%d grants and %d intervals held, %d of them shared: this run shows nothing", s.grants, len(s.held), s.countShared())
	}
}

// TestJudgesFindWhatIsPlanted has a client believe for an hour that it holds a lock that
// its node gives to another meanwhile, and lets somebody hold and wait when all should be
// calm.
func TestJudgesFindWhatIsPlanted(t *testing.T) {
	s := newScenario(t)
	s.Nodes, s.Locks = s.Nodes[:1], 1
	s.Nodes[0].Peers = nil
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), s.Patience)
	defer cancel()
	first := s.client(0)
	hold := func(c *client) *request {
		c.mu.Lock()
		stream, err := c.open(ctx, s.nodes[0].Address(), 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.close()
		r, m := c.ask(clientv1.Acquire_MODE_WAIT)
		c.mu.Unlock()
		for ctx.Err() == nil {
			stream.send(c.ping(), m)
			m = c.ping()
			pause(ctx, 5*time.Millisecond)
			c.mu.Lock()
			holds := r.holds(s.now())
			c.mu.Unlock()
			if holds {
				return r
			}
		}
		t.Fatalf("%s does not get the lock", c.name)
		return nil
	}
	planted := hold(first)
	planted.until += int64(time.Hour)

	// While it holds the lock, the node is not calm.
	soon := s.Patience
	s.Patience = s.TTL / 4
	if err := s.awaitEmpty(ctx, s.nodes[0]); err == nil || !strings.Contains(err.Error(), "still has 1 holds") {
		t.Errorf("a table that is not empty: got %v", err)
	}
	s.Patience = soon

	second := s.client(1)
	other := hold(second)
	first.end(planted, s.now(), "")
	second.end(other, s.now(), "")
	if err := exclusion.Check(s.held); err == nil || !strings.Contains(err.Error(), "two holders at a time") {
		t.Errorf("a client that believed too long: got %v", err)
	}

	mine, err := s.nodes[0].Lock(ctx, lockName(0))
	if err != nil {
		t.Fatal(err)
	}
	s.Patience = s.TTL / 4
	if err := s.awaitFree(ctx, s.nodes[0]); err == nil || !strings.Contains(err.Error(), "cannot be had") {
		t.Errorf("a lock that is not free: got %v", err)
	}
	if err := mine.Unlock(); err != nil {
		t.Error(err)
	}
}
