package conch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conch"
)

var (
	_ conch.Locker = (*conch.Node)(nil)
	_ conch.Locker = (*conch.Client)(nil)
)

// calm is a time to live with which a slow machine loses no lock.
const calm = 10 * time.Second

// socketPath is short enough for a socket.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // its paths may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "conch.sock")
}

func dial(t testing.TB, nodes ...string) *conch.Client {
	t.Helper()
	client, err := conch.Dial(t.Context(), conch.DialConfig{Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func closeClient(t *testing.T, client *conch.Client) {
	t.Helper()
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

func TestClientsAndNodeExcludeEachOther(t *testing.T) {
	path := socketPath(t)
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], Socket: path, DataDir: t.TempDir(), SessionTTL: calm})
	defer stopNode(t, node)
	near, far := dial(t, "unix:"+path), dial(t, node.Address())
	if got := near.Node(); got != "unix:"+path {
		t.Errorf("Node = %q; want the socket", got)
	}
	if got := far.Node(); got != node.Address() {
		t.Errorf("Node = %q; want %q", got, node.Address())
	}

	const each = 25
	count, last := 0, uint64(0) // protected only by the lock
	var all sync.WaitGroup
	for _, locker := range []conch.Locker{node, near, far, near} {
		all.Go(func() {
			for range each {
				if err := locker.Do(t.Context(), "cs", func(_ context.Context, fence uint64) error {
					if fence <= last {
						t.Errorf("fence %d after %d; want a higher one", fence, last)
					}
					count, last = count+1, fence
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if count != 4*each {
		t.Errorf("count %d; want %d", count, 4*each)
	}

	hold, err := near.Lock(t.Context(), "cs")
	if err != nil {
		t.Fatal(err)
	}
	if hold.Deadline().IsZero() {
		t.Error("the hold of a client has no deadline")
	}
	for _, locker := range []conch.Locker{node, near, far} {
		if _, err := locker.TryLock(t.Context(), "cs"); !errors.Is(err, conch.ErrBusy) {
			t.Errorf("TryLock of %T = %v; want ErrBusy", locker, err)
		}
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if err := hold.Unlock(); !errors.Is(err, conch.ErrUnlocked) {
		t.Errorf("second Unlock = %v; want ErrUnlocked", err)
	}
	closeClient(t, near)
	hold, err = far.TryLock(t.Context(), "cs") // at once, since near's Unlock was heard
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := near.Lock(t.Context(), "cs"); !errors.Is(err, conch.ErrStopped) {
		t.Errorf("Lock of a closed client = %v; want ErrStopped", err)
	}
	closeClient(t, far)
}

func TestDo(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], DataDir: t.TempDir(), SessionTTL: calm})
	client := dial(t, node.Address())
	failed := errors.New("the work failed")
	for _, locker := range []conch.Locker{node, client} {
		called := 0
		if err := locker.Do(t.Context(), "x", func(ctx context.Context, fence uint64) error {
			called++
			if _, err := locker.TryLock(ctx, "x"); !errors.Is(err, conch.ErrBusy) || fence == 0 {
				t.Errorf("inside: TryLock = %v, fence %d; want ErrBusy, and a fence", err, fence)
			}
			return failed
		}); err != failed { //nolint:errorlint // as it is
			t.Errorf("Do = %v; want what the function returned", err)
		}
		func() {
			defer func() {
				if got := recover(); got != "the work panicked" {
					t.Errorf("the panic is %v", got)
				}
			}()
			_ = locker.Do(t.Context(), "x", func(context.Context, uint64) error { panic("the work panicked") })
		}()
		if err := locker.Do(t.Context(), "", func(context.Context, uint64) error { called++; return nil }); !errors.Is(err, conch.ErrName) {
			t.Errorf("Do of no name = %v; want ErrName", err)
		}
		hold, err := locker.Lock(t.Context(), "x") // a panic has left it free
		if err != nil {
			t.Fatal(err)
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		if called != 1 {
			t.Errorf("called %d times; want once", called)
		}
	}

	// The node stops and does not wait for holders; then it is back.
	hurried, cancel := context.WithCancel(context.Background())
	cancel()
	for _, locker := range []conch.Locker{node, client} {
		if err := locker.Do(t.Context(), "x", func(ctx context.Context, _ uint64) error {
			_ = node.Stop(hurried)
			<-ctx.Done()
			if err := context.Cause(ctx); !errors.Is(err, conch.ErrLost) {
				t.Errorf("the cause is %v; want ErrLost", err)
			}
			return failed
		}); !errors.Is(err, conch.ErrLost) || !errors.Is(err, failed) {
			t.Errorf("Do = %v; want ErrLost, and what the function returned", err)
		}
		// A client that is not told loses the lock by its lease, which is short now.
		node = startNode(t, conch.Config{Listen: node.Address(), DataDir: t.TempDir(), SessionTTL: conch.MinSessionTTL})
	}
	closeClient(t, client)
	stopNode(t, node)
}

func TestDialRefuses(t *testing.T) {
	address := freeAddresses(t, 1)[0]
	if _, err := conch.Dial(t.Context(), conch.DialConfig{Nodes: []string{address}}); !errors.Is(err, conch.ErrUnreachable) ||
		!errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), address) {
		t.Errorf("Dial = %v; want ErrUnreachable, ECONNREFUSED, and the address", err)
	}
	if _, err := conch.Dial(t.Context(), conch.DialConfig{Nodes: []string{"nonsense"}}); !errors.Is(err, conch.ErrConfig) || !strings.Contains(err.Error(), "Nodes: ") {
		t.Errorf("Dial = %v; want ErrConfig, and the field", err)
	}
	cause := errors.New("had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}}); !errors.Is(err, cause) {
		t.Errorf("Dial = %v; want the cause of the context's end", err)
	}
}

// A waiter whose node stops is moved on to the next.
func TestWaiterMovesOnWhenItsNodeStops(t *testing.T) {
	addresses := freeAddresses(t, 3)
	var nodes []*conch.Node
	for _, address := range addresses {
		nodes = append(nodes, startNode(t, conch.Config{Listen: address, Peers: addresses, DataDir: t.TempDir(), SessionTTL: calm}))
	}
	defer stopNode(t, nodes[1])
	defer stopNode(t, nodes[2])
	holder, waiter := dial(t, addresses[2]), dial(t, addresses[0], addresses[1])
	hold, err := holder.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	granted := make(chan error, 1)
	go func() {
		granted <- waiter.Do(ctx, "x", func(context.Context, uint64) error { return nil })
	}()
	stopNode(t, nodes[0])
	if _, err := waiter.TryLock(ctx, "x"); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("TryLock = %v; want ErrBusy", err)
	}
	if got := waiter.Node(); got != addresses[1] {
		t.Errorf("Node = %q; want the second, %q", got, addresses[1])
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if err := <-granted; err != nil {
		t.Error(err)
	}
	closeClient(t, waiter)
	closeClient(t, holder)
}
