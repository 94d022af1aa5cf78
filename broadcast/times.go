package broadcast

import (
	"fmt"
	"strings"
	"time"

	"conch/token"
)

// leaseTimes are what explains why a lease was not extended in time. They go into the lines
// about a lease that ends.
type leaseTimes struct {
	// late is how late the latest tick came: how long this process was kept from running,
	// or the worker from working.
	late time.Duration
	// end is when the latest session's lease ends, or ended.
	end token.Time
}

// ticked notes how late a tick came.
func (o *owner) ticked(now token.Time) {
	if o.armed > 0 {
		o.leaseTimes.late = duration(max(0, now-o.armed))
	}
}

// describeTimes says what led to the end of a lease.
func (o *owner) describeTimes() string {
	now, t := o.clock(), &o.leaseTimes
	var b strings.Builder
	if left := t.end - now; t.end != 0 && t.end != token.Never {
		fmt.Fprintf(&b, "%s of the lease left, so a quorum answered what was asked %s ago; ", brief(duration(left)), brief(o.ttl-duration(left)))
	}
	fmt.Fprintf(&b, "the last tick came %s late; the last write of the log took %s", brief(t.late), brief(o.log.took))
	if s := o.saving.times; s.ended != 0 {
		fmt.Fprintf(&b, "; the last save took %s, %s ago", brief(s.took), brief(duration(now-s.ended)))
	}
	if save := o.saving.current; save != nil {
		fmt.Fprintf(&b, "; a save has been under way for %s", brief(duration(now-save.began)))
	}
	if s := o.storing.times; s.ended != 0 {
		fmt.Fprintf(&b, "; notes were last written in %s, %s ago", brief(s.took), brief(duration(now-s.ended)))
	}
	return b.String()
}

// brief writes a time for people.
func brief(d time.Duration) string { return d.Round(time.Millisecond).String() }
