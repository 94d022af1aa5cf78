package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"conch/logs"
	"conch/token"
)

// share takes a lock in a mode, or fails the test if that takes longer than a minute.
func (m *member) share(lock string, limit token.Limit) Hold {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	hold, err := m.driver.Acquire(ctx, lock, limit)
	if err != nil {
		m.t.Fatalf("%s: acquire %q with limit %d: %v", m.address, lock, limit, err)
	}
	return hold
}

// inside counts who holds a lock, and checks that nobody does who may not.
type inside struct {
	t                testing.TB
	readers, writers atomic.Int32
	most             atomic.Int32
}

func (in *inside) read() (out func()) {
	n := in.readers.Add(1)
	for most := in.most.Load(); n > most && !in.most.CompareAndSwap(most, n); most = in.most.Load() {
		continue
	}
	if in.writers.Load() > 0 {
		in.t.Error("a reader is in beside a writer")
	}
	return func() { in.readers.Add(-1) }
}

func (in *inside) write() (out func()) {
	if in.writers.Add(1) > 1 || in.readers.Load() > 0 {
		in.t.Error("a writer is in beside others")
	}
	return func() { in.writers.Add(-1) }
}

// validLines checks the lines of all members against the log's schema.
func validLines(t *testing.T, members ...*member) {
	t.Helper()
	for _, m := range members {
		for text := range strings.Lines(m.log.bytes.String()) {
			if err := logs.Validate([]byte(text)); err != nil {
				t.Errorf("%s: %v", m.address, err)
			}
		}
	}
}

// Readers at three nodes are in together; a writer waits for all of them, and those who
// come after it wait for the writer.
func TestReadersAtThreeNodesAndAWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		var readers []Hold
		for range 2 {
			for _, m := range members {
				readers = append(readers, m.share("cs", token.Unlimited))
			}
		}
		entered := make(chan Hold)
		go func() { entered <- members[0].acquire("cs") }()
		time.Sleep(testTTL)
		if got := members[0].lines("recall_sent"); len(got) == 0 {
			t.Error("the writer's node has not recalled the readers' shares")
		}
		if _, err := members[1].driver.Try(t.Context(), "cs", token.Unlimited); !errors.Is(err, ErrBusy) {
			t.Errorf("a reader's try behind a writer = %v; want ErrBusy", err)
		}
		for i, m := range members {
			state, err := m.driver.LockStates(t.Context(), []string{"cs"})
			if err != nil || state[0].Holds != 2 || len(state[0].Holders) != 2 || state[0].Holders[0].Limit != token.Unlimited {
				t.Errorf("%s: state %+v, %v; want two readers", m.address, state, err)
			}
			if state[0].Limit != token.Unlimited || state[0].Share.Member != token.Member(i) && state[0].Token == nil {
				t.Errorf("%s: %+v; want a share, and the limit of readers", m.address, state[0])
			}
		}
		for i, hold := range readers {
			select {
			case <-entered:
				t.Fatalf("the writer is in, and %d readers are", len(readers)-i)
			default:
			}
			if err := hold.Unlock(); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
			synctest.Wait()
		}
		hold := <-entered
		for _, reader := range readers {
			if hold.Fence() <= reader.Fence() {
				t.Errorf("the writer's fence %d is not above a reader's, %d", hold.Fence(), reader.Fence())
			}
		}
		members[0].release(hold)
		later := members[2].share("cs", token.Unlimited)
		if later.Fence() <= hold.Fence() {
			t.Errorf("a later reader's fence %d is not above the writer's, %d", later.Fence(), hold.Fence())
		}
		members[2].release(later)
		stopAll(members)
		judge(t, members...)
	})
}

// A reader at a node with a share needs no message.
func TestReaderUnderAShareSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		members[0].release(members[0].share("cs", token.Unlimited))
		members[1].release(members[1].share("cs", token.Unlimited)) // whose token is here now
		before := len(members[0].lines())
		for range 10 {
			members[0].release(members[0].share("cs", token.Unlimited))
		}
		events := members[0].lines("share_enter", "share_leave")
		if all := len(members[0].lines()); len(events) != 20 || all != before+20 {
			t.Errorf("%d lines for 10 readers, of which %d say that they entered or left under the share; want nothing else",
				all-before, len(events))
		}
		stopAll(members)
		judge(t, members...)
	})
}

