package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conch"
	"conch/internal/verify/processes"
)

// busyPerCore is how many processes per core only compute.
const busyPerCore = 4

// writers write to one file each without pause. One waits for the disk after each block,
// the others fill the page cache.
var writers = []string{
	`while :; do dd if=/dev/zero of="$1" bs=64k count=1024 oflag=dsync conv=notrunc 2>/dev/null; done`,
	`while :; do dd if=/dev/zero of="$1" bs=4M count=300 conv=notrunc 2>/dev/null; done`,
	`while :; do dd if=/dev/zero of="$1" bs=4M count=300 conv=notrunc 2>/dev/null; done`,
	`while :; do dd if=/dev/zero of="$1" bs=4M count=300 conv=notrunc 2>/dev/null; done`,
}

// TestSoakBusyMachine shows that no lock is lost at the default --session-ttl on a very
// busy machine: locks of jobs under "conch lock", and of this process, which also measures
// how much of a lease is left before it is extended. The third node has no holders and is
// restarted again and again: the others must save its ballots on the busy disk.
func TestSoakBusyMachine(t *testing.T) {
	text := os.Getenv("CONCH_SOAK")
	if text == "" {
		t.Skip("CONCH_SOAK is not set: it says how long to go on, for example 10m")
	}
	length, err := time.ParseDuration(text)
	check(t, err)
	dir := t.TempDir()
	c, err := processes.New(processes.Config{
		Program: program(t), Nodes: 3, Use: processes.ServeClients, Dir: dir,
	})
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	starting, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, c.Start(starting))
	makeBusy(t, dir)

	running, end := context.WithTimeout(t.Context(), length)
	defer end()
	holders, restarted := c.Nodes()[:2], c.Nodes()[2]
	var jobs []*busyJob
	for i, node := range holders {
		for j := range 3 {
			jobs = append(jobs, startBusyJob(t, node.Socket(), fmt.Sprintf("job-%d-%d", i, j), length))
		}
	}
	margins := make([]*leaseMargins, len(holders))
	var measuring sync.WaitGroup
	for i, node := range holders {
		margins[i] = &leaseMargins{}
		measuring.Go(func() { margins[i].measure(running, t, node.Socket(), fmt.Sprintf("measured-%d", i)) })
	}
	measuring.Go(func() { turnOver(running, t, restarted) })
	measuring.Wait()
	for _, job := range jobs {
		job.check(t)
	}
	for i, m := range margins {
		t.Logf("node %d: %s", i+1, m)
	}
	for _, path := range c.LogFiles() {
		showTroubles(t, path)
	}
}

// makeBusy keeps the processors and the disk busy until the test ends.
func makeBusy(t *testing.T, dir string) {
	t.Helper()
	scripts := slices.Repeat([]string{`while :; do :; done`}, busyPerCore*runtime.NumCPU())
	for i, script := range slices.Concat(scripts, writers) {
		busy := exec.Command("sh", "-c", script, "busy", filepath.Join(dir, fmt.Sprintf("busy%d", i)))
		busy.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		check(t, busy.Start())
		t.Cleanup(func() {
			_ = syscall.Kill(-busy.Process.Pid, syscall.SIGKILL) // the group, dd too
			_ = busy.Wait()                                      // it was killed
		})
	}
}

// busyJob is a job under a lock.
type busyJob struct {
	name   string
	errors bytes.Buffer
	ended  chan error
}

// startBusyJob runs a job under a lock that takes as long as the test.
func startBusyJob(t *testing.T, node, lock string, length time.Duration) *busyJob {
	t.Helper()
	job := &busyJob{name: lock, ended: make(chan error, 1)}
	cmd := exec.CommandContext(t.Context(), program(t), "lock", "--node", "unix:"+node, lock, "--",
		"sleep", fmt.Sprint(int(length.Seconds())))
	cmd.Stderr = &job.errors
	check(t, cmd.Start())
	go func() { job.ended <- cmd.Wait() }()
	return job
}

