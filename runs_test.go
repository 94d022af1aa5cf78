package conch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

// remembering starts nodes with data directories, with a short time to live, and returns
// lockers of all kinds at them.
func remembering(t *testing.T, n int) (nodes []*conch.Node, lockers []conch.Locker) {
	t.Helper()
	addresses := freeAddresses(t, n)
	path := socketPath(t)
	for i, address := range addresses {
		cfg := conch.Config{Listen: address, Peers: addresses, DataDir: t.TempDir(), SessionTTL: 2 * time.Second}
		if i == 0 {
			cfg.Socket = path
		}
		node := startNode(t, cfg)
		t.Cleanup(func() { _ = node.Stop(context.Background()) }) // some tests have it die
		nodes = append(nodes, node)
		lockers = append(lockers, node)
	}
	return nodes, append(lockers, dial(t, "unix:"+path), dial(t, addresses[n-1]))
}

// bounded ends a test whose waits do not.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// thisMinute is a tick.
func thisMinute() int64 { return time.Now().Unix() / 60 * 60 }

func TestOnceAmongNodesAndClients(t *testing.T) {
	ctx := bounded(t)
	_, lockers := remembering(t, 3)
	var mu sync.Mutex
	ran := make(map[int64]int)
	var all sync.WaitGroup
	last := thisMinute()
	for tick := last - 4*60; tick <= last; tick += 60 {
		for i, locker := range lockers {
			all.Go(func() {
				did, err := locker.Once(ctx, "nightly", tick, func(ctx context.Context, fence uint64) error {
					mu.Lock()
					defer mu.Unlock()
					ran[tick]++
					return ctx.Err()
				})
				if err != nil {
					t.Errorf("locker %d, tick %d: ran %v: %v", i, tick, did, err)
				}
			})
		}
		all.Wait() // a later tick may pass over an earlier one
	}
	for tick := last - 4*60; tick <= last; tick += 60 {
		if ran[tick] != 1 {
			t.Errorf("the tick %d was run %d times, want 1", tick, ran[tick])
		}
	}
	for i, locker := range lockers {
		records, err := locker.Runs(ctx, "nightly")
		if err != nil || len(records) != 5 {
			t.Fatalf("locker %d: %d runs, %v; want 5", i, len(records), err)
		}
		for k, r := range records {
			if r.Tick != last-int64(4-k)*60 || r.State != conch.RunDone || r.ExitCode != 0 || r.PID == 0 || r.Began.IsZero() || r.Ended.Before(r.Began) || r.RememberedUntil.Before(r.Ended) || r.Node == "" {
				t.Errorf("locker %d: run %d is %+v", i, k, r)
			}
		}
	}
}

