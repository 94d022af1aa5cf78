package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conch/broadcast"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// Close waits until the node has heard of what was released and withdrawn, and of
// nothing else.
func TestCloseDeliversReleases(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		released := w.held(c, st, 5)
		kept := w.held(c, st, 6)
		waits := w.ask(c, "y")
		st.wants(acquire(3, "y"))
		if err := released.Unlock(); err != nil {
			t.Error(err)
		}
		lost := kept.Done()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			c.closes(t)
			c.closes(t) // the same once more
		}()
		waits.fails(broadcast.ErrStopped, errClosed)
		if err := kept.Err(); !isClosed(lost) || !errors.Is(err, broadcast.ErrLost) || !errors.Is(err, errClosed) {
			t.Errorf("Err of a hold that was not released = %v; want ErrLost", err)
		}
		w.ask(c, "x").fails(broadcast.ErrStopped)
		st.wants(release(1, "x", 5))
		st.wants(withdraw(3))
		st.nothing() // it is not released: its work may go on until the lease ends
		st.tell(&clientv1.Withdrawn{Id: 3})
		if isClosed(closed) {
			t.Error("closed before the release was answered")
		}
		st.tell(&clientv1.Released{Id: 1, Lock: "x", Fence: 5, Outcome: clientv1.Released_OUTCOME_RELEASED})
		<-closed
		if !isClosed(st.ended) {
			t.Error("the stream is open")
		}
		if err := kept.Unlock(); !errors.Is(err, broadcast.ErrLost) {
			t.Errorf("Release = %v; want ErrLost", err)
		}
	})
}

// A node that does not answer is not waited for longer than the lease lasts.
func TestCloseGivesUp(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		hold := w.held(c, st, 5)
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		began := time.Now()
		err := c.Close()
		if err == nil || !strings.Contains(err.Error(), "1 release") {
			t.Errorf("Close = %v; want an error about one release", err)
		}
		if after := time.Since(began); after != testTTL {
			t.Errorf("closed after %v; want %v", after, testTTL)
		}
	})
}

// A kept hold whose release the node may not have heard of may be kept: Close says so, also
// if its node has gone long before.
func TestCloseTellsWhatIsKept(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		for _, dies := range []bool{false, true} {
			c := w.client("a:1")
			st := n.stream()
			asked := w.asking(func(ctx context.Context) (broadcast.Hold, error) { return c.AcquireKept(ctx, "x", runs.Keep{}) })
			st.next()
			st.grant(1, 5)
			hold := asked.granted()
			if dies {
				n.die()
				synctest.Wait()
			}
			if err := hold.Unlock(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if err := c.Close(); err == nil || !strings.Contains(err.Error(), "1 releases of kept holds") {
				t.Errorf("Close = %v; want an error about a kept hold", err)
			}
		}
	})
}

// Close comes while a stream is opened again, and while a node is looked for.
func TestCloseWhileNoNodeAnswers(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		w.held(c, n.stream(), 5)
		n.set(false, true)
		n.cut()
		synctest.Wait()
		_ = c.Close()

		n.set(false, false)
		c = w.client("a:1")
		st := n.stream()
		asked := w.ask(c, "x")
		st.acquire()
		n.die()
		time.Sleep(time.Second)
		began := time.Now()
		c.closes(t)
		asked.fails(broadcast.ErrStopped)
		if after := time.Since(began); after != 0 {
			t.Errorf("closed after %v; want at once: nothing was to be delivered", after)
		}
	})
}

func TestCloseOfAnIdleClient(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		c.closes(t)
		if !isClosed(st.ended) {
			t.Error("the stream is open")
		}
	})
}

// lockNode has a fake node grant locks as a real one does, from first come to last.
type lockNode struct {
	queues map[string][]uint64 // the holder first
	locks  map[uint64]string
	fence  uint64
}

