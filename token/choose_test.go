package token

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// One test for each rule of the choice of the next list (protocol, section 9).

// addD is the change that the tests ask for, unless stated otherwise.
var addD = ChangeRequest{Add: []Listed{{Address: "D", Disk: diskOf(3)}}}

// change asks for a change, for waiter 7.
func (d *driven) change(c ChangeRequest) {
	d.t.Helper()
	if err := d.Change(d.at, 7, c); err != nil {
		d.t.Fatal(err)
	}
}

// proposing starts A in a session of a cluster of three, to which it wants to add D: CHOOSE has just
// been sent.
func proposing(t *testing.T) *driven {
	t.Helper()
	d := born(t, 3)
	d.change(addD)
	d.take()
	return d
}

// chooses answers CHOOSE of round 1.A with consent: nothing was accepted there.
func (d *driven) chooses(peers ...Member) { d.choosesAfter(Epoch{}, nil, peers...) }

// choosesAfter is chooses where a proposal was accepted.
func (d *driven) choosesAfter(accepted Epoch, next []Listed, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: ChooseAnswer, Change: &Change{Round: first, Promised: first, Accepted: accepted, Next: next, IDs: 9}})
	}
}

// accepts answers ACCEPT of round 1.A with consent.
func (d *driven) accepts(peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: AcceptAnswer, Change: &Change{Round: first, Promised: first}})
	}
}

// asks is CHOOSE from a peer, and proposes ACCEPT.
func (d *driven) asks(from Member, round Epoch) {
	d.receive(from, Message{Kind: Choose, Change: &Change{Round: round}})
}

func (d *driven) proposes(from Member, round Epoch, next ...Member) {
	d.receive(from, Message{Kind: Accept, Change: &Change{Round: round, Next: listOf(next...), IDs: 9}})
}

// What is wrong with a change is said at once, and nothing happens.
func TestChangeIsRefusedAtOnce(t *testing.T) {
	many := make([]Listed, MaxListed)
	for i := range many {
		many[i] = Listed{Address: fmt.Sprint(i), Disk: Disk{99, byte(i)}}
	}
	for name, tt := range map[string]struct {
		prepare func(d *driven)
		change  ChangeRequest
		want    error
	}{
		"joint":             {func(d *driven) { d.shows(jointOf(firstOf(3), 0, 1), 1) }, addD, ErrChanging},
		"under way":         {func(d *driven) { d.change(addD) }, addD, ErrChanging},
		"lapsed":            {func(d *driven) { d.passes(testTTL) }, addD, ErrOutside},
		"leaves":            {func(d *driven) { d.acquire(1); d.token(); d.Retire(d.at) }, addD, ErrOutside},
		"unknown":           {nil, ChangeRequest{Remove: []Member{3}}, ErrUnknownMember},
		"removed twice":     {nil, ChangeRequest{Remove: []Member{1, 1}}, ErrUnknownMember},
		"same address":      {nil, ChangeRequest{Add: []Listed{{Address: "B", Disk: Disk{99}}}}, ErrListed},
		"same disk":         {nil, ChangeRequest{Add: []Listed{{Address: "D", Disk: diskOf(1)}}}, ErrListed},
		"disk of a removed": {nil, ChangeRequest{Add: []Listed{{Address: "D", Disk: diskOf(1)}}, Remove: []Member{1}}, ErrListed},
		"added twice":       {nil, ChangeRequest{Add: []Listed{addD.Add[0], addD.Add[0]}}, ErrListed},
		"without disk":      {nil, ChangeRequest{Add: []Listed{{Address: "D"}}}, ErrMembership},
		"nothing":           {nil, ChangeRequest{}, ErrEmpty},
		"nobody left":       {nil, ChangeRequest{Remove: []Member{0, 1, 2}}, ErrEmpty},
		"too many":          {nil, ChangeRequest{Add: many}, ErrTooMany},
	} {
		t.Run(name, func(t *testing.T) {
			d := born(t, 3)
			if tt.prepare != nil {
				tt.prepare(d)
			}
			d.take()
			if err := d.Change(d.at, 8, tt.change); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			d.want()
		})
	}
	d := inSession(t, 3)
	if err := d.Change(d.at, 8, addD); !errors.Is(err, ErrUnborn) {
		t.Errorf("members without data directories: got %v, want ErrUnborn", err)
	}
}

