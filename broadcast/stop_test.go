package broadcast

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"conch/token"
)

func TestStopPassesTheTokenOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "all connected", func() bool { return connected(members...) })
		a := members[0]
		a.release(a.acquire("cs")) // its token lies idle at a
		time.Sleep(testTTL)        // so that all are in a session
		began := time.Now()
		a.stop()
		for _, m := range members[1:] {
			m.release(m.acquire("cs"))
		}
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("the next two grants took %v; want no timeout waited for", took)
		}
		stopAll(members[1:])
		all := a.lines()
		if last := all[len(all)-1]; last["event"] != "node_stopped" {
			t.Errorf("last line %v; want node_stopped", last)
		}
		if got := a.lines("session_ended"); len(got) != 1 {
			t.Errorf("lines %v; want the session's end", got)
		}
		if got := a.lines("peer_lost"); len(got) != 0 {
			t.Errorf("lines %v; want no loss of streams that were closed on purpose", got)
		}
	})
}

func TestStopTurnsWaitersAwayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := newNetwork().startAll(t, "a:1", "b:1")
		settled(t, members)
		a, b := members[0], members[1]
		var holds []Hold
		turnedAway := make(chan error)
		for i := range 8 {
			lock := fmt.Sprint("lock ", i)
			holds = append(holds, b.acquire(lock))
			go func() {
				_, err := a.driver.Acquire(t.Context(), lock, token.Exclusive)
				turnedAway <- err
			}()
			synctest.Wait()
		}
		go a.stop()
		for range holds {
			if err := <-turnedAway; !errors.Is(err, ErrStopped) {
				t.Errorf("Acquire = %v; want ErrStopped", err)
			}
		}
		for i, l := range a.lines("withdraw") {
			if want := fmt.Sprint("lock ", i); l["lock"] != want {
				t.Errorf("withdrawal %d is of %v; want %s", i, l["lock"], want)
			}
		}
		for _, hold := range holds {
			b.release(hold)
		}
		b.stop()
	})
}

func TestStopWaitsForHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1")
		a, b := members[0], members[1]
		hold := a.acquire("cs")
		waits := make(chan error, 2)
		go func() {
			_, err := a.driver.Acquire(t.Context(), "cs", token.Exclusive)
			waits <- err
		}()
		granted := make(chan Hold, 1)
		go func() { granted <- b.acquire("cs") }()
		synctest.Wait()

		stopped := make(chan struct{})
		go func() {
			a.stop()
			close(stopped)
		}()
		if err := <-waits; !errors.Is(err, ErrStopped) {
			t.Errorf("Acquire of one who waits = %v; want ErrStopped", err)
		}
		if _, err := a.driver.Acquire(t.Context(), "cs", token.Exclusive); !errors.Is(err, ErrStopped) {
			t.Errorf("Acquire = %v; want ErrStopped", err)
		}
		time.Sleep(10 * testTTL)
		synctest.Wait()
		select {
		case <-stopped:
			t.Fatal("stopped under a holder")
		case <-granted:
			t.Fatal("granted elsewhere under a holder")
		default:
		}
		if err := hold.Err(); err != nil {
			t.Errorf("Err of the hold = %v; want nil", err)
		}
		a.release(hold)
		b.release(<-granted)
		<-stopped
		if _, err := a.driver.Acquire(t.Context(), "cs", token.Exclusive); !errors.Is(err, ErrStopped) {
			t.Errorf("Acquire = %v; want ErrStopped", err)
		}
		if err := a.driver.Err(); err != nil {
			t.Errorf("Err after Stop = %v; want nil", err)
		}
		b.stop()
	})
}

func TestStopTellsHoldersWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "all connected", func() bool { return connected(members...) })
		a := members[0]
		hold := a.acquire("cs")
		lost := hold.Done()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.driver.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop = %v; want the context's end", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Stop took %v; want 1s", took)
		}
		if err := a.driver.Stop(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second Stop = %v; want what the first returned", err)
		}
		a.server.Stop()
		<-a.served
		<-lost
		if err := hold.Unlock(); !errors.Is(err, ErrLost) {
			t.Errorf("Release = %v; want ErrLost", err)
		}
		// The holder may have gone on until its lease was over; the next holder enters only
		// then.
		members[1].release(members[1].acquire("cs"))
		if took := time.Since(began); took < testTTL {
			t.Errorf("granted elsewhere after %v; want not before the lease is over", took)
		}
		stopAll(members[1:])
		if got := a.lines("lost", "node_stopped"); len(got) != 2 || got[0]["event"] != "lost" {
			t.Errorf("lines %v; want the loss and the end", got)
		}
	})
}

func TestStopDoesNotWaitForPeersThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "all connected", func() bool { return connected(members...) })
		members[1].crash()
		members[2].crash()
		began := time.Now()
		members[0].stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("Stop took %v; want no wait", took)
		}
	})
}

func TestAllStopTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		members[0].release(members[0].acquire("cs"))
		stopped := make(chan struct{})
		for _, m := range members {
			go func() {
				m.stop()
				stopped <- struct{}{}
			}()
		}
		for range members {
			<-stopped
		}
	})
}

func TestStopOfANodeThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := alone(t)
		hold := m.acquire("cs")
		waits := make(chan error, 1)
		go func() {
			_, err := m.driver.Acquire(t.Context(), "cs", token.Exclusive)
			waits <- err
		}()
		synctest.Wait()
		broken := errors.New("broken")
		m.driver.Fail(broken)
		m.driver.Fail(errors.New("later"))
		<-m.driver.Done()
		if err := m.driver.Err(); !errors.Is(err, broken) {
			t.Errorf("Err = %v; want what the node failed with", err)
		}
		if err := hold.Err(); !errors.Is(err, ErrLost) {
			t.Errorf("Err of the hold = %v; want ErrLost", err)
		}
		if err := <-waits; !errors.Is(err, ErrStopped) {
			t.Errorf("Acquire of one who waits = %v; want ErrStopped", err)
		}
		if _, err := m.driver.Acquire(t.Context(), "cs", token.Exclusive); !errors.Is(err, ErrStopped) || !errors.Is(err, broken) {
			t.Errorf("Acquire = %v; want ErrStopped and why", err)
		}
		m.stop()
		if got := m.lines("node_stopped"); len(got) != 0 {
			t.Errorf("lines %v; want no end in peace", got)
		}
	})
}

// brokenDisk fails from a given call on, and keeps what was saved before.
type brokenDisk struct {
	left int
	err  error
}

func (d *brokenDisk) Save(uint64, uint64) error {
	if d.left--; d.left < 0 {
		return d.err
	}
	return nil
}

// Nothing that was not saved may be relied on: the ballot is not sent.
func TestDiskThatFailsEndsTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &brokenDisk{left: 0, err: errors.New("disk full")}
		w := newNetwork()
		addresses := []string{"a:1", "b:1"}
		a := w.startMember(t, "a:1", setup{members: addresses, store: disk})
		b := w.startMember(t, "b:1", setup{members: addresses})
		_, err := a.driver.Acquire(t.Context(), "cs", token.Exclusive)
		if !errors.Is(err, disk.err) {
			t.Errorf("Acquire = %v; want the disk's error", err)
		}
		<-a.driver.Done()
		if err := a.driver.Err(); !errors.Is(err, disk.err) {
			t.Errorf("Err = %v; want the disk's error", err)
		}
		synctest.Wait()
		if got := a.lines("ballot_sent", "answer_sent"); len(got) != 0 {
			t.Errorf("sent %v after a promise that was not saved; want nothing", got)
		}
		a.stop()
		a.server.Stop()
		b.stop()
	})
}
