package service

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// observe opens a call of Observe.
func (n *node) observe(lock string) (receive func() (*clientv1.ObserveResponse, error), cancel func()) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Hour)
	rpc, err := n.api.Observe(ctx, &clientv1.ObserveRequest{Lock: lock})
	if err != nil {
		n.t.Fatal(err)
	}
	return rpc.Recv, cancel
}

// says has a client say a value of the hold 1 of lock x, and returns why it is refused.
func (w *wire) says(fence, number uint64, value string) *clientv1.Error {
	w.t.Helper()
	w.send(&clientv1.Say{Id: 1, Lock: "x", Fence: fence, Number: number, Value: value})
	m := w.next()
	if s := m.GetSaid(); s.GetId() != 1 || s.GetNumber() != number {
		w.t.Fatalf("got %v; want Said with the number %d", m, number)
	}
	return m.GetSaid().GetError()
}

func TestObserveTellsValues(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		receive, cancel := n.observe("x")
		wants := func(fence, count uint64, value string) {
			t.Helper()
			r, err := receive()
			l := r.GetLeader()
			if err != nil || l.GetFence() != fence || l.GetCount() != count || l.GetValue() != value || l.GetInDoubt() || (l.GetMember() == "a:1") != (fence != 0) {
				t.Fatalf("observed %v, %v; want value %d of fence %d, %q, at a:1", r, err, count, fence, value)
			}
		}
		wants(0, 0, "")
		w := n.attach(1)
		g := w.lock(1, "x")
		for i, value := range []string{"one", strings.Repeat("é", 512), ""} {
			if f := w.says(g.GetFence(), uint64(i+1), value); f != nil {
				t.Errorf("%.10q: %v", value, f)
			}
			wants(g.GetFence(), uint64(i+1), value)
		}
		if f := w.says(g.GetFence(), 4, strings.Repeat("x", 1025)); f.GetCode() != clientv1.Code_CODE_INVALID_FIELD || !strings.Contains(f.GetMessage(), "1025 bytes") {
			t.Errorf("a long value: %v; want CODE_INVALID_FIELD, and how long it is", f)
		}
		if f := w.says(g.GetFence(), 0, "x"); f.GetCode() != clientv1.Code_CODE_INVALID_FIELD {
			t.Errorf("the number 0: %v; want CODE_INVALID_FIELD", f)
		}
		w.release(1, "x", g.GetFence())
		wants(0, 0, "")
		if f := w.says(g.GetFence(), 5, "late"); f.GetCode() != clientv1.Code_CODE_NOT_HELD {
			t.Errorf("a value after the release: %v; want CODE_NOT_HELD", f)
		}
		cancel()
		w.end()
	})
}

// The value of a client that is gone ends with its lease.
func TestValueEndsWithTheLease(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		receive, cancel := n.observe("x")
		defer cancel()
		w := n.attach(1)
		w.ping(1)
		w.says(w.lock(1, "x").GetFence(), 1, "here")
		w.cancel()
		began := time.Now()
		for led, over := false, false; !over; {
			r, err := receive()
			if err != nil {
				t.Fatal(err)
			}
			over = led && r.GetLeader() == nil
			led = r.GetLeader() != nil
		}
		if ended := time.Since(began); ended < testTTL/2 || ended > 2*testTTL {
			t.Errorf("nobody leads after %v; want the lease, up to %v", ended, testTTL)
		}
	})
}

// To look shows who leads; to say a value, a client needs to be allowed to lock.
func TestRulesOfValues(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		fence := w.lock(1, "x").GetFence()
		only := func(line string) {
			t.Helper()
			all, err := rules.Parse("test", line)
			if err != nil {
				t.Fatal(err)
			}
			n.rules = all
		}
		only("@anonymous look x\n@anonymous share x\n")
		if f := w.says(fence, 1, "x"); f.GetCode() != clientv1.Code_CODE_FORBIDDEN {
			t.Errorf("a value of one who may not lock: %v; want CODE_FORBIDDEN", f)
		}
		receive, cancel := n.observe("x")
		if r, err := receive(); err != nil || r.GetLeader() != nil {
			t.Errorf("observed %v, %v; want nobody", r, err)
		}
		cancel()
		receive, cancel = n.observe("y")
		checkFault(t, endOf(receive), clientv1.Code_CODE_FORBIDDEN, "look")
		cancel()
		receive, cancel = n.observe("")
		checkFault(t, endOf(receive), clientv1.Code_CODE_INVALID_NAME, "empty")
		cancel()
		only("@anonymous lock x\n")
		if f := w.says(fence, 2, "x"); f != nil {
			t.Error(f)
		}
		w.release(1, "x", fence)
		w.end()
	})
}

