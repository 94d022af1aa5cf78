package conch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

// steady starts nodes whose sessions outlast any pause of a busy machine.
func steady(t *testing.T, n int) []*conch.Node {
	t.Helper()
	addresses := freeAddresses(t, n)
	var nodes []*conch.Node
	for _, address := range addresses {
		node := startNode(t, conch.Config{Listen: address, Peers: addresses, DataDir: t.TempDir(), SessionTTL: calm})
		t.Cleanup(func() { stopNode(t, node) })
		nodes = append(nodes, node)
	}
	return nodes
}

// both are a node and a client of it.
func both(t *testing.T, node *conch.Node) map[string]conch.Locker {
	t.Helper()
	client := dial(t, node.Address())
	return map[string]conch.Locker{"node": node, "client": client}
}

func held(t *testing.T) func(conch.Hold, error) conch.Hold {
	t.Helper()
	return func(hold conch.Hold, err error) conch.Hold {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return hold
	}
}

func unlock(t *testing.T, holds ...conch.Hold) {
	t.Helper()
	for _, hold := range holds {
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
	}
}

// waiting waits until so many wait at a node.
func waiting(t *testing.T, node *conch.Node, n uint32) {
	t.Helper()
	await(t, fmt.Sprintf("%d wait", n), func() bool {
		status, err := node.LockService().Status(t.Context(), &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		if err != nil {
			t.Fatal(err)
		}
		return status.GetStatuses()[0].GetWaits() == n
	})
}

// Readers are in at three nodes, by nodes and clients. A writer waits for all of them, and
// readers that come later wait for the writer.
func TestReadersAtThreeNodesAndAWriter(t *testing.T) {
	nodes := steady(t, 3)
	ctx := t.Context()
	first := held(t)(nodes[0].Lock(ctx, "cs"))
	unlock(t, first)
	var readers []conch.Hold
	for i, node := range nodes {
		for name, locker := range both(t, node) {
			for range 2 {
				hold, err := locker.RLock(ctx, "cs")
				if err != nil {
					t.Fatalf("RLock %d by %s: %v", i, name, err)
				}
				readers = append(readers, hold)
			}
			hold, err := locker.TryRLock(ctx, "cs")
			if err != nil {
				t.Fatalf("TryRLock %d by %s: %v", i, name, err)
			}
			readers = append(readers, hold)
			if _, err := locker.TryLock(ctx, "cs"); !errors.Is(err, conch.ErrBusy) {
				t.Errorf("TryLock %d by %s beside readers = %v; want ErrBusy", i, name, err)
			}
		}
	}
	entered := make(chan conch.Hold, 1)
	go func() {
		hold, err := nodes[2].Lock(ctx, "cs")
		if err != nil {
			t.Error(err)
		}
		entered <- hold
	}()
	waiting(t, nodes[2], 1)
	late := make(chan conch.Hold, 1)
	go func() {
		hold, err := nodes[2].RLock(ctx, "cs")
		if err != nil {
			t.Error(err)
		}
		late <- hold
	}()
	waiting(t, nodes[2], 2)
	for i, hold := range readers {
		select {
		case <-entered:
			t.Fatalf("the writer is in beside %d readers", len(readers)-i)
		case <-late:
			t.Fatal("a reader has overtaken a writer at the same node")
		default:
		}
		if hold.Fence() <= first.Fence() {
			t.Errorf("a reader's fence is %d after a writer's %d", hold.Fence(), first.Fence())
		}
		if err := hold.Err(); err != nil {
			t.Errorf("a reader beside a waiting writer: %v", err)
		}
		unlock(t, hold)
	}
	writer := <-entered
	for _, hold := range readers {
		if writer.Fence() <= hold.Fence() {
			t.Errorf("the writer's fence is %d after a reader's %d", writer.Fence(), hold.Fence())
		}
	}
	unlock(t, writer)
	last := <-late
	if last.Fence() <= writer.Fence() {
		t.Errorf("the late reader's fence is %d after the writer's %d", last.Fence(), writer.Fence())
	}
	unlock(t, last)
}

// As many have permits as there are, whoever asks where; another limit is refused with both
// limits and whose the lock's is.
func TestPermitsAndOtherLimits(t *testing.T) {
	nodes := steady(t, 3)
	ctx := t.Context()
	clients := both(t, nodes[1])
	one := held(t)(nodes[0].Acquire(ctx, "gpu", 2))
	two := held(t)(clients["client"].Acquire(ctx, "gpu", 2))
	for i, node := range nodes {
		for name, locker := range both(t, node) {
			if _, err := locker.TryAcquire(ctx, "gpu", 2); !errors.Is(err, conch.ErrBusy) {
				t.Errorf("TryAcquire %d by %s of no free permit = %v; want ErrBusy", i, name, err)
			}
		}
	}
	unlock(t, one)
	three := held(t)(nodes[2].Acquire(ctx, "gpu", 2))
	unlock(t, two, three)
	for i, node := range nodes {
		for name, locker := range both(t, node) {
			for what, ask := range map[string]func() (conch.Hold, error){
				"3 permits": func() (conch.Hold, error) { return locker.Acquire(ctx, "gpu", 3) },
				"a share":   func() (conch.Hold, error) { return locker.TryRLock(ctx, "gpu") },
			} {
				_, err := ask()
				if !errors.Is(err, conch.ErrLimit) || !strings.Contains(err.Error(), "2 permits") || !strings.Contains(err.Error(), nodes[0].Address()) {
					t.Errorf("%s at %d by %s: %v; want ErrLimit with both limits, and %s", what, i, name, err, nodes[0].Address())
				}
			}
			for _, limit := range []int{0, -1, conch.MaxPermits + 1} {
				if _, err := locker.Acquire(ctx, "gpu", limit); !errors.Is(err, conch.ErrPermits) {
					t.Errorf("Acquire of %d = %v; want ErrPermits", limit, err)
				}
				if _, err := locker.TryAcquire(ctx, "gpu", limit); !errors.Is(err, conch.ErrPermits) {
					t.Errorf("TryAcquire of %d = %v; want ErrPermits", limit, err)
				}
			}
		}
	}
	alone := held(t)(clients["client"].Lock(ctx, "gpu")) // whatever the limit
	if _, err := nodes[0].TryAcquire(ctx, "gpu", 2); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("TryAcquire beside one who has the lock alone = %v; want ErrBusy", err)
	}
	unlock(t, alone)
}

