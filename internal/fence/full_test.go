package fence

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// noMount begins the output of a process that may not mount a disk.
const noMount = "no mount: "

// takeOnSmallDisk mounts a disk where the file is to lie, fills it, and then makes it
// read-only.
func takeOnSmallDisk(path string) error {
	dir := filepath.Dir(path)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "conch", dir).CombinedOutput(); err != nil {
		fmt.Printf("%s%v: %s\n", noMount, err, out)
		return nil
	}
	g, err := Take(impatient(), path, 5)
	if err != nil {
		return err
	}
	if err := g.Release(); err != nil {
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<16), 0o600); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk should be full: %w", err)
	}
	report(path, 6, syscall.ENOSPC, "the disk is full: make room")
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if out, err := exec.Command("mount", "-o", "remount,bind,ro", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	report(path, 6, syscall.EROFS, "the disk is read-only: mount it")
	return nil
}
