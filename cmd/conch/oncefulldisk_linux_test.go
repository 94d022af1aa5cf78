package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDiskUnderRuns fills the disk on which a node notes runs: once and for all, or only
// while each command runs, so that there is room for the note ahead of it, and none for that
// after it. The node ends when it cannot note a run. With room again it goes on, and no turn
// has been run twice.
func TestFullDiskUnderRuns(t *testing.T) {
	t.Run("all the time", func(t *testing.T) { testFullDisk(t, true) })
	t.Run("while a command runs", func(t *testing.T) { testFullDisk(t, false) })
}

func testFullDisk(t *testing.T, isFullBefore bool) {
	t.Helper()
	dir, address := t.TempDir(), freeAddresses(t, 1)[0]
	log, turns, told := filepath.Join(dir, "node.log"), filepath.Join(dir, "turns.txt"), filepath.Join(dir, "errors")
	errors, err := os.Create(told)
	check(t, err)
	defer errors.Close()
	disk := filepath.Join(dir, "disk")
	check(t, os.Mkdir(disk, 0o755))
	// The shell stays, and with it the disk.
	script := `mount -t tmpfs -o size=256k none "$0" || { echo ` + noDisk + ` >&2; exit; }
"$@"; echo ended with $? >&2; until [ -e "$0/again" ]; do sleep 0.05; done; rm "$0/filler"; exec "$@"`
	node := exec.Command("sh", "-c", script, disk, program(t), "node", "--single", "--listen", address, "--session-ttl", "500ms",
		"--data-dir", filepath.Join(disk, "data"), "--socket", none, "--log-file", log)
	node.Stderr = errors
	node.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Setpgid: true,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := node.Start(); err != nil {
		t.Skipf("LEFT OUT: a full disk, since this system does not let a process mount one of its own: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-node.Process.Pid, syscall.SIGKILL) // the shell and the node
		_ = node.Wait()
	})
	says := func(file, text string) bool {
		said, _ := os.ReadFile(file)
		return strings.Contains(string(said), text)
	}
	if !until(func() bool { return says(log, `"event":"session_started"`) || says(told, noDisk) }) {
		t.Fatal("the node does not start")
	}
	if says(told, noDisk) {
		t.Skip("LEFT OUT: a full disk, since this system does not let a process mount one of its own")
	}
	inside := fmt.Sprintf("/proc/%d/root%s", node.Process.Pid, disk)
	filler := filepath.Join(inside, "filler")
	once := func(tick int, then string) int {
		cmd := exec.Command(program(t), "once", "job", "--tick", fmt.Sprint(tick), "--on-crash", wordSkip, "--node", address,
			"--", "sh", "-c", fmt.Sprintf("echo begin job $CONCH_TICK >>%s; %s; echo end job $CONCH_TICK >>%s", turns, then, turns))
		_ = cmd.Run() // the exit code tells
		return cmd.ProcessState.ExitCode()
	}
	fill := "cat /dev/zero >" + filler + " 2>/dev/null"
	last, code := 0, 0
	for code == 0 && last < 200 {
		last++
		if !isFullBefore {
			_ = os.Remove(filler) // there may be none
		}
		code = once(last, fill)
	}
	if code == 0 {
		t.Fatalf("the node noted %d turns on a full disk", last)
	}
	if !until(func() bool { return says(told, "ended with 1") }) {
		said, _ := os.ReadFile(told)
		t.Fatalf("the node has not ended; it says %q", said)
	}
	t.Logf("the turn %d ended with %d", last, code)
	check(t, os.WriteFile(filepath.Join(inside, "again"), nil, 0o644))
	if !until(func() bool { return once(last, "true") == 0 }) {
		t.Fatal("the node does not go on")
	}
	if code := once(last+1, "true"); code != 0 {
		t.Errorf("with room again: exit code %d", code)
	}
	text, err := os.ReadFile(turns)
	check(t, err)
	for _, fault := range judgeTurns(text, map[string]bool{"job": true}, nil).faults {
		t.Error(fault)
	}
}
