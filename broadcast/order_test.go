package broadcast

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// takeTurns lets each node have the lock some times, and checks that fences rise.
func takeTurns(t *testing.T, members []*member, rounds int) {
	t.Helper()
	var last uint64
	for range rounds {
		for _, m := range members {
			hold := m.acquire("cs")
			if fence := hold.Fence(); fence <= last {
				t.Errorf("%s: fence %d after %d; want a higher one", m.address, fence, last)
			} else {
				last = fence
			}
			m.release(hold)
		}
	}
}

func TestNodesStartInAnyOrderWithAnyDelay(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%d nodes, seed %d", n, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { startInOrder(t, n, rand.New(rand.NewPCG(seed, 0))) })
			})
		}
	}
}

func startInOrder(t *testing.T, n int, random *rand.Rand) {
	var addresses []string
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("node%d:7400", i))
	}
	w := newNetwork()
	members := make([]*member, n)
	for _, i := range random.Perm(n) {
		members[i] = w.startMember(t, addresses[i], setup{members: addresses})
		time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
	}
	eventually(t, "all connected", func() bool { return connected(members...) })
	takeTurns(t, members, 3)
	stopAll(members)
	for _, m := range members {
		if refused := m.lines("peer_refused"); len(refused) > 0 {
			t.Errorf("%s: refusals %v; want none", m.address, refused)
		}
		all := m.lines()
		if first, last := all[0]["event"], all[len(all)-1]["event"]; first != "node_started" || last != "node_stopped" {
			t.Errorf("%s: log from %v to %v; want from node_started to node_stopped", m.address, first, last)
		}
	}
}

// The wait before the next attempt may be up to half a second by then; the member's HELLO
// ends it.
func TestHelloEndsTheWaitBeforeTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addresses := []string{"a:1", "b:1"}
		w := newNetwork()
		a := w.startMember(t, "a:1", setup{members: addresses})
		time.Sleep(time.Minute)
		b := w.startMember(t, "b:1", setup{members: addresses})
		synctest.Wait()
		if !connected(a, b) {
			t.Error("not connected at once, though b said HELLO")
		}
		stopAll([]*member{a, b})
	})
}

func TestStreamsAreOpenedAgainAfterACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "all connected", func() bool { return connected(members...) })
		random := rand.New(rand.NewPCG(1, 0))
		for range 50 {
			from, to := random.IntN(3), random.IntN(3)
			w.cut(members[from].address, members[to].address)
			time.Sleep(time.Duration(random.Int64N(int64(40 * time.Millisecond))))
		}
		eventually(t, "all connected", func() bool { return connected(members...) })
		takeTurns(t, members, 2)
		if lost := members[0].lines("peer_lost"); len(lost) == 0 || lost[0]["reason"] == "" {
			t.Errorf("peer_lost lines %v; want some, with a reason", lost)
		}
		stopAll(members)
	})
}

// A cut stream is opened again neither at once nor much later.
func TestStreamsAreOpenedAgainAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1")
		settled(t, members)
		for range 20 {
			cut := time.Now()
			w.cut("a:1", "b:1")
			synctest.Wait()
			if connected(members...) {
				t.Fatal("connected; want the stream cut")
			}
			eventually(t, "connected", func() bool { return connected(members...) })
			if took := time.Since(cut); took < backoffMin || took > 4*backoffMin {
				t.Errorf("opened after %v; want one of the first waits", took)
			}
			time.Sleep(2 * backoffMax)
		}
		stopAll(members)
	})
}

// A request under way when its stream was cut is repeated on the next stream.
func TestRequestsAreRepeatedOnANewStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1")
		a, b := members[0], members[1]
		hold := a.acquire("cs")
		w.block("b:1", "a:1")
		synctest.Wait()
		granted := make(chan Hold, 1)
		go func() { granted <- b.acquire("cs") }()
		synctest.Wait()
		w.unblock("b:1", "a:1")
		eventually(t, "connected", func() bool { return connected(a, b) })
		a.release(hold)
		b.release(<-granted)
		if !slices.ContainsFunc(b.lines("request_sent"), func(l line) bool { repeat, _ := l["repeat"].(bool); return repeat }) {
			t.Error("no request was repeated")
		}
		stopAll(members)
	})
}

// While a stream is down in one direction, the other goes on.
func TestOneDirectionIsEnoughForTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "all connected", func() bool { return connected(members...) })
		w.block("a:1", "b:1")
		time.Sleep(100 * time.Millisecond)
		hold := members[2].acquire("cs")
		members[2].release(hold)
		hold = members[1].acquire("cs")
		members[1].release(hold)
		w.unblock("a:1", "b:1")
		eventually(t, "all connected", func() bool { return connected(members...) })
		stopAll(members)
	})
}
