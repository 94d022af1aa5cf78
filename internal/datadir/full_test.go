package datadir

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// noMount begins what is printed where there cannot be a disk for the test.
const noMount = "no mount: "

// saveOnSmallDisk mounts a disk, fills it, and then makes it read-only.
func saveOnSmallDisk(dir string) error {
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8k", "conch", dir).CombinedOutput(); err != nil {
		fmt.Printf("%s%v: %s\n", noMount, err, out)
		return nil
	}
	for _, refuse := range []struct {
		how   func(dir string) error
		cause error
		says  string
	}{
		{fill, syscall.ENOSPC, "the disk is full: make room"},
		{remountReadOnly, syscall.EROFS, "the disk is read-only: mount it"},
	} {
		s, err := Open(dir, member, testClock)
		if err != nil {
			return err
		}
		before := s.State()
		if err := refuse.how(dir); err != nil {
			return err
		}
		report(s, refuse.cause, refuse.says)
		line, err := os.ReadFile(filepath.Join(dir, stateName))
		if err != nil {
			return err
		}
		if r, err := decode(line); err != nil || (State{Session: r.Session, Promised: r.Promised}) != before {
			return fmt.Errorf("on disk is %+v, %w; want %+v", r, err, before)
		}
		fmt.Println("state: kept")
		_ = os.Remove(filepath.Join(dir, ballast)) // there is none on the read-only disk
		if err := s.Close(); err != nil {
			return err
		}
	}
	_, err := Open(dir, member, testClock)
	fmt.Println("open:", errors.Is(err, ErrUnusable), errors.Is(err, syscall.EROFS))
	return nil
}

const ballast = "ballast"

// fill leaves no room on a disk.
func fill(dir string) error {
	err := os.WriteFile(filepath.Join(dir, ballast), make([]byte, 1<<16), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk should be full: %w", err)
	}
	return nil
}

func remountReadOnly(dir string) error {
	if out, err := exec.Command("mount", "-o", "remount,bind,ro", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
