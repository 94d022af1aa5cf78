package broadcast

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"conch/token"
)

func TestDrainWaitsForHoldersAndTurnsWaitersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1")
		eventually(t, "connected", func() bool { return connected(members...) })
		a, b := members[0], members[1]
		hold := a.acquire("cs")
		waited := make(chan error, 1)
		go func() {
			_, err := a.driver.Acquire(t.Context(), "cs", token.Exclusive)
			waited <- err
		}()
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- a.driver.Drain(t.Context(), "the test", nil) }()
		if err := <-waited; !errors.Is(err, ErrStopped) {
			t.Errorf("a waiter of a node that drains gets %v, want ErrStopped", err)
		}
		time.Sleep(10 * testTTL)
		synctest.Wait()
		select {
		case err := <-drained:
			t.Fatalf("Drain = %v while a lock is held", err)
		default:
		}
		if err := hold.Err(); err != nil {
			t.Errorf("a hold of a node that drains: %v", err)
		}
		select {
		case <-hold.Warned():
			t.Error("a holder is warned though the node only drains")
		default:
		}
		next := make(chan Hold, 1)
		go func() { next <- b.acquire("cs") }()
		a.release(hold)
		if err := <-drained; err != nil {
			t.Errorf("Drain = %v", err)
		}
		b.release(<-next) // the token went on
		if _, err := a.driver.Acquire(t.Context(), "cs", token.Exclusive); !errors.Is(err, ErrStopped) {
			t.Errorf("Acquire at a drained node = %v, want ErrStopped", err)
		}
		if _, err := a.driver.Undrain(t.Context(), "the test"); err != nil {
			t.Error(err)
		}
		a.release(a.acquire("cs"))
		stopAll(members)
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1")
		settled(t, members)
		hold := members[0].acquire("cs")
		ctx, cancel := context.WithTimeout(t.Context(), testTTL)
		defer cancel()
		if err := members[0].driver.Drain(ctx, "the test", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain = %v, want the deadline", err)
		}
		members[0].release(hold)
		stopAll(members)
	})
}
