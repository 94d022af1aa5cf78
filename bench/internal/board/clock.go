package board

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// What the processes of a measurement compare is the kernel's monotonic clock, which
// all of them share. To ask the kernel for it would be a system call, three of them a
// grant. Package time reads the same clock without one, but tells only how long after
// a moment of this process's own a reading is; so each process asks the kernel once,
// at its start, what that moment is on the shared clock.

// Agreement is how far apart the readings of two processes at one moment can be.
const Agreement = 2 * time.Microsecond

// shared is the shared clock, as this process reads it.
var shared = readShared()

// clock is a moment of this process's own, and the same on the shared clock.
type clock struct {
	own    time.Time
	nanos  uint64
	margin time.Duration // nanos is not off by more
}

// attempts are how often the kernel is asked. The best answer counts: while one
// reading was under way, this process may have been made to wait.
const attempts = 200

// readShared asks the kernel between two readings of this process's own. The shared
// clock has shown the answer at some moment between them, and nobody knows when.
func readShared() clock {
	best := clock{margin: 1<<63 - 1}
	for range attempts {
		before := time.Now()
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			panic(fmt.Sprintf("board: the monotonic clock: %v", err)) // every kernel has it
		}
		margin := (time.Since(before) + 1) / 2
		if margin < best.margin {
			best = clock{own: before.Add(margin), nanos: uint64(now.Nano()), margin: margin}
		}
	}
	return best
}

// check refuses a clock that may be further from another process's than they say.
func (c clock) check() error {
	if c.margin > Agreement/2 {
		return fmt.Errorf("board: the shared clock could be read to %v only, want %v", c.margin, Agreement/2)
	}
	return nil
}

func (c clock) now() uint64 { return c.nanos + uint64(time.Since(c.own)) }

// Now is the time on a clock that all processes of this machine share, in
// nanoseconds. Two processes that read it at once differ by no more than [Agreement],
// which matters where one of them compares what the other has written down.
func Now() uint64 { return shared.now() }
