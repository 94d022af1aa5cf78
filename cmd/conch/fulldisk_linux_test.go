package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"conch/logs"
)

// noDisk is the output of startOnSmallDisk's shell if it may not mount a disk.
const noDisk = "no disk"

// startOnSmallDisk starts a node whose log is on a disk of 64 KB in memory, which only the
// node sees, beside a file named filler. It returns the disk's folder as seen from here.
func startOnSmallDisk(t *testing.T, address, errors string, flags ...string) (node *exec.Cmd, disk string) {
	t.Helper()
	dir := t.TempDir()
	told, err := os.Create(errors)
	check(t, err)
	defer told.Close()
	script := `mount -t tmpfs -o size=64k none "$0" || { echo ` + noDisk + ` >&2; exit; }
head -c 49152 /dev/zero >"$0/filler"; exec "$@"`
	node = exec.Command("sh", append([]string{"-c", script, dir, program(t), "node", "--single", "--evidence", "--listen", address,
		"--data-dir", none, "--socket", none, "--log-file", filepath.Join(dir, "node.log")}, flags...)...)
	node.Stderr = told
	node.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := node.Start(); err != nil {
		t.Skipf("LEFT OUT: a full disk, since this system does not let a process mount one of its own: %v", err)
	}
	t.Cleanup(func() {
		_ = node.Process.Kill() // as a rule it is gone
		_ = node.Wait()
	})
	disk = fmt.Sprintf("/proc/%d/root%s", node.Process.Pid, dir)
	if !until(func() bool {
		log, _ := os.ReadFile(filepath.Join(disk, "node.log"))
		said, _ := os.ReadFile(errors)
		return bytes.Contains(log, []byte(`"event":"session_started"`)) || bytes.Contains(said, []byte(noDisk))
	}) {
		t.Fatal("the node does not start")
	}
	if said, _ := os.ReadFile(errors); bytes.Contains(said, []byte(noDisk)) {
		t.Skipf("LEFT OUT: a full disk, since this system does not let a process mount one of its own: %s", said)
	}
	return node, disk
}

// fillLog takes locks until the node's standard error, in the file errors, has the wanted
// text.
func fillLog(t *testing.T, address, errors, want string) {
	t.Helper()
	if !until(func() bool {
		_ = exec.Command(program(t), "lock", "--node", address, "cs", "--", "true").Run()
		said, _ := os.ReadFile(errors)
		return strings.Contains(string(said), want)
	}) {
		said, _ := os.ReadFile(errors)
		t.Fatalf("the node says %q, want %q", said, want)
	}
}

// TestNodeOutlivesAFullDisk fills the disk of a node's log. The node grants locks as
// before; when there is room again, its log says how many lines are missing.
func TestNodeOutlivesAFullDisk(t *testing.T) {
	address, errors := freeAddresses(t, 1)[0], filepath.Join(t.TempDir(), "errors")
	node, disk := startOnSmallDisk(t, address, errors)
	fillLog(t, address, errors, "the log cannot be written, and lines will be missing from it; the node goes on: ")
	out, err := exec.Command(program(t), "lock", "--node", address, "cs", "--", "echo", "in").CombinedOutput()
	if err != nil || string(out) != "in\n" {
		t.Fatalf("with a full disk: %v, %s", err, out)
	}
	check(t, os.Remove(filepath.Join(disk, "filler")))
	path := filepath.Join(disk, "node.log")
	gap := regexp.MustCompile(`(?m)^\{"level":"warn","node":"` + regexp.QuoteMeta(address) + `","time":"[^"]*","event":"log_gap","missing":"([1-9]\d*)",.*\}$`)
	var log []byte
	if !until(func() bool {
		log, err = os.ReadFile(path)
		return gap.Match(log)
	}) {
		t.Fatalf("no line tells of the gap: %v\n%s", err, log)
	}
	check(t, exec.Command(program(t), "lock", "--node", address, "cs", "--", "true").Run())
	kept, err := os.Open(path) // the path goes when the node does
	check(t, err)
	defer kept.Close()
	check(t, node.Process.Signal(syscall.SIGTERM))
	check(t, node.Wait())
	var all bytes.Buffer
	_, err = all.ReadFrom(kept)
	check(t, err)
	torn := 0
	for line := range bytes.Lines(all.Bytes()) {
		if logs.Validate(bytes.TrimSpace(line)) != nil {
			torn++
		}
	}
	if torn > 1 || !bytes.Contains(all.Bytes(), []byte(`"event":"node_stopped"`)) {
		t.Errorf("%d lines are torn, want at most the last before the gap, and the log to go on to the end", torn)
	}
	missing := gap.FindSubmatch(all.Bytes())[1]
	said, err := os.ReadFile(errors)
	check(t, err)
	if want := fmt.Sprintf("the log is written again; %s of its lines are missing", missing); !strings.Contains(string(said), want) {
		t.Errorf("the node says %q, want %q", said, want)
	}
}

// TestCompleteLogEndsTheNode: with --log-complete a node ends when its disk is full.
func TestCompleteLogEndsTheNode(t *testing.T) {
	address, errors := freeAddresses(t, 1)[0], filepath.Join(t.TempDir(), "errors")
	node, _ := startOnSmallDisk(t, address, errors, "--log-complete")
	fillLog(t, address, errors, "conch: write the log, which must be complete: ")
	if err := node.Wait(); node.ProcessState.ExitCode() != exitFailure {
		t.Errorf("the node ended with %v, want exit code %d", err, exitFailure)
	}
}
