package token

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// One test for each rule of values (protocol, section 6).

func (d *driven) say(w Waiter, value string) {
	d.t.Helper()
	if err := d.Say(d.at, cs, w, value); err != nil {
		d.t.Fatal(err)
	}
}

// said is SAY from a peer's session 1.
func (d *driven) said(from Member, fence Fence, count uint64, value string) {
	d.receive(from, Message{Kind: Say, Saying: &Saying{Session: 1, Fence: fence, Count: count, Value: value}})
}

func (d *driven) saidOver(from Member, fence Fence, count uint64) {
	d.receive(from, Message{Kind: Say, Saying: &Saying{Session: 1, Fence: fence, Count: count, None: true}})
}

// wantLeader compares what the node believes.
func (d *driven) wantLeader(want LeaderView) {
	d.t.Helper()
	if got := d.InspectLeader(cs); got != want {
		d.t.Fatalf("leader %+v, want %+v", got, want)
	}
}

// A holder's value, its changes and the end of its term go to all members.
func TestValueGoesToAll(t *testing.T) {
	d := holding(t, 3)
	d.say(1, "one")
	d.want(
		`A believes 1:1/1 "one" of A`,
		`A→B SAY 1:1/1 "one", session 1`,
		`A→C SAY 1:1/1 "one", session 1`,
	)
	d.say(1, "two")
	d.wantSent(Say, `A→B SAY 1:1/2 "two", session 1`, `A→C SAY 1:1/2 "two", session 1`)
	d.wantLeader(LeaderView{Member: 0, Fence: firstID, Count: 2, Value: "two"})
	d.release(1)
	d.wantSent(Say, `A→B SAY 1:1/3 over, session 1`, `A→C SAY 1:1/3 over, session 1`)
	d.wantLeader(LeaderView{})
}

// A hold that says nothing sends nothing, and neither does a term while nothing changes.
func TestNothingIsSaidWithoutAValue(t *testing.T) {
	d := holding(t, 3)
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1")
	d.acquire(2)
	d.say(2, "here")
	d.take()
	d.lives(5*testTTL, 1, 2)
	d.want()
}

// Only who holds the lock alone has a value.
func TestOnlyAHolderAloneSaysAValue(t *testing.T) {
	d := withToken(t, 3)
	for _, w := range []Waiter{0, 1} {
		if err := d.Say(d.at, cs, w, "x"); !errors.Is(err, ErrNotAlone) {
			t.Errorf("waiter %d says a value: %v, want ErrNotAlone", w, err)
		}
	}
	d.share(1, Unlimited)
	if err := d.Say(d.at, cs, 1, "x"); !errors.Is(err, ErrNotAlone) {
		t.Errorf("a reader says a value: %v, want ErrNotAlone", err)
	}
	if err := d.Say(d.at, "unknown", 1, "x"); !errors.Is(err, ErrNotAlone) || d.InspectKnown("unknown") {
		t.Errorf("a value of an unknown lock: %v, known %t; want ErrNotAlone, and that it stays unknown", err, d.InspectKnown("unknown"))
	}
}

// A member keeps what was said with the highest fence and count.
func TestLowerValueIsDropped(t *testing.T) {
	d := inSession(t, 3)
	d.said(1, 20, 2, "new")
	d.wantOnly(Led, `A believes 0:20/2 "new" of B`)
	d.said(1, 20, 1, "old")
	d.said(1, 20, 2, "new")
	d.said(2, 19, 7, "older")
	d.saidOver(2, 19, 8)
	d.wantOnly(Led)
	d.saidOver(1, 20, 3)
	d.wantOnly(Led, `A believes 0:20/3 over of B`)
	d.said(1, 20, 2, "late")
	d.said(2, 19, 9, "late")
	d.wantOnly(Led)
	d.said(2, 21, 1, "next")
	d.wantOnly(Led, `A believes 0:21/1 "next" of C`)
}

// On a stream that comes up, a node says its values again, before its first PING.
func TestValueIsSaidAgainBeforeThePing(t *testing.T) {
	d := holding(t, 3)
	d.say(1, "here")
	d.take()
	d.PeerDown(d.at, 2)
	d.up(2, 1)
	var order []MessageKind
	for _, e := range d.take() {
		if k := e.Message.Kind; e.Kind == Send && (k == Say || k == Ping) {
			order = append(order, k)
		}
	}
	if !slices.Equal(order, []MessageKind{Say, Ping}) {
		t.Errorf("on a new stream: %v, want SAY, then PING", order)
	}
}

