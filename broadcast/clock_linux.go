package broadcast

import (
	"fmt"

	"golang.org/x/sys/unix"

	"conch/token"
)

// Clock reads CLOCK_BOOTTIME, which goes on while the machine is suspended, so
// that a lease does not outlive a suspend.
func Clock() token.Time {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(fmt.Sprintf("broadcast: CLOCK_BOOTTIME, which Linux has had since 2.6.39: %v", err))
	}
	return token.Time(t.Nano())
}
