package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"conch/broadcast"
	"conch/internal/datadir"
	"conch/internal/runs"
)

// patient bounds what a test waits for, far above what it takes.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A node with a data directory knows its runs after a restart. A node that was not asked for
// any has no file for them.
func TestRunsOutliveTheProcess(t *testing.T) {
	address, dir := freeAddress(t), t.TempDir()
	file := filepath.Join(dir, "notes.db")
	start := func() *Node {
		t.Helper()
		n, err := Start(t.Context(), Config{Listen: address, SessionTTL: MinSessionTTL, DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	stop := func(n *Node) {
		t.Helper()
		if err := n.Stop(patient(t)); err != nil {
			t.Error(err)
		}
	}
	run := runs.Request{Tick: 7, Plain: true}

	n := start()
	hold, err := n.Acquire(patient(t), "plain", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a node that remembers nothing has %s (%v)", file, err)
	}
	if hold, err = n.AcquireRun(patient(t), "job", run); err != nil {
		t.Fatal(err)
	}
	if err := hold.EndRun(patient(t), runs.End{ExitCode: 3}); err != nil {
		t.Errorf("the run's end: %v", err)
	}
	stop(n)

	n = start()
	var ran *broadcast.RanError
	if _, err := n.AcquireRun(patient(t), "job", run); !errors.As(err, &ran) || ran.Run.Tick != 7 || ran.Run.ExitCode != 3 {
		t.Errorf("after a restart, the tick is run again: %v", err)
	}
	stop(n)

	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := Start(t.Context(), Config{Listen: address, SessionTTL: MinSessionTTL, DataDir: dir}); !errors.Is(err, datadir.ErrDamaged) {
		t.Errorf("a node with a damaged file of notes starts: %v", errors.Join(err, n.Stop(t.Context())))
	}
	// The directory was given back.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	stop(start())
}

// A node without a data directory remembers nothing, and says so.
func TestANodeWithoutADirectoryRefusesRuns(t *testing.T) {
	n, err := Start(t.Context(), Config{Listen: freeAddress(t), SessionTTL: MinSessionTTL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.AcquireRun(patient(t), "job", runs.Request{Tick: 7, Plain: true}); !errors.Is(err, broadcast.ErrNoNotes) {
		t.Errorf("a run: %v; want ErrNoNotes", err)
	}
	if _, err := n.AcquireKept(patient(t), "job", runs.Keep{}); !errors.Is(err, broadcast.ErrNoNotes) {
		t.Errorf("a kept hold: %v; want ErrNoNotes", err)
	}
	if err := n.Stop(patient(t)); err != nil {
		t.Error(err)
	}
}
