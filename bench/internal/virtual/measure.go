package virtual

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"conch/bench/internal/theory"
)

// Stint is what was done and counted for a while, and the processor time that it took:
// of the members' own code, and of what stands in for the network between them.
type Stint struct {
	Counts
	Processor time.Duration
}

// Result is what was measured of a cluster.
type Result struct {
	Members int
	// Idle is a time to live in which nobody wants the lock.
	Idle Stint
	Uses map[theory.Use]Stint
}

const (
	// grants are for how many of them a use is measured. Not a single PING is due meanwhile.
	grants = 20_000
	// Where each grant costs N messages it is for fewer: for so many messages, but not for
	// fewer grants than these.
	messages, leastGrants = 200_000, 200
)

// Measure measures a cluster of some members. What it counts is checked against theory:
// in virtual time nothing is left to chance.
func Measure(members int) (Result, error) {
	runtime.LockOSThread() // whose processor time is read
	defer runtime.UnlockOSThread()
	c, err := Start(members)
	if err != nil {
		return Result{}, err
	}
	r := Result{Members: members, Uses: map[theory.Use]Stint{}}
	r.Idle, err = c.stint(func() error { c.Pass(TTL); return nil })
	if err != nil {
		return Result{}, err
	}
	if err := c.Elsewhere(2); err != nil { // the first makes the token
		return Result{}, err
	}
	for _, use := range theory.Uses {
		if r.Uses[use], err = c.use(use); err != nil {
			return Result{}, err
		}
	}
	return r, r.check()
}

// use measures one use.
func (c *Cluster) use(use theory.Use) (Stint, error) {
	do, times := c.Here, grants
	switch use {
	case theory.Elsewhere:
		do, times = c.Elsewhere, min(max(messages/len(c.nodes), leastGrants), grants)
	case theory.Saturated:
		c.Crowd(2)
		if err := c.Saturated(2 * len(c.nodes)); err != nil { // until all first requests have been granted
			return Stint{}, err
		}
		do = c.Saturated
	}
	return c.stint(func() error { return do(times) })
}

// stint counts and times what is done.
func (c *Cluster) stint(do func() error) (Stint, error) {
	counts, used := c.Counts, threadTime()
	err := do()
	return Stint{Counts: c.Counts.Since(counts), Processor: threadTime() - used}, err
}

// threadTime is how long this thread has run.
func threadTime() time.Duration {
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used); err != nil {
		panic(fmt.Sprintf("virtual: the thread's clock: %v", err)) // every kernel has it
	}
	return time.Duration(used.Nano())
}

// check compares what was counted with what theory says.
func (r Result) check() error {
	if want := (Counts{Session: theory.SessionMessages(r.Members)}); r.Idle.Counts != want {
		return fmt.Errorf("virtual: %d members, idle: counted %+v, want %+v", r.Members, r.Idle.Counts, want)
	}
	for _, use := range theory.Uses {
		got, cost := r.Uses[use].Counts, use.Grant(r.Members)
		want := Counts{
			Grants:   got.Grants,
			Sent:     got.Grants * cost.Sent,
			Rode:     got.Grants * cost.Rode,
			Requests: got.Grants * cost.Requests,
			Tokens:   got.Grants * cost.Tokens,
		}
		if got != want || got.Grants == 0 {
			return fmt.Errorf("virtual: %d members, %s: counted %+v, want %+v", r.Members, use, got, want)
		}
	}
	return nil
}
