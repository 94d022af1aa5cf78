package conch_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

// breakLock is what conch break does.
func breakLock(ctx context.Context, node *conch.Node, lock string, fence uint64) (*clientv1.BreakResponse, error) {
	return node.LockService().Break(ctx, &clientv1.BreakRequest{Lock: lock, Fence: fence, Reason: "a test"})
}

// state is what conch who shows.
func state(ctx context.Context, t *testing.T, node *conch.Node, lock string) *clientv1.LockStatus {
	t.Helper()
	list := &listed{ctx: ctx}
	if err := node.LockService().ListLocks(&clientv1.ListLocksRequest{Lock: lock}, list); err != nil {
		t.Fatal(err)
	}
	return list.lock
}

// A kept hold whose client dies bars the lock until it is broken.
func TestKeptHoldBarsOthers(t *testing.T) {
	ctx := bounded(t)
	nodes, lockers := remembering(t, 3)
	client := dial(t, nodes[0].Address())
	hold, err := client.LockKept(ctx, "deploy", conch.Keep{Owner: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	if got := state(ctx, t, nodes[1], "deploy"); got.GetKept() != nil || !got.GetHolder().GetKept() || got.GetHolder().GetOwner() != "ops" {
		t.Errorf("while it is held: %v", got)
	}
	closeClient(t, client)
	waits := make(chan conch.Hold, 1)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() {
		hold, err := lockers[1].Lock(ctx, "deploy")
		if err != nil {
			t.Error(err)
		}
		waits <- hold
	})
	var kept *clientv1.LockStatus
	for kept.GetKept() == nil || len(kept.GetObstacles()) == 0 {
		kept = state(ctx, t, nodes[2], "deploy")
		if ctx.Err() != nil {
			t.Fatalf("it is not shown as kept: %v", kept)
		}
	}
	if k := kept.GetKept(); k.GetFence() != hold.Fence() || k.GetOwner() != "ops" || k.GetClient().GetPid() == 0 || k.GetMember() != nodes[0].Address() || k.GetSinceS() == 0 {
		t.Errorf("it is shown as %v", k)
	}
	if o := kept.GetObstacles()[0]; o.GetKind() != clientv1.Obstacle_KIND_KEPT {
		t.Errorf("the first obstacle is %v, want the kept hold", o)
	}
	for _, locker := range lockers {
		if _, err := locker.TryLock(ctx, "deploy"); !errors.Is(err, conch.ErrBusy) {
			t.Errorf("a try: %v, want ErrBusy", err)
		}
	}
	select {
	case <-waits:
		t.Fatal("another has the lock")
	default:
	}
	if _, err := breakLock(ctx, nodes[2], "deploy", hold.Fence()+1); err == nil || !strings.Contains(err.Error(), "fence") {
		t.Errorf("a break with another fence: %v", err)
	}
	answer, err := breakLock(ctx, nodes[2], "deploy", hold.Fence())
	if err != nil || answer.GetFreed().GetFence() != hold.Fence() || answer.GetFreed().GetOwner() != "ops" {
		t.Fatalf("a break: %v, %v", answer, err)
	}
	next := <-waits
	if next.Fence() <= hold.Fence() {
		t.Errorf("fence %d after %d", next.Fence(), hold.Fence())
	}
	if got := state(ctx, t, nodes[0], "deploy"); got.GetKept() != nil {
		t.Errorf("it is shown as kept still: %v", got.GetKept())
	}
	if err := next.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := breakLock(ctx, nodes[2], "deploy", hold.Fence()); err == nil {
		t.Error("it is broken once more")
	}
}

// The node of a kept hold dies. Its owner adopts it elsewhere.
func TestOwnerAdoptsAKeptHold(t *testing.T) {
	ctx := bounded(t)
	nodes, lockers := remembering(t, 3)
	hold, err := nodes[1].LockKept(ctx, "deploy", conch.Keep{Owner: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	killed, cancel := context.WithCancel(ctx)
	cancel()
	_ = nodes[1].Stop(killed)
	if err := hold.Unlock(); !errors.Is(err, conch.ErrLost) {
		t.Errorf("Unlock at a node that has ended: %v, want ErrLost", err)
	}
	adopted, err := lockers[2].LockKept(ctx, "deploy", conch.Keep{Owner: "ops", Adopt: true})
	if err != nil {
		t.Fatal(err)
	}
	if adopted.Fence() <= hold.Fence() {
		t.Errorf("fence %d after %d", adopted.Fence(), hold.Fence())
	}
	if _, err := lockers[0].TryLockKept(ctx, "deploy", conch.Keep{Owner: "ops", Adopt: true}); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("it is adopted twice: %v, want ErrBusy", err)
	}
	if err := adopted.Unlock(); err != nil {
		t.Error(err)
	}
	free, err := lockers[0].Lock(ctx, "deploy")
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Unlock(); err != nil {
		t.Error(err)
	}
}

// All nodes die at once, with a run that is done and a hold that is kept.
func TestNotesOutliveAllNodes(t *testing.T) {
	ctx := bounded(t)
	addresses := freeAddresses(t, 3)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	start := func() (nodes []*conch.Node) {
		for i, address := range addresses {
			nodes = append(nodes, startNode(t, conch.Config{Listen: address, Peers: addresses, DataDir: dirs[i], SessionTTL: time.Second}))
		}
		return nodes
	}
	stop := func(ctx context.Context, nodes []*conch.Node) {
		var all sync.WaitGroup
		for _, node := range nodes {
			all.Go(func() { _ = node.Stop(ctx) })
		}
		all.Wait()
	}
	nodes := start()
	ran := func(context.Context, uint64) error { return nil }
	if did, err := nodes[0].Once(ctx, "job", 5, ran, conch.PlainTick()); !did || err != nil {
		t.Fatal(did, err)
	}
	hold, err := nodes[1].LockKept(ctx, "deploy", conch.Keep{})
	if err != nil {
		t.Fatal(err)
	}
	killed, cancel := context.WithCancel(ctx)
	cancel()
	stop(killed, nodes)
	nodes = start()
	defer func() { stop(context.Background(), nodes) }()
	if did, err := nodes[2].Once(ctx, "job", 5, ran, conch.PlainTick()); did || err != nil {
		t.Errorf("the tick is run again: %v, %v", did, err)
	}
	if k := state(ctx, t, nodes[0], "deploy").GetKept(); k.GetFence() != hold.Fence() {
		t.Errorf("the lock is shown as kept by %v", k)
	}
	if err := nodes[0].Do(ctx, "other", ran); err != nil { // a try knows nothing before there is a session
		t.Fatal(err)
	}
	if _, err := nodes[0].TryLock(ctx, "deploy"); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("a try: %v, want ErrBusy", err)
	}
	if _, err := breakLock(ctx, nodes[2], "deploy", hold.Fence()); err != nil {
		t.Fatal(err)
	}
	next, err := nodes[0].Lock(ctx, "deploy")
	if err != nil {
		t.Fatal(err)
	}
	if next.Fence() <= hold.Fence() {
		t.Errorf("fence %d after %d", next.Fence(), hold.Fence())
	}
	if err := next.Unlock(); err != nil {
		t.Error(err)
	}
}
