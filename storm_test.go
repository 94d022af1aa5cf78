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
)

// stormTime is how long each storm lasts: CONCH_SOAK, or a moment.
func stormTime(t *testing.T) time.Duration {
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

// TestSoakStormOfGivenUpLocks has many callers give up on a lock after some 0 to 1 ms, so
// that withdrawals meet grants everywhere on their way: in callers of the nodes
// themselves, in clients, and in clients that are closed and dialled anew. There are more
// threads than cores, so that goroutines are preempted in the middle of functions. Who
// is let in is alone, and afterwards the lock is free and every table is empty.
func TestSoakStormOfGivenUpLocks(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * runtime.NumCPU()))
	const locks, clients, callers = 2, 8, 16
	nodes := cluster(t, 3)
	ctx, cancel := context.WithTimeout(context.Background(), stormTime(t))
	defer cancel()
	var inside [locks]sync.Mutex
	var fences [locks]uint64 // guarded by inside
	attempt := func(locker conch.Locker) {
		i := rand.IntN(locks)
		within, stop := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(time.Millisecond))))
		defer stop()
		hold, err := locker.Lock(within, fmt.Sprint("storm ", i))
		if err != nil {
			return
		}
		if !inside[i].TryLock() {
			t.Errorf("two are inside lock %d", i)
			return
		}
		if hold.Err() == nil && hold.Fence() <= fences[i] {
			t.Errorf("lock %d: fence %d after %d", i, hold.Fence(), fences[i])
		}
		fences[i] = max(fences[i], hold.Fence())
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
		inside[i].Unlock()
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
					continue // the storm is over
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
			hold, err := node.Lock(free, fmt.Sprint("storm ", i))
			stop()
			if err != nil {
				t.Errorf("lock %d cannot be had at %s after the storm: %v", i, node.Address(), err)
				continue
			}
			_ = hold.Unlock()
		}
	}
	for _, node := range nodes {
		empty(t, node)
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
