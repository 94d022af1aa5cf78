package broadcast

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conch/token"
)

// When a node knows its maximum of locks, callers can ask only for locks that it knows.
// Members are not turned away; their callers meet the same bound, since they know the same
// locks.
func TestCallersCanAskForSoManyLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		addresses := []string{"a:1", "b:1", "c:1"}
		tight, wide := defaultLimits, defaultLimits
		tight.locks, wide.locks = 3, 4
		a := w.startMember(t, "a:1", setup{members: addresses, limits: tight})
		b := w.startMember(t, "b:1", setup{members: addresses, limits: tight})
		c := w.startMember(t, "c:1", setup{members: addresses, limits: wide})
		refused := func(m *member, lock string) {
			t.Helper()
			for _, ask := range []func() (Hold, error){
				func() (Hold, error) { return m.driver.Acquire(t.Context(), lock, token.Exclusive) },
				func() (Hold, error) { return m.driver.Try(t.Context(), lock, token.Exclusive) },
			} {
				hold, err := ask()
				if err == nil {
					m.release(hold)
				}
				if !errors.Is(err, ErrTooManyLocks) || !strings.Contains(err.Error(), lock) {
					t.Errorf("%s asks for %s: %v; want ErrTooManyLocks, and the name", m.address, lock, err)
				}
			}
		}
		for i := range 3 {
			a.release(a.acquire(fmt.Sprintf("lock %d", i)))
		}
		synctest.Wait()
		refused(a, "another")
		refused(b, "another")
		b.release(b.acquire("lock 1"))
		c.release(c.acquire("another"))
		a.release(a.acquire("another")) // which it has heard of
		refused(c, "yet another")
		for _, m := range []*member{a, b, c} {
			if s, err := m.driver.Status(t.Context()); err != nil || s.Locks != 4 || s.MaxLocks != m.driver.limits.locks || s.Waits != 0 {
				t.Errorf("%s knows %d locks of %d, and %d wait (%v); want 4, and nobody", m.address, s.Locks, s.MaxLocks, s.Waits, err)
			}
		}
		stopAll([]*member{a, b, c})
	})
}

// A lock that nobody asks for is forgotten, which makes room for others.
func TestForgottenLocksMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tight := defaultLimits
		tight.locks = 1
		a := newNetwork().startMember(t, "a:1", setup{members: []string{"a:1"}, limits: tight})
		a.release(a.acquire("one"))
		if _, err := a.driver.Acquire(t.Context(), "another", token.Exclusive); !errors.Is(err, ErrTooManyLocks) {
			t.Errorf("another: %v; want ErrTooManyLocks", err)
		}
		time.Sleep(time.Duration(token.DefaultIdleLock) + time.Second)
		a.release(a.acquire("another"))
		a.stop()
	})
}
