package notes

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestAFullDisk runs on a small disk, in memory, which only the process that mounts it sees.
func TestAFullDisk(t *testing.T) {
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
	want := strings.Join([]string{reported, "all there: true", reported, "left behind: 0", ""}, "\n")
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
