package datadir

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestAFullOrReadOnlyDisk runs on a disk of a few pages, in memory, which only the
// process that mounts it sees.
func TestAFullOrReadOnlyDisk(t *testing.T) {
	cmd := command("small disk", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if cmd.Process == nil || strings.HasPrefix(string(out), noMount) {
		t.Skipf("LEFT OUT: a full disk, since this system does not let a process mount one of its own: %v %s", err, out)
	}
	want := strings.Join([]string{"full: saved, and opened again", "new: true true", reported, "state: kept", "open: true true", ""}, "\n")
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