// What a member does not say again on a new stream is over at the first PING there.
func TestUnsaidValueIsOverAtThePing(t *testing.T) {
	d := inSession(t, 3)
	d.said(1, 20, 1, "kept")
	d.receive(1, Message{Kind: Say, Lock: "other", Saying: &Saying{Session: 1, Fence: 30, Count: 1, Value: "given back"}})
	d.take()
	d.up(1, 1)
	d.said(1, 20, 1, "kept")
	d.wantOnly(Led)
	d.pinged(1)
	d.wantOnly(Led, `A believes 0:30/1 over of B, not said again of other`)
	d.pinged(1)
	d.wantOnly(Led)
}

// Nobody leads under a session that is over.
func TestSessionOverEndsTheTerm(t *testing.T) {
	for name, over := range map[string]Message{
		"PING of a higher session": {Kind: Ping, Incarnation: incarnation(1, 1), Session: 2},
		"BYE":                      {Kind: Bye, Session: 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := inSession(t, 3)
			d.said(1, 20, 1, "here")
			d.take()
			d.receive(1, over)
			d.wantOnly(Led, `A believes 0:20/1 over of B, session over`)
		})
	}
	t.Run("own lapse", func(t *testing.T) {
		d := holding(t, 3)
		d.say(1, "here")
		d.take()
		d.passes(testTTL)
		d.wantOnly(Led, `A believes 1:1/1 over of A, session lapsed`)
		d.pinged(1, 2)
		d.up(2, 1)
		d.wantSent(Say)
	})
}

// A leader is in doubt while neither PING nor SAY has come from its node for T.
func TestSilentLeaderIsInDoubt(t *testing.T) {
	d := inSession(t, 3)
	d.said(1, 20, 1, "here")
	d.take()
	d.lives(2*testTTL, 1, 2)
	d.wantOnly(Led)
	d.pinged(1)
	d.lives(testTTL-1, 2)
	d.wantOnly(Led)
	d.lives(1, 2)
	d.wantOnly(Led, `A believes 0:20/1 "here" of B, nothing heard for a TTL`)
	d.wantLeader(LeaderView{Member: 1, Fence: 20, Count: 1, Value: "here", InDoubt: true})
	d.lives(testTTL, 2)
	d.wantOnly(Led)
	d.pinged(1)
	d.wantOnly(Led, `A believes 0:20/1 "here" of B`)
	d.lives(testTTL, 2)
	d.wantOnly(Led, `A believes 0:20/1 "here" of B, nothing heard for a TTL`)
	d.said(1, 20, 2, "there")
	d.wantLeader(LeaderView{Member: 1, Fence: 20, Count: 2, Value: "there"})
}

// A lock that somebody leads is not forgotten; when the term is over, it is, an idle time
// later.
func TestLedLockIsNotForgotten(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.IdleToken, cfg.IdleLock = 4*testTTL, 8*testTTL
	d := inSessionWith(t, cfg)
	d.said(1, 20, 1, "here")
	d.passes(3 * cfg.IdleLock)
	if !d.InspectKnown(cs) {
		t.Fatal("the lock is forgotten, and somebody leads")
	}
	d.saidOver(1, 20, 2)
	d.passes(cfg.IdleLock - 1)
	d.said(1, 20, 1, "late")
	d.wantLeader(LeaderView{})
	d.passes(2 * cfg.IdleLock)
	if d.InspectKnown(cs) {
		t.Error("the lock is known for ever")
	}
}

// A node says a bounded number of values, and keeps a bounded number of each other member.
func TestValuesAreBounded(t *testing.T) {
	d := withToken(t, 3)
	for i := range 2*MaxValues + 10 {
		m := Message{Kind: Say, Lock: fmt.Sprint(i), Saying: &Saying{Session: 1, Fence: 20, Count: 1, Value: "x"}}
		d.Receive(d.at, 1, m)
	}
	if got := d.peers[1].values; got != 2*MaxValues {
		t.Errorf("%d values of a member are kept, want %d", got, 2*MaxValues)
	}
	d.peers[0].values = MaxValues // as if it said them
	d.acquire(1)
	if err := d.Say(d.at, cs, 1, "x"); !errors.Is(err, ErrManyValues) {
		t.Errorf("one value more: %v, want ErrManyValues", err)
	}
}
