package service

import (
	"strings"
	"testing"

	clientv1 "conch/proto/conch/client/v1"
)

// A token that lies idle beside somebody who waits is not called a lock that is being
// granted.
func TestIdleTokenBesideAWaiterIsAnObstacle(t *testing.T) {
	numbers := func(session, count uint64) []*clientv1.RequestNumber {
		return []*clientv1.RequestNumber{{}, {}, {Session: session, Count: count}}
	}
	for _, test := range []struct {
		own, granted []*clientv1.RequestNumber
		requesting   bool
		says         string
	}{
		{numbers(5, 1), numbers(5, 3), true, "c:1 asks with number 5.1, and the token, at a:1, says that its requests up to 5.3 were granted"},
		{numbers(5, 3), numbers(5, 3), true, "up to 5.3 were granted"},
		{numbers(5, 9), numbers(7, 0), true, "up to 7.0 were granted"},
		{numbers(8, 1), numbers(7, 9), true, "a:1 has the token, and has not heard of c:1's request yet"},
		{numbers(5, 1), numbers(5, 1), false, "has not heard of c:1's request yet"},
	} {
		a, b, c := partOf("a:1"), partOf("b:1"), partOf("c:1", "c1")
		a.Token = &clientv1.TokenStatus{Member: "a:1", LastGranted: test.granted}
		c.Views[0].Waiting, c.Views[0].RequestNumbers, c.Views[0].Requesting = 1, test.own, test.requesting
		got := merge(abc, "cs", []*clientv1.LockStatus{a, b, c}, nil).GetObstacles()
		if len(got) != 1 || !strings.Contains(got[0].GetText(), test.says) || got[0].GetMember() != "c:1" {
			t.Errorf("own %v, granted %v: %v; want %q", test.own, test.granted, got, test.says)
		}
	}
	// Where the waiter is at the token's member, it is being granted.
	a := partOf("a:1", "a1")
	a.Token, a.Views[0].Waiting = &clientv1.TokenStatus{Member: "a:1"}, 1
	if got := merge(abc, "cs", []*clientv1.LockStatus{a}, nil).GetObstacles(); len(got) > 0 {
		t.Errorf("obstacles %v, want none", got)
	}
}
