package service

import (
	"errors"
	"slices"
	"testing"

	clientv1 "conch/proto/conch/client/v1"
)

var abc = []string{"a:1", "b:1", "c:1"}

// partOf is the part of a member at which some wait, named by their commands.
func partOf(member string, commands ...string) *clientv1.LockStatus {
	part := &clientv1.LockStatus{
		Lock: "cs", Waiting: uint64(len(commands)), Views: []*clientv1.LockView{{Member: member}},
	}
	for _, command := range commands {
		part.Waiters = append(part.Waiters, &clientv1.Waiter{Member: member, Client: &clientv1.Client{Command: command}})
	}
	return part
}

// Each member that the token comes to serves one, and stands in line again.
func TestWaitersAreListedInTurn(t *testing.T) {
	a, b, c := partOf("a:1", "a1", "a2"), partOf("b:1", "b1"), partOf("c:1", "c1", "c2", "c3")
	a.Token = &clientv1.TokenStatus{Member: "a:1", Queue: []string{"c:1", "a:1"}}
	a.Holder = &clientv1.Holder{Member: "a:1", Fence: 7}
	whole := merge(abc, "cs", []*clientv1.LockStatus{a, b, c}, nil)
	var got []string
	for i, w := range whole.GetWaiters() {
		got = append(got, w.GetClient().GetCommand())
		if int(w.GetAhead()) != i+1 {
			t.Errorf("%d ahead of %s; want %d, the holder counted", w.GetAhead(), got[i], i+1)
		}
	}
	if want := []string{"c1", "a1", "b1", "c2", "a2", "c3"}; !slices.Equal(got, want) {
		t.Errorf("waiters %v; want %v", got, want)
	}
	if whole.GetWaiting() != 6 || len(whole.GetViews()) != 3 {
		t.Errorf("%d waiting, %d views; want 6 and 3", whole.GetWaiting(), len(whole.GetViews()))
	}
}

// With local batches a member serves several in its turn; the one that has the token, as
// many as are left of its batch.
func TestWaitersAreListedInBatches(t *testing.T) {
	a, b, c := partOf("a:1", "a1", "a2", "a3"), partOf("b:1", "b1", "b2", "b3"), partOf("c:1", "c1", "c2")
	a.Views[0].LocalBatch, b.Views[0].LocalBatch = 3, 2
	a.Token = &clientv1.TokenStatus{Member: "a:1", Queue: []string{"c:1"}, BatchLeft: 1}
	a.Holder = &clientv1.Holder{Member: "a:1", Fence: 7}
	var got []string
	for i, w := range merge(abc, "cs", []*clientv1.LockStatus{a, b, c}, nil).GetWaiters() {
		got = append(got, w.GetClient().GetCommand())
		if int(w.GetAhead()) != i+1 {
			t.Errorf("%d ahead of %s; want %d, the holder counted", w.GetAhead(), got[i], i+1)
		}
	}
	if want := []string{"a1", "c1", "b1", "b2", "a2", "a3", "c2", "b3"}; !slices.Equal(got, want) {
		t.Errorf("waiters %v; want %v", got, want)
	}
}

// A writer at the member that has the token waits for readers elsewhere: it is next, ahead of
// a reader that came later there.
func TestAWriterThatWaitsForReadersIsNext(t *testing.T) {
	const readers = 1<<32 - 1
	a, b := partOf("a:1", "reader"), partOf("b:1", "writer")
	b.Token = &clientv1.TokenStatus{Member: "b:1", Limit: readers}
	a.Holders = []*clientv1.Holder{{Member: "a:1", Fence: 7, Limit: readers}}
	a.Waiters[0].Limit = readers
	var got []string
	for _, w := range merge(abc, "cs", []*clientv1.LockStatus{a, b, nil}, nil).GetWaiters() {
		got = append(got, w.GetClient().GetCommand())
	}
	if want := []string{"writer", "reader"}; !slices.Equal(got, want) {
		t.Errorf("waiters %v; want %v", got, want)
	}
}

// While the token moves two members may seem to have it: the later state is the true
// one.
func TestLaterTokenAndGrantAreTheTrueOnes(t *testing.T) {
	a, b, c := partOf("a:1", "a1"), partOf("b:1"), partOf("c:1")
	a.Token = &clientv1.TokenStatus{Member: "a:1", EpochNumber: 9, Hop: 4}
	b.Token = &clientv1.TokenStatus{Member: "b:1", EpochNumber: 9, Hop: 5}
	c.Token = &clientv1.TokenStatus{Member: "c:1", EpochNumber: 8, Hop: 99}
	a.Holder = &clientv1.Holder{Member: "a:1", Fence: 6}
	b.Holder = &clientv1.Holder{Member: "b:1", Fence: 7}
	whole := merge(abc, "cs", []*clientv1.LockStatus{a, b, c}, nil)
	if whole.GetToken().GetMember() != "b:1" || whole.GetHolder().GetMember() != "b:1" {
		t.Errorf("token at %s, held at %s; want b:1", whole.GetToken().GetMember(), whole.GetHolder().GetMember())
	}
}

