package fence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollInterval is how often a lock that another has is tried again: the system's own
// waiting could not be ended by a context.
const pollInterval = 10 * time.Millisecond

// lock takes the system's lock on one of the files beside the fence file, exclusive or
// shared: how is LOCK_EX or LOCK_SH. While it waits, it calls check again and again, whose error ends the wait. When the context
// ends first, the error wraps [ErrInUse]; the lock is tried once in any case. The lock
// is given back when the file is closed, here and in all processes that inherited it.
func (p fenceFile) lock(ctx context.Context, name string, how int, check func() error) (*os.File, error) {
	// For writing, which the locks of some network file systems want.
	path := filepath.Join(p.locks, name)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, unusable(p.path, err)
	}
	if err := p.await(ctx, file, how, check); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (p fenceFile) await(ctx context.Context, file *os.File, how int, check func() error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return unusable(p.path, &os.PathError{Op: "lock", Path: file.Name(), Err: err})
		}
		if err := check(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %s: %s: %w", ErrInUse, p.path, note(file), context.Cause(ctx))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done(): // one more try
		}
	}
}

// sign leaves a note of who works, for those who wait; of several that share, the latest.
func sign(file *os.File, v visit) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	what := "fence"
	if v.shares {
		what = "shared-fence"
	}
	_, err := file.WriteAt(fmt.Appendf(nil, "process %d with %s %d\n", os.Getpid(), what, v.number), 0)
	return err
}

// note reads what sign wrote.
func note(file *os.File) string {
	var pid int
	var n uint64
	text := make([]byte, maxBytes)
	length, _ := file.ReadAt(text, 0) // what cannot be read is not told
	var what string
	switch _, err := fmt.Sscanf(string(text[:length]), "process %d with %s %d\n", &pid, &what, &n); {
	case err != nil:
		return "another process has it"
	case what == "shared-fence":
		return fmt.Sprintf("process %d with the shared fence %d, or another that shares, still works", pid, n)
	}
	return fmt.Sprintf("process %d with fence %d, or what it started, still works", pid, n)
}
