package conch_test

import (
	"context"
	"errors"
	"testing"

	"conch"
)

// A deferred Unlock of a failed Lock's result does no harm.
func TestZeroHold(t *testing.T) {
	var h conch.Hold
	if h.Fence() != 0 || h.Done() != nil || h.Warned() != nil || !h.Deadline().IsZero() {
		t.Error("the zero Hold has a fence, a channel or a deadline")
	}
	for name, err := range map[string]error{
		"Err": h.Err(), "Unlock": h.Unlock(), "Warning": h.Warning(), "Context": context.Cause(h.Context(t.Context())),
	} {
		if !errors.Is(err, conch.ErrNotHeld) {
			t.Errorf("%s = %v; want ErrNotHeld", name, err)
		}
	}
}

// The context of a hold ends with it, and tells how.
func TestContextOfAHoldEndsWithIt(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], SessionTTL: conch.MinSessionTTL})
	client := dial(t, node.Address())
	if node.SessionTTL() != conch.MinSessionTTL || client.SessionTTL() != conch.MinSessionTTL {
		t.Errorf("SessionTTL is %v at the node and %v at the client; want %v", node.SessionTTL(), client.SessionTTL(), conch.MinSessionTTL)
	}
	for name, locker := range map[string]conch.Locker{"node": node, "client": client} {
		hold, err := locker.Lock(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		held := hold.Context(t.Context())
		if held.Err() != nil {
			t.Errorf("%s: ended while the lock is held: %v", name, context.Cause(held))
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
		<-held.Done()
		if err := context.Cause(held); !errors.Is(err, conch.ErrUnlocked) {
			t.Errorf("%s: cause %v after Unlock; want ErrUnlocked", name, err)
		}
		if late := hold.Context(t.Context()); !errors.Is(wait(late), conch.ErrUnlocked) {
			t.Errorf("%s: a context after Unlock has cause %v; want ErrUnlocked", name, context.Cause(late))
		}
	}
	var ends []context.Context
	for _, locker := range []conch.Locker{node, client} {
		hold, err := locker.Lock(t.Context(), "lost")
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, hold.Context(t.Context()))
		if len(ends) == 1 {
			_ = hold.Unlock() // of the client, which then loses it
		}
	}
	closeClient(t, client)
	stopNode(t, node)
	if err := wait(ends[1]); !errors.Is(err, conch.ErrLost) {
		t.Errorf("cause %v after the loss; want ErrLost", err)
	}
}

// wait returns why a context ended.
func wait(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// A Mutex excludes, and panics where it would need an error.
func TestMutex(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], SessionTTL: conch.MinSessionTTL})
	ctx, cancel := context.WithCancel(t.Context())
	mu := conch.Mutex(ctx, node, "cs")
	panics := func(what string, want error, f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if err, _ := recover().(error); !errors.Is(err, want) {
				t.Errorf("%s panics with %v; want %v", what, err, want)
			}
		}()
		f()
	}
	panics("Unlock before Lock", conch.ErrNotHeld, mu.Unlock)
	mu.Lock()
	if _, err := node.TryLock(t.Context(), "cs"); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("TryLock under the Mutex: %v; want ErrBusy", err)
	}
	mu.Unlock()
	mu.Lock()
	cancel()
	panics("Lock after the end of its context", context.Canceled, mu.Lock)
	now, end := context.WithCancel(context.Background())
	end()
	_ = node.Stop(now) // takes the lock away
	panics("Unlock after a loss", conch.ErrLost, mu.Unlock)
	panics("Unlock again", conch.ErrNotHeld, mu.Unlock)
	panics("Lock of a node that has stopped", conch.ErrStopped, conch.Mutex(t.Context(), node, "cs").Lock)
}
