package token

import (
	"slices"
	"testing"
)

// Local hand-over (protocol, section 1): a node may let several of its waiters in before
// the token leaves.

// batching is a cluster of three in which A has let waiter 1 in, 2 to 9 wait behind it,
// and the other members have asked, in the order of their names.
func batching(t *testing.T, batch int) (d *driven) {
	cfg := testConfig(0, 3)
	cfg.LocalBatch = batch
	d = inSessionWith(t, cfg)
	d.token()
	for w := Waiter(1); w <= 9; w++ {
		d.acquire(w)
	}
	return d
}

// entered lists the waiters that were let in since the last look, and to whom the token
// was sent.
func entered(effects []Effect) (waiters []Waiter, to Member) {
	to = NoMember
	for _, e := range effects {
		switch {
		case e.Kind == Grant:
			waiters = append(waiters, e.Waiter)
		case e.Kind == Send && e.Message.Kind == TokenMessage:
			to = e.Peer
		}
	}
	return waiters, to
}

// turn has A's holders leave until the token is sent, and tells who was let in before.
func (d *driven) turn(holder Waiter) (waiters []Waiter, to Member) {
	d.look()
	for holder <= 9 {
		d.release(holder)
		more, to := entered(d.look())
		waiters = append(waiters, more...)
		if to != NoMember {
			return waiters, to
		}
		holder++
	}
	return waiters, NoMember
}

func TestHolderLetsInSoManyBeforeTokenLeaves(t *testing.T) {
	for _, tt := range []struct {
		batch int
		want  []Waiter
	}{
		{0, nil},
		{1, nil},
		{2, []Waiter{2}},
		{4, []Waiter{2, 3, 4}},
		{100, []Waiter{2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		d := batching(t, tt.batch)
		d.request(1, 1)
		d.request(2, 1)
		if got, to := d.turn(1); !slices.Equal(got, tt.want) || to != 1 {
			t.Errorf("LocalBatch %d: waiters %v went ahead of B, and the token to %s; want %v, and to B",
				tt.batch, got, letter(to), tt.want)
		}
	}
}

// Whom nobody waits for goes ahead of nobody: what counts is how often in a row a member
// that waits was overtaken.
func TestEntriesThatOvertakeNobodyDoNotCount(t *testing.T) {
	d := batching(t, 3)
	d.release(1)
	d.release(2)
	d.release(3)
	d.request(1, 1) // while 4 is inside
	if got, to := d.turn(4); !slices.Equal(got, []Waiter{5, 6}) || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want 5 and 6, and to B", got, letter(to))
	}
}

// The log shows who is next: at each leave, the head of Q.
func TestNodeThatGoesAheadStandsAtHeadOfQueue(t *testing.T) {
	d := batching(t, 2)
	d.request(1, 1)
	d.request(2, 1)
	d.look()
	for _, want := range [][]Member{{0, 1, 2}, {1, 2, 0}} {
		d.release(d.locks[cs].holder)
		for _, e := range d.look() {
			if e.Kind == Left && !slices.Equal(e.State.Queue, want) {
				t.Errorf("Q at leave is %v, want %v", e.State.Queue, want)
			}
		}
	}
}

// When the token comes back, as many may go ahead again.
func TestBatchBeginsAnewWhenTokenComesBack(t *testing.T) {
	d := batching(t, 2)
	d.request(1, 1)
	if got, to := d.turn(1); !slices.Equal(got, []Waiter{2}) || to != 1 {
		t.Fatalf("waiters %v went ahead of B, and the token to %s; want 2, and to B", got, letter(to))
	}
	d.tokenWith(func(t *Token) { t.Hop, t.Queue = 3, []Member{1} })
	if got, to := d.turn(3); !slices.Equal(got, []Waiter{4}) || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want 4, and to B", got, letter(to))
	}
}
