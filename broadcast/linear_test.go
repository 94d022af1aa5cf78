package broadcast

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"conch/token"
)

var waitsFlag = flag.Int("waits", 100, "how many waits TestQueuedWaits has granted")

// queuedWaits returns a cluster of one, with the log on, in which so many callers wait for
// locks of their own. Its session begins with a tick at 2 T. What cfg leaves open is filled in.
func queuedWaits(tb testing.TB, waits int, cfg Config) *owner {
	tb.Helper()
	node, err := token.New(0, token.Config{
		Members: 1, Session: 1, TTL: token.Time(testTTL), Encumbered: true,
		IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock, FencesPerEpoch: token.MaxFencesPerEpoch,
	})
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Members, cfg.Session, cfg.TTL, cfg.Log = []string{"a:1"}, 1, testTTL, zerolog.New(io.Discard)
	cfg.Clock = func() token.Time { return token.Time(2 * testTTL) }
	if err := cfg.complete(); err != nil {
		tb.Fatal(err)
	}
	d := &Driver{clock: cfg.Clock, limits: defaultLimits, ttl: testTTL}
	d.roster.Store(fixedRoster(0, cfg.Members))
	o := newOwner(d, node, cfg)
	o.peers = make([]peer, 1)
	for i := range waits {
		ask(o, i+1, fmt.Sprint("lock ", i))
	}
	return o
}

// ask lets a caller wait.
func ask(o *owner, id int, lock string) {
	c := &localClaim{driver: o.Driver, ready: make(chan struct{}, 1)}
	c.begin(token.Waiter(id))
	o.take(0, &input{kind: inputAcquire, lock: lock, id: token.Waiter(id), local: c})
}

// TestQueuedWaits has all granted that a session begins with, and then as many waits for
// one lock, one after the other. TestQueuedWaitsAreLinearWork counts its statements.
func TestQueuedWaits(t *testing.T) {
	waits, now := *waitsFlag, token.Time(2*testTTL)
	o := queuedWaits(t, waits, Config{Evidence: true})
	o.take(now, &input{kind: inputTick})
	if holds, _, _ := o.table.Counts(); holds != waits {
		t.Fatalf("%d of %d waits were granted", holds, waits)
	}
	for i := range waits {
		ask(o, waits+i+1, "lock 0")
	}
	for i := range waits {
		o.take(now, &input{kind: inputRelease, id: token.Waiter(i + 1)})
	}
	for i := range waits {
		o.take(now, &input{kind: inputRelease, id: token.Waiter(waits + i + 1)})
	}
	if holds, left, _ := o.table.Counts(); holds+left > 0 {
		t.Fatalf("%d holds and %d waits are left", holds, left)
	}
}

// TestQueuedWaitsAreLinearWork counts how often each statement of this package, of the
// table of claims and of package token runs in TestQueuedWaits. Four times as many waits may
// run a statement six times as often, which leaves room for a sorting; a walk through all
// that is queued for each grant would run one sixteen times as often.
func TestQueuedWaitsAreLinearWork(t *testing.T) {
	const few, many = 500, 2000
	binary := filepath.Join(t.TempDir(), "broadcast.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-c", "-o", binary, "-covermode=count",
		"-coverpkg=conch/broadcast,conch/internal/claims,conch/token", ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before, after := statements(t, binary, few), statements(t, binary, many)
	if len(after) < 1000 {
		t.Fatalf("the profile has %d blocks, want all of three packages", len(after))
	}
	busy := 0
	for block, count := range after {
		if count >= many {
			busy++
		}
		if allowed := 6*before[block] + few; count > allowed {
			t.Errorf("%s: run %d times for %d waits and %d times for %d, want at most %d", block, before[block], few, count, many, allowed)
		}
	}
	if busy < 50 {
		t.Errorf("%d blocks were run for each wait: nothing was granted", busy)
	}
}

// statements runs TestQueuedWaits and returns how often each block of statements ran.
func statements(t *testing.T, binary string, waits int) map[string]int {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "profile")
	run := exec.CommandContext(t.Context(), binary, "-test.run=^TestQueuedWaits$", "-test.coverprofile="+profile, fmt.Sprintf("-waits=%d", waits))
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := os.Open(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	counts := make(map[string]int)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		block, rest, _ := strings.Cut(lines.Text(), " ") // FILE:FROM,TO STATEMENTS COUNT
		var size, count int
		if _, err := fmt.Sscan(rest, &size, &count); err == nil {
			counts[block] += count
		}
	}
	return counts
}
