package token

import (
	"fmt"
	"testing"
)

// One test for each rule of how a session ends (protocol, section 2, a lapse is final).

// A lapse is final: the token is lost, and the holder is told. The next session has a
// higher number, on stable storage before any message shows it.
func TestLapseEndsSession(t *testing.T) {
	d := holding(t, 3)
	end, _ := d.InSession()
	d.passes(end - d.at - 1)
	d.take()
	d.passes(1)
	d.wantAll(
		"A loses session 1",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A saves session 2, promised 0",
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
		fmt.Sprintf("A→B PING A#1 session 2 not begun, stamp %d ms", end/ms),
		fmt.Sprintf("A→C PING A#1 session 2 not begun, stamp %d ms", end/ms),
	)
	d.release(1)
	d.want()
}

// Every token is lost, idle ones too.
func TestLapseDropsIdleTokens(t *testing.T) {
	d := withToken(t, 3)
	d.passes(testTTL)
	d.wantOnly(Dropped, "A drops token 1.B: session lapsed")
}

// A lapse comes before any further PONG is read.
func TestLapseIsNoticedBeforePongIsRead(t *testing.T) {
	d := holding(t, 3)
	end, _ := d.InSession()
	d.at = end
	d.receive(1, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: end - 1})
	d.wantOnly(Lapsed, "A loses session 1")
}

// Each input checks the time first.
func TestEveryInputNoticesLapse(t *testing.T) {
	inputs := map[string]func(d *driven){
		"Acquire":      func(d *driven) { d.acquire(2) },
		"Try":          func(d *driven) { d.try(2) },
		"Withdraw":     func(d *driven) { d.withdraw(2) },
		"Release":      func(d *driven) { d.release(1) },
		"Tick":         func(d *driven) { d.Tick(d.at) },
		"PeerUp":       func(d *driven) { d.PeerUp(d.at, 1) },
		"PeerDown":     func(d *driven) { d.PeerDown(d.at, 1) },
		"ReceiveHello": func(d *driven) { d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 9}) },
		"Receive":      func(d *driven) { d.receive(1, Message{Kind: KeepAlive}) },
		"Retire":       func(d *driven) { d.Retire(d.at) },
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			d := holding(t, 3)
			d.at, _ = d.InSession()
			input(d)
			for _, e := range d.take() {
				switch e.Kind {
				case Revoke:
					return
				case Left, Grant:
					t.Fatalf("%s, before the lapse was noticed", describe(0, e))
				}
			}
			t.Error("the holder was not told that its lock is lost")
		})
	}
}

// A lapse voids the node's rounds.
func TestLapseVoidsBallot(t *testing.T) {
	d := balloting(t, 3)
	d.at, _ = d.InSession()
	d.Tick(d.at)
	d.wantOnly(Ended, "A gives up ballot 1.A: session lapsed")
}

// Waiters stay queued and ask again under the new session.
func TestWaitersAskAgainAfterLapse(t *testing.T) {
	d := asking(t, 3)
	d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
	d.take()
	d.passes(testTTL)
	d.want(
		"A begins probe 1", "A→B PROBE 1 for 1.1, helper nobody", "A→C PROBE 1 for 1.1, helper nobody",
		"A begins probe 2", "A→B PROBE 2 for 1.1, helper B", "A→C PROBE 2 for 1.1, helper B",
		"A warns: session 1 ends at 1001980 ms",
		"A loses session 1",
		"A saves session 2, promised 0",
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
	)
	d.ponged(2)
	d.want("A begins session 2", "A asks: request 2.1", "A→B REQUEST 2.1", "A→C REQUEST 2.1")
}

// A holder is warned T/10 ahead of the lapse, once; renewal lifts the warning.
func TestHolderIsWarnedAheadOfLapse(t *testing.T) {
	d := holding(t, 3)
	end, _ := d.InSession()
	d.passes(end - testTTL/10 - 1 - d.at)
	d.wantOnly(Warn)
	d.passes(1)
	line := fmt.Sprintf("A warns: session 1 ends at %d ms", end/ms)
	d.wantOnly(Warn, line)
	d.passes(testTTL/10 - 1)
	d.wantOnly(Warn)

	d.receive(1, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: end - testTTL})
	d.Tick(d.at)
	d.wantOnly(Warn) // an old answer renews nothing

	d.ponged(1)
	end, _ = d.InSession()
	d.passes(end - 1 - d.at)
	d.wantOnly(Warn, fmt.Sprintf("A warns: session 1 ends at %d ms", end/ms))
}

// NextTick covers everything that is due.
func TestNextTick(t *testing.T) {
	d := started(t, 3)
	begun := d.at
	d.at += 40 * ms
	for d.at+testTTL/4 < begun+testTTL {
		d.Tick(d.at)
		d.at += testTTL / 4
	}
	d.Tick(d.at)
	if got := d.NextTick(); got != begun+testTTL {
		t.Errorf("next tick at %d, want the end of the wait after the start, %d", got, begun+testTTL)
	}

	d = inSession(t, 3)
	end, _ := d.InSession()
	d.passes(testTTL * 3 / 4)
	if got, want := d.NextTick(), end-testTTL/10; got != want {
		t.Errorf("next tick at %d, want the time to warn, %d", got, want)
	}
	d.passes(d.NextTick() - d.at)
	if got := d.NextTick(); got != end {
		t.Errorf("next tick at %d, want the end of the lease, %d", got, end)
	}
}

// A cluster of one has a session at once, and it never lapses.
func TestSingleMemberNeverLapses(t *testing.T) {
	n, err := New(0, testConfig(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if end, ok := n.InSession(); end != Never || !ok {
		t.Fatalf("lease until %d, begun %v, want for ever", end, ok)
	}
	d := start(t, 1)
	d.acquire(1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1")
	d.passes(hour / 2)
	d.wantOnly(Lapsed)
	d.release(1)
	d.wantOnly(Left, "A LEAVES: waiter 1, fence 1:1")
}

// A cluster of two survives no crash.
func TestTwoMembersLapseTogether(t *testing.T) {
	d := inSession(t, 2)
	d.passes(testTTL)
	d.wantOnly(Lapsed, "A loses session 1")
}
