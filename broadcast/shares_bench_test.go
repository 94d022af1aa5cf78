package broadcast

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"conch/token"
)

// Each side of a comparison works for a while in which calls do not count yet, since the
// first caller may be alone at first, and then for a slice in which they do.
const (
	ahead = 20 * time.Millisecond
	slice = 80 * time.Millisecond
)

// callers are what some callers do all the time, each by a function of its own. Only calls
// of the first counted of them count.
type callers struct {
	call    []func()
	counted int
}

// rate has the callers work, and returns how many counted calls they made a second.
func (c callers) rate() float64 {
	var all sync.WaitGroup
	var counting, over atomic.Bool
	counts := make([]int, len(c.call))
	for i, call := range c.call {
		all.Go(func() {
			n := 0
			for !over.Load() {
				call()
				if counting.Load() {
					n++
				}
			}
			counts[i] = n
		})
	}
	<-time.After(ahead)
	start := time.Now()
	counting.Store(true)
	<-time.After(slice)
	counting.Store(false)
	took, sum := time.Since(start), 0
	over.Store(true)
	all.Wait()
	for _, n := range counts[:c.counted] {
		sum += n
	}
	return float64(sum) / took.Seconds()
}

// compare has both sides work in turns, so that what slows the machine for a while slows
// both. It reports the medians of their rates, and of what the first one's rate is over the
// base's in a pair of turns.
func compare(b *testing.B, what, base callers) {
	b.Helper()
	var rates, bases, ratios []float64
	for b.Loop() {
		of, over := what.rate(), base.rate()
		rates, bases, ratios = append(rates, of), append(bases, over), append(ratios, of/over)
	}
	b.ReportMetric(0, "ns/op") // it is the length of two turns
	b.ReportMetric(median(rates), "calls/s")
	b.ReportMetric(median(bases), "base-calls/s")
	b.ReportMetric(median(ratios), "ratio")
}