// Of five callers at three nodes, never more than two have a permit, and at times two do.
func TestSemaphoreOfTwoWithFiveCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		in := inside{t: t}
		var all sync.WaitGroup
		for i := range 5 {
			m := members[i%3]
			all.Go(func() {
				for range 10 {
					hold := m.share("cs", 2)
					out := in.read()
					if in.most.Load() > 2 {
						t.Errorf("%d are in; want at most 2", in.most.Load())
					}
					time.Sleep(time.Duration(i+1) * time.Millisecond)
					out()
					m.release(hold)
				}
			})
		}
		all.Wait()
		if in.most.Load() != 2 {
			t.Errorf("at most %d were in; want 2", in.most.Load())
		}
		stopAll(members)
		judge(t, members...)
	})
}

// A lock has one limit at a time. Whoever wants another is told both and whose it is, until
// somebody sets it.
func TestLimitsDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		a, b := members[0], members[1]
		if err := a.driver.SetLimit(t.Context(), "cs", 5, Caller{}); !errors.Is(err, ErrLimit) {
			t.Errorf("SetLimit of a lock that nobody shared = %v; want ErrLimit", err)
		}
		first := a.share("cs", 2)
		_, err := b.driver.Acquire(t.Context(), "cs", 3)
		if !errors.Is(err, ErrLimit) {
			t.Fatalf("Acquire with another limit = %v; want ErrLimit", err)
		}
		for _, want := range []string{"2 permits", "a:1", "3 permits"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q; want %q in it", err, want)
			}
		}
		if _, err := b.driver.Acquire(t.Context(), "cs", token.Unlimited); !errors.Is(err, ErrLimit) {
			t.Errorf("RLock of a semaphore = %v; want ErrLimit", err)
		}
		if err := b.driver.SetLimit(t.Context(), "cs", 3, Caller{User: "alice", Host: "desk"}); err != nil {
			t.Fatalf("SetLimit: %v", err)
		}
		holds := []Hold{b.share("cs", 3), b.share("cs", 3)}
		if _, err := b.driver.Try(t.Context(), "cs", 3); !errors.Is(err, ErrBusy) {
			t.Errorf("a fourth = %v; want ErrBusy", err)
		}
		a.release(first)
		for _, hold := range holds {
			b.release(hold)
		}
		if got := b.lines("limit_set"); len(got) != 1 || got[0]["limit"] != "3" || got[0]["caller"] != "alice@desk" {
			t.Errorf("lines %v; want one that says the limit 3, and whose it is", got)
		}
		for _, limit := range []token.Limit{token.Exclusive, token.MaxPermits + 1, token.Unlimited} {
			if err := a.driver.SetLimit(t.Context(), "cs", limit, Caller{}); !errors.Is(err, ErrPermits) {
				t.Errorf("SetLimit to %d = %v; want ErrPermits", limit, err)
			}
		}
		if _, err := a.driver.Acquire(t.Context(), "cs", token.MaxPermits+1); !errors.Is(err, ErrPermits) {
			t.Errorf("Acquire with limit %d = %v; want ErrPermits", token.MaxPermits+1, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		writer := a.acquire("cs")
		if err := b.driver.SetLimit(ctx, "cs", 4, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("SetLimit while somebody holds the lock alone = %v; want it to wait", err)
		}
		a.release(writer)
		stopAll(members)
		judge(t, members...)
	})
}

// A node dies with readers in: the others go on after its lease, and not before.
func TestNodeDiesWithReadersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		alive := members[1].share("cs", token.Unlimited)
		members[0].share("cs", token.Unlimited)
		members[2].release(members[2].share("cs", token.Unlimited)) // which has the token then
		members[0].crash()
		died := time.Now()
		entered := make(chan Hold)
		go func() { entered <- members[2].acquire("cs") }()
		time.Sleep(3 * testTTL)
		select {
		case <-entered:
			t.Fatal("a writer is in beside a reader that lives")
		default:
		}
		members[1].release(alive)
		hold := <-entered
		if took := time.Since(died); took < testTTL/2 {
			t.Errorf("the writer entered %v after the death of a node with a reader; want its lease to be over first", took)
		}
		members[2].release(hold)
		members[1].release(members[1].share("cs", token.Unlimited))
		stopAll(members[1:])
		validLines(t, members...)
	})
}

