package loadgen

import (
	"context"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Counts are what all nodes together have counted since their start.
type Counts struct {
	// Messages is how many requests and tokens they have sent to each other.
	Messages float64
	// Grants is how often they have granted a lock, to whomever.
	Grants float64
	// Processor is the seconds that they have run, on any core; NaN if they do not tell.
	Processor float64
}

// Meter reads what the nodes have counted.
type Meter func(ctx context.Context) (Counts, error)

// since adds to the figures what follows from what the nodes have counted since an
// earlier reading.
func (c Counts) since(earlier Counts, found map[Figure]float64) {
	grants := c.Grants - earlier.Grants
	if grants <= 0 {
		return
	}
	found[Messages] = (c.Messages - earlier.Messages) / grants
	if processor := c.Processor - earlier.Processor; !math.IsNaN(processor) {
		found[Processor] = processor * 1e6 / grants
	}
}

// ownProcessor is how long this process has run, on any core, its kernel's work
// included.
func ownProcessor() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err) // there is always a process
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
