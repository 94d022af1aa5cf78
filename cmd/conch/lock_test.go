package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"conch/internal/verify/processes"
)

// startMembers starts a cluster of nodes that want nothing themselves.
func startMembers(ctx context.Context, t *testing.T, nodes int, flags ...string) *processes.Cluster {
	t.Helper()
	c, err := processes.New(processes.Config{
		Program: program(t), Nodes: nodes, Dir: t.TempDir(),
		Flags: append([]string{"--auto-think", maxPause.String(), "--socket", none}, flags...),
	})
	check(t, err)
	t.Cleanup(func() { check(t, c.Kill()) })
	check(t, c.Start(ctx))
	for i := range c.Nodes() {
		check(t, c.AwaitEvent(ctx, i, "session_started"))
	}
	return c
}

// locker is a conch lock that runs.
type locker struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *bufio.Reader
	said   bytes.Buffer
}

// startLock starts conch lock --verbose with arguments, in a process group of its own.
func startLock(t *testing.T, args ...string) *locker {
	t.Helper()
	l := &locker{t: t, cmd: exec.Command(program(t), append([]string{"lock", "--verbose"}, args...)...)}
	stderr, err := l.cmd.StderrPipe()
	check(t, err)
	l.stderr = bufio.NewReader(stderr)
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	check(t, l.cmd.Start())
	t.Cleanup(func() { _ = l.cmd.Process.Kill() }) // as a rule it is gone
	return l
}

// awaitLine waits until it says something on standard error.
func (l *locker) awaitLine(want string) {
	l.t.Helper()
	for {
		line, err := l.stderr.ReadString('\n')
		l.said.WriteString(line)
		if strings.Contains(line, want) {
			return
		}
		if err != nil {
			l.t.Fatalf("%v: want %q; it said: %s", l.cmd.Args, want, l.said.String())
		}
	}
}

// ends waits for its end.
func (l *locker) ends(want int) {
	l.t.Helper()
	_, _ = l.said.ReadFrom(l.stderr) // what comes of it is seen by its exit code
	_ = l.cmd.Wait()
	if got := l.cmd.ProcessState.ExitCode(); got != want {
		l.t.Errorf("%v: exit code %d, want %d; it said: %s", l.cmd.Args, got, want, l.said.String())
	}
}

// TestNodeKilledUnderCommands kills nodes under commands that are deaf to SIGTERM, and so
// are their children: all are dead before the next one gets in.
func TestNodeKilledUnderCommands(t *testing.T) {
	const kills, locks = 2, 10
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	c := startMembers(ctx, t, 3, "--session-ttl", "1s")
	dir, overlaps := t.TempDir(), 0
	for kill := range kills {
		victim, other := c.Nodes()[kill%3], c.Nodes()[(kill+1)%3]
		var files []string
		var first, second []*locker
		for i := range locks {
			lock := fmt.Sprintf("lock-%d-%d", kill, i)
			file := filepath.Join(dir, lock)
			files = append(files, file)
			first = append(first, startLock(t, "--node", victim.Address(), lock, "--", "witness", file, "stubborn"))
			if !until(func() bool { return readTestimony(t, file).lines > 0 }) {
				t.Fatalf("%s: nobody holds it", lock)
			}
			second = append(second, startLock(t, "--node", other.Address(), lock, "--", "witness", file, "brief"))
			second[i].awaitLine("1 ahead; held by")
		}
		check(t, victim.Kill())
		for i := range locks {
			second[i].ends(0)
			first[i].ends(exitLost)
			got := readTestimony(t, files[i])
			if len(got.fences) != 2 {
				t.Errorf("%s: fences %v, want two", files[i], got.fences)
			}
			overlaps += got.overlaps
		}
		check(t, victim.Start(ctx))
		check(t, c.AwaitEvent(ctx, kill%3, "session_started"))
	}
	if overlaps != 0 {
		t.Errorf("%d lines were written without the lock", overlaps)
	}
}

// TestCounter: shell loops at all nodes increment a counter that nothing else protects.
func TestCounter(t *testing.T) {
	const nodes = 5
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	c := startMembers(ctx, t, nodes, "--session-ttl", "20s") // many processes make a machine slow
	counter := filepath.Join(t.TempDir(), "counter")
	check(t, os.WriteFile(counter, []byte("0\n"), 0o644))
	const script = `for i in $(seq $LOOPS); do
		conch lock counter -- sh -c 'n=$(cat "$COUNTER"); echo $((n+1)) >"$COUNTER"' || exit
	done`
	var loops sync.WaitGroup
	for i := range nodes * loopsPerNode {
		loops.Go(func() {
			loop := exec.CommandContext(ctx, "sh", "-c", script)
			loop.Env = append(os.Environ(), "CONCH_NODE="+c.Nodes()[i%nodes].Address(), "COUNTER="+counter, fmt.Sprintf("LOOPS=%d", increments))
			if output, err := loop.CombinedOutput(); err != nil {
				t.Errorf("loop %d: %v: %s", i, err, output)
			}
		})
	}
	loops.Wait()
	got, err := os.ReadFile(counter)
	check(t, err)
	if want := fmt.Sprintf("%d\n", nodes*loopsPerNode*increments); string(got) != want {
		t.Errorf("the counter is at %q, want %q", got, want)
	}
}

