package broadcast

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"conch/token"
)

// Clock reads CLOCK_BOOTTIME, which goes on while the machine is suspended, so that a lease
// does not outlive a suspend. Readings never decrease.
//
// A system call costs ten times as much as the clocks of package time, which need none. The
// boot clock is the monotonic clock plus the time spent suspended. So Clock adds the latter
// to the monotonic clock, and asks the kernel anew when there may have been a suspend: when
// the wall clock, which a suspend moves on too, has not kept step with the monotonic one,
// and every 10 ms in any case.
func Clock() token.Time {
	now := time.Now()
	c := suspended.Load()
	mono, wall := now.Sub(processStart), now.UnixNano()
	if c == nil || mono-c.mono > maxUnchecked || abs(wall-int64(mono)-c.wallAhead) > maxDrift {
		c = checkSuspend()
		mono = time.Since(processStart)
	}
	return token.Time(mono + c.spent)
}

const (
	// maxUnchecked is the longest time between two calls to the kernel.
	maxUnchecked = 10 * time.Millisecond
	// maxDrift is by how many nanoseconds the wall clock may have moved since, without
	// suspicion of a suspend.
	maxDrift = int64(100 * time.Microsecond)
	// maxSkew is how far apart two readings may be that count as one.
	maxSkew = 20 * time.Microsecond
	// maxTries is how many attempts are made at such a pair of readings.
	maxTries = 10
)

// processStart is where the monotonic readings begin.
var processStart = time.Now()

// suspension is what the latest call to the kernel found.
type suspension struct {
	mono      time.Duration // when, by the monotonic clock
	wallAhead int64         // the wall clock minus the monotonic one, in nanoseconds
	spent     time.Duration // the boot clock minus the monotonic one
}

var (
	suspended     atomic.Pointer[suspension]
	suspendedLock sync.Mutex
)

// checkSuspend asks the kernel.
func checkSuspend() *suspension {
	suspendedLock.Lock()
	defer suspendedLock.Unlock()
	now, boot := readBoth()
	mono := now.Sub(processStart)
	c := &suspension{mono: mono, wallAhead: now.UnixNano() - int64(mono), spent: boot - mono}
	// The time spent suspended never shrinks. A difference no larger than the distance of
	// the readings is no growth.
	if before := suspended.Load(); before != nil && c.spent-before.spent < 2*maxSkew {
		c.spent = before.spent
	}
	suspended.Store(c)
	return c
}

// readBoth reads package time's clocks and the boot clock at nearly the same moment.
func readBoth() (time.Time, time.Duration) {
	var ts unix.Timespec
	for try := 0; ; try++ {
		now := time.Now()
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			panic(fmt.Sprintf("broadcast: CLOCK_BOOTTIME, which Linux has had since 2.6.39: %v", err))
		}
		// A process that is held up between the two readings tries again, but not for ever:
		// system calls may always take so long here.
		if time.Since(now) <= maxSkew || try == maxTries {
			return now, time.Duration(ts.Nano())
		}
	}
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
