package service

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// share asks for a lock in a mode and expects it.
func (w *wire) share(id uint64, lock string, limit token.Limit) *clientv1.Granted {
	w.t.Helper()
	w.send(&clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT, Limit: uint32(limit)})
	return w.granted(id)
}

// lockStatus is what the node knows of a lock.
func (n *node) lockStatus(t *testing.T, lock string) *clientv1.LockStatus {
	t.Helper()
	states, err := n.driver.LockStates(t.Context(), []string{lock})
	if err != nil {
		t.Fatal(err)
	}
	return merge(n.service.members().members, lock, []*clientv1.LockStatus{n.service.part(&states[0])}, nil)
}

// Readers of two clients hold a lock together, and are shown with their mode; a writer
// waits for both, and is told so.
func TestReadersAreShown(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		one, two, writer := n.attach(1), n.attach(2), n.attach(3)
		first, second := one.share(1, "cs", token.Unlimited), two.share(1, "cs", token.Unlimited)
		writer.send(&clientv1.Acquire{Id: 2, Lock: "cs", Mode: clientv1.Acquire_MODE_WAIT})
		synctest.Wait()
		l := n.lockStatus(t, "cs")
		if l.GetHolding() != 2 || len(l.GetHolders()) != 2 || l.GetLimit() != uint32(token.Unlimited) || l.GetLimitBy() != n.service.members().own() {
			t.Fatalf("%v; want two readers", l)
		}
		for i, pid := range []int64{1, 2} {
			h := l.GetHolders()[i]
			if h.GetClient().GetPid() != pid || h.GetLimit() != uint32(token.Unlimited) || h.GetMember() != n.service.members().own() {
				t.Errorf("holder %d: %v; want the reader of process %d", i, h, pid)
			}
		}
		if l.GetHolder().GetClient().GetPid() != 1 {
			t.Errorf("holder %v; want the first of holders", l.GetHolder())
		}
		if len(l.GetWaiters()) != 1 || l.GetWaiters()[0].GetLimit() != 0 || l.GetWaiters()[0].GetAhead() != 2 {
			t.Errorf("waiters %v; want a writer behind two", l.GetWaiters())
		}
		if o := l.GetObstacles(); len(o) != 1 || o[0].GetKind() != clientv1.Obstacle_KIND_HELD || o[0].GetText() != "2 clients of a:1 share the lock" {
			t.Errorf("obstacles %v; want the two readers", o)
		}
		for _, end := range []struct {
			w     *wire
			fence uint64
		}{{one, first.GetFence()}, {two, second.GetFence()}} {
			if got := end.w.release(1, "cs", end.fence); got != clientv1.Released_OUTCOME_RELEASED {
				t.Errorf("release: %v", got)
			}
		}
		if g := writer.granted(2); g.GetFence() <= second.GetFence() {
			t.Errorf("the writer's fence %d is not above a reader's, %d", g.GetFence(), second.GetFence())
		}
		one.end()
		two.end()
		writer.end()
	})
}

func TestLimitsOfClients(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		set := func(lock string, limit uint32, want clientv1.Code) {
			t.Helper()
			_, err := n.api.SetLimit(t.Context(), &clientv1.SetLimitRequest{Lock: lock, Limit: limit})
			if f, _ := faultIn(err); f.GetCode() != want || err != nil && status.Code(err) != statusCodes[want] {
				t.Errorf("SetLimit of %q to %d: %v; want %v", lock, limit, err, want)
			}
		}
		set("", 1, clientv1.Code_CODE_INVALID_NAME)
		for _, limit := range []uint32{0, 65536, uint32(token.Unlimited)} {
			set("cs", limit, clientv1.Code_CODE_INVALID_FIELD)
		}
		set("cs", 3, clientv1.Code_CODE_OTHER_LIMIT)
		w.share(1, "cs", 2)
		for id, test := range map[uint64]struct {
			limit uint32
			want  clientv1.Code
		}{
			2: {3, clientv1.Code_CODE_OTHER_LIMIT},
			3: {uint32(token.Unlimited), clientv1.Code_CODE_OTHER_LIMIT},
			4: {65536, clientv1.Code_CODE_INVALID_FIELD},
			5: {uint32(token.Unlimited) - 1, clientv1.Code_CODE_INVALID_FIELD},
		} {
			w.send(&clientv1.Acquire{Id: id, Lock: "cs", Mode: clientv1.Acquire_MODE_WAIT, Limit: test.limit})
			if r := w.next().GetRefused(); r.GetId() != id || r.GetError().GetCode() != test.want {
				t.Errorf("limit %d: %v; want %v", test.limit, r, test.want)
			}
		}
		set("cs", 3, 0)
		w.share(6, "cs", 3)
		if l := n.lockStatus(t, "cs"); l.GetLimit() != 3 || l.GetHolding() != 2 {
			t.Errorf("%v; want two holders and the new limit", l)
		}
		w.end()
	})
}

