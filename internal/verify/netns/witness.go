//go:build linux

package netns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"conch/internal/verify/exclusion"
)

// A line of the shared file is WHAT HOLDER LOCK FENCE TIME; lines about no lock have "-"
// and 0. A time is a moment at which the holder certainly held the lock: it was read before
// the check that found the lock held.
const (
	ready  = "ready"  // the process handles signals
	enter  = "enter"  // the lock was granted, and held at that time
	alive  = "alive"  // all locks that the holder has were held at that time
	leave  = "leave"  // the lock was held at that time, and is given back now
	lost   = "lost"   // the lock was found lost; the time is 0
	served = "served" // the client was served after the faults
)

// now is the time in nanoseconds, by the machine's clock that goes on in a suspend.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("netns: CLOCK_BOOTTIME: %v", err)) // Linux has had it since 2.6.39
	}
	return ts.Nano()
}

// recorder writes lines for one holder.
type recorder struct {
	mu     sync.Mutex
	file   *os.File
	holder string
}

func newRecorder(path, holder string) (*recorder, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &recorder{file: file, holder: holder}, err
}

// write appends a line with one call, so that lines do not mix.
func (p *recorder) write(what, lock string, fence uint64, at int64) {
	if _, err := fmt.Fprintf(p.file, "%s %s %s %d %d\n", what, p.holder, lock, fence, at); err != nil {
		panic(err) // a run whose witness is lost shows nothing
	}
}

// history is the content of the shared file.
type history struct {
	held    []exclusion.Interval
	ready   map[string]bool
	served  map[string]bool
	enters  int
	losses  int
	most    int // holds of one holder at a time
	current map[string]map[string]*exclusion.Interval
}

// readHistory reads the shared file, except a torn last line.
func readHistory(path string) (*history, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	h := &history{ready: make(map[string]bool), served: make(map[string]bool), current: make(map[string]map[string]*exclusion.Interval)}
	scanner := bufio.NewScanner(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1]))
	for at := 1; scanner.Scan(); at++ {
		if err := h.take(scanner.Text()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, at, err)
		}
	}
	for _, holds := range h.current { // of killed processes, and of those that still run
		for _, s := range holds {
			h.held = append(h.held, *s)
		}
	}
	return h, scanner.Err()
}

// take takes a line.
func (h *history) take(text string) error {
	var what, holder, lock string
	var fence uint64
	var at int64
	if n, err := fmt.Sscan(text, &what, &holder, &lock, &fence, &at); err != nil {
		return fmt.Errorf("line %q: %w after %d words; want WHAT HOLDER LOCK FENCE TIME", text, err, n)
	}
	holds := h.current[holder]
	s := holds[lock]
	switch what {
	case ready:
		h.ready[holder] = true
	case served:
		h.served[holder] = true
	case enter:
		if s != nil {
			return fmt.Errorf("%q: the holder has the lock already: %v", text, *s)
		}
		if holds == nil {
			holds = make(map[string]*exclusion.Interval)
			h.current[holder] = holds
		}
		holds[lock] = &exclusion.Interval{Lock: lock, Fence: fence, Holder: holder, From: at, To: at}
		h.enters++
		h.most = max(h.most, len(holds))
	case alive:
		for _, s := range holds {
			s.To = max(s.To, at)
		}
	case leave, lost:
		if s == nil || s.Fence != fence {
			return fmt.Errorf("%q: the holder does not have the lock with that fence", text)
		}
		if what == lost {
			h.losses++
		}
		s.To = max(s.To, at)
		h.held = append(h.held, *s)
		delete(holds, lock)
	default:
		return fmt.Errorf("%q: unknown word", text)
	}
	return nil
}
