package token

import "testing"

// One test for each rule of a start after which clients of the earlier process may
// still hold locks (protocol, section 2).

func encumberedConfig(self Member, members int) Config {
	cfg := testConfig(self, members)
	cfg.Encumbered = true
	return cfg
}

// encumbered is A after such a start, with streams to all peers.
func encumbered(t *testing.T, members int) *driven {
	t.Helper()
	d := startWith(t, encumberedConfig(0, members))
	for _, j := range d.others() {
		d.up(j, 1)
	}
	return d
}

// allSayClear lets every peer say CLEAR.
func (d *driven) allSayClear() {
	for _, j := range d.others() {
		d.receive(j, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	}
}

// The wait lasts for all of T, whatever CLEARs come.
func TestEncumberedWaitDoesNotEndByClear(t *testing.T) {
	d := encumbered(t, 3)
	d.allSayClear()
	d.passes(testTTL - 1)
	d.wantSent(Ping)
	d.ponged(1, 2)
	if !d.InspectSession().Waiting {
		t.Error("the wait was over before T")
	}
	d.wantOnly(Began)
	d.passes(1)
	if d.InspectSession().Waiting {
		t.Error("the wait was not over after T")
	}
	d.ponged(1)
	d.wantOnly(Began, "A begins session 1")
}

// T counts from the start: a node that is told CLEAR by nobody waits no longer than that.
func TestEncumberedWaitEndsAfterTAlone(t *testing.T) {
	d := startWith(t, encumberedConfig(0, 3))
	d.passes(testTTL - 1)
	if !d.InspectSession().Waiting {
		t.Error("the wait was over before T")
	}
	if got, want := d.NextTick(), d.at+1; got != want {
		t.Errorf("the next tick is at %d, want %d, when the wait is over", got, want)
	}
	d.passes(1)
	if d.InspectSession().Waiting {
		t.Error("the wait was not over after T")
	}
}

// An encumbered node says no CLEAR: not on a HELLO, not when a stream opens, to nobody.
func TestEncumberedSaysNoClearWhileWaiting(t *testing.T) {
	d := startWith(t, encumberedConfig(0, 3))
	d.PeerUp(d.at, 1)
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1})
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1})
	d.PeerUp(d.at, 2)
	d.up(1, 2)
	d.passes(testTTL - 1)
	d.wantSent(Clear)
}

// It says CLEAR when the wait is over: a member that is not encumbered may be waiting for
// it. CLEAR comes before the PING, which that member then answers at once.
func TestEncumberedSaysClearWhenWaitIsOver(t *testing.T) {
	d := encumbered(t, 3)
	d.pinged(2)
	d.passes(testTTL - 1)
	d.take()
	d.passes(1)
	d.wantAll(
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
		"A guards C, session 1",
		"A→C PONG C#1, stamp 1000000 ms",
		"A→B PING A#1 session 1 not begun, stamp 1002000 ms",
		"A→C PING A#1 session 1 not begun, stamp 1002000 ms",
		"A→B PING A#1 session 1 not begun, stamp 1002000 ms", // which was due then anyway
		"A→C PING A#1 session 1 not begun, stamp 1002000 ms",
	)
}

// From then on it says CLEAR as usual.
func TestEncumberedSaysClearOnHelloAfterWait(t *testing.T) {
	d := encumbered(t, 3)
	d.passes(testTTL)
	d.take()
	d.up(1, 2)
	d.wantSent(Clear, "A→B CLEAR B#2", "A→B CLEAR B#2")
}

// It answers no ballot, by PROMISE or NACK, and promises none.
func TestEncumberedAnswersNoBallotWhileWaiting(t *testing.T) {
	cfg := encumberedConfig(0, 3)
	cfg.Floor = 7
	d := startWith(t, cfg)
	d.up(1, 1)
	d.passes(testTTL - 1)
	d.take()
	for _, b := range []Epoch{{9, 1}, {7, 1}} {
		d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: b, Members: []Member{2}})
	}
	d.wantAll()
	if promises := d.locks[cs].promises; len(promises) > 0 {
		t.Errorf("promised %v, want nothing", promises)
	}

	d.passes(1)
	d.take()
	d.receive(1, Message{Kind: Ballot, Number: Number{1, 1}, Ballot: Epoch{8, 1}})
	d.want("A saves session 1, promised 8", "A→B BALLOT-ANSWER 8.B PROMISE, not waiting at 1.0, buries nobody")
}