// An observer that asks for it hears of the node while nothing changes; one of an earlier
// version does not.
func TestHeartbeats(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		const heartbeat = testTTL / 4
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		rpc, err := n.api.Observe(ctx, &clientv1.ObserveRequest{Lock: "x", Heartbeats: true})
		if err != nil {
			t.Fatal(err)
		}
		wants := func(what string, right func(r *clientv1.ObserveResponse) bool) {
			t.Helper()
			r, err := rpc.Recv()
			if err != nil || !right(r) {
				t.Fatalf("observed %v, %v; want %s", r, err, what)
			}
		}
		began := time.Now()
		isHeartbeat := func(r *clientv1.ObserveResponse) bool { return r.GetUnchanged() && r.GetLeader() == nil }
		wants("nobody, and the time between heartbeats", func(r *clientv1.ObserveResponse) bool {
			return r.GetLeader() == nil && !r.GetUnchanged() && r.GetHeartbeatNs() == int64(heartbeat)
		})
		const times = 100
		for range times {
			wants("a heartbeat", isHeartbeat)
		}
		if took := time.Since(began); took != times*heartbeat {
			t.Errorf("%d heartbeats took %v; want one in %v", times, took, heartbeat)
		}
		w := n.attach(1)
		g := w.lock(1, "x")
		w.says(g.GetFence(), 1, "one")
		isLed := func(r *clientv1.ObserveResponse) bool {
			return r.GetLeader().GetValue() == "one" && !r.GetUnchanged() && r.GetHeartbeatNs() == 0
		}
		wants("the leader", isLed)
		w.ping(1)
		wants("a heartbeat", isHeartbeat)
		receive, cancelEarlier := n.observe("x")
		if r, err := receive(); err != nil || !isLed(r) {
			t.Errorf("without heartbeats: observed %v, %v; want the leader", r, err)
		}
		for range 2 {
			wants("a heartbeat", isHeartbeat)
		}
		w.release(1, "x", g.GetFence())
		if r, err := receive(); err != nil || r.GetLeader() != nil || r.GetUnchanged() {
			t.Errorf("without heartbeats: observed %v, %v; want nobody", r, err)
		}
		cancel()
		cancelEarlier()
		w.end()
	})
	for ttl, want := range map[time.Duration]time.Duration{
		200 * time.Millisecond: 50 * time.Millisecond, 10 * time.Second: 2500 * time.Millisecond, time.Hour: maxHeartbeat,
	} {
		if got := heartbeatFor(ttl); got != want {
			t.Errorf("a heartbeat in %v where sessions live for %v; want %v", got, ttl, want)
		}
	}
}

// An observer that does not read misses values, and gets the last; the node keeps nothing
// for it but that.
func TestSlowObserverGetsTheLastOfMany(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		receive, cancel := n.observe("x")
		defer cancel()
		w := n.attach(1)
		fence := w.lock(1, "x").GetFence()
		const values = 2000
		long := strings.Repeat("x", 1000)
		for i := range uint64(values) {
			w.says(fence, i+1, fmt.Sprint(long, i))
		}
		synctest.Wait()
		seen, last := 0, uint64(0)
		for last < values {
			r, err := receive()
			if err != nil {
				t.Fatal(err)
			}
			if l := r.GetLeader(); l != nil {
				if l.GetCount() <= last {
					t.Fatalf("value %d after %d", l.GetCount(), last)
				}
				last = l.GetCount()
			}
			seen++
		}
		if seen > values/2 {
			t.Errorf("an observer that does not read was told of %d of %d values", seen, values)
		}
		w.release(1, "x", fence)
		w.end()
	})
}

func TestObserversAreBounded(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		var cancels []func()
		for range observersPerCaller {
			receive, cancel := n.observe("x")
			if _, err := receive(); err != nil {
				t.Fatal(err)
			}
			cancels = append(cancels, cancel)
		}
		receive, cancel := n.observe("x")
		checkFault(t, endOf(receive), clientv1.Code_CODE_TOO_MANY_CALLS, "has 64 observers of leaders under way")
		for _, cancel := range append(cancels, cancel) {
			cancel()
		}
	})
}
