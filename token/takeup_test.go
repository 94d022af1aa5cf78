package token

import (
	"bytes"
	"errors"
	"testing"
)

// One test for each rule of a list that was accepted, and that nobody brings through (protocol,
// section 9).

// accepted is born where A has just accepted to add D, in round 1.B.
func accepted(t *testing.T) *driven {
	t.Helper()
	d := born(t, 3)
	d.proposes(1, Epoch{1, 1}, 0, 1, 2, 3)
	d.take()
	return d
}

// Who has accepted a list proposes it after 2T, as if it had been asked to, and tells nobody.
func TestAcceptedListIsTakenUp(t *testing.T) {
	d := accepted(t)
	d.lives(2*testTTL-1, 1, 2)
	d.wantOnly(Choosing)
	d.passes(1)
	d.want(
		"A saves membership 0: A B C, promised 2.A, accepted in 1.B: A B C D",
		"A proposes: CHOOSE 2.A after 0",
		"A→B CHOOSE 2.A after 0",
		"A→C CHOOSE 2.A after 0",
	)
	round := Epoch{2, 0}
	d.receive(2, Message{Kind: ChooseAnswer, Change: &Change{Round: round, Promised: round}})
	d.wantOnly(Choosing, "A proposes: ACCEPT 2.A after 0: A B C D")
	d.receive(2, Message{Kind: AcceptAnswer, Change: &Change{Round: round, Promised: round}})
	d.want(
		"A saves membership 1: A B C to A B C D",
		"A adopts membership 1: A B C to A B C D",
		"A→B MEMBERSHIP 1: A B C to A B C D",
		"A→C MEMBERSHIP 1: A B C to A B C D",
	)
	d.lives(10*testTTL, 1, 2)
	d.wantOnly(Choosing)
}

// Members begin one after another, by their places in the list.
func TestAcceptedListIsTakenUpInTurn(t *testing.T) {
	d := inSessionWith(t, memberConfig(2, firstOf(3)))
	d.proposes(1, Epoch{1, 1}, 0, 1, 2, 3)
	d.lives(2*testTTL+testTTL/4-1, 0, 1)
	d.wantOnly(Choosing)
	d.passes(1)
	d.wantOnly(Choosing, "C proposes: CHOOSE 2.C after 0")
}

// What a process finds on its disk it takes up, too.
func TestAcceptedListIsTakenUpAfterAStart(t *testing.T) {
	cfg := memberConfig(0, firstOf(3))
	cfg.Choice = &Choice{Promised: Epoch{5, 1}, Accepted: Epoch{4, 2}, Next: listOf(0, 1), IDs: 3}
	d := inSessionWith(t, cfg)
	d.lives(2*testTTL-1, 1, 2)
	d.wantOnly(Choosing)
	d.passes(1)
	d.wantOnly(Choosing, "A proposes: CHOOSE 6.A after 0")
}

// Without an accepted list there is nothing to take up, and the node wants no other time.
func TestNothingAcceptedNothingTakenUp(t *testing.T) {
	d, idle := born(t, 3), born(t, 3)
	d.asks(1, Epoch{1, 1})
	d.lives(10*testTTL, 1, 2)
	idle.lives(10*testTTL, 1, 2)
	d.wantOnly(Choosing)
	if got, want := d.NextTick(), idle.NextTick(); got != want {
		t.Errorf("the next tick is at %d, want %d as of a member that was asked nothing", got, want)
	}
}

// A newer round, promised or accepted, is somebody who brings it through.
func TestNewerRoundPutsOffTakingUp(t *testing.T) {
	for name, newer := range map[string]func(d *driven){
		"promised": func(d *driven) { d.asks(2, Epoch{2, 2}) },
		"accepted": func(d *driven) { d.proposes(2, Epoch{2, 2}, 0, 1, 2, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			d := accepted(t)
			d.lives(2*testTTL-1, 1, 2)
			newer(d)
			d.asks(1, Epoch{1, 1}) // an older one is nobody
			d.lives(2*testTTL-1, 1, 2)
			d.wantOnly(Choosing)
			d.asks(1, Epoch{1, 1})
			d.passes(1)
			d.wantOnly(Choosing, "A proposes: CHOOSE 3.A after 0")
		})
	}
}