// It answers no probe, and helps nobody.
func TestEncumberedAnswersNoProbeWhileWaiting(t *testing.T) {
	d := encumbered(t, 3)
	d.passes(testTTL - 1)
	d.take()
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 3, Helper: 0})
	d.wantAll()
	d.passes(1)
	d.ponged(1, 2)
	d.want("A→B CLEAR B#1", "A→C CLEAR C#1", "A begins session 1") // and asks for nothing
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 4, Helper: NoMember})
	d.want("A→B PROBE-ANSWER 4 NONE, could bury B C")
}

// It notes REQUESTs, also those that come as probes and ballots.
func TestEncumberedNotesRequestsWhileWaiting(t *testing.T) {
	d := encumbered(t, 4)
	d.request(1, 3)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 2}, Probe: 4, Helper: NoMember})
	d.receive(3, Message{Kind: Ballot, Number: Number{1, 5}, Ballot: Epoch{1, 3}})
	d.wantState("0.0 1.3 1.2 1.5", "", "")
}

// It sends and answers no PING; the streams are kept alive, as in any wait.
func TestEncumberedSendsOnlyKeepAliveWhileWaiting(t *testing.T) {
	d := encumbered(t, 2)
	d.take()
	d.pinged(1)
	d.request(1, 1)
	d.acquire(1)
	d.passes(testTTL - 1)
	d.wantAll("A→B KEEPALIVE", "A→B KEEPALIVE", "A→B KEEPALIVE")
}

// It asks for nothing and proposes nothing, not even to itself: it has no session.
func TestEncumberedProposesNothingWhileWaiting(t *testing.T) {
	d := encumbered(t, 3)
	d.acquire(1)
	d.Try(d.at, cs, 2)
	d.allSayClear()
	d.up(1, 2) // which would be a reason to look for the token
	d.take()
	d.ponged(2)
	d.passes(testTTL - 1)
	d.want()
	if promises := d.locks[cs].promises; len(promises) > 0 {
		t.Errorf("promised %v, want nothing", promises)
	}
}

// A token on its way to the earlier process is dropped: it is addressed to that process's
// session.
func TestEncumberedTakesNoTokenWhileWaiting(t *testing.T) {
	d := encumbered(t, 3)
	d.acquire(1)
	d.take()
	d.token()
	d.want("A drops token 1.B: addressed to another session")
}

// A cluster of one has no session before T either.
func TestEncumberedClusterOfOneWaitsForT(t *testing.T) {
	d := startWith(t, encumberedConfig(0, 1))
	d.acquire(1)
	if got, want := d.NextTick(), d.at+testTTL/4; got > want {
		t.Errorf("the next tick is at %d, want %d at the latest", got, want)
	}
	d.passes(testTTL - 1)
	if _, ok := d.InSession(); ok {
		t.Error("in a session before T has passed")
	}
	d.want()
	if got, want := d.NextTick(), d.at+1; got != want {
		t.Errorf("the next tick is at %d, want %d, when the wait is over", got, want)
	}
	d.passes(1)
	if end, ok := d.InSession(); !ok || end != Never {
		t.Errorf("in session %t, until %d; want true, Never", ok, end)
	}
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1")
}

