package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"conch"
	"conch/internal/loadgen"
)

// A bench with nodes of its own has every figure in every round.
func TestBenchJSON(t *testing.T) {
	text, err := exec.Command(program(t), "bench", "--json", "--rounds", "2", "--duration", "200ms", "--warm-up", "50ms").Output()
	check(t, err)
	var report struct {
		NodesStarted bool `json:"nodes_started"`
		Nodes        []string
		NotKnown     []string `json:"not_known"`
		Incomplete   *string
		Workloads    []struct {
			Workload string
			Clients  int
			Rounds   []struct {
				Judged  int `json:"judged_grants"`
				Figures map[loadgen.Figure]*float64
			}
			Summary map[loadgen.Figure]*struct{ Median, Least, Most float64 }
		}
	}
	check(t, json.Unmarshal(text, &report))
	if len(report.Workloads) != 3 || !report.NodesStarted || len(report.Nodes) != 3 || report.Incomplete != nil {
		t.Fatalf("got %s", text)
	}
	if runtime.GOOS == "linux" && len(report.NotKnown) > 0 {
		t.Errorf("not known: %q", report.NotKnown)
	}
	for _, w := range report.Workloads {
		if len(w.Rounds) != 2 || len(w.Summary) != len(loadgen.Figures()) {
			t.Errorf("%s: %d rounds, %d figures in the summary; want 2 and %d", w.Workload, len(w.Rounds), len(w.Summary), len(loadgen.Figures()))
		}
		for _, round := range w.Rounds {
			for _, f := range loadgen.Figures() {
				value, there := round.Figures[f]
				served := slices.Contains([]loadgen.Figure{loadgen.Fairness, loadgen.LeastServed, loadgen.MostServed}, f)
				switch {
				case !there:
					t.Errorf("%s: there is no %s", w.Workload, f)
				case value == nil && round.Judged > 0 && !(served && w.Workload != "contended") && runtime.GOOS == "linux":
					t.Errorf("%s: %s is null after %d grants", w.Workload, f, round.Judged)
				}
			}
		}
	}
}

// ownBench is a long bench with nodes of its own. tmp is its folder for temporary files.
type ownBench struct {
	t      *testing.T
	cmd    *exec.Cmd
	tmp    string
	stderr bytes.Buffer
}

// startBench starts a bench and waits until its nodes serve clients.
func startBench(t *testing.T) *ownBench {
	t.Helper()
	tmp, err := os.MkdirTemp("", "bench") //nolint:usetesting // a socket's path has to be short
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(tmp)) })
	b := &ownBench{t: t, tmp: tmp, cmd: exec.Command(program(t), "bench", "--duration", maxBenchDuration.String(), "--warm-up", "0s")}
	b.cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	b.cmd.Stderr = &b.stderr
	check(t, b.cmd.Start())
	t.Cleanup(func() { _ = b.cmd.Process.Kill() }) // as a rule it is gone
	if !until(func() bool {
		sockets, err := filepath.Glob(filepath.Join(tmp, "*", "*.sock"))
		return err == nil && len(sockets) == 3
	}) {
		t.Fatalf("its nodes do not start: %s", b.stderr.String())
	}
	return b
}

// ends waits for the bench to end, and checks that it leaves nothing behind.
func (b *ownBench) ends(want int) {
	b.t.Helper()
	_ = b.cmd.Wait() // the exit code is checked below
	if got := b.cmd.ProcessState.ExitCode(); got != want {
		b.t.Errorf("exit code %d, want %d; it said: %s", got, want, b.stderr.String())
	}
	left, err := os.ReadDir(b.tmp)
	check(b.t, err)
	if len(left) > 0 {
		b.t.Errorf("%s is left behind", left[0].Name())
	}
	if pids := b.nodes(); len(pids) > 0 {
		b.t.Errorf("processes %v are left behind", pids)
	}
}

// nodes returns the bench's nodes, whose command lines name its folder.
func (b *ownBench) nodes() []int {
	var pids []int
	processes, err := filepath.Glob("/proc/[0-9]*")
	check(b.t, err)
	for _, process := range processes {
		line, err := os.ReadFile(filepath.Join(process, "cmdline"))
		pid, _ := strconv.Atoi(filepath.Base(process))
		if err == nil && bytes.Contains(line, []byte(b.tmp+"/")) && isRunning(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestInterruptedBenchLeavesNothing(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		b := startBench(t)
		check(t, b.cmd.Process.Signal(signal))
		b.ends(signalExit + int(signal))
		if got := b.stderr.String(); got != "conch: interrupted\n" {
			t.Errorf("it said %q, want that it was interrupted, and no more", got)
		}
	}
}

// TestKilledBenchLeavesNoProcess: a bench that is killed leaves no node behind.
func TestKilledBenchLeavesNoProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a process that was killed with SIGKILL")
	}
	b := startBench(t)
	nodes := b.nodes()
	if len(nodes) != 3 {
		t.Fatalf("processes %v, want 3", nodes)
	}
	check(t, b.cmd.Process.Kill())
	_ = b.cmd.Wait() // the error says that it was killed
	checkNoneRuns(t, nodes)
}

// TestBenchEndsWithANode: when a node ends, the bench does too, since the rest would be
// another measurement.
func TestBenchEndsWithANode(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux the processes of the nodes are found")
	}
	b := startBench(t)
	nodes := b.nodes()
	if len(nodes) != 3 {
		t.Fatalf("processes %v, want 3", nodes)
	}
	check(t, syscall.Kill(nodes[1], syscall.SIGKILL))
	_ = b.cmd.Wait()
	// The bench may or may not have reached the node before.
	if code := b.cmd.ProcessState.ExitCode(); code != exitUnreachable && code != exitFailure {
		t.Errorf("exit code %d, want %d or %d", code, exitUnreachable, exitFailure)
	}
	b.ends(b.cmd.ProcessState.ExitCode())
	if !strings.Contains(b.stderr.String(), "signal: killed") {
		t.Errorf("it does not say what happened: %s", b.stderr.String())
	}
}

func TestBenchFailures(t *testing.T) {
	ctx := context.Background()
	signalled, cancel := context.WithCancelCause(ctx)
	cancel(&interruption{syscall.SIGTERM})
	for _, test := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{ctx, loadgen.ErrOverlap, exitFailure}, {ctx, loadgen.ErrFence, exitFailure}, {ctx, errors.New("else"), exitFailure},
		{ctx, loadgen.ErrInUse, exitNotAcquired}, {ctx, loadgen.ErrMetrics, exitUnreachable}, {ctx, errGone, exitUnreachable},
		{ctx, conch.ErrUnreachable, exitUnreachable}, {ctx, conch.ErrNoSession, exitUnreachable},
		{ctx, usageError(errors.New("wrong")), exitUsage},
		{signalled, loadgen.ErrFence, exitFailure},
		{signalled, &exitError{code: exitFailure, err: errors.New("canceled")}, signalExit + int(syscall.SIGTERM)},
		{signalled, errInterrupted, signalExit + int(syscall.SIGTERM)},
	} {
		if got := exitCode(benchFailure(test.ctx, fmt.Errorf("so: %w", test.err))); got != test.want {
			t.Errorf("%v: exit code %d, want %d", test.err, got, test.want)
		}
	}
	if err := benchFailure(ctx, nil); err != nil {
		t.Errorf("no failure: got %v", err)
	}
}
