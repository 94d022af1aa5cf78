package fence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	numberLock = "number"
	workLock   = "work"
)

// moment is how long to wait at most for those who read and write the number, each of
// whom needs a few writes to disk for it. On a busy disk, with many who come at once,
// that adds up; a process that is frozen meanwhile must not stop the others for ever.
const moment = time.Minute

// memory orders what one goroutine did under a file before what the next does, which
// the system's lock alone does not under Go's memory model.
var memory sync.Mutex

// Lock keeps others from working under a fence file.
type Lock struct {
	work *os.File // has the lock
}

// Take remembers n in the fence file at path, on stable storage, and then waits until
// nobody works under the file any more. The file begins with the first number; its
// directory must exist. The context bounds the wait for those who work; one that has
// ended is no hindrance where there is nothing to wait for. Whoever has the Lock has to
// give it back by [Lock.Release].
//
// The errors wrap [ErrStale] for a number below the highest that the file has seen, and
// for 0, which is no holder's; [ErrInUse] with the cause of the context's end; or
// [ErrFile]. A number that was remembered before an error stays.
func Take(ctx context.Context, path string, n uint64) (*Lock, error) {
	return take(ctx, path, visit{number: n})
}

// TakeShared is [Take] for the holder of a shared lock: it works beside others who share,
// whatever their numbers. It is refused only below the highest number of [Take].
func TakeShared(ctx context.Context, path string, n uint64) (*Lock, error) {
	return take(ctx, path, visit{number: n, shares: true})
}

// visit is who comes to a fence file.
type visit struct {
	number uint64
	shares bool
}

// stale reports whether the numbers that the file has seen refuse the visit.
func (v visit) stale(s seen) bool { return v.number < s.writer || !v.shares && v.number < s.reader }

// raise adds the visit's number to those that the file has seen.
func (v visit) raise(s seen) seen {
	if v.shares {
		s.reader = max(s.reader, v.number)
	} else {
		s.writer = max(s.writer, v.number)
	}
	return s
}

func take(ctx context.Context, path string, v visit) (*Lock, error) {
	if v.number == 0 {
		return nil, fmt.Errorf("%w: got 0, which is no holder's", ErrStale)
	}
	p, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := p.remember(ctx, v); err != nil {
		return nil, err
	}
	how := unix.LOCK_EX
	if v.shares {
		how = unix.LOCK_SH
	}
	work, err := p.lock(ctx, workLock, how, func() error { return p.check(v) })
	if err != nil {
		return nil, err
	}
	// Whoever comes by from here on and may not work beside this one waits for its lock.
	if err := p.check(v); err != nil {
		return nil, errors.Join(err, work.Close())
	}
	if err := sign(work, v); err != nil {
		return nil, errors.Join(unusable(p.path, err), work.Close())
	}
	memory.Lock()
	defer memory.Unlock()
	return &Lock{work: work}, nil
}

// remember adds a visit to what the file has seen, unless that refuses it.
func (p fenceFile) remember(ctx context.Context, v visit) error {
	// Nobody keeps the number for long, so the wait is not the caller's to bound.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moment)
	defer cancel()
	lock, err := p.lock(ctx, numberLock, unix.LOCK_EX, func() error { return nil })
	if err != nil {
		return err
	}
	defer lock.Close()
	before, err := p.read()
	switch {
	case errors.Is(err, fs.ErrNotExist): // nothing was seen
	case err != nil:
		return err
	case v.stale(before):
		return stale(p.path, v.number, before)
	}
	return p.raise(before, v.raise(before))
}

// check tells whether a visit, which was remembered, is still let in.
func (p fenceFile) check(v visit) error {
	switch now, err := p.read(); {
	case errors.Is(err, fs.ErrNotExist):
		return unusable(p.path, errors.New("it was removed after the number was written to it"))
	case err != nil:
		return err
	case v.stale(now):
		return stale(p.path, v.number, now)
	case v.raise(now) != now:
		return unusable(p.path, fmt.Errorf("it went back to %d after %d was written to it", now.highest(), v.number))
	}
	return nil
}

// stale makes the error for a number below those seen. Only whoever asks the cluster can
// tell whose fault that is.
func stale(path string, n uint64, before seen) error {
	return fmt.Errorf("%w: got %d, and %s has seen %d: somebody has had the lock since; "+
		"or, if the lock is held with %d now, the cluster was set back, by older data directories or clocks: "+
		"see \"A cluster that was set back\" in FENCING.md", ErrStale, n, path, before.highest(), n)
}

// Release lets others work. Later calls do nothing.
func (g *Lock) Release() error {
	memory.Lock()
	defer memory.Unlock()
	if err := g.work.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// firstInherited is the lowest descriptor that an inherited lock may have: scripts use
// the low ones for themselves, and would close it.
const firstInherited = 100

// Inherit makes the lock last until this process has ended, whatever program runs in
// it by then, and with it all processes that are started from now on and have not
// closed what they inherited. There is no release any more. It is for who is about to
// call [syscall.Exec].
func (g *Lock) Inherit() error {
	if _, err := unix.FcntlInt(g.work.Fd(), unix.F_DUPFD, firstInherited); err != nil {
		return fmt.Errorf("hand the fence file on: %w", err)
	}
	return nil
}