// A waiter that gives up just when the session begins is not let in.
func TestWithdrawnWhenSessionBeginsIsNotLetIn(t *testing.T) {
	d := startWith(t, encumberedConfig(0, 1))
	d.acquire(1)
	d.acquire(2)
	d.at += testTTL
	d.withdraw(1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:1, by request 1.1")
}

// A node that leaves during the wait says nothing: its earlier process's session must be
// guarded to its end.
func TestEncumberedRetiresWithoutBye(t *testing.T) {
	d := encumbered(t, 3)
	d.take()
	d.Retire(d.at)
	d.wantAll("A is gone, session 1")
	d.passes(2 * testTTL)
	d.wantAll()
}

// To the others such a node is a member that does not answer. It does not stand in the way
// of a ballot, but is out of the proposer's reach and must be buried.
func TestSilentAfterStartIsOutOfReach(t *testing.T) {
	d := asking(t, 3)
	d.PeerDown(d.at, 1)
	d.up(1, 2) // B was started again, and says nothing
	d.want("A→B REQUEST 1.1 (repeated)", "A begins probe 1",
		"A→B PROBE 1 for 1.1, helper nobody", "A→C PROBE 1 for 1.1, helper nobody")
	c := func(probe uint64, buriable ...Member) {
		d.receive(2, Message{Kind: ProbeAnswer, Probe: probe, Answer: None, Members: buriable})
	}
	c(1)
	d.lives(testTTL*3/8, 2)
	d.wantOnly(Balloted)
	c(2) // C still guards B's earlier session
	d.lives(testTTL*3/8, 2)
	d.wantOnly(Balloted)
	d.lives(testTTL/4, 2)
	c(3, 1)
	d.wantOnly(Balloted, "A begins ballot 1.A")
	if got := d.distant(d.locks[cs].search); len(got) != 1 || got[0] != 1 {
		t.Errorf("out of reach are %s, want B", letters(got))
	}
}

// A node that was started with the silent one, and is not encumbered, ends its wait when
// the silent one's wait is over.
func TestOthersWaitEndsWithEncumberedOnes(t *testing.T) {
	n := newNetwork(t, 3, func(*Config) {})
	n.sites[0].cfg.Encumbered = true
	n.start(0)
	n.settle()
	n.advance(testTTL / 2)
	n.start(1)
	n.start(2)
	n.settle()
	n.advance(testTTL/2 - 1)
	for m, s := range n.sites {
		if !s.node.InspectSession().Waiting {
			t.Errorf("%s waits no longer, although A has not said CLEAR", letter(Member(m)))
		}
	}
	n.advance(1)
	for m, s := range n.sites {
		if _, ok := s.node.InSession(); !ok {
			t.Errorf("%s has no session, although all have said CLEAR", letter(Member(m)))
		}
	}
}

// A fresh cluster, whose members have new memories, is ready at once. A fresh member of one
// that has run waits for T: clients may have been left behind when its memory was lost.
func TestFreshNodeWaitsUnlessAllAreFresh(t *testing.T) {
	for _, all := range []bool{true, false} {
		n := newNetwork(t, 3, func(cfg *Config) { cfg.Encumbered, cfg.Fresh = true, true })
		n.sites[2].cfg.Encumbered, n.sites[2].cfg.Fresh = all, all
		for m := range n.sites {
			n.start(Member(m))
			n.settle()
		}
		if _, ok := n.sites[0].node.InSession(); ok != all {
			t.Errorf("all fresh %t: in session %t", all, ok)
		}
		n.advance(testTTL)
		if _, ok := n.sites[0].node.InSession(); !ok {
			t.Errorf("all fresh %t: no session after T", all)
		}
		if n.sites[1].node.Hello(0).Fresh {
			t.Errorf("all fresh %t: fresh though it has had a session", all)
		}
	}
}

// A fresh node that has heard of a member whose wait is over is fresh no longer: it neither
// frees others of their wait nor is freed, also if the memory of all others is lost then.
func TestFreshNoLongerInAClusterThatHasRun(t *testing.T) {
	for name, hears := range map[string]func(d *driven){
		"another process": func(d *driven) {
			d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Fresh: true})
			d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 2})
		},
		"a later stream": func(d *driven) {
			d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Fresh: true})
			d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 1})
		},
		"a PING": func(d *driven) {
			d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Fresh: true})
			d.receive(1, Message{Kind: Ping, Incarnation: incarnation(1, 1), Session: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := encumberedConfig(0, 3)
			cfg.Fresh = true
			d := startWith(t, cfg)
			hears(d)
			if d.Hello(2).Fresh {
				t.Error("says that it is fresh")
			}
			d.hello(1, Hello{Incarnation: incarnation(1, 3), Boot: 3, Fresh: true})
			d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Fresh: true})
			if !d.encumbered() {
				t.Error("not encumbered, though B had been running")
			}
		})
	}
}

// Fresh members may say so again on a later stream, and in another process.
func TestFreshIsSaidAgain(t *testing.T) {
	cfg := encumberedConfig(0, 3)
	cfg.Fresh = true
	d := startWith(t, cfg)
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Fresh: true})
	d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Counter: 1, Fresh: true})
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 2, Fresh: true})
	if !d.encumbered() || !d.Hello(2).Fresh {
		t.Error("not encumbered, or not fresh, before C was heard")
	}
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Fresh: true})
	if d.encumbered() {
		t.Error("encumbered, though all say that they are fresh")
	}
}

func TestFreshClusterOfOneWaitsForT(t *testing.T) {
	cfg := encumberedConfig(0, 1)
	cfg.Fresh = true
	d := startWith(t, cfg)
	d.passes(testTTL - 1)
	if _, ok := d.InSession(); ok {
		t.Error("in session before T")
	}
	d.passes(1)
	if _, ok := d.InSession(); !ok {
		t.Error("no session after T")
	}
}

// A whole encumbered cluster is ready after T; then its first waiter is served.
func TestEncumberedClusterIsReadyAfterT(t *testing.T) {
	n := newNetwork(t, 3, func(cfg *Config) { cfg.Encumbered = true })
	for m := range n.sites {
		n.start(Member(m))
	}
	n.settle()
	n.acquire(1, cs)
	n.advance(testTTL - 1)
	if n.sites[1].holders[cs] != 0 {
		t.Error("B is let in before T")
	}
	n.advance(1)
	if n.sites[1].holders[cs] == 0 {
		t.Error("B is not let in after T")
	}
}
