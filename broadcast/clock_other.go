//go:build !linux

package broadcast

import (
	"time"

	"conch/token"
)

// started is where Clock counts from. It has a monotonic reading, so setting the wall clock
// does not move Clock.
var started = time.Now()

// Clock reads the platform's monotonic clock as Go has it. If that clock stands still while
// the machine is suspended, a lease may outlive the suspend.
func Clock() token.Time { return token.Time(time.Since(started)) }