// What keeps those who wait waiting.
func TestObstacles(t *testing.T) {
	away := []*clientv1.Missing{{Member: "c:1", Reason: "refused"}}
	held := partOf("a:1", "a1")
	held.Holder = &clientv1.Holder{Member: "a:1", Fence: 7}
	held.Token = &clientv1.TokenStatus{Member: "a:1", Queue: []string{"b:1"}}
	outside := partOf("b:1", "b1")
	outside.Obstacles = []*clientv1.Obstacle{{Kind: clientv1.Obstacle_KIND_NO_SESSION, Member: "b:1"}}
	for _, test := range []struct {
		name    string
		parts   []*clientv1.LockStatus
		missing []*clientv1.Missing
		want    []clientv1.Obstacle_Kind
	}{
		{"nobody waits", []*clientv1.LockStatus{partOf("a:1"), nil, nil}, away, nil},
		{"held, and others first", []*clientv1.LockStatus{held, partOf("b:1", "b1"), nil}, nil,
			[]clientv1.Obstacle_Kind{clientv1.Obstacle_KIND_HELD, clientv1.Obstacle_KIND_QUEUE}},
		{"on its way", []*clientv1.LockStatus{partOf("a:1", "a1"), partOf("b:1"), partOf("c:1")}, nil,
			[]clientv1.Obstacle_Kind{clientv1.Obstacle_KIND_TOKEN_MOVING}},
		{"no session, and one away", []*clientv1.LockStatus{nil, outside, nil}, away,
			[]clientv1.Obstacle_Kind{clientv1.Obstacle_KIND_TOKEN_MOVING, clientv1.Obstacle_KIND_NO_SESSION, clientv1.Obstacle_KIND_MISSING_MEMBER}},
	} {
		var got []clientv1.Obstacle_Kind
		for _, o := range merge(abc, "cs", test.parts, test.missing).GetObstacles() {
			got = append(got, o.GetKind())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v; want %v", test.name, got, test.want)
		}
	}
}

// What one watches follows the members that come and go.
func TestViewFollowsMembers(t *testing.T) {
	v := newView(abc, "")
	told := func() (locks, absent []string) {
		t.Helper()
		if err := v.tell(func(r *clientv1.WatchResponse) error {
			if r.GetLock() != nil {
				locks = append(locks, r.GetLock().GetLock())
			}
			absent = nil
			for _, m := range r.GetMissing() {
				absent = append(absent, m.GetMember())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return locks, absent
	}
	v.take(news{member: "a:1", part: partOf("a:1", "a1")})
	v.take(news{member: "a:1", ready: true})
	v.take(news{member: "b:1", ready: true})
	if v.complete() {
		t.Error("complete without c:1")
	}
	v.take(news{member: "c:1", err: errors.New("refused")})
	if !v.complete() {
		t.Error("not complete, though c:1 does not answer")
	}
	if locks, absent := told(); !slices.Equal(locks, []string{"cs"}) || !slices.Equal(absent, []string{"c:1"}) {
		t.Errorf("told of %v without %v; want cs without c:1", locks, absent)
	}
	v.take(news{member: "c:1", err: errors.New("refused")}) // again: nothing new
	if locks, _ := told(); len(locks) > 0 {
		t.Errorf("told of %v again", locks)
	}
	v.take(news{member: "c:1", ready: true})
	if locks, absent := told(); !slices.Equal(locks, []string{"cs"}) || len(absent) > 0 {
		t.Errorf("told of %v without %v; want cs, and nobody missing", locks, absent)
	}
	v.take(news{member: "a:1", err: errors.New("gone")})
	if locks, absent := told(); !slices.Equal(locks, []string{"cs"}) || !slices.Equal(absent, []string{"a:1"}) {
		t.Errorf("told of %v without %v; want cs once more, without a:1", locks, absent)
	}
	if len(v.parts) > 0 {
		t.Errorf("%d locks are kept that nobody knows", len(v.parts))
	}
	v.take(news{member: "b:1", part: &clientv1.LockStatus{Lock: "cs"}})
	told()
	if len(v.parts) > 0 {
		t.Errorf("%d locks are kept that nobody knows", len(v.parts))
	}
}
