package conch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// stressTime is how long the test makes trouble: CONCH_SOAK, or a moment.
func stressTime(t *testing.T) time.Duration {
	t.Helper()
	soak := os.Getenv("CONCH_SOAK")
	if soak == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(soak)
	if err != nil {
		t.Fatalf("CONCH_SOAK: %v", err)
	}
	return d
}

// cluster starts nodes that know each other.
func cluster(t *testing.T, n int) []*conch.Node {
	t.Helper()
	addresses := freeAddresses(t, n)
	var nodes []*conch.Node
	for i, address := range addresses {
		var peers []string
		peers = append(append(peers, addresses[:i]...), addresses[i+1:]...)
		node := startNode(t, conch.Config{Listen: address, Peers: peers, SessionTTL: time.Second})
		t.Cleanup(func() { stopNode(t, node) })
		nodes = append(nodes, node)
	}
	return nodes
}

// TestSoakGivenUpLocks has many callers give up on a lock after some 0 to 1 ms, so
// that withdrawals meet grants everywhere on their way: in callers of the nodes
// themselves, in clients, and in clients that are closed and dialled anew. There are more
// threads than cores, so that goroutines are preempted in the middle of functions. Half of
// them share the locks. Who is let in is alone, or beside others that share the lock, and
// afterwards the lock is free and every table is empty.
func TestSoakGivenUpLocks(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * runtime.NumCPU()))
	const locks, clients, callers = 2, 8, 16
	nodes := cluster(t, 3)
	ctx, cancel := context.WithTimeout(context.Background(), stressTime(t))
	defer cancel()
	limits := [locks]token.Limit{token.Unlimited, 2}
	var rooms [locks]room
	attempt := func(locker conch.Locker) {
		i := rand.IntN(locks)
		limit := limits[i]
		if rand.IntN(2) == 0 {
			limit = token.Exclusive
		}
		within, stop := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(time.Millisecond))))
		defer stop()
		hold, err := acquireIn(within, locker, fmt.Sprint("stress ", i), limit)
		if err != nil {
			return
		}
		if err := rooms[i].enter(limit, hold); err != nil {
			t.Errorf("lock %d: %v", i, err)
			return
		}
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
		rooms[i].leave(limit)
		if err := hold.Unlock(); err != nil && !errors.Is(err, conch.ErrLost) {
			t.Errorf("Unlock: %v", err)
		}
	}
	var all sync.WaitGroup
	for k := range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{nodes[k%len(nodes)].Address()}})
				if err != nil {
					continue // its time is over
				}
				until, stop := context.WithCancel(ctx)
				if k < clients/2 { // these come and go
					until, stop = context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(100*time.Millisecond))))
				}
				var own sync.WaitGroup
				for range callers {
					own.Go(func() {
						for until.Err() == nil {
							attempt(client)
						}
					})
				}
				own.Wait()
				stop()
				if err := client.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}
		})
	}
	for _, node := range nodes {
		for range callers / 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					attempt(node)
				}
			})
		}
	}
	all.Wait()
	for i := range locks {
		for _, node := range nodes {
			free, stop := context.WithTimeout(context.Background(), 10*time.Second)
			hold, err := node.Lock(free, fmt.Sprint("stress ", i))
			stop()
			if err != nil {
				t.Errorf("lock %d cannot be had at %s afterwards: %v", i, node.Address(), err)
				continue
			}
			_ = hold.Unlock()
		}
	}
	for _, node := range nodes {
		empty(t, node)
	}
}

// acquireIn acquires a lock in a mode.
func acquireIn(ctx context.Context, locker conch.Locker, lock string, limit token.Limit) (conch.Hold, error) {
	switch limit {
	case token.Exclusive:
		return locker.Lock(ctx, lock)
	case token.Unlimited:
		return locker.RLock(ctx, lock)
	default:
		return locker.Acquire(ctx, lock, int(limit))
	}
}

// room is what a lock protects.
type room struct {
	mu             sync.Mutex
	alone, sharing int
	// writer is the highest fence of those who were alone, and sharer of the others.
	writer, sharer uint64
}

// enter notes that somebody is in, and says what is wrong with that.
func (r *room) enter(limit token.Limit, hold conch.Hold) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fence, held := hold.Fence(), hold.Err() == nil
	if limit == token.Exclusive {
		r.alone++
		if held && fence <= max(r.writer, r.sharer) {
			return fmt.Errorf("a writer's fence %d after writers up to %d and others up to %d", fence, r.writer, r.sharer)
		}
		r.writer = max(r.writer, fence)
	} else {
		r.sharing++
		if held && fence <= r.writer {
			return fmt.Errorf("a sharer's fence %d after writers up to %d", fence, r.writer)
		}
		r.sharer = max(r.sharer, fence)
	}
	if r.alone > 1 || r.alone > 0 && r.sharing > 0 || limit != token.Exclusive && uint64(r.sharing) > uint64(limit) {
		return fmt.Errorf("%d are in that want to be alone, and %d that share it with limit %d", r.alone, r.sharing, limit)
	}
	return nil
}

// leave notes that somebody is in no more.
func (r *room) leave(limit token.Limit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if limit == token.Exclusive {
		r.alone--
	} else {
		r.sharing--
	}
}

// empty waits until nobody holds or waits at a node, and no client is remembered there.
func empty(t *testing.T, node *conch.Node) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, err := node.LockService().Status(t.Context(), &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		if err != nil {
			t.Fatal(err)
		}
		s := status.GetStatuses()[0]
		if s.GetHolds() == 0 && s.GetWaits() == 0 && s.GetClients() == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s still has %d holds, %d waits and %d clients", s.GetMember(), s.GetHolds(), s.GetWaits(), s.GetClients())
			return
		}
		runtime.Gosched()
	}
}