func median[T float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// everywhere makes n callers, which the members have in turns.
func everywhere(members []*member, n int, call func(m *member, caller int)) callers {
	c := callers{counted: n}
	for i := range n {
		c.call = append(c.call, func() { call(members[i%len(members)], i) })
	}
	return c
}

// use takes a lock in a mode, stays in for a while, and releases it.
func (m *member) use(lock string, mode token.Limit, hold time.Duration) {
	h, err := m.driver.Acquire(context.Background(), lock, mode) // without the cost of a bound
	if err != nil {
		m.t.Errorf("%s: acquire %q: %v", m.address, lock, err)
		return
	}
	if hold > 0 {
		<-time.After(hold) // it is the work that is done there, and no wait for something
	}
	m.release(h)
}

// BenchmarkBesideShares: 3 nodes over TCP on loopback, each with a caller that wants one
// exclusive lock all the time, while readers at each node have 1,000 other locks, over the
// same while these are held by one exclusive holder each.
func BenchmarkBesideShares(b *testing.B) {
	const others = 1000
	var sides []callers
	for _, mode := range []token.Limit{token.Unlimited, token.Exclusive} {
		members := loopback(b, 3, 1)
		warmUp(b, members)
		var holds []Hold
		for lock := range others {
			at := members
			if mode == token.Exclusive {
				at = members[lock%3 : lock%3+1]
			}
			for _, m := range at {
				holds = append(holds, m.share(fmt.Sprintf("other%d", lock), mode))
			}
		}
		b.Cleanup(func() {
			for _, hold := range holds {
				members[0].release(hold)
			}
			stopAll(members)
		})
		sides = append(sides, everywhere(members, 3, func(m *member, _ int) { m.use("cs", token.Exclusive, 0) }))
	}
	compare(b, sides[0], sides[1])
}

// BenchmarkReaderHere: a reader whose node has a share while the token is elsewhere, over a
// caller of a lock whose token is here.
func BenchmarkReaderHere(b *testing.B) {
	members := loopback(b, 3, 1)
	defer stopAll(members)
	warmUp(b, members)
	members[0].use("read", token.Unlimited, 0)
	members[1].use("read", token.Unlimited, 0) // it has the token then
	members[0].use("own", token.Exclusive, 0)
	here := func(lock string, mode token.Limit) callers {
		return everywhere(members[:1], 1, func(m *member, _ int) { m.use(lock, mode, 0) })
	}
	compare(b, here("read", token.Unlimited), here("own", token.Exclusive))
}

// BenchmarkReaders: callers at 3 nodes over TCP on loopback want one lock all the time.
// Counted are reads, over all grants where each of as many callers wants the lock alone.
func BenchmarkReaders(b *testing.B) {
	for _, test := range []struct {
		readers, writers int
	}{{9, 1}, {27, 3}} {
		for _, hold := range []time.Duration{0, time.Millisecond} {
			b.Run(fmt.Sprintf("%d callers read and %d write, each for %v", test.readers, test.writers, hold), func(b *testing.B) {
				members := loopback(b, 3, 1)
				defer stopAll(members)
				warmUp(b, members)
				all := test.readers + test.writers
				alone := everywhere(members, all, func(m *member, _ int) { m.use("alone", token.Exclusive, hold) })
				mixed := everywhere(members, all, func(m *member, caller int) {
					mode := token.Unlimited
					if caller >= test.readers {
						mode = token.Exclusive
					}
					m.use("mixed", mode, hold)
				})
				mixed.counted = test.readers
				compare(b, mixed, alone)
			})
		}
	}
}

// lockMessages counts, as [Observer], those that a node sends for locks that are wanted.
type lockMessages struct {
	noObserver
	sent atomic.Int64
}

func (m *lockMessages) Effect(e *token.Effect) {
	if e.Kind != token.Send {
		return
	}
	switch e.Message.Kind {
	case token.Request, token.TokenMessage, token.Recall, token.Done:
		m.sent.Add(1)
	}
}

// BenchmarkPermits: 9 callers at 3 nodes over TCP on loopback want one of 4 permits all the
// time, over 9 that want one of 4 exclusive locks, drawn anew each time.
func BenchmarkPermits(b *testing.B) {
	const limit, all = 4, 9
	for _, hold := range []time.Duration{0, time.Millisecond} {
		b.Run(fmt.Sprintf("each for %v", hold), func(b *testing.B) {
			var sent lockMessages
			counted := observed(b, 3, 1, &sent)
			plain := loopback(b, 3, 1)
			defer func() {
				stopAll(counted)
				stopAll(plain)
			}()
			warmUp(b, counted)
			warmUp(b, plain)
			var grants atomic.Int64
			permits := everywhere(counted, all, func(m *member, _ int) {
				m.use("permits", limit, hold)
				grants.Add(1)
			})
			locks := everywhere(plain, all, func(m *member, _ int) {
				m.use(fmt.Sprintf("lock%d", rand.N(limit)), token.Exclusive, hold)
			})
			sent.sent.Store(0)
			compare(b, permits, locks)
			b.ReportMetric(float64(sent.sent.Load())/float64(grants.Load()), "messages/grant")
		})
	}
}

// BenchmarkWriterBehindReaders: a writer waits for readers at the other two of 3 nodes over
// TCP on loopback, which know that somebody waits. Measured is the time from when the last
// reader leaves until the writer is in, over the time to get a lock whose token is at
// another node: one round trip, a request and the token.
func BenchmarkWriterBehindReaders(b *testing.B) {
	members := loopback(b, 3, 1)
	defer stopAll(members)
	warmUp(b, members)
	var enters, trips []time.Duration
	for b.Loop() {
		members[1].release(members[1].acquire("trip"))
		start := time.Now()
		hold := members[0].acquire("trip")
		trips = append(trips, time.Since(start))
		members[0].release(hold)

		first, last := members[1].share("rw", token.Unlimited), members[2].share("rw", token.Unlimited)
		entered := make(chan time.Time, 1)
		go func() {
			hold := members[0].acquire("rw")
			entered <- time.Now()
			members[0].release(hold)
		}()
		for _, m := range members[1:] {
			m.await("rw", func(s *LockState) bool { return s.Recalled })
		}
		members[1].release(first)
		members[0].await("rw", func(s *LockState) bool { return s.Token != nil && len(s.Token.Shares) == 1 })
		left := time.Now()
		members[2].release(last)
		enters = append(enters, (<-entered).Sub(left))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(enters).Nanoseconds()), "ns/entry")
	b.ReportMetric(float64(median(trips).Nanoseconds()), "ns/trip")
	b.ReportMetric(float64(median(enters))/float64(median(trips)), "ratio")
}

// await waits until a node's state of a lock is as it should be, for a minute at most.
func (m *member) await(lock string, is func(*LockState) bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	for {
		states, err := m.driver.LockStates(ctx, []string{lock})
		if err != nil {
			m.t.Fatalf("%s: %v", m.address, err)
		}
		if is(&states[0]) {
			return
		}
		runtime.Gosched()
	}
}