// A break by fence reaches all who share the lock under it, or one process.
func TestBreakOfOneSharer(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		one, two := n.attach(1), n.attach(2)
		one.ping(1)
		two.ping(1)
		one.share(1, "cs", token.Unlimited)
		fence := two.share(1, "cs", token.Unlimited).GetFence()
		request := &clientv1.BreakRequest{Lock: "cs", Fence: fence, Reason: "stuck", Pid: 9}
		_, err := n.api.Break(t.Context(), request)
		if f, _ := faultIn(err); f.GetCode() != clientv1.Code_CODE_WRONG_FENCE {
			t.Errorf("break of another process: %v; want CODE_WRONG_FENCE", err)
		}
		request.Pid = 2
		r, err := n.api.Break(t.Context(), request)
		if err != nil || len(r.GetHolders()) != 1 || r.GetHolders()[0].GetClient().GetPid() != 2 || r.GetHolder().GetClient().GetPid() != 2 {
			t.Errorf("break: %v, %v; want the second reader", r, err)
		}
		if got := two.next().GetWarned(); got.GetReason() != clientv1.Reason_REASON_BREAK {
			t.Errorf("got %v; want the warning", got)
		}
		time.Sleep(testTTL / 2)
		one.ping(2)
		if got := two.next().GetLost(); got.GetReason() != clientv1.Reason_REASON_BREAK {
			t.Errorf("got %v; want the loss", got)
		}
		if l := n.lockStatus(t, "cs"); l.GetHolding() != 1 || l.GetHolder().GetClient().GetPid() != 1 {
			t.Errorf("%v; want the first reader to stay", l)
		}
		one.end()
		two.end()
	})
}

// A drain names each holder of a shared lock.
func TestDrainNamesSharers(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		w.share(1, "cs", 2)
		w.share(2, "cs", 2)
		enough := errors.New("enough")
		err := n.driver.Drain(t.Context(), "by test", func(d broadcast.Drained) error {
			r := n.service.drained(&d, true)
			if r.GetHolds() != 2 || len(r.GetHeld()) != 2 || r.GetHeld()[1].GetHolder().GetLimit() != 2 {
				t.Errorf("%v; want both holders", r)
			}
			return enough
		})
		if !errors.Is(err, enough) {
			t.Error(err)
		}
		w.end()
	})
}

// holding adds holders to a part.
func holding(part *clientv1.LockStatus, holders ...*clientv1.Holder) *clientv1.LockStatus {
	part.Holders, part.Holding = holders, uint64(len(holders))
	for _, h := range holders {
		h.Member = part.GetViews()[0].GetMember()
	}
	part.Holder = holders[0]
	return part
}