// serve answers all that a client says on a stream, until that is gone.
func (l *lockNode) serve(st *nodeStream) {
	for {
		var m *clientv1.ClientMessage
		select {
		case m = <-st.got:
		case <-st.ended:
			return
		}
		switch kind := m.GetKind().(type) {
		case *clientv1.ClientMessage_Acquire:
			a := kind.Acquire
			l.locks[a.GetId()] = a.GetLock()
			l.queues[a.GetLock()] = append(l.queues[a.GetLock()], a.GetId())
			if len(l.queues[a.GetLock()]) == 1 {
				l.grant(st, a.GetLock())
			}
		case *clientv1.ClientMessage_Withdraw:
			l.leave(st, kind.Withdraw.GetId())
			st.tellQuietly(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Withdrawn{Withdrawn: &clientv1.Withdrawn{Id: kind.Withdraw.GetId()}}})
		case *clientv1.ClientMessage_Release:
			r := kind.Release
			l.leave(st, r.GetId())
			st.tellQuietly(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Released{Released: &clientv1.Released{
				Id: r.GetId(), Lock: r.GetLock(), Fence: r.GetFence(), Outcome: clientv1.Released_OUTCOME_RELEASED,
			}}})
		}
	}
}

// tellQuietly sends a message and does not wait for what comes of it.
func (st *nodeStream) tellQuietly(m *clientv1.NodeMessage) {
	select {
	case st.say <- m:
	case <-st.ended:
	}
}

// leave takes an id off its queue, and grants to the next if it was the holder.
func (l *lockNode) leave(st *nodeStream, id uint64) {
	lock := l.locks[id]
	queue := l.queues[lock]
	for i, other := range queue {
		if other == id {
			l.queues[lock] = append(queue[:i:i], queue[i+1:]...)
			if i == 0 && len(l.queues[lock]) > 0 {
				l.grant(st, lock)
			}
			return
		}
	}
}

func (l *lockNode) grant(st *nodeStream, lock string) {
	l.fence++
	st.mu.Lock()
	g := &clientv1.Granted{
		Id: l.queues[lock][0], Fence: l.fence, Session: st.session, LeaseRemainingNs: int64(st.left), Stamp: st.last, HadPing: st.last != 0,
	}
	st.mu.Unlock()
	st.tellQuietly(&clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Granted{Granted: g}})
}

// Many goroutines share a client; some give up at any moment. In the end the node's
// queues are empty: no lock stays held by nobody.
func TestManyGoroutines(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		node := &lockNode{queues: make(map[string][]uint64), locks: make(map[uint64]string)}
		served := make(chan struct{})
		st := n.stream()
		go func() {
			defer close(served)
			node.serve(st)
		}()
		counts := map[string]*int{"x": new(int), "y": new(int), "z": new(int)}
		granted := make(chan string, 10_000)
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() {
				lock := []string{"x", "y", "z"}[i%3]
				for range 20 {
					ctx, cancel := context.WithCancel(t.Context())
					if rand.N(3) == 0 {
						time.AfterFunc(rand.N(5*time.Millisecond), cancel)
					}
					hold, err := c.Acquire(ctx, lock, token.Exclusive)
					if err == nil {
						*counts[lock]++ // the race detector watches
						if rand.N(2) == 0 {
							time.Sleep(rand.N(time.Millisecond))
						}
						if err := hold.Unlock(); err != nil {
							t.Error(err)
						}
						granted <- lock
					} else if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		time.Sleep(2 * quiet) // for releases that were left to the next request
		synctest.Wait()
		sum := 0
		for lock, count := range counts {
			sum += *count
			if len(node.queues[lock]) > 0 {
				t.Errorf("%s is left to %v, whom nobody knows", lock, node.queues[lock])
			}
		}
		if sum != len(granted) || sum < 600 {
			t.Errorf("%d grants counted, %d made; want the same, and 600 at least", sum, len(granted))
		}
		c.closes(t)
		<-served
	})
}
