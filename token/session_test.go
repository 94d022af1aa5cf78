package token

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// One test for each rule of guards and leases (protocol, section 2).

const ms = millisecond

// Every T/4, PING(incarnation, session, begun?, stamp) to each peer.
func TestPingEveryQuarterOfT(t *testing.T) {
	d := inSession(t, 3)
	began := d.at
	for k := Time(1); k <= 3; k++ {
		d.passes(testTTL / 4)
		d.wantSent(Ping,
			fmt.Sprintf("A→B PING A#1 session 1 begun, stamp %d ms", (began+k*testTTL/4)/ms),
			fmt.Sprintf("A→C PING A#1 session 1 begun, stamp %d ms", (began+k*testTTL/4)/ms),
		)
	}
}

// A PING is answered by PONG(incarnation, stamp), the PING's own.
func TestPingIsAnswered(t *testing.T) {
	d := inSession(t, 3)
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 5), Session: 1, Begun: true, Stamp: 77 * ms})
	d.wantAll("A→B PONG B#5, stamp 77 ms")
}

// The PONG makes this node guard the sender: for T it will not bury it.
func TestPingIsGuardedForT(t *testing.T) {
	d := inSession(t, 3)
	d.passes(100 * ms)
	d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 1), Session: 4})
	d.want("A guards B, session 4")
	d.lives(testTTL-1, 2)
	if d.canBury(1) {
		t.Error("A can bury B 1 ns before the guard is over")
	}
	d.passes(1)
	if !d.canBury(1) {
		t.Error("A cannot bury B when the guard is over")
	}
}

// A guard begins when the PONG can be sent; a PING that cannot be answered begins none.
func TestPingWithoutStreamBackIsNotGuarded(t *testing.T) {
	d := inSession(t, 3)
	d.PeerDown(d.at, 1)
	d.lives(testTTL, 2)
	d.take()
	d.pinged(1)
	d.want()
	if !d.canBury(1) {
		t.Error("A guards B, though B cannot hear of it")
	}
}

// A PONG for another incarnation is ignored: a reboot sets the clock to 0, and a stamp from
// before it would make an endless lease.
func TestPongForAnotherIncarnationIsIgnored(t *testing.T) {
	d := inSession(t, 3)
	end, _ := d.InSession()
	d.passes(100 * ms)
	for _, j := range d.others() {
		d.receive(j, Message{Kind: Pong, Incarnation: incarnation(0, 2), Stamp: d.at})
	}
	if got, _ := d.InSession(); got != end {
		t.Errorf("the lease ends at %d, want %d as before", got, end)
	}
}

// A PONG for a future stamp answers no PING, and would make an endless lease.
func TestPongForAStampToComeIsIgnored(t *testing.T) {
	d := inSession(t, 3)
	end, _ := d.InSession()
	d.passes(100 * ms)
	for _, j := range d.others() {
		d.receive(j, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at + 1})
	}
	if got, _ := d.InSession(); got != end {
		t.Errorf("the lease ends at %d, want %d as before", got, end)
	}
}

// The lease runs until the q-th newest answered stamp, the own one being now, plus T(1-ρ).
func TestLeaseRunsFromQuorumsNewestStamp(t *testing.T) {
	for members, newest := range map[int]int{2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 3} {
		d := inSession(t, members)
		var stamps []Time
		for _, j := range d.others() {
			d.passes(10 * ms)
			stamps = append(stamps, d.at)
			d.receive(j, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at})
		}
		got, _ := d.InSession()
		if want := stamps[len(stamps)-newest] + testTTL*99/100; got != want {
			t.Errorf("%d members: the lease ends at %d, want %d", members, got, want)
		}
	}
}

// In whatever order the answers come, the lease is the one that all stamps make, although
// most answers are not compared with all stamps.
func TestLeaseIsThatOfAllStampsAfterEachAnswer(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		members := rapid.IntRange(2, 9).Draw(r, "members")
		d := inSession(t, members)
		stamps := slices.Repeat([]Time{d.at}, members)
		for range rapid.IntRange(1, 60).Draw(r, "answers") {
			d.passes(Time(rapid.IntRange(0, 20).Draw(r, "passes")) * ms)
			if _, ok := d.InSession(); !ok {
				return // too few have answered
			}
			from := Member(rapid.IntRange(1, members-1).Draw(r, "from"))
			stamp := d.at - Time(rapid.IntRange(0, 10).Draw(r, "age"))*10*ms
			d.receive(from, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: stamp})
			stamps[from] = max(stamps[from], stamp)

			newest := slices.SortedFunc(slices.Values(stamps[1:]), func(a, b Time) int { return cmp.Compare(b, a) })
			got, _ := d.InSession()
			if want := newest[members/2-1] + testTTL*99/100; got != want {
				r.Fatalf("%d members, stamps %v: the lease ends at %d, want %d", members, stamps[1:], got, want)
			}
		}
	})
}

// An answer to an older PING does not shorten a lease.
func TestOldPongDoesNotShortenLease(t *testing.T) {
	d := inSession(t, 2)
	end, _ := d.InSession()
	d.receive(1, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at - 300*ms})
	if got, _ := d.InSession(); got != end {
		t.Errorf("the lease ends at %d, want %d as before", got, end)
	}
}

// A session begins with the lease of a quorum, not of fewer.
func TestSessionBeginsWithQuorum(t *testing.T) {
	d := start(t, 5)
	for _, j := range d.others() {
		d.up(j, 1)
	}
	d.passes(testTTL)
	d.take()
	d.ponged(1)
	d.want()
	d.ponged(1) // the same member again
	d.want()
	d.ponged(2)
	d.want("A begins session 1")
}

// Outside a session a node asks for nothing; it asks for its waiters when the session
// begins.
func TestWaitersAskWhenSessionBegins(t *testing.T) {
	d := start(t, 3)
	d.up(1, 1)
	d.up(2, 1)
	d.request(1, 1)
	d.take()
	d.acquire(1)
	d.want()
	d.passes(testTTL)
	d.ponged(1)
	d.want("A begins session 1", "A asks: request 1.1", "A→B REQUEST 1.1", "A→C REQUEST 1.1")
	d.passes(750 * ms)
	d.wantOnly(Probed, "A begins probe 1")
}