// A node that is cut off loses its readers with its session.
func TestReadersAreLostWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		holds := []Hold{members[0].share("cs", token.Unlimited), members[0].share("cs", token.Unlimited)}
		members[1].release(members[1].share("cs", token.Unlimited))
		for _, other := range members[1:] {
			w.block("a:1", other.address)
			w.block(other.address, "a:1")
		}
		writer := members[1].acquire("cs")
		for _, hold := range holds {
			select {
			case <-hold.Done():
			default:
				t.Error("a writer is in, and a reader of the node that was cut off has not lost the lock")
			}
			if err := hold.Unlock(); !errors.Is(err, ErrLost) {
				t.Errorf("Unlock of a lost hold = %v; want ErrLost", err)
			}
		}
		if got := members[0].lines("lost"); len(got) != 2 || got[0]["mode"] != "shared" {
			t.Errorf("lines %v; want two losses of readers", got)
		}
		members[1].release(writer)
		for _, other := range members[1:] {
			w.unblock("a:1", other.address)
			w.unblock(other.address, "a:1")
		}
		members[0].release(members[0].acquire("cs"))
		stopAll(members)
		validLines(t, members...)
	})
}

// A Break by fence meets all who share the lock under it, or the process that is named.
func TestBreakReachesReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		m := members[0]
		first := m.share("cs", token.Unlimited)
		members[1].release(members[1].share("cs", token.Unlimited)) // has the token now
		second := m.share("cs", token.Unlimited)
		if first.Fence() != second.Fence() {
			t.Fatalf("fences %d and %d; want the share's", first.Fence(), second.Fence())
		}
		fence := token.Fence(first.Fence())
		if _, err := m.driver.Break(t.Context(), "cs", Whom{Fence: fence + 1}, "stuck", Caller{}); !errors.Is(err, ErrWrongFence) {
			t.Errorf("Break with another fence = %v; want ErrWrongFence", err)
		}
		if _, err := m.driver.Break(t.Context(), "cs", Whom{Fence: fence, PID: 77}, "stuck", Caller{}); !errors.Is(err, ErrNotAmong) {
			t.Errorf("Break of another process = %v; want ErrNotAmong", err)
		}
		broken, err := m.driver.Break(t.Context(), "cs", Whom{Fence: fence}, "stuck", Caller{})
		if err != nil || len(broken) != 2 {
			t.Fatalf("Break = %+v, %v; want both readers", broken, err)
		}
		for _, hold := range []Hold{first, second} {
			if err := hold.Warning(); !errors.Is(err, ErrBroken) {
				t.Errorf("Warning = %v; want ErrBroken", err)
			}
		}
		m.release(first)
		<-second.Done() // one time to live later
		members[1].release(members[1].acquire("cs"))
		if err := second.Unlock(); !errors.Is(err, ErrLost) {
			t.Errorf("Unlock = %v; want ErrLost", err)
		}
		stopAll(members)
		validLines(t, members...)
	})
}

// A node that stops waits for its readers, and its share goes with it.
func TestStopWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		readers := []Hold{members[0].share("cs", token.Unlimited), members[0].share("cs", token.Unlimited)}
		members[1].release(members[1].share("cs", token.Unlimited))
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			members[0].stop()
		}()
		time.Sleep(testTTL)
		for _, hold := range readers {
			select {
			case <-stopped:
				t.Fatal("the node has stopped with a reader in")
			case <-hold.Warned():
			}
			members[0].release(hold)
			synctest.Wait()
		}
		<-stopped
		members[2].release(members[2].acquire("cs"))
		stopAll(members[1:])
		judge(t, members...)
	})
}

// Readers, writers and permits of real goroutines at three nodes over real connections.
func TestSharersOfRealGoroutines(t *testing.T) {
	members := loopback(t, 3, 1)
	warmUp(t, members)
	for lock, limit := range map[string]token.Limit{"rw": token.Unlimited, "sem": 2} {
		in := inside{t: t}
		var all sync.WaitGroup
		for i := range 9 {
			m := members[i%3]
			all.Go(func() {
				for round := range 40 {
					if (i+round)%5 == 0 {
						hold := m.acquire(lock)
						in.write()()
						m.release(hold)
						continue
					}
					hold := m.share(lock, limit)
					out := in.read()
					if n := in.readers.Load(); limit != token.Unlimited && n > int32(limit) {
						t.Errorf("%d are in; want at most %d", n, limit)
					}
					out()
					m.release(hold)
				}
			})
		}
		all.Wait()
		if t.Failed() {
			t.Fatal(fmt.Sprint("lock ", lock))
		}
	}
	stopAll(members)
}
