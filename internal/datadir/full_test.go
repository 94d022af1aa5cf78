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

// saveOnSmallDisk mounts a disk, fills it, saves and starts again there, and then makes it
// read-only.
func saveOnSmallDisk(dir string) error {
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24k", "conch", dir).CombinedOutput(); err != nil {
		fmt.Printf("%s%v: %s\n", noMount, err, out)
		return nil
	}
	s, err := Open(dir, member, testClock)
	if err != nil {
		return err
	}
	if err := fill(dir); err != nil {
		return err
	}
	for i := range uint64(3) {
		if err := errors.Join(s.Save(firstSession+2+i, firstFloor+1+i), s.SetClients(i%2 == 0), s.SaveMembership(grown(s, i), nil)); err != nil {
			return err
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = Open(dir, member, testClock); err != nil {
		return err
	}
	fmt.Println("full: saved, and opened again")
	// What has no file yet needs room for it.
	_, err = Open(filepath.Join(dir, "new"), member, testClock)
	fmt.Println("new:", errors.Is(err, ErrUnusable), errors.Is(err, syscall.ENOSPC))

	before := s.State()
	if err := remountReadOnly(dir); err != nil {
		return err
	}
	report(s, syscall.EROFS, "the disk is read-only: mount it")
	line, err := os.ReadFile(filepath.Join(dir, stateName))
	if err != nil {
		return err
	}
	if r, err := decode(line); err != nil || (State{r.Session, r.Promised, r.Clients, before.Fresh}) != before {
		return fmt.Errorf("on disk is %+v, %w; want %+v", r, err, before)
	}
	fmt.Println("state: kept")
	if err := s.Close(); err != nil {
		return err
	}
	_, err = Open(dir, member, testClock)
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
