package procgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFirstProcessReapsOrphans: process 1 of a container leaves no zombie before or while a
// command runs.
func TestFirstProcessReapsOrphans(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("LEFT OUT: containers are Linux's")
	}
	args := []string{"--pid", "--fork", "--mount-proc"}
	if os.Getuid() != 0 {
		args = append([]string{"--user", "--map-root-user"}, args...)
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", append(args, "true")...).CombinedOutput(); err != nil {
		t.Skipf("LEFT OUT: process 1 of a container, which needs unshare and the permission to make namespaces: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append(args, "--kill-child", self())...)
	cmd.Env = append(os.Environ(), as("first"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "no zombies before, none while it ran, ended with 137\n") {
		t.Errorf("%v: it said\n%s", err, out)
	}
}

// beFirst is process 1. An orphan ends before it runs a command, and another, older one
// ends while the command runs.
func beFirst([]string) {
	if os.Getpid() != 1 {
		must(fmt.Errorf("process %d, want 1", os.Getpid()))
	}
	stop := ReapOrphans()
	must(unix.Kill(orphan(), unix.SIGKILL))
	await(func(pids []int) bool { return len(pids) == 0 })
	last := orphan()
	stop()
	told := make(chan struct{})
	go func() {
		defer close(told)
		await(func(pids []int) bool { return len(pids) == 2 }) // the orphan and the command
		must(unix.Kill(last, unix.SIGKILL))
		await(func(pids []int) bool { return len(pids) == 1 })
		must(unix.Kill(others()[0], unix.SIGKILL))
	}()
	lease := &fakeLease{done: make(chan struct{}), warned: make(chan struct{})}
	result, err := Run(Config{Lease: lease, Path: self(), Args: []string{"command"}, Env: []string{as("hear")}, Stdout: os.Stdout, Stderr: os.Stderr})
	must(err)
	<-told
	fmt.Printf("no zombies before, none while it ran, ended with %d\n", result.ExitCode())
}

// orphan starts a process whose parent ends, and returns its number.
func orphan() (pid int) {
	parent := exec.Command(self())
	parent.Env = append(os.Environ(), as("tree out"))
	must(parent.Start()) // not waited for
	await(func(pids []int) bool { return len(pids) == 1 && pids[0] != parent.Process.Pid })
	return others()[0]
}

// await waits until the other processes, zombies included, are as right says.
func await(right func(pids []int) bool) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !right(others()); <-ticker.C {
		if time.Now().After(deadline) {
			must(fmt.Errorf("beside process 1 there are still %v", others()))
		}
	}
}

// others returns the other processes of the container.
func others() (pids []int) {
	names, err := filepath.Glob("/proc/[0-9]*")
	must(err)
	for _, name := range names {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(name), "%d", &pid); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