// A plan says what a change would lead to. New members get IDs that were never given.
func TestPlanGivesNewIDs(t *testing.T) {
	first := firstOf(3)
	joint := jointOf(first, 1, 2, 4)
	joint.Next[2] = Listed{4, "A", Disk{99}}
	was := &Membership{Cluster: first.Cluster, Members: first.Members, IDs: 4}
	d := inSessionWith(t, memberConfig(0, was)) // D was a member once
	m, err := d.PlanChange(d.at, ChangeRequest{Add: []Listed{{Address: "A", Disk: Disk{99}}}, Remove: []Member{0}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != 1 || m.IDs != 5 || !slices.Equal(m.Next, joint.Next) || !slices.Equal(m.Members, first.Members) {
		t.Errorf("got %+v, want %+v", m, joint)
	}
	d.wantAll()
	if d.version != 0 || d.proposal != nil {
		t.Error("the plan has changed something")
	}
}

// A proposer asks the members of the list in two phases. Its own part is on disk before it says
// anything, and all is told when a quorum has accepted.
func TestProposerAsksThenProposes(t *testing.T) {
	d := born(t, 3)
	d.change(addD)
	d.want(
		"A saves membership 0: A B C, promised 1.A",
		"A proposes: CHOOSE 1.A after 0",
		"A→B CHOOSE 1.A after 0",
		"A→C CHOOSE 1.A after 0",
	)
	if v := d.InspectMembership(); v.Proposed == nil || describeMembership(v.Proposed) != "1: A B C to A B C D" {
		t.Errorf("proposed %v; want A B C to A B C D", v.Proposed)
	}
	d.chooses(2)
	d.want(
		"A saves membership 0: A B C, promised 1.A, accepted in 1.A: A B C D",
		"A proposes: ACCEPT 1.A after 0: A B C D",
		"A→B ACCEPT 1.A after 0: A B C D",
		"A→C ACCEPT 1.A after 0: A B C D",
	)
	d.chooses(1) // late
	d.want()
	d.accepts(1)
	d.want(
		"A saves membership 1: A B C to A B C D",
		"A adopts membership 1: A B C to A B C D",
		"A→B MEMBERSHIP 1: A B C to A B C D",
		"A→C MEMBERSHIP 1: A B C to A B C D",
		"A has a change for waiter 7: 1: A B C to A B C D",
	)
}

// A cluster of one chooses by itself.
func TestOneChoosesAlone(t *testing.T) {
	d := startWith(t, memberConfig(0, firstOf(1)))
	d.passes(testTTL)
	d.take()
	d.change(ChangeRequest{Add: []Listed{{Address: "B", Disk: diskOf(1)}}})
	d.want(
		"A saves membership 0: A, promised 1.A",
		"A proposes: CHOOSE 1.A after 0",
		"A saves membership 0: A, promised 1.A, accepted in 1.A: A B",
		"A proposes: ACCEPT 1.A after 0: A B",
		"A saves membership 1: A to A B",
		"A adopts membership 1: A to A B",
		"A has a change for waiter 7: 1: A to A B",
	)
}

// A member promises and accepts on its disk before it says so, and no round below one that it has
// promised.
func TestMemberPromisesAndAccepts(t *testing.T) {
	d := born(t, 3)
	d.asks(1, Epoch{2, 1})
	d.want("A saves membership 0: A B C, promised 2.B", "A→B CHOOSE-ANSWER 2.B after 0, promised 2.B")
	d.asks(1, Epoch{2, 1}) // again
	d.want("A→B CHOOSE-ANSWER 2.B after 0, promised 2.B")
	d.asks(2, Epoch{1, 2})
	d.proposes(2, Epoch{1, 2}, 0, 1)
	d.want("A→C CHOOSE-ANSWER 1.C after 0, promised 2.B", "A→C ACCEPT-ANSWER 1.C after 0, promised 2.B")
	d.proposes(1, Epoch{2, 1}, 0, 1, 2, 3)
	d.want(
		"A saves membership 0: A B C, promised 2.B, accepted in 2.B: A B C D",
		"A→B ACCEPT-ANSWER 2.B after 0, promised 2.B",
	)
	d.proposes(1, Epoch{2, 1}, 0, 1, 2, 3) // again
	d.want("A→B ACCEPT-ANSWER 2.B after 0, promised 2.B")
	d.asks(2, Epoch{2, 2})
	d.want(
		"A saves membership 0: A B C, promised 2.C, accepted in 2.B: A B C D",
		"A→C CHOOSE-ANSWER 2.C after 0, promised 2.C, accepted in 2.B: A B C D",
	)
	d.proposes(2, Epoch{3, 2}, 0, 1, 2, 3) // accepting is promising
	d.asks(1, Epoch{2, 1})
	d.want(
		"A saves membership 0: A B C, promised 3.C, accepted in 3.C: A B C D",
		"A→C ACCEPT-ANSWER 3.C after 0, promised 3.C",
		"A→B CHOOSE-ANSWER 2.B after 0, promised 3.C, accepted in 3.C: A B C D",
	)
}

// What a member has promised and accepted outlives its process.
func TestChoiceOutlivesTheProcess(t *testing.T) {
	cfg := memberConfig(0, firstOf(3))
	cfg.Choice = &Choice{Promised: Epoch{5, 1}, Accepted: Epoch{4, 2}, Next: listOf(0, 1), IDs: 3}
	d := inSessionWith(t, cfg)
	d.asks(2, Epoch{4, 2})
	d.want("A→C CHOOSE-ANSWER 4.C after 0, promised 5.B, accepted in 4.C: A B")
	d.change(addD)
	d.wantOnly(SaveMembership, "A saves membership 0: A B C, promised 6.A, accepted in 4.C: A B")

	cfg.Choice.Version = 2 // of another membership
	d = inSessionWith(t, cfg)
	d.asks(2, Epoch{1, 2})
	d.want("A saves membership 0: A B C, promised 1.C", "A→C CHOOSE-ANSWER 1.C after 0, promised 1.C")
}

// Who has adopted the next membership gives no vote about it, and begins anew for the one after.
func TestChoiceIsAboutOneMembership(t *testing.T) {
	d := born(t, 3)
	d.proposes(1, Epoch{2, 1}, 0, 1, 2, 3)
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	d.shows(joint, 1, 2)
	d.take()
	d.asks(1, Epoch{3, 1})
	d.proposes(1, Epoch{3, 1}, 0, 1)
	d.receive(1, Message{Kind: Choose, Change: &Change{Version: 1, Round: Epoch{3, 1}}})
	d.want()
	d.shows(stableOf(joint), 1, 2)
	d.take()
	d.asks(1, Epoch{3, 1})
	d.want()
	d.receive(1, Message{Kind: Choose, Change: &Change{Version: 2, Round: Epoch{1, 1}}})
	d.want("A saves membership 2: A B C D, promised 1.B", "A→B CHOOSE-ANSWER 1.B after 2, promised 1.B")
}

// A list that cannot follow is not accepted.
func TestImpossibleListIsNotAccepted(t *testing.T) {
	d := born(t, 3)
	for name, next := range map[string][]Listed{
		"empty":        {},
		"without disk": {{3, "D", Disk{}}},
		"one twice":    {{0, "A", diskOf(0)}, {3, "A", diskOf(3)}},
		"ID too high":  {{9, "D", diskOf(3)}},
	} {
		d.receive(1, Message{Kind: Accept, Change: &Change{Round: Epoch{2, 1}, Next: next, IDs: 9}})
		for _, e := range d.take() {
			if e.Kind != Received {
				t.Errorf("%s: %s", name, describe(0, e))
			}
		}
	}
}

// A proposer that meets an accepted proposal proposes that one: the one of the highest round. Its
// waiter is told that another change came first.
func TestProposerTakesWhatWasAccepted(t *testing.T) {
	d := inSessionWith(t, memberConfig(0, firstOf(5)))
	d.change(ChangeRequest{Remove: []Member{4}})
	d.take()
	d.choosesAfter(Epoch{0, 2}, listOf(0, 1), 1)
	d.choosesAfter(Epoch{0, 3}, listOf(0, 2), 2)
	d.wantOnly(Choosing, "A proposes: ACCEPT 1.A after 0: A C")
	d.accepts(1, 2)
	d.wantOnly(Changed, "A has a change for waiter 7: 1: A B C D E to A C, "+ReasonOther)
}

// So it does if it has accepted one itself.
func TestProposerTakesWhatItHasAcceptedItself(t *testing.T) {
	d := born(t, 3)
	d.proposes(1, Epoch{1, 1}, 0, 1)
	d.change(addD)
	d.take()
	d.receive(1, Message{Kind: ChooseAnswer, Change: &Change{Round: Epoch{2, 0}, Promised: Epoch{2, 0}}})
	d.wantOnly(Choosing, "A proposes: ACCEPT 2.A after 0: A B")
}

// What it proposes says who asked for it, if somebody did.
func TestChoosingTellsWhoAskedForTheList(t *testing.T) {
	for _, accepted := range []Epoch{{}, {0, 2}} {
		d := proposing(t)
		d.choosesAfter(accepted, listOf(0, 1), 1)
		var got, want Waiter = 0, 7
		for _, e := range d.take() {
			if e.Kind == Choosing {
				got = e.Waiter
			}
		}
		if accepted != (Epoch{}) {
			want = 0
		}
		if got != want {
			t.Errorf("accepted in round %v: the list was asked for by waiter %d, want %d", accepted, got, want)
		}
	}
}

// If the others have adopted the next membership meanwhile, that is what came of the change.
func TestProposerLearnsOfAnotherChange(t *testing.T) {
	for _, m := range []*Membership{jointOf(firstOf(3), 0, 1), stableOf(jointOf(firstOf(3), 0, 1))} {
		d := proposing(t)
		d.shows(m, 2)
		d.wantOnly(Changed, "A has a change for waiter 7: "+describeMembership(m)+", "+ReasonOther)
		d.passes(testTTL / 4)
		d.wantSent(Choose)
	}
	d := proposing(t)
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 2) // it is the same
	d.wantOnly(Changed, "A has a change for waiter 7: 1: A B C to A B C D")
}

// Only a quorum counts, and each member once.
func TestChoiceTakesAQuorum(t *testing.T) {
	d := inSessionWith(t, memberConfig(0, firstOf(5)))
	d.change(ChangeRequest{Remove: []Member{4}})
	d.take()
	d.chooses(1, 1)
	d.wantOnly(Choosing)
	d.chooses(2)
	d.wantOnly(Choosing, "A proposes: ACCEPT 1.A after 0: A B C D")
	d.accepts(3, 3)
	d.wantOnly(Adopted)
	d.accepts(4)
	d.wantOnly(Adopted, "A adopts membership 1: A B C D E to A B C D")
}

// Only the members of the list have a part in its choice: not those that it is about.
func TestNewMembersDoNotChoose(t *testing.T) {
	d := startWith(t, memberConfig(3, jointOf(firstOf(3), 0, 1, 2, 3)))
	for _, j := range []Member{0, 1, 2} {
		d.up(j, 1)
	}
	d.take()
	d.receive(1, Message{Kind: Choose, Change: &Change{Version: 1, Round: Epoch{1, 1}}})
	d.want()
}

// Answers to another round, or another phase, do not count.
func TestOtherAnswersDoNotCount(t *testing.T) {
	d := proposing(t)
	d.accepts(1)
	d.receive(1, Message{Kind: ChooseAnswer, Change: &Change{Round: Epoch{1, 2}, Promised: Epoch{1, 2}}})
	d.receive(1, Message{Kind: ChooseAnswer, Change: &Change{Version: 2, Round: first, Promised: first}})
	d.want()
	d.chooses(1)
	d.take()
	d.chooses(2)
	d.want()
}

// A proposer that is outbid tries again in a higher round, after a pause.
func TestProposerThatIsOutbidTriesAgain(t *testing.T) {
	for name, outbid := range map[string]func(d *driven){
		"at CHOOSE": func(d *driven) {
			d.receive(1, Message{Kind: ChooseAnswer, Change: &Change{Round: first, Promised: Epoch{4, 1}}})
		},
		"at ACCEPT": func(d *driven) {
			d.chooses(1)
			d.receive(2, Message{Kind: AcceptAnswer, Change: &Change{Round: first, Promised: Epoch{4, 1}}})
		},
		"by its own promise": func(d *driven) { d.asks(1, Epoch{4, 1}); d.chooses(1) },
	} {
		t.Run(name, func(t *testing.T) {
			d := proposing(t)
			outbid(d)
			d.take()
			d.chooses(2)
			d.accepts(2)
			d.wantOnly(Choosing)
			d.passes(testTTL/64 + testTTL/16)
			d.wantOnly(Choosing, "A proposes: CHOOSE 5.A after 0")
		})
	}
}

// What gets no answer is said again: every T/4, and on a new stream.
func TestProposerRepeats(t *testing.T) {
	d := inSessionWith(t, memberConfig(0, firstOf(5)))
	d.change(ChangeRequest{Remove: []Member{4}})
	d.chooses(1)
	d.take()
	d.lives(testTTL/4, 1, 2, 3)
	d.wantSent(Choose, "A→C CHOOSE 1.A after 0", "A→D CHOOSE 1.A after 0", "A→E CHOOSE 1.A after 0")
	d.PeerUp(d.at, 4)
	d.wantSent(Choose, "A→E CHOOSE 1.A after 0")
	d.PeerUp(d.at, 1)
	d.wantSent(Choose)
	d.chooses(2)
	d.accepts(2)
	d.take()
	d.lives(testTTL/4, 1, 2, 3)
	d.wantSent(Accept,
		"A→B ACCEPT 1.A after 0: A B C D",
		"A→D ACCEPT 1.A after 0: A B C D",
		"A→E ACCEPT 1.A after 0: A B C D",
	)
}

// After 4T the waiter is told that nothing came of it, and when the node leaves.
func TestProposalEnds(t *testing.T) {
	d := proposing(t)
	d.lives(4*testTTL-1, 1, 2)
	d.wantOnly(Changed)
	d.passes(1)
	d.wantOnly(Changed, "A has a change for waiter 7: 0: A B C, "+ReasonTime)
	d.chooses(1)
	d.wantOnly(Choosing)
	d.change(addD)
	d.wantOnly(Choosing, "A proposes: CHOOSE 2.A after 0")

	d = proposing(t)
	d.Retire(d.at)
	d.wantOnly(Changed, "A has a change for waiter 7: 0: A B C, "+ReasonLeaving)
}

// bornNetwork is running for a cluster whose members can change.
func bornNetwork(t *testing.T, members int) *network {
	t.Helper()
	return bornNetworkWith(t, members, func(*Config) {})
}

func bornNetworkWith(t *testing.T, members int, change func(*Config)) *network {
	t.Helper()
	return runningWith(t, members, func(cfg *Config) {
		cfg.Members, cfg.Membership, cfg.Disk = 0, firstOf(members), diskOf(cfg.Self)
		change(cfg)
	})
}

// change asks a member for a change.
func (n *network) change(m Member, c ChangeRequest) {
	s := n.sites[m]
	if err := s.node.Change(s.now, 7, c); err != nil {
		n.t.Fatalf("%s: %v", letter(m), err)
	}
	n.perform(m)
}

// members lists what each running process goes by.
func (n *network) memberships() (list []string) {
	for _, s := range n.sites {
		if s.node != nil && s.gone == "" {
			list = append(list, describeMembership(s.node.membership))
		}
	}
	return list
}

// wantMemberships compares what each running process goes by: the same.
func (n *network) wantMemberships(want string) {
	n.t.Helper()
	for _, got := range n.memberships() {
		if got != want {
			n.t.Fatalf("the members go by %q, want %q", n.memberships(), want)
		}
	}
}

// outcome is what came of the change that was asked of a member.
func (n *network) outcome(m Member) string {
	n.t.Helper()
	changed := n.sites[m].changed
	if len(changed) != 1 {
		n.t.Fatalf("%s has told of %d changes, want 1", letter(m), len(changed))
	}
	return changed[0].Reason
}

// Of two members that propose at once, one brings its change through, and all adopt the same list.
func TestTwoProposersChooseOneList(t *testing.T) {
	n := bornNetwork(t, 3)
	n.change(0, ChangeRequest{Remove: []Member{1}})
	n.change(1, ChangeRequest{Remove: []Member{2}})
	n.settle()
	for range 16 {
		n.advance(testTTL / 64)
	}
	if a, b := n.outcome(0), n.outcome(1); (a == "") == (b == "") || a+b != ReasonOther {
		t.Errorf("A is told %q and B %q, want that one's came first", a, b)
	}
	joint := n.sites[0].adopted[0]
	for m, s := range n.sites {
		if len(s.adopted) == 0 || !slices.Equal(s.adopted[0].Next, joint.Next) {
			t.Errorf("%s adopts %+v, and A %+v", letter(Member(m)), s.adopted, joint)
		}
	}
}

// A list that a quorum has accepted is chosen, even if all processes end before anybody knows: the
// next proposer brings it through.
func TestAcceptedListSurvivesRestarts(t *testing.T) {
	n := bornNetwork(t, 3)
	n.wires[1][0].slow, n.wires[2][0].slow = true, true
	n.change(0, ChangeRequest{Remove: []Member{2}})
	n.settle()
	for _, m := range []Member{1, 2} { // they promise
		for n.deliver(m, 0) {
			continue
		}
	}
	n.settle() // they accept
	for m := range n.sites {
		n.crash(Member(m))
	}
	n.wires[1][0].slow, n.wires[2][0].slow = false, false
	for m := range n.sites {
		if c := n.sites[m].cfg.Choice; c == nil || len(c.Next) != 2 {
			t.Fatalf("%s has %+v on disk, want an accepted list", letter(Member(m)), c)
		}
		n.start(Member(m))
	}
	n.settle()
	n.advance(testTTL)
	n.change(2, ChangeRequest{Remove: []Member{0}})
	n.settle()
	if got := n.outcome(2); got != ReasonOther {
		t.Errorf("C is told %q, want %q", got, ReasonOther)
	}
	n.wantMemberships("1: A B C to A B")
}
