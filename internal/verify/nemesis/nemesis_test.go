package nemesis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	// patience is how long something that must happen may take on a busy machine. No test
	// passes or fails by how long something took.
	patience = time.Minute
	// ttl is short, for the tests' sake.
	ttl = 500 * time.Millisecond
)

func TestMain(m *testing.M) {
	// A process built with the race detector waits for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=10 "+os.Getenv("GORACE")); err != nil {
		panic(err)
	}
	code := m.Run()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir) // it is in the system's folder for such things
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// program is the conch program, built once.
var program struct {
	sync.Once
	dir string
	err error
}

// build returns the path of the conch program, with the race detector if the test has it.
func build(t testing.TB) string {
	t.Helper()
	program.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "conch-nemesis"); program.err != nil { //nolint:usetesting // outlives the first test
			return
		}
		args := append([]string{"build", "-o", program.dir}, raceFlags...)
		output, err := exec.Command("go", append(args, "conch/cmd/conch")...).CombinedOutput()
		if err != nil {
			program.err = fmt.Errorf("build conch: %w: %s", err, output)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return filepath.Join(program.dir, "conch")
}

// runTrial runs one trial, and keeps the files of one that fails.
func runTrial(t *testing.T, nodes, steps, sharers, leaders int, seed uint64) {
	t.Helper()
	dir, err := os.MkdirTemp("", "conch-nemesis-run") //nolint:usetesting // outlives a test that fails
	if err != nil {
		t.Fatal(err)
	}
	err = Run(context.Background(), Config{
		Program: build(t), Dir: dir, Nodes: nodes, TTL: ttl,
		Seed: seed, Steps: steps, Sharers: sharers, Leaders: leaders, Patience: patience, Log: t.Logf,
	})
	if err != nil {
		t.Fatalf("%d nodes, seed %d: %v\nthe nodes' files are in %s; the same faults again: CONCH_SEED=%d go test -run '%s' ./internal/verify/nemesis", nodes, seed, err, dir, seed, t.Name())
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
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

// TestFaults puts three and five real nodes through half of the kinds of faults each.
func TestFaults(t *testing.T) {
	for _, nodes := range []int{3, 5} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			t.Parallel()
			runTrial(t, nodes, 5, 0, 0, seed(t))
		})
	}
}

// TestFaultsUnderSharers does it with three nodes, while their clients share locks.
func TestFaultsUnderSharers(t *testing.T) { runTrial(t, 3, 5, 2, 0, seed(t)) }

// TestFaultsUnderLeaders does it with three nodes, while their clients lead and observe.
func TestFaultsUnderLeaders(t *testing.T) { runTrial(t, 3, 5, 0, 2, seed(t)) }

// TestSoak does the same with fresh seeds and all kinds of faults, for CONCH_SOAK.
func TestSoak(t *testing.T) {
	text := os.Getenv("CONCH_SOAK")
	if text == "" {
		t.Skip("a long test: CONCH_SOAK says how long, as make soak does")
	}
	last, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("CONCH_SOAK: %v", err)
	}
	for end, s := time.Now().Add(last), seed(t); time.Now().Before(end); s++ {
		nodes := 3 + 2*int(s%2)
		t.Run(fmt.Sprintf("%d/%d", nodes, s), func(t *testing.T) { runTrial(t, nodes, 20, 2*int(s/2%2), 2*int(s/4%2), s) })
	}
}
