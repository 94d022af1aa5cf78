package service

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// checkFault checks how a call ended.
func checkFault(t *testing.T, err error, code clientv1.Code, says string) {
	t.Helper()
	f, _ := faultIn(err)
	if f.GetCode() != code || status.Code(err) != statusCodes[code] || !strings.Contains(f.GetMessage(), says) {
		t.Errorf("it ended with %v (%v); want %v, %v and %q", err, f.GetCode(), statusCodes[code], code, says)
	}
}

// served checks that a client is served as ever.
func (w *wire) served(id uint64) {
	w.t.Helper()
	g := w.lock(id, "of another")
	w.release(id, "of another", g.GetFence())
}

// endOf reads a stream to its end.
func endOf[M any](receive func() (M, error)) error {
	for {
		if _, err := receive(); err != nil {
			return err
		}
	}
}

// A client that asks and does not read the answers is not read from in turn, and is ended
// after one time to live. What it waits for ends with its stream.
func TestClientThatDoesNotReadIsEnded(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		other, deaf := n.attach(1), n.attach(2)
		other.ping(1)
		const most = 1 << 20
		asked := make(chan int)
		go func() {
			for i := range most {
				if deaf.rpc.Send(&clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{deaf.message(&clientv1.Acquire{
					Id: uint64(i + 1), Lock: "", Mode: clientv1.Acquire_MODE_WAIT,
				})}}) != nil {
					asked <- i
					return
				}
			}
			asked <- most
		}()
		synctest.Wait()
		n.service.mu.Lock()
		kept := 0
		for st := range n.service.streams {
			st.out.mu.Lock()
			kept = max(kept, len(st.out.messages))
			st.out.mu.Unlock()
		}
		n.service.mu.Unlock()
		if kept > outboxLength {
			t.Errorf("%d answers are kept; want at most %d", kept, outboxLength)
		}
		other.served(2)
		time.Sleep(testTTL)
		defer time.AfterFunc(time.Hour, deaf.cancel).Stop() // if nobody ends it
		checkFault(t, endOf(deaf.rpc.Recv), clientv1.Code_CODE_NOT_READ, "does not read")
		if got := <-asked; got == most {
			t.Error("all was read")
		}
		other.ping(2)
		other.served(3)
		other.end()
		deaf.cancel()
	})
}

// An answer that is not read is ended, and what is there to be told meanwhile costs
// little. Others see all of it.
func TestAnswersThatAreNotReadAreEnded(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		var fences []uint64
		name := func(i int) string { return fmt.Sprintf("%04d %s", i, strings.Repeat("x", 240)) }
		const locks = 1000 // which is more than gRPC itself takes in
		for i := range uint64(locks) {
			fences = append(fences, w.lock(i+1, name(int(i))).GetFence())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		watch, err := n.api.Watch(ctx, new(clientv1.WatchRequest))
		if err != nil {
			t.Fatal(err)
		}
		list, err := n.api.ListLocks(ctx, new(clientv1.ListLocksRequest))
		if err != nil {
			t.Fatal(err)
		}
		for range int(readPatience/testTTL) + 1 {
			time.Sleep(testTTL / 2)
			w.ping(time.Now().UnixNano())
			time.Sleep(testTTL / 2)
			w.ping(time.Now().UnixNano())
		}
		checkFault(t, endOf(watch.Recv), clientv1.Code_CODE_NOT_READ, "does not read")
		checkFault(t, endOf(list.Recv), clientv1.Code_CODE_NOT_READ, "does not read")

		// One who is slow, but reads, is not ended, nor one who is told of nothing.
		watch, err = n.api.Watch(ctx, new(clientv1.WatchRequest))
		if err != nil {
			t.Fatal(err)
		}
		for i, fence := range fences {
			if _, err := watch.Recv(); err != nil {
				t.Fatalf("one who is slow: %v", err)
			}
			if i%20 == 0 {
				time.Sleep(testTTL * 3 / 4)
				w.ping(time.Now().UnixNano())
			}
			if got := w.release(uint64(i+1), name(i), fence); got != clientv1.Released_OUTCOME_RELEASED {
				t.Fatalf("release: %v", got)
			}
		}
		w.end()
		quiet, err := n.api.Watch(ctx, &clientv1.WatchRequest{Lock: "cs"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // how it is, and that this was all
			if _, err := quiet.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * readPatience)
		hold, err := n.driver.Acquire(t.Context(), "cs", token.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := quiet.Recv(); err != nil || r.GetLock().GetHolder() == nil {
			t.Errorf("one who was told of nothing for long: %v, %v; want the holder", r, err)
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
	})
}

// A watch whose client is slow, while more changes than can be kept by name, tells of the
// last state of all that is in use, and that the rest is not any more.
func TestSlowWatchSeesTheLastOfMany(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		const many = 20_000 // more than a subscription names, and than is under way
		acquire := func(lock string) broadcast.Hold {
			t.Helper()
			hold, err := n.driver.Acquire(t.Context(), lock, token.Exclusive)
			if err != nil {
				t.Fatal(err)
			}
			return hold
		}
		release := func(hold broadcast.Hold) {
			t.Helper()
			if err := hold.Unlock(); err != nil {
				t.Error(err)
			}
		}
		first := acquire("first")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // before anything is dropped for being idle
		defer cancel()
		watch, err := n.api.Watch(ctx, new(clientv1.WatchRequest))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i := range many {
			release(acquire(fmt.Sprintf("lock/%06d", i)))
		}
		release(first)
		last := acquire("last")
		var held, free bool
		for told := 0; !held || !free; told++ {
			r, err := watch.Recv()
			if err != nil {
				t.Fatalf("after %d messages: %v", told, err)
			}
			switch l := r.GetLock(); l.GetLock() {
			case "first":
				free = l.GetHolder() == nil
			case "last":
				held = l.GetHolder() != nil
			}
			if told > many/2 {
				t.Fatalf("%d messages; want fewer, since the states between are left out", told)
			}
		}
		release(last)
	})
}