// TestFrozenClient freezes conch lock and its command until their lease is over: another
// gets in, and the command does nothing more.
func TestFrozenClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := startMembers(ctx, t, 1, "--session-ttl", "1s")
	file := filepath.Join(t.TempDir(), "witness")
	node := c.Nodes()[0].Address()
	first := startLock(t, "--node", node, "x", "--", "witness", file, "alone")
	var frozen testimony
	if !until(func() bool { frozen = readTestimony(t, file); return frozen.lines > 0 }) {
		t.Fatal("nobody holds it")
	}
	command := witnessPid(t, file)
	check(t, first.cmd.Process.Signal(unix.SIGSTOP))
	check(t, unix.Kill(command, unix.SIGSTOP))
	second := startLock(t, "--node", node, "x", "--", "witness", file, "brief")
	second.ends(0)
	// The command goes on only when conch lock lets it.
	check(t, first.cmd.Process.Signal(unix.SIGCONT))
	first.ends(exitLost)
	if got := readTestimony(t, file); len(got.fences) != 2 || got.overlaps != 0 {
		t.Errorf("%+v, want two fences, one after the other", got)
	}
}

// TestScriptLearnsOfALossInTime freezes the node of a script that holds a lock without a
// command: conch lock ends, so that the script knows, before the next one gets in. It does
// not wait for the node first.
func TestScriptLearnsOfALossInTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := startMembers(ctx, t, 3)
	node, other := c.Nodes()[0], c.Nodes()[1]
	file := filepath.Join(t.TempDir(), "order")
	const script = `conch lock --grace 500ms --node "$1" x; echo "told $?" >>"$2"`
	first := exec.CommandContext(ctx, "sh", "-c", script, "sh", node.Address(), file)
	first.Stderr = t.Output()
	_, err := first.StdinPipe() // which does not end
	check(t, err)
	stdout, err := first.StdoutPipe()
	check(t, err)
	check(t, first.Start())
	_, err = bufio.NewReader(stdout).ReadString('\n') // it has the lock
	check(t, err)
	second := startLock(t, "--node", other.Address(), "x", "--", "sh", "-c", `echo in >>"$1"`, "sh", file)
	second.awaitLine("1 ahead; held by")
	check(t, node.Freeze())
	second.ends(0)
	check(t, first.Wait())
	got, err := os.ReadFile(file)
	check(t, err)
	if want := fmt.Sprintf("told %d\nin\n", exitLost); string(got) != want {
		t.Errorf("the order was %q, want %q", got, want)
	}
}

// witnessPid is the process that wrote the first line of a file.
func witnessPid(t *testing.T, file string) (pid int) {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	var fence uint64
	_, err = fmt.Sscanf(string(data), "%d %d\n", &fence, &pid)
	check(t, err)
	return pid
}

// TestKilledClient kills conch lock itself. Its command dies with it, or lives on for a
// part of the lease; either way nobody gets in before.
func TestKilledClient(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a process that was killed with SIGKILL")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := startMembers(ctx, t, 3)
	node, other := c.Nodes()[0].Address(), c.Nodes()[1].Address()
	// A lease is renewed each quarter of two seconds, so the half of it is always left.
	for _, mode := range [][]string{{"alone"}, {"orphan", "1s"}} {
		file := filepath.Join(t.TempDir(), "witness")
		lock := mode[0]
		first := startLock(t, append([]string{"--node", node, lock, "--", "witness", file}, mode...)...)
		if !until(func() bool { return readTestimony(t, file).lines > 0 }) {
			t.Fatal("nobody holds it")
		}
		command := witnessPid(t, file)
		var after []*locker
		for _, address := range []string{node, other} {
			after = append(after, startLock(t, "--node", address, lock, "--", "witness", file, "brief"))
			after[len(after)-1].awaitLine("ahead; held by")
		}
		check(t, first.cmd.Process.Kill())
		for _, next := range after {
			next.ends(0)
		}
		checkNoneRuns(t, []int{command})
		if got := readTestimony(t, file); len(got.fences) != 3 || got.overlaps != 0 {
			t.Errorf("%s: %+v, want three fences, one after the other", lock, got)
		}
	}
}
