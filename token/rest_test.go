package token

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// plain is a node of three that knows one lock, whose token it had and passed on long
// ago.
func plain(t testing.TB) (*Node, *lock, ClockModel) {
	n, err := New(0, testConfig(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	n.Effects()
	l := n.lock("x")
	l.heardOf = true
	l.requestNumbers[1] = Number{2, 3}
	l.epoch, l.highest, l.promises = Epoch{4, 1}, 5, []Epoch{{5, 2}}
	n.schedule(l)
	return n, l, ClockModel{Readings: []Time{0, 0, 0}, Step: 1, Horizon: hour}
}

// A lock at rest is known for the same facts as before.
func TestRestForgetsNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		past  func(u *use)
		plain bool
	}{
		{"token seen, ballot promised since", func(*use) {}, true},
		{"token seen", func(u *use) { u.promises, u.highest = nil, 4 }, true},
		{"ballot promised", func(u *use) { u.epoch = Epoch{} }, true},
		{"heard of only", func(u *use) { u.epoch, u.promises, u.highest = Epoch{}, nil, 0 }, true},
		{"others were forgotten", func(u *use) { u.epoch, u.promises, u.highest = above(7), nil, 7 }, true},
		{"great numbers", func(u *use) { u.epoch, u.promises, u.highest = Epoch{1<<64 - 1, 2}, nil, 1<<64-1 }, true},
		{"two promises", func(u *use) { u.promises = []Epoch{{4, 2}, {5, 2}} }, false},
		{"a promise taken back", func(u *use) { u.promises = nil }, false},
		{"a floor", func(u *use) { u.floor = Epoch{3, 1} }, false},
		{"never heard of", func(u *use) { u.heardOf = false }, false},
		{"a value", func(u *use) { u.said = &said{by: 1} }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, l, c := plain(t)
			tt.past(l.use)
			n.active = n.active[:0]
			before := n.AppendState(nil, c)
			n.putToRest(l)
			if atRest := l.use == nil; atRest != tt.plain {
				t.Errorf("it lost its use: got %t, want %t", atRest, tt.plain)
			}
			if got := n.AppendState(nil, c); !bytes.Equal(got, before) {
				t.Errorf("at rest:\ngot  %x\nwant %x", got, before)
			}
			if got := n.Clone().AppendState(nil, c); !bytes.Equal(got, before) {
				t.Errorf("a clone at rest:\ngot  %x\nwant %x", got, before)
			}
			n.wake(l)
			n.active = n.active[:0]
			if got := n.AppendState(nil, c); !bytes.Equal(got, before) {
				t.Errorf("awake again:\ngot  %x\nwant %x", got, before)
			}
		})
	}
}

// The use of a lock serves the next one that wakes, which finds nothing left in it.
func TestUseIsEmptyWhenReused(t *testing.T) {
	n, _ := full()
	full, l := n.order[0].use, n.order[1]
	full.promises, full.highest, full.floor, full.sharing, full.said = full.promises[:1], 13, Epoch{}, nil, nil
	full.notes, n.order[0].token.Kept = &noting{}, nil
	n.putToRest(n.order[0])
	if n.order[0].use != nil {
		t.Fatal("the lock was not put to rest")
	}
	l.use, l.rest = nil, restOf(Epoch{1, 1}, Epoch{})
	n.wake(l)
	if l.use != full {
		t.Fatal("the use that was dropped last is not the one that is taken first")
	}
	want := use{epoch: Epoch{1, 1}, highest: 1, heardOf: true, passedAt: n.now - n.cfg.TTL, active: true}
	got := *l.use
	if len(got.promises)+len(got.passedQueue)+len(got.waiters.entries) > 0 {
		t.Errorf("promises %v, passed queue %v and waiters %v are left", got.promises, got.passedQueue, got.waiters)
	}
	got.promises, got.passedQueue, got.waiters.entries = nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// sayBusy leaves alone what somebody uses, wants, or is to be told of.
func TestSweepSparesWhatIsInUse(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state func(n *Node, l *lock)
	}{
		{"a holder", func(n *Node, l *lock) {
			l.token, l.holder = &Token{LastGranted: make([]Number, 3)}, 1
		}},
		{"a waiter", func(_ *Node, l *lock) { l.waiters.push(request{waiter: 1}) }},
		{"a request", func(n *Node, l *lock) { n.raise(l) }},
		{"a ballot", func(n *Node, l *lock) { l.search = &search{balloting: true} }},
		{"a token for somebody else", func(n *Node, l *lock) { l.helpEnd = n.now + 1 }},
		{"a token that was passed on just now", func(n *Node, l *lock) { l.passedAt = n.now - n.recently() + 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, l, _ := plain(t)
			tt.state(n, l)
			n.sayBusy()
			if l.use == nil || len(n.active) != 1 {
				t.Error("the lock was put to rest")
			}
		})
	}
	n, l, _ := plain(t)
	n.sayBusy()
	if l.use != nil || len(n.active) != 0 {
		t.Error("a lock that nobody uses was not put to rest")
	}
}

