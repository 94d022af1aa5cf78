package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"conch/internal/verify/processes"
)

// Tests with real nodes whose data directories are older copies, or new.

// diskCluster is three nodes with data directories, and a fence file that judges each
// grant.
type diskCluster struct {
	*processes.Cluster
	t     *testing.T
	ctx   context.Context
	fence string
}

func startDiskCluster(t *testing.T) *diskCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	t.Cleanup(cancel)
	c := &diskCluster{t: t, ctx: ctx, fence: filepath.Join(t.TempDir(), "job.fence")}
	c.Cluster = startMembers(ctx, t, 3, "--session-ttl", "500ms")
	return c
}

// dir is a node's data directory.
func (c *diskCluster) dir(i int) string {
	c.t.Helper()
	name := "*" + strings.TrimPrefix(c.Nodes()[i].Address(), "127.0.0.1:")
	found, err := filepath.Glob(filepath.Join(filepath.Dir(c.WitnessFile()), "state", name))
	check(c.t, err)
	if len(found) != 1 {
		c.t.Fatalf("data directories of %s: %q", c.Nodes()[i].Address(), found)
	}
	return found[0]
}

// lock takes and releases a lock at a node, under the fence file, which refuses a fence
// below earlier ones.
func (c *diskCluster) lock(i int, when string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.ctx, program(c.t), "lock", "--wait", "15s", "--node", c.Nodes()[i].Address(), "L", "--",
		program(c.t), "fence", c.fence, "--", program(c.t), "version")
	if out, err := cmd.CombinedOutput(); err != nil {
		why, _ := exec.CommandContext(c.ctx, program(c.t), "why", "--node", c.Nodes()[i].Address(), "L").CombinedOutput()
		c.t.Fatalf("%s: %v: %s\n%s", when, err, out, why)
	}
}

func (c *diskCluster) start(nodes ...int) {
	c.t.Helper()
	check(c.t, c.Start(c.ctx, nodes...))
}

func (c *diskCluster) stop(nodes ...int) {
	c.t.Helper()
	for _, i := range nodes {
		check(c.t, c.Nodes()[i].Stop(c.ctx))
	}
}

// copied copies a node's directory, and returns how to put the copy back.
func (c *diskCluster) copied(i int) (restore func()) {
	c.t.Helper()
	dir, bak := c.dir(i), filepath.Join(c.t.TempDir(), "bak")
	check(c.t, os.CopyFS(bak, os.DirFS(dir)))
	return func() {
		c.t.Helper()
		check(c.t, os.RemoveAll(dir))
		check(c.t, os.CopyFS(dir, os.DirFS(bak)))
	}
}

var sessionNumber = regexp.MustCompile(`"session":\d+`)

// getAhead sets a node's session numbers to those of a clock a day ahead. Then the clock
// does not help: only the other members know which numbers were used.
func (c *diskCluster) getAhead(i int) {
	c.t.Helper()
	path := filepath.Join(c.dir(i), "state.json")
	line, err := os.ReadFile(path)
	check(c.t, err)
	object, _, _ := strings.Cut(string(line), `,"crc32c"`)
	object = sessionNumber.ReplaceAllString(object, fmt.Sprintf(`"session":%d`, time.Now().Add(24*time.Hour).UnixMicro()))
	sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(object), crc32.MakeTable(crc32.Castagnoli)))
	check(c.t, os.WriteFile(path, fmt.Appendf(nil, "%s,\"crc32c\":\"%x\"}\n", object, sum), 0o600))
}

// One node gets back a copy of its directory from before its K latest starts, and is
// granted the lock again: where the clock is right, and where only the others know its
// numbers.
func TestOlderDataDirectoryOfOneNode(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		t.Run(fmt.Sprintf("numbers ahead of the clock %t", ahead), func(t *testing.T) {
			c := startDiskCluster(t)
			c.lock(0, "at first")
			c.stop(2)
			if ahead {
				c.getAhead(2)
			}
			for _, starts := range []int{1, 2, 3} {
				restore := c.copied(2)
				for range starts {
					c.start(2)
					c.lock(2, "before the copy is put back")
					c.stop(2)
				}
				restore()
				c.start(2)
				c.lock(2, fmt.Sprintf("after a copy from %d starts before", starts))
				c.lock(0, "at another node")
				c.stop(2)
			}
		})
	}
}

// The whole cluster gets older copies back. The clock is right, so no fence is used twice.
func TestOlderDataDirectoriesOfAllNodes(t *testing.T) {
	c := startDiskCluster(t)
	c.stop(0, 1, 2)
	var restore []func()
	for i := range c.Nodes() {
		restore = append(restore, c.copied(i))
	}
	for range 2 {
		c.start(0, 1, 2)
		c.lock(0, "before the copies are put back")
		c.lock(1, "before the copies are put back")
		c.stop(0, 1, 2)
	}
	for _, put := range restore {
		put()
	}
	c.start(0, 1, 2)
	c.lock(0, "after older copies of all directories")
	c.lock(2, "after older copies of all directories")
}

// Fences rise when all directories are new after several restarts.
func TestNewDataDirectoriesAfterRestarts(t *testing.T) {
	c := startDiskCluster(t)
	for range 3 {
		c.lock(0, "before the directories are lost")
		c.stop(0, 1, 2)
		c.start(0, 1, 2)
	}
	c.lock(1, "before the directories are lost")
	c.stop(0, 1, 2)
	for i := range c.Nodes() {
		check(t, os.RemoveAll(c.dir(i)))
	}
	c.start(0, 1, 2)
	c.lock(2, "with new directories")
}

// A node is killed under commands, starts at once with a new data directory, and takes its own
// place: nobody gets their locks before the commands have lost them.
func TestNewDataDirectoryAtOnceUnderCommands(t *testing.T) {
	const locks = 5
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	allow := filepath.Join(t.TempDir(), "allow")
	check(t, os.WriteFile(allow, []byte("@anonymous lock,look,members *\n"), 0o600))
	c := &diskCluster{t: t, ctx: ctx, Cluster: startMembers(ctx, t, 3, "--allow", allow)}
	victim := c.Nodes()[2]
	var files []string
	var first, second []*locker
	for i := range locks {
		lock := fmt.Sprint("lock-", i)
		files = append(files, filepath.Join(t.TempDir(), lock))
		first = append(first, startLock(t, "--node", victim.Address(), lock, "--", "witness", files[i], "stubborn"))
		if !until(func() bool { return readTestimony(t, files[i]).lines > 0 }) {
			t.Fatalf("%s: nobody holds it", lock)
		}
		second = append(second, startLock(t, "--node", c.Nodes()[0].Address(), lock, "--", "witness", files[i], "brief"))
		second[i].awaitLine("1 ahead; held by")
	}
	check(t, victim.Kill())
	check(t, os.RemoveAll(c.dir(2)))
	started := make(chan error, 1)
	go func() { started <- victim.Start(ctx) }()
	check(t, c.AwaitEvent(ctx, 2, "members_awaited"))
	if out, err := exec.CommandContext(ctx, program(t), "members", "replace", "--node", c.Nodes()[0].Address(), victim.Address(), victim.Address()).CombinedOutput(); err != nil {
		t.Fatalf("members replace: %v: %s", err, out)
	}
	check(t, <-started)
	for i := range locks {
		second[i].ends(0)
		first[i].ends(exitLost)
		if got := readTestimony(t, files[i]); got.overlaps != 0 || len(got.fences) != 2 {
			t.Errorf("%s: %d lines were written without the lock, fences %v", files[i], got.overlaps, got.fences)
		}
	}
}
