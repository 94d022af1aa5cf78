//go:build linux

package netns

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"conch"
	"conch/internal/verify/exclusion"
)

// TestWitnessJudges gives the judges of the shared file correct files, and files with a
// planted violation.
func TestWitnessJudges(t *testing.T) {
	for _, c := range []struct {
		name string
		file string // lines, with commas between
		says string // empty: it is right
	}{
		{"turns", "enter a x 1 10, leave a x 1 20, enter b x 2 21, leave b x 2 30", ""},
		{"alive until it is lost", "enter a x 1 10, alive a - 0 20, lost a x 1 0, enter b x 2 21", ""},
		{"a late line", "enter b x 2 21, enter a x 1 10, leave b x 2 30, leave a x 1 20", ""},
		{"killed", "enter a x 1 10, alive a - 0 20, enter b x 2 21, alive b - 0 90", ""},
		{"alive after a lock was given back", "enter a x 1 10, leave a x 1 20, enter a y 1 20, enter b x 2 21, alive a - 0 50", ""},

		{"held too long", "enter a x 1 10, alive a - 0 30, lost a x 1 0, enter b x 2 21", "two holders"},
		{"held on, and never ended", "enter a x 1 10, enter b x 2 21, alive a - 0 30", "two holders"},
		{"left too late", "enter a x 1 10, leave a x 1 22, enter b x 2 21, leave b x 2 30", "two holders"},
		{"a fence falls", "enter a x 2 10, leave a x 2 20, enter b x 1 21", "lower fence"},
		{"no such hold", "leave a x 2 10", "does not have the lock"},
		{"in twice", "enter a x 1 10, enter a x 2 20", "has the lock already"},
		{"an unknown word", "exit a x 1 10", "unknown word"},
		{"too few words", "enter a", "want WHAT HOLDER"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "witness.txt")
			text := strings.ReplaceAll(c.file, ", ", "\n") + "\nenter torn"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			h, err := readHistory(path)
			if err == nil {
				err = exclusion.Check(h.held)
			}
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

// TestOthersAreNoticed plants what the other judges must find: a lock that is not free, a
// table that is not empty, a client that is not served, and a process that has ended.
func TestOthersAreNoticed(t *testing.T) {
	needNetworks(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o, err := prepare(Config{
		Program: build(t), Self: self, Dir: t.TempDir(), Nodes: 1, TTL: ttl, Threads: runtime.NumCPU(), Patience: patience, Log: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}()
	all := o.hosts
	defer func() { o.hosts = all }() // for close, since a proxy runs
	node := all[0]
	o.hosts = all[:1] // no client runs
	if err := o.start(node); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var client *conch.Client
	for client == nil {
		if err := errors.Join(o.failure(), ctx.Err()); err != nil {
			t.Fatal(err)
		}
		if client, err = conch.Dial(ctx, conch.DialConfig{Nodes: []string{"unix:" + o.socket(0)}}); err != nil && !errors.Is(err, conch.ErrUnreachable) {
			t.Fatal(err)
		}
	}
	hold, err := client.Lock(ctx, poolLock(7))
	if err != nil {
		t.Fatal(err)
	}
	o.Patience = time.Second
	if err := o.awaitFree(ctx, 0); err == nil || !strings.Contains(err.Error(), "pool7 cannot be had") || strings.Contains(err.Error(), "pool8 ") {
		t.Errorf("a lock that is not free: got %v", err)
	}
	if err := o.awaitEmpty(ctx, 0); err == nil || !strings.Contains(err.Error(), "node 1 has 1 holds") {
		t.Errorf("a table that is not empty: got %v", err)
	}
	if err := o.poll(ctx, "the client to be served", func() (bool, error) { return node.isServed(o.failure()) }); err == nil {
		t.Error("a client that runs on was taken for one that was served")
	}
	o.Patience = patience
	if err := errors.Join(hold.Unlock(), client.Close(), o.awaitFree(ctx, 0), o.awaitEmpty(ctx, 0)); err != nil {
		t.Errorf("when all is calm: %v", err)
	}
	if err := o.failure(); err != nil {
		t.Errorf("before a process ended: %v", err)
	}
	if err := errors.Join(o.end(node, 9), os.WriteFile(o.witness(), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	node.wanted = true
	if err := o.failure(); err == nil || !strings.Contains(err.Error(), "host 1: its process ended") {
		t.Errorf("a process that ended: got %v", err)
	}
	o.hosts = all[:2]
	if err := o.judge(); err == nil || !strings.Contains(err.Error(), "client1.0 was not served") {
		t.Errorf("a client that was not served: got %v", err)
	}
}