// While locks move, a reader that has left or a writer may be told of beside those that
// entered later.
func TestHoldersThatExcludeEachOther(t *testing.T) {
	const shared = uint32(token.Unlimited)
	for _, test := range []struct {
		name  string
		parts []*clientv1.LockStatus
		want  []uint64
	}{
		{"readers at two members", []*clientv1.LockStatus{
			holding(partOf("a:1"), &clientv1.Holder{Fence: 5, Limit: shared}, &clientv1.Holder{Fence: 5, Limit: shared}),
			holding(partOf("b:1"), &clientv1.Holder{Fence: 6, Limit: shared}), nil,
		}, []uint64{5, 5, 6}},
		{"a writer after them", []*clientv1.LockStatus{
			holding(partOf("a:1"), &clientv1.Holder{Fence: 5, Limit: shared}),
			holding(partOf("b:1"), &clientv1.Holder{Fence: 7}), nil,
		}, []uint64{7}},
		{"a reader after the writer, and one before", []*clientv1.LockStatus{
			holding(partOf("a:1"), &clientv1.Holder{Fence: 8, Limit: shared}),
			holding(partOf("b:1"), &clientv1.Holder{Fence: 7}),
			holding(partOf("c:1"), &clientv1.Holder{Fence: 5, Limit: shared}),
		}, []uint64{8}},
		{"of an earlier version", []*clientv1.LockStatus{nil, {
			Lock: "cs", Views: []*clientv1.LockView{{Member: "b:1"}}, Holder: &clientv1.Holder{Member: "b:1", Fence: 4},
		}, nil}, []uint64{4}},
	} {
		whole := merge(abc, "cs", test.parts, nil)
		var got []uint64
		for _, h := range whole.GetHolders() {
			got = append(got, h.GetFence())
		}
		if !slices.Equal(got, test.want) || whole.GetHolding() != uint64(len(test.want)) || whole.GetHolder().GetFence() != test.want[0] {
			t.Errorf("%s: holders %v, %d in all, the first %d; want %v", test.name, got, whole.GetHolding(), whole.GetHolder().GetFence(), test.want)
		}
	}
}

// Of more holders than are named, the number is still known.
func TestHoldersThatAreNotNamedCount(t *testing.T) {
	a := holding(partOf("a:1"), &clientv1.Holder{Fence: 5, Limit: 300})
	a.Holding = 150
	if whole := merge(abc, "cs", []*clientv1.LockStatus{a, nil, nil}, nil); whole.GetHolding() != 150 {
		t.Errorf("%d hold; want 150", whole.GetHolding())
	}
}

// The share of a member with nobody in keeps a writer waiting until it is given back.
func TestIdleShareIsAnObstacle(t *testing.T) {
	a, b := partOf("a:1", "a1"), partOf("b:1")
	a.Views[0].Waiting = 1
	a.Token = &clientv1.TokenStatus{Member: "a:1", Limit: uint32(token.Unlimited), LimitBy: "b:1",
		Shares: []*clientv1.Share{{Member: "b:1", Session: 1, Id: 5, Permits: 1}}}
	whole := merge(abc, "cs", []*clientv1.LockStatus{a, b, nil}, nil)
	if o := whole.GetObstacles(); len(o) != 1 || o[0].GetKind() != clientv1.Obstacle_KIND_SHARE || o[0].GetMember() != "b:1" {
		t.Errorf("obstacles %v; want the share of b:1", o)
	}
	if whole.GetLimit() != uint32(token.Unlimited) || whole.GetLimitBy() != "b:1" {
		t.Errorf("limit %d by %q; want the token's", whole.GetLimit(), whole.GetLimitBy())
	}
}

// What a holder says is shown with its hold, an empty text too, and not with the next one.
func TestValueIsShown(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		for _, values := range [][]string{{"", "two"}, nil} {
			hold, err := n.driver.Acquire(t.Context(), "cs", token.Exclusive)
			if err != nil {
				t.Fatal(err)
			}
			if h := n.lockStatus(t, "cs").GetHolder(); h == nil || h.Value != nil {
				t.Errorf("%v; want a holder that says nothing", h)
			}
			for _, value := range values {
				if err := hold.Say(t.Context(), value); err != nil {
					t.Fatal(err)
				}
				if h := n.lockStatus(t, "cs").GetHolder(); h == nil || h.Value == nil || h.GetValue() != value {
					t.Errorf("%v; want a holder that says %q", h, value)
				}
			}
			if err := hold.Unlock(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