// Without a session nobody proposes; with the next one the wait begins anew.
func TestMemberWithoutASessionTakesUpNothing(t *testing.T) {
	d := accepted(t)
	d.passes(10 * testTTL)
	d.wantOnly(Choosing)
	for range 4 { // one of them begins the next session
		if d.lives(testTTL/16, 1, 2); d.begun {
			break
		}
	}
	if !d.begun {
		t.Fatal("A is in no session")
	}
	d.lives(2*testTTL-testTTL/4, 1, 2)
	d.wantOnly(Choosing)
	d.lives(testTTL/4, 1, 2)
	d.wantOnly(Choosing, "A proposes: CHOOSE 2.A after 0")

	d = accepted(t)
	d.acquire(1)
	d.token()
	d.Retire(d.at) // it stays for who is in
	d.lives(10*testTTL, 1, 2)
	d.wantOnly(Choosing)
}

// Who proposed a list itself and gave up goes on with it, each time for 4T.
func TestProposerTakesUpItsOwn(t *testing.T) {
	d := proposing(t)
	d.chooses(1)
	d.lives(4*testTTL, 1, 2)
	d.wantOnly(Changed, "A has a change for waiter 7: 0: A B C, "+ReasonTime)
	for _, round := range []string{"2", "3"} {
		d.lives(2*testTTL-1, 1, 2)
		d.wantOnly(Choosing)
		d.passes(1)
		d.wantOnly(Choosing, "A proposes: CHOOSE "+round+".A after 0")
		d.lives(4*testTTL, 1, 2)
		d.wantOnly(Changed)
	}
}

// Meanwhile a change is under way, for whoever asks for another.
func TestTakingUpIsAChangeUnderWay(t *testing.T) {
	d := accepted(t)
	d.lives(2*testTTL, 1, 2)
	if _, err := d.PlanChange(d.at, addD); !errors.Is(err, ErrChanging) {
		t.Errorf("got %v, want ErrChanging", err)
	}
}

// When a list is taken up is part of the node's state.
func TestAppendStateTellsWhenAListIsTakenUp(t *testing.T) {
	d := accepted(t)
	clock := ClockModel{Readings: []Time{d.at, d.at, d.at}, Step: 1, Horizon: hour}
	before := d.AppendState(nil, clock)
	d.choiceAt--
	if bytes.Equal(before, d.AppendState(nil, clock)) {
		t.Error("the encoding does not tell")
	}
}

// halfChosen is a network of three that have all accepted to remove A, which proposed that. A is
// dead, and nobody knows that the list is chosen.
func halfChosen(t *testing.T) *network {
	t.Helper()
	n := bornNetwork(t, 3)
	n.wires[1][0].slow, n.wires[2][0].slow = true, true
	n.change(0, ChangeRequest{Remove: []Member{0}})
	n.settle()
	for _, m := range []Member{1, 2} { // they promise
		for n.deliver(m, 0) {
			continue
		}
	}
	n.settle() // they accept
	n.crash(0)
	for _, m := range []Member{1, 2} {
		if c := n.sites[m].cfg.Choice; c == nil || len(c.Next) != 2 {
			t.Fatalf("%s has %+v on disk, want an accepted list", letter(m), c)
		}
	}
	return n
}

// A list that a quorum has accepted comes about though its proposer is dead and nobody asks.
func TestAnotherMemberTakesUpTheList(t *testing.T) {
	n := halfChosen(t)
	n.advance(2*testTTL + testTTL/8 - 1)
	n.wantMemberships("0: A B C")
	n.advance(1)
	n.wantMemberships("1: A B C to B C")
	n.advance(4 * testTTL)
	n.wantMemberships("2: B C")
	for m, s := range n.sites {
		if len(s.changed) != 0 {
			t.Errorf("%s tells somebody of the change, and nobody asked for it there", letter(Member(m)))
		}
	}
}

// Of two that take it up at once, one brings it through.
func TestTwoThatTakeUpTheListAreSettled(t *testing.T) {
	n := halfChosen(t)
	n.advance(2 * testTTL)
	n.wires[1][2].slow = true
	n.advance(testTTL / 8)
	n.wires[2][1].slow = true
	n.advance(testTTL / 8)
	for _, m := range []Member{1, 2} {
		if n.sites[m].node.InspectMembership().Proposed == nil {
			t.Fatalf("%s does not propose", letter(m))
		}
	}
	n.wires[1][2].slow, n.wires[2][1].slow = false, false
	n.settle()
	n.advance(testTTL / 4)
	n.wantMemberships("1: A B C to B C")
}