// check waits for the job to end, and reports a lost lock.
func (j *busyJob) check(t *testing.T) {
	t.Helper()
	if err := <-j.ended; err != nil {
		t.Errorf("%s: %v\n%s", j.name, err, j.errors.String())
	}
}

// leaseMargins are the times left of a hold's lease just before it was extended.
type leaseMargins struct {
	left   []time.Duration
	warned int
}

// sampleEvery is how often a hold's lease is read.
const sampleEvery = 5 * time.Millisecond

// measure holds a lock and samples its lease until ctx ends.
func (m *leaseMargins) measure(ctx context.Context, t *testing.T, node, lock string) {
	locks, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{"unix:" + node}})
	if err != nil {
		t.Errorf("%s: %v", lock, err)
		return
	}
	defer locks.Close()
	hold, err := locks.Lock(ctx, lock)
	if err != nil {
		t.Errorf("%s: %v", lock, err)
		return
	}
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	last := hold.Deadline()
	for near := false; ; {
		select {
		case <-ctx.Done():
			if err := hold.Unlock(); err != nil {
				t.Errorf("%s: %v", lock, err)
			}
			return
		case <-hold.Done():
			t.Errorf("%s: %v", lock, hold.Err())
			return
		case <-sample.C:
		}
		now, warning := time.Now(), hold.Warning() != nil
		if warning && !near {
			m.warned++
		}
		near = warning
		if deadline := hold.Deadline(); deadline.Sub(last) > time.Millisecond {
			m.left = append(m.left, last.Sub(now))
			last = deadline
		}
	}
}

// String shows the least and some quantiles.
func (m *leaseMargins) String() string {
	if len(m.left) == 0 {
		return "the lease was never extended"
	}
	slices.Sort(m.left)
	at := func(share float64) time.Duration {
		return m.left[int(share*float64(len(m.left)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("the lease was extended %d times, with this much left of it: least %v, 0.1%% %v, 1%% %v, 10%% %v, half %v, most %v; %d warnings",
		len(m.left), at(0), at(0.001), at(0.01), at(0.1), at(0.5), at(1), m.warned)
}

// restartEvery is how often a node is restarted.
const restartEvery = 20 * time.Second

// turnOver restarts a node again and again and takes new locks at it. Each needs a new
// token, by a ballot above all that the others have promised.
func turnOver(ctx context.Context, t *testing.T, node *processes.Node) {
	for i := 0; ; i++ {
		for j := range 3 {
			asking, cancel := context.WithTimeout(ctx, restartEvery)
			// While a save takes longer than T no token can be made, since no ballot waits
			// so long.
			if err := takeOnce(asking, node.Socket(), fmt.Sprintf("turn-%d-%d", i, j)); err != nil && ctx.Err() == nil {
				t.Logf("turn %d: a new lock was not granted: %v", i, err)
			}
			cancel()
		}
		select {
		case <-time.After(restartEvery):
		case <-ctx.Done():
			return
		}
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		err := node.Stop(stopping)
		if err == nil {
			err = node.Start(stopping)
		}
		cancel()
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// takeOnce takes a lock and gives it back.
func takeOnce(ctx context.Context, socket, lock string) error {
	locks, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{"unix:" + socket}})
	if err != nil {
		return err
	}
	defer locks.Close()
	hold, err := locks.Lock(ctx, lock)
	if err != nil {
		return err
	}
	return hold.Unlock()
}

// showTroubles shows the lines of a node's log that tell of leases and losses.
func showTroubles(t *testing.T, path string) {
	t.Helper()
	log, err := os.ReadFile(path)
	check(t, err)
	shown := 0
	for line := range strings.Lines(string(log)) {
		for _, event := range []string{"session_warned", "session_lapsed", "hold_expired", "peer_lost", `"lost"`, "slow"} {
			if strings.Contains(line, event) && shown < 40 {
				shown++
				t.Logf("%s: %s", filepath.Base(path), strings.TrimSpace(line))
			}
		}
	}
	t.Logf("%s has %d bytes", filepath.Base(path), len(log))
}
