package client

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// A client that was given one node goes on to a member of which it was told since, and not to
// one that is none any more. One that was given a socket stays on its machine.
func TestAClientFollowsTheMembers(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a, b, c := w.node("a:1"), w.node("b:1"), w.node("c:1")
		a.members = []string{"a:1", "b:1"}
		c.members = []string{"c:1"}
		cl := w.client("a:1")
		one := w.ask(cl, "x")
		st := a.stream()
		st.acquire()
		st.members <- []string{"a:1", "c:1"}
		one.waits()
		a.die()
		if w.framed {
			one.fails(ErrUnreachable)
			c.noStream()
			return
		}
		st = c.stream()
		st.grant(st.acquire().GetId(), 9)
		if err := one.granted().Unlock(); err != nil {
			t.Error(err)
		}
		b.noStream()
		if got := cl.targets(); !slices.Equal(got, w.targets("a:1", "c:1")) {
			t.Errorf("nodes to try %v; want the one that was given, and the member", got)
		}
	})
}

// A node whose member is removed turns those who wait away, and they go on to a member of
// which it has told.
func TestAClientMovesOnWhenItsNodeIsRemoved(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		if w.framed {
			return // it knows of no other node
		}
		a, b := w.node("a:1"), w.node("b:1")
		a.members = []string{"a:1", "b:1"}
		c := w.client("a:1")
		st := a.stream()
		hold := w.held(c, st, 5)
		one := w.ask(c, "y")
		id := st.acquire().GetId()
		st.members <- []string{"b:1"}
		st.tell(&clientv1.Refused{Id: id, Error: &clientv1.Error{Code: clientv1.Code_CODE_NODE_LEAVING}})
		st = b.stream()
		st.grant(st.acquire().GetId(), 9)
		one.granted()
		if err := hold.Err(); err != nil {
			t.Errorf("the hold of before: %v; want it held", err)
		}
	})
}

// One who observes leaders goes on to a member of which its node has told it, first or since.
func TestAnObserverFollowsTheMembers(t *testing.T) {
	inBubble(t, func(t *testing.T, w *network) {
		a, b, c := w.node("a:1"), w.node("b:1"), w.node("c:1")
		seen := w.observing(w.client("a:1"))
		atA := a.observer()
		atA.answers <- &clientv1.ObserveResponse{Members: []string{"a:1", "b:1"}}
		atA.says(0, 5)
		a.die()
		atB := b.observer()
		atB.says(0, 6)
		atB.answers <- &clientv1.ObserveResponse{Unchanged: true, Members: []string{"b:1", "c:1"}}
		synctest.Wait()
		b.die()
		c.observer().says(0, 7)
		seen.wants(broadcast.Leader{}, led(5), led(6), led(7))
	})
}

// What is no address is not dialled.
func TestNonsenseAboutMembersIsIgnored(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		a := w.node("a:1")
		a.members = []string{"", "unix:/tmp/x", "B:1", "b:0", "\x1b"}
		c := w.client("a:1")
		one := w.ask(c, "x")
		a.stream().acquire()
		if got := c.targets(); len(got) != 1 {
			t.Errorf("nodes to try %v; want the one that was given", got)
		}
		a.die()
		one.fails(ErrUnreachable)
		if errors.Is(one.err, errNonsense) {
			t.Errorf("%v; want the node's end alone", one.err)
		}
	})
}