// Watches and lists are bounded for each caller and in all; in this process and among
// members, they are not.
func TestWatchesAndListsAreBounded(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		w.lock(1, strings.Repeat("x", 200))
		watch := func(lock string) (receive func() (*clientv1.WatchResponse, error), cancel func()) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			rpc, err := n.api.Watch(ctx, &clientv1.WatchRequest{Lock: lock})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return rpc.Recv, cancel
		}
		var cancels []func()
		for range watchesPerCaller {
			_, cancel := watch("")
			cancels = append(cancels, cancel)
		}
		receive, cancel := watch("x")
		checkFault(t, endOf(receive), clientv1.Code_CODE_TOO_MANY_CALLS, "has 16 watches under way")
		cancel()
		cancels[0]()
		synctest.Wait()
		receive, cancel = watch("x")
		if r, err := receive(); err != nil || r.GetLock().GetLock() != "x" {
			t.Errorf("with room again: %v, %v", r, err)
		}
		for _, cancel := range append(cancels, cancel) {
			cancel()
		}
		w.cancel()
	})

	u := newUnderWay("watches", 5, 2)
	anybody := func(i int) rules.Identity { return rules.Identity{Kind: rules.Client, Name: fmt.Sprint(i)} }
	var ends []func()
	for i := range 5 {
		end, f := u.begin(anybody(i / 2))
		if f != nil {
			t.Fatal(f)
		}
		ends = append(ends, end)
	}
	for caller, says := range map[int]string{1: "client 1 has 2 watches", 2: "5 watches are under way at this node"} {
		if _, f := u.begin(anybody(caller)); f.GetCode() != clientv1.Code_CODE_TOO_MANY_CALLS || !strings.Contains(f.GetMessage(), says) {
			t.Errorf("client %d: %v; want CODE_TOO_MANY_CALLS and %q", caller, f, says)
		}
	}
	if end, f := u.begin(rules.Identity{Kind: rules.Member, Name: "a:1"}); f != nil {
		t.Errorf("a member: %v; want it let in", f)
	} else {
		end()
	}
	for _, end := range ends {
		end()
	}
	if u.all != 0 || len(u.byCaller) != 0 {
		t.Errorf("left behind: %d, %v", u.all, u.byCaller)
	}
}

// Watches of all locks keep track of a bounded number, together: the one that has most
// is ended, and it says what to do.
func TestWatchesKeepTrackOfSoManyLocks(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		n.service.viewed.most, n.service.viewed.fair = 10, 4
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		w := n.attach(1)
		name := func(i int) string { return fmt.Sprint("lock ", i) }
		for i := range uint64(4) {
			w.lock(i+1, name(int(i)))
		}
		watchUntil := func(ctx context.Context, lock string) func() (*clientv1.WatchResponse, error) {
			rpc, err := n.api.Watch(ctx, &clientv1.WatchRequest{Lock: lock})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return rpc.Recv
		}
		watch := func(lock string) func() (*clientv1.WatchResponse, error) { return watchUntil(ctx, lock) }
		passing, pass := context.WithCancel(ctx)
		defer pass()
		for i := range 5 { // each has its fair share, though together they have more
			of := ctx
			if i >= 2 {
				of = passing
			}
			if _, err := watchUntil(of, "")(); err != nil {
				t.Error(err)
			}
		}
		if got := n.service.watches.all; got != 5 {
			t.Errorf("%d watches go on; want 5", got)
		}
		pass() // those that stay have room for one more lock each
		synctest.Wait()
		w.lock(5, name(4))
		one := watch(name(4))
		checkFault(t, endOf(watch("")), clientv1.Code_CODE_TOO_MANY_CALLS, "keeps track of 5 locks, and all watches of this node may of 10 together; watch a lock by name")
		if r, err := one(); err != nil || r.GetLock().GetHolder() == nil {
			t.Errorf("a watch of one lock: %v, %v; want it told of", r, err)
		}
		w.cancel()
	})
	v := newView(abc, "")
	for i := range 2 * manyLocks {
		part := partOf("a:1")
		part.Lock = fmt.Sprint(i)
		if i%4 == 0 {
			part.Holder = &clientv1.Holder{Fence: 1}
		}
		v.take(news{member: "a:1", part: part})
		if err := v.tell(func(*clientv1.WatchResponse) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(v.parts); n > manyLocks+manyLocks/2 {
		t.Errorf("%d locks are kept; want %d, and those in use", n, manyLocks)
	}
	for i := 0; i < 2*manyLocks; i += 4 {
		if v.parts[fmt.Sprint(i)] == nil {
			t.Fatalf("%d is in use and not kept", i)
		}
	}
}

// A lock for which there is no room is refused with a code of its own.
func TestTooManyLocksHaveACode(t *testing.T) {
	f := claimFault(fmt.Errorf("%w: 7", broadcast.ErrTooManyLocks))
	if f.GetCode() != clientv1.Code_CODE_TOO_MANY_NAMES || statusCodes[f.GetCode()] != codes.ResourceExhausted {
		t.Errorf("%v; want CODE_TOO_MANY_NAMES", f)
	}
	for code := range clientv1.Code_name {
		if _, known := statusCodes[clientv1.Code(code)]; !known && code != 0 {
			t.Errorf("%v has no status", clientv1.Code(code))
		}
	}
}