// What was said of a run is what others are told.
func TestEndOfARunIsTold(t *testing.T) {
	ctx := bounded(t)
	_, lockers := remembering(t, 3)
	for i, locker := range lockers {
		name := fmt.Sprint("job ", i)
		hold, err := locker.LockRun(ctx, name, conch.Run{Tick: 7, Plain: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lockers[(i+1)%len(lockers)].TryLockRun(ctx, name, conch.Run{Tick: 7, Plain: true}); !errors.Is(err, conch.ErrBusy) {
			t.Errorf("locker %d: a try while it runs: %v, want ErrBusy", i, err)
		}
		if err := hold.EndRun(ctx, conch.RunEnd{ExitCode: 3, Text: strings.Repeat("long ", 1000)}); err != nil {
			t.Errorf("locker %d: %v", i, err)
		}
		if err := hold.EndRun(ctx, conch.RunEnd{}); !errors.Is(err, conch.ErrUnlocked) {
			t.Errorf("locker %d: EndRun twice: %v, want ErrUnlocked", i, err)
		}
		if err := hold.Unlock(); !errors.Is(err, conch.ErrUnlocked) {
			t.Errorf("locker %d: Unlock after EndRun: %v, want ErrUnlocked", i, err)
		}
		for k, other := range lockers {
			for tick, passed := range map[int64]bool{7: false, 6: true} {
				_, err := other.LockRun(ctx, name, conch.Run{Tick: tick, Plain: true})
				var ran *conch.RanError
				if !errors.As(err, &ran) {
					t.Fatalf("locker %d, after %d: %v, want RanError", k, i, err)
				}
				if ran.PassedOver != passed || ran.Run.Tick != 7 || ran.Run.Fence != hold.Fence() {
					t.Errorf("locker %d, after %d: %+v", k, i, ran)
				}
				// A member that has heard no more than what the token says does not know the rest.
				if !ran.Run.Ended.IsZero() && (ran.Run.ExitCode != 3 || !strings.HasPrefix(ran.Run.Text, "long")) {
					t.Errorf("locker %d, after %d: %+v", k, i, ran)
				}
			}
		}
	}
}

// A run whose process dies is run again, unless that is not wanted.
func TestRunThatDies(t *testing.T) {
	ctx := bounded(t)
	nodes, lockers := remembering(t, 3)
	tick := thisMinute()
	begin := func(name string, once bool) {
		t.Helper()
		client := dial(t, nodes[0].Address())
		if _, err := client.LockRun(ctx, name, conch.Run{Tick: tick, AtMostOnce: once}); err != nil {
			t.Fatal(err)
		}
		closeClient(t, client) // as if its process had died
	}
	begin("again", false)
	hold, err := lockers[1].LockRun(ctx, "again", conch.Run{Tick: tick})
	if err != nil {
		t.Fatalf("nobody runs it again: %v", err)
	}
	if err := hold.EndRun(ctx, conch.RunEnd{}); err != nil {
		t.Error(err)
	}
	begin("skip", true)
	_, err = lockers[1].LockRun(ctx, "skip", conch.Run{Tick: tick, AtMostOnce: true})
	var ran *conch.RanError
	if !errors.As(err, &ran) || ran.Run.State != conch.RunBegun || ran.PassedOver || ran.Run.PID == 0 {
		t.Errorf("after a run that died: %v, %+v; want RanError with a run that has begun", err, ran)
	}
	if did, err := lockers[2].Once(ctx, "skip", tick, func(context.Context, uint64) error { return nil }, conch.AtMostOnce()); did || err != nil {
		t.Errorf("Once after a run that died: %v, %v; want it to be skipped", did, err)
	}
	if did, err := lockers[0].Once(ctx, "skip", tick+60, func(context.Context, uint64) error { return nil }, conch.AtMostOnce()); !did || err != nil {
		t.Errorf("the next tick: %v, %v; want it run", did, err)
	}
}

// The node dies in the middle of a run.
func TestNodeDiesDuringARun(t *testing.T) {
	ctx := bounded(t)
	nodes, lockers := remembering(t, 3)
	tick := thisMinute()
	hold, err := nodes[1].LockRun(ctx, "job", conch.Run{Tick: tick, AtMostOnce: true})
	if err != nil {
		t.Fatal(err)
	}
	killed, cancel := context.WithCancel(ctx)
	cancel()
	_ = nodes[1].Stop(killed)
	if err := hold.EndRun(ctx, conch.RunEnd{}); !errors.Is(err, conch.ErrLost) {
		t.Errorf("EndRun at a node that has ended: %v, want ErrLost", err)
	}
	var ran *conch.RanError
	if _, err := lockers[0].LockRun(ctx, "job", conch.Run{Tick: tick, AtMostOnce: true}); !errors.As(err, &ran) {
		t.Errorf("another run, at most once: %v, want RanError", err)
	}
	hold, err = lockers[0].LockRun(ctx, "job", conch.Run{Tick: tick})
	if err != nil {
		t.Fatalf("another run, at least once: %v", err)
	}
	if err := hold.EndRun(ctx, conch.RunEnd{}); err != nil {
		t.Error(err)
	}
}

func TestOnceByWhatFReturns(t *testing.T) {
	ctx := bounded(t)
	_, lockers := remembering(t, 1)
	failed := errors.New("failed")
	for i, locker := range lockers {
		name := fmt.Sprint("job ", i)
		fails := func(context.Context, uint64) error { return failed }
		plain := conch.PlainTick()
		if did, err := locker.Once(ctx, name, 1, fails, plain, conch.AgainOnError()); !did || !errors.Is(err, failed) {
			t.Errorf("locker %d: %v, %v; want f's error", i, did, err)
		}
		if did, err := locker.Once(ctx, name, 1, fails, plain); !did || !errors.Is(err, failed) {
			t.Errorf("locker %d, again on error: %v, %v; want f's error", i, did, err)
		}
		if did, err := locker.Once(ctx, name, 1, fails, plain); did || err != nil {
			t.Errorf("locker %d, after an error: %v, %v; want it skipped", i, did, err)
		}
		records, err := locker.Runs(ctx, name)
		if err != nil || len(records) != 1 || records[0].ExitCode != 1 || records[0].Text != "failed" {
			t.Errorf("locker %d: %+v, %v", i, records, err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = locker.Once(ctx, name, 2, func(context.Context, uint64) error { panic("f") }, plain)
		}()
		for range 2 { // cut short: run again
			ended, cancel := context.WithCancel(ctx)
			if did, err := locker.Once(ended, name, 2, func(context.Context, uint64) error { cancel(); return failed }, plain); !did || !errors.Is(err, failed) {
				t.Errorf("locker %d, cut short: %v, %v; want f's error", i, did, err)
			}
		}
		ended, cancel := context.WithCancel(ctx)
		if did, err := locker.Once(ended, name, 2, func(context.Context, uint64) error { cancel(); return nil }, plain); !did || err != nil {
			t.Errorf("locker %d, after a panic, with a context that ends: %v, %v; want it run", i, did, err)
		}
		if did, err := locker.Once(ctx, name, 2, fails, plain); did || err != nil {
			t.Errorf("locker %d, after a context that ended: %v, %v; want it skipped", i, did, err)
		}
		hold, err := locker.Lock(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if did, err := locker.Once(ctx, name, 3, fails, plain, conch.SkipIfRunning()); did || err != nil {
			t.Errorf("locker %d, while the lock is in use: %v, %v; want it skipped", i, did, err)
		}
		if err := hold.EndRun(ctx, conch.RunEnd{}); !errors.Is(err, conch.ErrNotRun) {
			t.Errorf("locker %d: EndRun of a plain hold: %v, want ErrNotRun", i, err)
		}
		if err := hold.Unlock(); err != nil {
			t.Errorf("locker %d: the hold did not go on: %v", i, err)
		}
	}
}

// A run that is cut short by the loss of its lock is not done; one that f has finished is.
func TestOnceWhoseLockIsLost(t *testing.T) {
	ctx := bounded(t)
	nodes, lockers := remembering(t, 1)
	for i, locker := range lockers {
		for tick, finishes := range map[int64]bool{1: false, 2: true} {
			name := fmt.Sprint("job ", i, tick)
			ran, err := locker.Once(ctx, name, tick, func(held context.Context, fence uint64) error {
				if _, err := breakLock(ctx, nodes[0], name, fence); err != nil {
					return err
				}
				<-held.Done()
				if finishes {
					return nil
				}
				return held.Err()
			}, conch.PlainTick())
			if !ran || !errors.Is(err, conch.ErrLost) || errors.Is(err, context.Canceled) == finishes {
				t.Errorf("locker %d, tick %d: %v, %v; want ErrLost", i, tick, ran, err)
			}
			again, err := locker.Once(ctx, name, tick, func(context.Context, uint64) error { return nil }, conch.PlainTick())
			if again == finishes || err != nil {
				t.Errorf("locker %d, tick %d: run again: %v, %v", i, tick, again, err)
			}
		}
	}
}

func TestBadTicksAndOwners(t *testing.T) {
	ctx := bounded(t)
	_, lockers := remembering(t, 1)
	now := time.Now().Unix()
	const day = 24 * 60 * 60
	for i, locker := range lockers {
		for what, run := range map[string]conch.Run{
			"zero":                 {},
			"negative":             {Tick: -1, Plain: true},
			"far ahead":            {Tick: now + 2*day},
			"old":                  {Tick: now - 40*day},
			"milliseconds":         {Tick: now * 1000},
			"not remembered":       {Tick: now, RememberFor: -time.Second},
			"a part of a second":   {Tick: now, RememberFor: time.Hour + 1},
			"soon to be forgotten": {Tick: now, RememberFor: time.Hour},
		} {
			if _, err := locker.LockRun(ctx, "job", run); !errors.Is(err, conch.ErrTick) {
				t.Errorf("locker %d, %s: %v, want ErrTick", i, what, err)
			}
		}
		for what, keep := range map[string]conch.Keep{
			"long":     {Owner: strings.Repeat("o", conch.MaxOwnerBytes+1)},
			"bytes":    {Owner: "\xff"},
			"nameless": {Adopt: true},
		} {
			if _, err := locker.LockKept(ctx, "job", keep); !errors.Is(err, conch.ErrOwner) {
				t.Errorf("locker %d, %s: %v, want ErrOwner", i, what, err)
			}
		}
		if _, err := locker.LockRun(ctx, "", conch.Run{Tick: now}); !errors.Is(err, conch.ErrName) {
			t.Errorf("locker %d: %v, want ErrName", i, err)
		}
		if _, err := locker.Runs(ctx, ""); !errors.Is(err, conch.ErrName) {
			t.Errorf("locker %d: %v, want ErrName", i, err)
		}
		if err := (conch.Hold{}).EndRun(ctx, conch.RunEnd{}); !errors.Is(err, conch.ErrNotHeld) {
			t.Errorf("EndRun of no hold: %v, want ErrNotHeld", err)
		}
		if records, err := locker.Runs(ctx, "job"); err != nil || len(records) != 0 {
			t.Errorf("locker %d: %v, %v; want no runs", i, records, err)
		}
	}
}

// A cluster in which a member has no data directory remembers nothing.
func TestNoDataDirectory(t *testing.T) {
	ctx := bounded(t)
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], SessionTTL: conch.MinSessionTTL})
	defer stopNode(t, node)
	for i, locker := range []conch.Locker{node, dial(t, node.Address())} {
		_, one := locker.LockRun(ctx, "job", conch.Run{Tick: thisMinute()})
		_, two := locker.LockKept(ctx, "job", conch.Keep{})
		_, three := locker.Runs(ctx, "job")
		for _, err := range []error{one, two, three} {
			if !errors.Is(err, conch.ErrNoNotes) {
				t.Errorf("locker %d: %v, want ErrNoNotes", i, err)
			}
		}
	}
}

// A client's node is gone when it ends a run: another is told, and the client that it was lost.
func TestEndOfARunAtAnotherNode(t *testing.T) {
	ctx := bounded(t)
	nodes, _ := remembering(t, 3)
	client := dial(t, nodes[1].Address(), nodes[2].Address())
	hold, err := client.LockRun(ctx, "job", conch.Run{Tick: 5, Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	killed, cancel := context.WithCancel(ctx)
	cancel()
	_ = nodes[1].Stop(killed)
	if err := hold.EndRun(ctx, conch.RunEnd{Text: "late"}); !errors.Is(err, conch.ErrLost) {
		t.Errorf("EndRun: %v, want ErrLost", err)
	}
	var ran *conch.RanError
	if _, err := nodes[2].LockRun(ctx, "job", conch.Run{Tick: 5, Plain: true}); !errors.As(err, &ran) || ran.Run.Text != "late" { // it was told itself
		t.Errorf("another run: %v, %+v; want RanError with its text", err, ran)
	}
}

// status tells of notes.
func TestStatusTellsOfNotes(t *testing.T) {
	ctx := bounded(t)
	nodes, lockers := remembering(t, 1)
	if _, err := lockers[0].Once(ctx, "job", 1, func(context.Context, uint64) error { return nil }, conch.PlainTick()); err != nil {
		t.Fatal(err)
	}
	hold, err := lockers[1].LockKept(ctx, "deploy", conch.Keep{})
	if err != nil {
		t.Fatal(err)
	}
	status, err := nodes[0].LockService().Status(ctx, &clientv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if s := status.GetStatuses()[0]; !s.GetRemembers() || s.GetNotes() != 2 || s.GetKept() != 1 || s.GetMaxNotes() == 0 {
		t.Errorf("status tells %v", s)
	}
	if run := state(ctx, t, nodes[0], "job").GetRun(); run.GetTick() != 1 || run.GetState() != clientv1.RunRecord_STATE_DONE {
		t.Errorf("who tells of the run %v", run)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
}
