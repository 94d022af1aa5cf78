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

// busyPerCore is how many processes that only compute there are for each core.
const busyPerCore = 4

// writers write to the disk without pause, within one file each: one waits for the disk
// after each block, the other leaves as much as it can in the page cache.
var writers = []string{
	`while :; do dd if=/dev/zero of="$1" bs=64k count=1024 oflag=dsync conv=notrunc 2>/dev/null; done`,
	`while :; do dd if=/dev/zero of="$1" bs=4M count=128 conv=notrunc 2>/dev/null; done`,
}

// TestSoakBusyMachine holds locks at the default --session-ttl on a machine that is as
// busy as it gets, and shows that none is lost: by jobs under "conch lock", and by this
// process, which also measures how little of a lease was left before it was extended.
// One node writes evidence, the others do not.
func TestSoakBusyMachine(t *testing.T) {
	text := os.Getenv("CONCH_SOAK")
	if text == "" {
		t.Skip("CONCH_SOAK is not set: it says how long to go on, for example 10m")
	}
	length, err := time.ParseDuration(text)
	check(t, err)
	dir := t.TempDir()
	c, err := processes.New(processes.Config{
		Program: program(t), Nodes: 3, Use: processes.ServeClients, Dir: dir, FirstFlags: []string{"--evidence"},
	})
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	starting, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, c.Start(starting))
	makeBusy(t, dir)

	running, end := context.WithTimeout(t.Context(), length)
	defer end()
	jobs := make([]*busyJob, 0, 2*len(c.Nodes()))
	for i, node := range c.Nodes() {
		for j := range 2 {
			jobs = append(jobs, startBusyJob(t, node.Socket(), fmt.Sprintf("job-%d-%d", i, j), length))
		}
	}
	margins := make([]*leaseMargins, len(c.Nodes()))
	var measuring sync.WaitGroup
	for i, node := range c.Nodes() {
		margins[i] = &leaseMargins{}
		measuring.Go(func() { margins[i].measure(t, running, node.Socket(), fmt.Sprintf("measured-%d", i)) })
	}
	measuring.Go(func() { turnOver(t, running, c.Nodes()[0].Socket()) })
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

// check waits for the job to end, and says if it was ended.
func (j *busyJob) check(t *testing.T) {
	t.Helper()
	if err := <-j.ended; err != nil {
		t.Errorf("%s: %v\n%s", j.name, err, j.errors.String())
	}
}

// leaseMargins are what was left of a hold's lease each time before it was extended.
type leaseMargins struct {
	left   []time.Duration
	warned int
}

// sampleEvery is how often a hold's lease is looked at.
const sampleEvery = 5 * time.Millisecond

// measure holds a lock, and looks at its lease until ctx ends.
func (m *leaseMargins) measure(t *testing.T, ctx context.Context, node, lock string) {
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

// String tells the least and some other quantiles.
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

// turnOver takes and gives back locks, most of them new ones, so that nodes pass tokens
// and make new ones, and write what evidence they write.
func turnOver(t *testing.T, ctx context.Context, node string) {
	locks, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{"unix:" + node}})
	if err != nil {
		t.Error(err)
		return
	}
	defer locks.Close()
	for i := 0; ctx.Err() == nil; i++ {
		hold, err := locks.Lock(ctx, fmt.Sprintf("turn-%d", i%5000))
		if err != nil {
			continue // the context has ended, or the lock was refused: nothing is held
		}
		if err := hold.Unlock(); err != nil {
			t.Errorf("turn %d: %v", i, err)
		}
	}
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
