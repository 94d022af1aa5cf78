package broadcast

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"conch/token"
)

// Clock reads CLOCK_BOOTTIME, which goes on while the machine is suspended, so
// that a lease does not outlive a suspend. Readings never decrease.
//
// To ask the kernel costs ten times what package time's clocks cost, which need no
// system call. The boot clock is the monotonic clock plus the time spent suspended;
// so Clock adds that to the monotonic clock, and asks the kernel anew when a suspend
// cannot be ruled out: when the wall clock, which a suspend moves on as well, has
// not kept step with the monotonic one, and every 10 ms in any case.
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
	// maxUnchecked is how long the kernel is not asked.
	maxUnchecked = 10 * time.Millisecond
	// maxDrift is by how many nanoseconds the wall clock may have been adjusted since,
	// without a suspend being suspected.
	maxDrift = int64(100 * time.Microsecond)
	// maxSkew is how far apart two readings may be that count as one.
	maxSkew = 20 * time.Microsecond
	// maxTries is how often that is tried for.
	maxTries = 10
)

// processStart is where the monotonic readings begin.
var processStart = time.Now()

// suspension is what was found out when the kernel was asked last.
type suspension struct {
	mono      time.Duration // when, by the monotonic clock
	wallAhead int64         // the wall clock less the monotonic one, in nanoseconds
	spent     time.Duration // the boot clock less the monotonic one
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
	// What was spent suspended never shrinks, and has not grown if it differs by no more
	// than the readings were apart.
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
		// A process that is held up between the two tries again; but where system calls
		// take so long always, it is not to spend its time here.
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