// An idle token goes later to a member that asked for it but could not be addressed,
// although the lock was at rest meanwhile. A token that nobody asked for stays, and its
// lock stays at rest.
func TestTokenAtRestIsLookedAtAgain(t *testing.T) {
	s := newBench(t, 3)
	s.enter(0, "wanted")
	s.enter(0, "unwanted")
	n := s.nodes[0]
	n.PeerDown(now, 1)
	s.nodes[1].Acquire(now, "wanted", 1)
	s.perform(1)
	s.deliverAll()
	for s.granted = NoMember; len(n.active) > 0; { // while others are told nothing
		n.Tick(n.now + testTTL/4)
		for _, e := range n.Effects() {
			if e.Kind == Lapsed {
				t.Fatal("the session lapsed before the locks were at rest")
			}
		}
	}
	n.PeerUp(n.now, 1)
	if s.perform(0); len(n.active) != 1 || n.active[0].name != "wanted" {
		t.Errorf("%d locks are awake, want the one that is wanted", len(n.active))
	}
	s.deliverAll()
	if s.granted != 1 {
		t.Errorf("the token went to %d, want 1", s.granted)
	}
}

// RN and LN share memory while the lock of an idle token is at rest, and no longer once it
// wakes: a request raises RN alone.
func TestTokenAtRestHasOneMemoryForBothNumbers(t *testing.T) {
	s := newBench(t, 3)
	s.enter(1, cs)
	s.enter(2, "another") // so that its next number is not the next of this lock
	s.enter(0, cs)        // B is asked for the token, and LN says more of B than RN
	n, l := s.nodes[0], s.nodes[0].locks[cs]
	n.Tick(n.now + testTTL/2 - 1)
	if l.use != nil || !l.sharesNumbers() {
		t.Fatalf("at rest: use %v, RN %v, LN %v; want one memory", l.use, l.requestNumbers, l.token.LastGranted)
	}
	granted := slices.Clone(l.token.LastGranted)
	n.Effects()
	asked := Number{Session: granted[1].Session, Count: granted[1].Count + 7}
	n.PeerDown(n.now, 1) // so that the token stays
	n.Receive(n.now, 1, Message{Kind: Request, Lock: cs, Number: asked})
	if l.token == nil || !slices.Equal(l.token.LastGranted, granted) || l.requestNumbers[1] != asked {
		t.Errorf("after request %v: RN %v, token %+v; want LN %v", asked, l.requestNumbers, l.token, granted)
	}
	n.active = n.active[:0]
	n.putToRest(l)
	if l.use != nil || l.sharesNumbers() {
		t.Error("at rest again, though asked for, it has one memory")
	}
}

// A lock that goes back and forth between use and rest costs no allocation here.
func TestLockThatAwakesAllocatesNothing(t *testing.T) {
	n, l, _ := plain(t)
	allocs := testing.AllocsPerRun(100, func() {
		n.sayBusy()
		if l.use != nil {
			t.Fatal("the lock is not at rest")
		}
		n.lock(l.name)
	})
	if want := 1.0; allocs > want { // the call itself
		t.Errorf("%v allocations, want %v", allocs, want)
	}
}

// A million idle locks take 0.3 GB at each of five members. The test counts bytes of heap,
// not time; see heapOfIdleLock.
func TestIdleLockIsSmall(t *testing.T) {
	const limit = 300 // bytes
	if got := heapOfIdleLock(t, 5, 20_000); got > limit {
		t.Errorf("an idle lock costs %.0f bytes at each of 5 members, want at most %d", got, limit)
	}
}

// Nor does it leave memory for effects behind when all tokens are lost at once.
func TestEndOfSessionLeavesNoMemoryBehind(t *testing.T) {
	s := newBench(t, 3)
	for i := range 2 * keptEffects {
		s.enter(0, fmt.Sprint("lock ", i))
	}
	n := s.nodes[0]
	n.Tick(n.now + testTTL)
	if got := len(n.Effects()); got < 2*keptEffects {
		t.Fatalf("the end of the session has %d effects, want one for each lock at least", got)
	}
	if e, num, m := cap(n.effects), cap(n.numbers), cap(n.members); max(e, num, m) > keptEffects {
		t.Errorf("there is room for %d effects, %d numbers and %d members, want at most %d", e, num, m, keptEffects)
	}
}

// A leaving node that could reach nobody hands over its tokens when somebody comes within
// reach.
func TestLeavingNodeHandsTokenAtRestOver(t *testing.T) {
	s := newBench(t, 3)
	s.enter(0, "idle")
	s.acquire(0, "held") // which keeps the node here
	s.deliverAll()
	n := s.nodes[0]
	n.PeerDown(now, 1)
	n.PeerDown(now, 2)
	n.Retire(now)
	n.PeerUp(now, 1)
	for _, e := range n.Effects() {
		if e.Kind == Send && e.Message.Kind == TokenMessage && e.Lock == "idle" && e.Peer == 1 {
			return
		}
	}
	t.Error("the token was not sent")
}
