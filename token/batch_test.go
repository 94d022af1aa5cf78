package token

import (
	"slices"
	"testing"
)

// Local batches (protocol, section 1): a node may let several of its waiters in before the
// token leaves.

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

// entered lists the waiters let in since the last call, and where the token was sent.
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

// turn has A's holders leave until the token is sent, and returns who entered before that.
func (d *driven) turn(holder Waiter) (waiters []Waiter, to Member) {
	d.take()
	for holder <= 9 {
		d.release(holder)
		more, to := entered(d.take())
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

// A node goes ahead only if somebody else waits: what counts is how often in a row a
// waiting member was overtaken.
func TestEntriesThatOvertakeNobodyDoNotCount(t *testing.T) {
	d := batching(t, 3)
	d.release(1)
	d.release(2)
	d.request(1, 1) // while 3 is inside
	if got, to := d.turn(3); !slices.Equal(got, []Waiter{4, 5}) || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want 4 and 5, and to B", got, letter(to))
	}
}

// The log shows who is next at each leave: the head of Q.
func TestNodeThatGoesAheadStandsAtHeadOfQueue(t *testing.T) {
	d := batching(t, 2)
	d.request(1, 1)
	d.request(2, 1)
	d.take()
	for _, want := range [][]Member{{0, 1, 2}, {1, 2, 0}} {
		d.release(d.locks[cs].holder)
		for _, e := range d.take() {
			if e.Kind == Left && !slices.Equal(e.State.Queue, want) {
				t.Errorf("Q at leave is %v, want %v", e.State.Queue, want)
			}
		}
	}
}

// The inspection tells how many more may go ahead.
func TestInspectLockTellsWhatIsLeftOfABatch(t *testing.T) {
	d := batching(t, 3)
	d.request(1, 1)
	left := func() int {
		var v LockView
		d.InspectLock(cs, &v)
		if v.LocalBatch != 3 {
			t.Errorf("the local batch is %d, want 3", v.LocalBatch)
		}
		return v.BatchLeft
	}
	got := []int{left()}
	for holder := Waiter(1); holder <= 3; holder++ {
		d.release(holder)
		got = append(got, left())
	}
	if want := []int{2, 1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("left of the batch: %v, want %v", got, want)
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

// The bound is tight: after (N-1)·LocalBatch entries of others, including the one in the
// critical section, the last to ask has its turn.
func TestAskerWaitsForFullBatchOfEachOther(t *testing.T) {
	const batch = 3
	n := runningWith(t, 4, func(c *Config) { c.LocalBatch = batch })
	var entered []Member
	n.observe = func(at Member, e Effect) {
		if e.Kind == Grant {
			entered = append(entered, at)
		}
	}
	n.acquire(1, cs)
	n.settle()
	for _, m := range []Member{1, 2, 3} {
		for range 2 * batch {
			n.acquire(m, cs)
		}
	}
	n.acquire(0, cs)
	n.settle()
	for last := entered[0]; last != 0; last = entered[len(entered)-1] {
		n.release(last, cs)
		n.settle()
	}
	if want := []Member{1, 1, 1, 2, 2, 2, 3, 3, 3, 0}; !slices.Equal(entered, want) {
		t.Errorf("%v entered, want %v", entered, want)
	}
}

// A batch is a turn of this node's: it costs no message, its fences rise by one, and each
// of its requests rides and is counted as granted when its holder leaves.
func TestWhoGoesAheadRides(t *testing.T) {
	d := batching(t, 3)
	d.request(1, 1)
	d.take()
	d.release(1)
	d.want(
		"A rides: request 1.1",
		"A LEAVES: waiter 1, fence 1:1",
		"A ENTERS: waiter 2, fence 1:2, by request 1.1",
	)
	d.release(2)
	d.want(
		"A rides: request 1.2",
		"A LEAVES: waiter 2, fence 1:2",
		"A ENTERS: waiter 3, fence 1:3, by request 1.2",
	)
	d.wantState("1.2 1.1 0.0", "1.1 1.0 1.0", "B")
}

// A node goes ahead because somebody waits here: if all give up meanwhile, the token
// leaves.
func TestBatchEndsWhenNobodyHereWaits(t *testing.T) {
	d := batching(t, 5)
	d.request(1, 1)
	d.release(1)
	for w := Waiter(3); w <= 9; w++ {
		d.withdraw(w)
	}
	if got, to := d.turn(2); len(got) > 0 || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want none, and to B", got, letter(to))
	}
}

func TestNodeThatLeavesGoesAheadOfNobody(t *testing.T) {
	d := batching(t, 5)
	d.request(1, 1)
	d.release(1)
	d.Retire(d.at)
	if got, to := d.turn(2); len(got) > 0 || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want none, and to B", got, letter(to))
	}
}

// A member that was passed over has left Q, and must enter it again.
func TestBatchBeginsAnewAfterPassingOver(t *testing.T) {
	d := batching(t, 2)
	d.request(1, 1)
	d.PeerDown(d.at, 1)
	d.release(1)
	d.release(2) // B is passed over
	d.up(1, 1)
	d.pinged(1)
	if got, to := d.turn(3); !slices.Equal(got, []Waiter{4}) || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want 4, and to B", got, letter(to))
	}
}

// A new token begins a new batch, as it begins a new queue.
func TestBatchBeginsAnewWithNewToken(t *testing.T) {
	cfg := testConfig(0, 2)
	cfg.LocalBatch, cfg.FencesPerEpoch = 3, 4
	d := inSessionWith(t, cfg)
	d.tokenWith(func(t *Token) { t.Fence += 2 })
	for w := Waiter(1); w <= 9; w++ {
		d.acquire(w)
	}
	d.request(1, 1)
	d.release(1)
	d.release(2) // with the last fence
	d.receive(1, Message{Kind: BallotAnswer, Ballot: Epoch{2, 0}, Answer: Promise, Number: Number{1, 1}, Waiting: true})
	if got, _ := entered(d.take()); !slices.Equal(got, []Waiter{1, 2, 3}) {
		t.Fatalf("waiters %v entered; want 1, 2, and by a new token 3", got)
	}
	if got, to := d.turn(3); !slices.Equal(got, []Waiter{4, 5}) || to != 1 {
		t.Errorf("waiters %v went ahead of B, and the token to %s; want 4 and 5, and to B", got, letter(to))
	}
}
