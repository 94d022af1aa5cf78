package broadcast

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bootTime asks the kernel.
func bootTime(t testing.TB) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// The clock lies between two readings of the kernel's around it, and never decreases for
// any reader.
func TestClockIsTheBootClock(t *testing.T) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			last := Clock()
			for range 20_000 {
				before := bootTime(t)
				now := Clock()
				after := bootTime(t)
				if d := time.Duration(now); d < before-2*maxSkew || d > after+2*maxSkew {
					t.Errorf("Clock is %v between %v and %v", d, before, after)
					return
				}
				if now < last {
					t.Errorf("Clock is %v after %v", now, last)
					return
				}
				last = now
			}
		})
	}
	all.Wait()
}

// A suspend moves the boot clock and the wall clock, but not the monotonic one. It looks as
// if the last check had found less of both.
func TestClockNoticesASuspend(t *testing.T) {
	Clock()
	const asleep = time.Hour
	before := *suspended.Load()
	defer suspended.Store(&before)
	stale := before
	stale.spent -= asleep
	stale.wallAhead -= int64(asleep)
	stale.mono = time.Since(processStart) // checked just now, so only the wall clock tells
	suspended.Store(&stale)
	if now, boot := time.Duration(Clock()), bootTime(t); now < boot-time.Second || now > boot+time.Second {
		t.Errorf("Clock is %v after a suspend; want the boot clock, %v", now, boot)
	}
}

func BenchmarkClock(b *testing.B) {
	for b.Loop() {
		Clock()
	}
}