// loops is how often each of five nodes enters in each mode.
const loops = 20

// each runs a function for each of five nodes, half of them by clients, and for each loop.
func each(t *testing.T, f func(locker conch.Locker, loop int) error) {
	t.Helper()
	var all sync.WaitGroup
	for i, node := range steady(t, 5) {
		locker := both(t, node)[[]string{"node", "client"}[i%2]]
		all.Go(func() {
			for loop := range loops {
				if err := f(locker, loop); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// Writers raise two counters one after the other; readers always see them alike. The race detector sees anything that the lock does not order.
func TestReadersAndWritersCount(t *testing.T) {
	var first, second int
	var inside atomic.Int64
	var writers []uint64
	each(t, func(locker conch.Locker, loop int) error {
		if loop%4 == 0 {
			return locker.Do(t.Context(), "cs", func(_ context.Context, fence uint64) error {
				if n := inside.Load(); n != 0 {
					return fmt.Errorf("%d readers are in beside a writer", n)
				}
				first++
				writers = append(writers, fence)
				second++
				return nil
			})
		}
		return locker.RDo(t.Context(), "cs", func(_ context.Context, fence uint64) error {
			inside.Add(1)
			defer inside.Add(-1)
			if first != second {
				return fmt.Errorf("a reader sees %d and %d; want the same", first, second)
			}
			if len(writers) > 0 && fence <= writers[len(writers)-1] {
				return fmt.Errorf("a reader has the fence %d after a writer's %d", fence, writers[len(writers)-1])
			}
			return nil
		})
	})
	if want := 5 * loops / 4; first != want || second != want || !slices.IsSorted(writers) {
		t.Errorf("counted %d and %d, want %d; the writers' fences are %v", first, second, want, writers)
	}
}

// No more are in than there are permits, and as many are at some time.
func TestPermitsCount(t *testing.T) {
	const permits = 3
	var inside, entries atomic.Int64
	var full sync.Once
	crowd := make(chan struct{})
	each(t, func(locker conch.Locker, loop int) error {
		return locker.DoPermit(t.Context(), "gpu", permits, func(ctx context.Context, _ uint64) error {
			defer inside.Add(-1)
			entries.Add(1)
			if n := inside.Add(1); n > permits {
				return fmt.Errorf("%d are in with %d permits", n, permits)
			} else if n == permits {
				full.Do(func() { close(crowd) })
			}
			if loop > 0 {
				return nil
			}
			select { // at first, wait until all permits are out: five ask, and the first three get them
			case <-crowd:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	if got := entries.Load(); got != 5*loops {
		t.Errorf("%d entries, want %d", got, 5*loops)
	}
}

// Writers of the same lock, alone: the mode that was there before.
func TestWritersCount(t *testing.T) {
	count := 0
	each(t, func(locker conch.Locker, _ int) error {
		return locker.Do(t.Context(), "cs", func(context.Context, uint64) error {
			count++
			return nil
		})
	})
	if count != 5*loops {
		t.Errorf("counted %d, want %d", count, 5*loops)
	}
}
