package token

import (
	"fmt"
	"slices"
	"testing"
)

// One test for each rule of how a joint membership is completed (protocol, section 9).

// joins lets peers answer the latest JOINED that they have joined.
func (d *driven) joins(peers ...Member) {
	for _, j := range peers {
		d.answersJoined(j, true, 0)
	}
}

// answersJoined lets a peer answer the latest JOINED.
func (d *driven) answersJoined(peer Member, joined bool, highest uint64, buried ...Member) {
	d.receive(peer, Message{Kind: JoinedAnswer, Members: buried, Change: &Change{
		Version: d.version, Ask: d.joining.ask, Joined: joined, Highest: highest,
	}})
}

// inJoint starts A in a session and has all listed adopt the membership on the way from firstOf(members)
// to next. The new ones have their streams, too.
func inJoint(t *testing.T, members int, next ...Member) (*driven, *Membership) {
	t.Helper()
	return inJointWith(t, memberConfig(0, firstOf(members)), members, next...)
}

func inJointWith(t *testing.T, cfg Config, members int, next ...Member) (*driven, *Membership) {
	t.Helper()
	d := inSessionWith(t, cfg)
	joint := jointOf(firstOf(members), next...)
	d.shows(joint, d.others()...)
	for _, j := range d.others() {
		if int(j) >= members {
			d.up(j, 1)
		}
	}
	d.passes(0)
	d.take()
	return d, joint
}

// asked lets time pass, kept up by peers, until the node asks who has joined.
func (d *driven) asked(peers ...Member) {
	d.t.Helper()
	for before := d.joining.ask; d.joining.ask == before; {
		if d.at > 2000*second {
			d.t.Fatal("nobody is asked who has joined")
		}
		d.lives(testTTL/16, peers...)
	}
}

// A member that stays asks all of both lists, every T/2 to T, whether they have joined.
func TestMemberThatStaysAsksWhoHasJoined(t *testing.T) {
	d, _ := inJoint(t, 3, 0, 1, 3)
	var at []Time
	for range 4 {
		d.asked(1, 2, 3)
		at = append(at, d.at)
	}
	for i := range at[1:] {
		if pause := at[i+1] - at[i]; pause < testTTL/2 || pause > testTTL {
			t.Errorf("asks again after %d ms, want T/2 to T", pause/ms)
		}
	}
	d.take()
	d.asked(1, 2, 3)
	d.wantSent(Joined,
		"A→B JOINED 5 in 1, out of reach nobody",
		"A→C JOINED 5 in 1, out of reach nobody",
		"A→D JOINED 5 in 1, out of reach nobody",
	)

	d, _ = inJoint(t, 3, 1, 2)
	d.lives(4*testTTL, 1, 2)
	d.wantOnly(Asking) // it leaves
	d, joint := inJoint(t, 3, 0, 1)
	d.shows(stableOf(joint), 1)
	d.lives(4*testTTL, 1)
	d.wantOnly(Asking)
}

// Once all have joined, the next list alone counts, and all are told.
func TestAllHaveJoined(t *testing.T) {
	d, _ := inJoint(t, 3, 0, 1, 3)
	d.asked(1, 2, 3)
	d.take()
	d.joins(1, 2)
	d.want()
	d.joins(3)
	d.want(
		"A saves membership 2: A B D",
		"A adopts membership 2: A B D",
		"A→B MEMBERSHIP 2: A B D",
		"A→C MEMBERSHIP 2: A B D",
		"A→D MEMBERSHIP 2: A B D",
	)
}

// An answer counts within T(1-ρ) of its question, for no other.
func TestAnswersCountForTheirQuestion(t *testing.T) {
	d, _ := inJoint(t, 2, 0, 1, 2)
	d.asked(1, 2)
	d.joins(1)
	was := d.joining.ask
	d.asked(1, 2)
	d.joins(2)
	d.receive(1, Message{Kind: JoinedAnswer, Change: &Change{Version: 1, Ask: was, Joined: true}})
	d.receive(1, Message{Kind: JoinedAnswer, Change: &Change{Version: 3, Ask: d.joining.ask, Joined: true}})
	d.wantOnly(Adopted)
	d.joining.nextAt = Never // so that only the time tells
	d.lives(shorten(testTTL), 1, 2)
	d.joins(1)
	d.wantOnly(Adopted)
}

// The answer of an older incarnation does not count.
func TestAnswerOfAnOlderIncarnationIsForgotten(t *testing.T) {
	d, _ := inJoint(t, 2, 0, 1, 2)
	d.asked(1, 2)
	d.joins(1)
	d.up(1, 2)
	d.joins(2)
	d.wantOnly(Adopted)
	d.joins(1)
	d.wantOnly(Adopted, "A adopts membership 2: A B C")
}

// A question that an ended stream may have lost is asked again on the next one.
func TestQuestionIsRepeatedOnANewStream(t *testing.T) {
	d, _ := inJoint(t, 2, 0, 1, 2)
	d.asked(1, 2)
	d.joins(2)
	d.take()
	d.PeerUp(d.at, 2)
	d.wantSent(Joined)
	d.PeerUp(d.at, 1)
	d.wantSent(Joined, "A→B JOINED 1 in 1, out of reach nobody")
}

// A member has joined when it has no session, or a lease that no longer rests on the old list.
func TestLeaseOfTheOldListHasNotJoined(t *testing.T) {
	d, _ := inJoint(t, 2, 0, 2, 3)
	if d.carried == 0 {
		t.Fatal("the lease rests on both lists already")
	}
	ask := func() { d.receive(1, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 4}}) }
	ask()
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, not joined, highest 0, buries nobody")
	d.passes(testTTL / 4)
	d.ponged(1, 2)
	ask()
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, joined, highest 0, buries nobody")

	d, _ = inJoint(t, 2, 0, 2, 3)
	d.passes(2 * testTTL)
	d.take()
	ask() // it has no session
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, joined, highest 0, buries nobody")
}

// A lease without end has not joined before it has an end that is T from the first that both lists
// yield.
func TestLeaseWithoutEndHasNotJoined(t *testing.T) {
	d := startWith(t, memberConfig(0, firstOf(1)))
	d.passes(testTTL)
	d.change(ChangeRequest{Add: []Listed{{Address: "B", Disk: diskOf(1)}}})
	d.up(1, 1)
	ask := func() { d.receive(1, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 4}}) }
	d.take()
	for range 2 {
		d.ponged(1) // the lease is T(1-ρ) long
		ask()
		d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, not joined, highest 0, buries nobody")
		d.passes(testTTL/100 - 1)
	}
	d.passes(2)
	d.ponged(1)
	ask()
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, joined, highest 0, buries nobody")
}

// A member that leaves has joined when its session is over.
func TestLeaverHasJoinedWithoutASession(t *testing.T) {
	d := bornWithToken(t, 3)
	d.acquire(1)
	d.shows(jointOf(firstOf(3), 1, 2), 1, 2)
	ask := func() { d.receive(1, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 4}}) }
	d.lives(2*testTTL, 1, 2)
	d.take()
	ask()
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, not joined, highest 1, buries nobody")
	d.release(1)
	ask()
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, joined, highest 1, buries nobody")
}

// An encumbered member does not answer: clients of its earlier process may be in, under a lease of
// the old list. Nor does it count itself.
func TestEncumberedMemberDoesNotAnswer(t *testing.T) {
	cfg := memberConfig(0, jointOf(firstOf(2), 0, 1, 2))
	cfg.Encumbered = true
	d := startWith(t, cfg)
	d.up(1, 1)
	d.up(2, 1)
	ask := func() { d.receive(1, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 4}}) }
	ask()
	d.wantSent(JoinedAnswer)
	d.asked(1, 2)
	d.joins(1, 2)
	d.wantOnly(Adopted)
	d.passes(testTTL)
	d.take()
	ask()
	d.wantSent(JoinedAnswer, "A→B JOINED-ANSWER 4 in 1, joined, highest 0, buries nobody")
}

// A question about another membership gets no answer.
func TestQuestionAboutAnotherMembershipGetsNoAnswer(t *testing.T) {
	d, joint := inJoint(t, 2, 0, 1, 2)
	d.receive(1, Message{Kind: Joined, Change: &Change{Version: 3, Ask: 4}})
	d.wantSent(JoinedAnswer)
	d.shows(stableOf(joint), 1)
	d.receive(1, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 4}})
	d.wantSent(JoinedAnswer)
}

// A member that cannot be reached is buried by a quorum of both lists, and then need not have joined.
func TestBuriedMemberNeedNotHaveJoined(t *testing.T) {
	d, _ := inJoint(t, 3, 0, 1, 3)
	d.lives(2*testTTL, 1, 3) // C is gone
	d.asked(1, 3)
	for d.question().Members == nil {
		d.asked(1, 3)
	}
	d.take()
	d.asked(1, 3)
	d.wantSent(Joined,
		fmt.Sprintf("A→B JOINED %d in 1, out of reach C", d.joining.ask),
		fmt.Sprintf("A→C JOINED %d in 1, out of reach C", d.joining.ask),
		fmt.Sprintf("A→D JOINED %d in 1, out of reach C", d.joining.ask),
	)
	d.answersJoined(3, true, 0, 2)
	d.answersJoined(1, true, 0)
	d.wantOnly(Adopted) // A and D are no quorum of the old list
	d.answersJoined(1, true, 0, 2)
	d.wantOnly(Adopted, "A adopts membership 2: A B D")
}

// Whoever is asked buries those whom it can, and answers none of their PINGs.
func TestWhoIsAskedBuries(t *testing.T) {
	d, _ := inJoint(t, 3, 0, 1)
	d.lives(testTTL, 1)
	d.take()
	d.receive(1, Message{Kind: Joined, Members: []Member{2}, Change: &Change{Version: 1, Ask: 4}})
	d.want("A buries C", "A→B JOINED-ANSWER 4 in 1, joined, highest 0, buries C")
	d.pinged(2)
	d.wantSent(Pong)
	d.receive(2, Message{Kind: Joined, Members: []Member{1}, Change: &Change{Version: 1, Ask: 4}})
	d.want("A→C JOINED-ANSWER 4 in 1, joined, highest 0, buries nobody") // A guards B
}

// A new member has T to come before it is out of reach.
func TestNewMemberHasTToCome(t *testing.T) {
	d := born(t, 2)
	d.shows(jointOf(firstOf(2), 0, 1, 2), 1)
	adopted := d.at
	for d.at < adopted+testTTL {
		d.asked(1)
		if m := d.question(); d.at < adopted+testTTL && m.Members != nil {
			t.Errorf("out of reach are %s, want nobody", letters(m.Members))
		}
		d.joins(1)
	}
	d.asked(1)
	if m := d.question(); !slices.Equal(m.Members, []Member{2}) {
		t.Errorf("out of reach are %s, want C", letters(m.Members))
	}
}

// Only who has left the question before unanswered is out of reach: who answers is there, even if it
// has answered no PING for long.
func TestWhoAnswersIsNotOutOfReach(t *testing.T) {
	d, _ := inJoint(t, 3, 0, 1, 3)
	for range 4 {
		d.asked(1, 3)
		d.answersJoined(2, false, 0)
	}
	if m := d.question(); m.Members != nil {
		t.Errorf("out of reach are %s, want nobody", letters(m.Members))
	}
	d.asked(1, 3)
	d.asked(1, 3)
	if m := d.question(); !slices.Equal(m.Members, []Member{2}) {
		t.Errorf("out of reach are %s, want C", letters(m.Members))
	}
}

// Nobody is buried that has sent a PING within T: it is there, and would have no session as long as
// somebody asks who does not reach it.
func TestWhoPingsIsNotBuried(t *testing.T) {
	d, _ := inJoint(t, 2, 0, 1, 2)
	d.lives(testTTL-1, 1, 2)
	d.ponged(1)
	ask := func() {
		d.receive(1, Message{Kind: Joined, Members: []Member{2}, Change: &Change{Version: 1, Ask: 4}})
	}
	d.take()
	ask() // A has not guarded C yet
	d.wantOnly(Buried)
	d.lives(testTTL, 1)
	d.take()
	ask()
	d.wantOnly(Buried, "A buries C")
}

// The floor of the next membership is the highest ballot number that anybody knows, of any lock.
func TestNextFloorIsTheHighestNumber(t *testing.T) {
	for name, tt := range map[string]struct {
		know func(d *driven)
		want uint64
	}{
		"answered": {func(*driven) {}, 7},
		"token's":  {func(d *driven) { d.tokenOf(Epoch{9, 1}) }, 9},
		"promised": {func(d *driven) { d.ballotFrom(1, 9) }, 9},
		"heard of": {func(d *driven) { d.acquire(1); d.none(1, 1, 2); d.outbidBy(9) }, 9},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := inJoint(t, 2, 0, 1, 2)
			tt.know(d)
			d.asked(1, 2)
			d.answersJoined(1, true, 7)
			d.answersJoined(2, true, 3)
			if m := d.membership; m.Version != 2 || m.Floor != tt.want || d.Hello(1).Floor != tt.want {
				t.Errorf("got %+v, want floor %d", m, tt.want)
			}
		})
	}
	// That of a lock at rest counts as well, and that of a forgotten one.
	cfg := memberConfig(0, firstOf(2))
	cfg.IdleToken, cfg.IdleLock = testTTL/2, testTTL
	for _, wait := range []Time{testTTL, 4 * testTTL} {
		d := inSessionWith(t, cfg)
		d.ballotFrom(1, 9)
		d.receive(1, Message{Kind: Abort, Ballot: Epoch{9, 1}})
		d.promised = 0 // so that only the lock knows
		d.lives(wait, 1)
		if got := d.highestBallot(); got != 9 {
			t.Errorf("after %d ms the highest number is %d, want 9", wait/ms, got)
		}
	}
}

// outbidBy lets B refuse the ballot under way.
func (d *driven) outbidBy(number uint64) {
	d.receive(1, Message{Kind: BallotAnswer, Ballot: first, Answer: Outbid, Highest: Epoch{number, 1}})
}

// A node shows who has joined and who is awaited.
func TestInspectionShowsWhoHasJoined(t *testing.T) {
	d, _ := inJoint(t, 2, 0, 1, 2)
	want := func(joined, awaited []Member) {
		t.Helper()
		if v := d.InspectMembership(); !slices.Equal(v.Joined, joined) || !slices.Equal(v.Awaited, awaited) {
			t.Errorf("joined are %s, awaited %s; want %s and %s", letters(v.Joined), letters(v.Awaited), letters(joined), letters(awaited))
		}
	}
	want(nil, []Member{0, 1, 2})
	d.asked(1, 2)
	d.joins(2)
	want([]Member{0, 2}, []Member{1})
}

// Notes.

// notesOf are notes of so many locks, named by their numbers.
func notesOf(locks int) (list []LockNotes) {
	for i := range locks {
		list = append(list, LockNotes{fmt.Sprintf("lock %03d", i), Notes{Run: *runOf(5, 7, RunDone)}})
	}
	return list
}

// joiningWithNotes is inJoint where all members remember notes, from A B C to A B C D.
func joiningWithNotes(t *testing.T, notes []LockNotes) *driven {
	t.Helper()
	cfg := memberConfig(0, firstOf(3))
	cfg.Remembers, cfg.Notes, cfg.MaxNotes = true, notes, 1000
	d, _ := inJointWith(t, cfg, 3, 0, 1, 2, 3)
	d.ponged(1, 2, 3)
	d.take()
	return d
}

// page is SYNC-ANSWER.
func (d *driven) page(from Member, after string, more bool, notes ...LockNotes) {
	d.receive(from, Message{Kind: SyncAnswer, Change: &Change{Version: 1, After: after, Notes: notes, More: more}})
}

// A member that stays asks the members of the old list for their notes, page by page.
func TestMemberThatStaysAsksForNotes(t *testing.T) {
	cfg := memberConfig(0, firstOf(3))
	cfg.Remembers, cfg.MaxNotes = true, 1000
	d := inSessionWith(t, cfg)
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 1, 2)
	d.wantSent(Sync, `A→B SYNC in 1 after ""`, `A→C SYNC in 1 after ""`)
	d.up(3, 1)
	d.wantSent(Sync)
	run := Notes{Run: *runOf(5, 7, RunDone)}
	d.page(1, "", true, LockNotes{"a", run}, LockNotes{"b", run})
	d.want(
		"A stores 1: #5@0:7 done of a",
		"A stores 2: #5@0:7 done of b",
		`A→B SYNC in 1 after "b"`,
	)
	d.page(1, "", true, LockNotes{"a", run}, LockNotes{"b", run}) // again
	d.want()
	d.page(1, "b", false, LockNotes{"c", run})
	d.want("A stores 3: #5@0:7 done of c")
	d.page(1, "b", false, LockNotes{"d", run}) // again
	d.want()
}

// It has joined when it has all notes of a quorum of the old list, itself included if it is in that,
// on stable storage.
func TestNotesAreStoredBeforeJoined(t *testing.T) {
	d := joiningWithNotes(t, nil)
	if d.hasJoined() {
		t.Error("joined before anybody has told its notes")
	}
	d.page(1, "", true, notesOf(3)...)
	d.stored()
	if d.hasJoined() {
		t.Error("joined before all notes are here")
	}
	d.page(1, "lock 002", false, notesOf(4)[3])
	if d.hasJoined() {
		t.Error("joined before the notes are on stable storage")
	}
	d.stored()
	if !d.hasJoined() {
		t.Error("not joined with the notes of two of three on stable storage")
	}

	// A new member needs those of two others.
	cfg := memberConfig(3, jointOf(firstOf(3), 0, 1, 2, 3))
	cfg.Remembers, cfg.MaxNotes = true, 1000
	n := startWith(t, cfg)
	for _, j := range []Member{0, 1, 2} {
		n.up(j, 1)
	}
	n.wantSent(Sync, `D→A SYNC in 1 after ""`, `D→B SYNC in 1 after ""`, `D→C SYNC in 1 after ""`)
	n.page(0, "", false)
	if n.hasJoined() {
		t.Error("joined with the notes of one of three")
	}
	n.page(2, "", false)
	if !n.hasJoined() {
		t.Error("not joined with the notes of two of three")
	}
}

// Only later notes are taken.
func TestOnlyLaterNotesAreTaken(t *testing.T) {
	own := LockNotes{"a", Notes{Run: *runOf(5, 7, RunDone), Kept: KeptHold{Fence: 8, Over: true}}}
	for name, tt := range map[string]struct{ told, want Notes }{
		"the same":         {own.Notes, own.Notes},
		"an older run":     {Notes{Run: *runOf(4, 9, RunDone)}, own.Notes},
		"a later run":      {Notes{Run: *runOf(6, 9, RunBegun)}, Notes{*runOf(6, 9, RunBegun), own.Kept}},
		"an older hold":    {Notes{Kept: KeptHold{Fence: 8}}, own.Notes},
		"a later hold":     {Notes{Kept: KeptHold{Fence: 9}}, Notes{own.Run, KeptHold{Fence: 9}}},
		"nothing":          {Notes{}, own.Notes},
		"an older of both": {Notes{*runOf(4, 6, RunDone), KeptHold{Fence: 7}}, own.Notes},
	} {
		t.Run(name, func(t *testing.T) {
			d := joiningWithNotes(t, []LockNotes{own})
			d.page(1, "", false, LockNotes{"a", tt.told})
			if got := d.InspectNotes("a"); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			var stored []string
			if tt.want != own.Notes {
				stored = []string{"A stores 1: " + describeNotes(tt.want) + " of a"}
			}
			d.wantOnly(Store, stored...)
		})
	}
}

// They are taken even if there is no room: a quorum has them.
func TestNotesAreTakenWithoutRoom(t *testing.T) {
	cfg := memberConfig(0, firstOf(3))
	cfg.Remembers, cfg.Notes, cfg.MaxNotes = true, notesOf(2), 2
	d, _ := inJointWith(t, cfg, 3, 0, 1, 2, 3)
	d.page(1, "", false, notesOf(4)...)
	if got := d.InspectNotes("lock 003"); got.Run.Tick != 5 {
		t.Errorf("got %+v, want the notes of all locks", got)
	}
}

// SYNC is answered by 64 locks' notes, in the order of their names, until there are no more.
func TestNotesComeInPages(t *testing.T) {
	all := notesOf(2*notesPerPage + 3)
	d := joiningWithNotes(t, all)
	var got []LockNotes
	pages := 0
	for after, more := "", true; more; pages++ {
		d.receive(3, Message{Kind: Sync, Change: &Change{Version: 1, After: after}})
		var c *Change
		for _, e := range d.take() {
			if e.Kind == Send && e.Message.Kind == SyncAnswer && e.Peer == 3 {
				c = e.Message.Change
			}
		}
		if c == nil || c.After != after || len(c.Notes) > notesPerPage {
			t.Fatalf("after %q: got %+v", after, c)
		}
		got = append(got, c.Notes...)
		after, more = c.Notes[len(c.Notes)-1].Lock, c.More
	}
	if !slices.Equal(got, all) || pages != 3 {
		t.Errorf("got %d locks' notes in %d pages, want %d in 3", len(got), pages, len(all))
	}
}

// A member without notes answers so; in another membership it does not answer.
func TestMemberWithoutNotesAnswersSync(t *testing.T) {
	d := joiningWithNotes(t, nil)
	d.receive(3, Message{Kind: Sync, Change: &Change{Version: 1}})
	d.wantSent(SyncAnswer, `A→D SYNC-ANSWER in 1 after "":`)
	d.receive(3, Message{Kind: Sync, Change: &Change{Version: 3}})
	d.shows(stableOf(d.membership), 1)
	d.receive(3, Message{Kind: Sync, Change: &Change{Version: 1}})
	d.wantSent(SyncAnswer)
}

// A source that restarts, or whose stream ends, is asked for the page that was under way.
func TestSyncGoesOnAfterARestart(t *testing.T) {
	d := joiningWithNotes(t, nil)
	d.page(1, "", true, notesOf(2)...)
	d.wantSent(Sync, `A→B SYNC in 1 after "lock 001"`)
	d.PeerDown(d.at, 1)
	d.up(1, 2)
	d.wantSent(Sync, `A→B SYNC in 1 after "lock 001"`)
	d.asked(1, 2, 3) // the answer is lost while there is no stream back
	d.wantSent(Sync, `A→B SYNC in 1 after "lock 001"`, `A→C SYNC in 1 after ""`)
	d.page(1, "lock 001", false, notesOf(3)[2])
	d.PeerDown(d.at, 1)
	d.up(1, 2)
	d.wantSent(Sync)
}

// Whole changes.

// join starts new members, which the membership of m lists.
func (n *network) join(m Member, ids ...Member) {
	for _, id := range ids {
		cfg := memberConfig(id, n.sites[m].node.membership)
		cfg.Session, cfg.Remembers, cfg.MaxNotes = 0, n.sites[m].cfg.Remembers, n.sites[m].cfg.MaxNotes
		if got := n.addSite(cfg); got != id {
			n.t.Fatalf("%s is to join as %s", letter(got), letter(id))
		}
		n.start(id)
	}
	n.settle()
}

// becomes lets time pass until all running processes go by a membership.
func (n *network) becomes(want string) {
	n.t.Helper()
	for range 100 {
		n.advance(testTTL / 8)
		if !slices.ContainsFunc(n.memberships(), func(got string) bool { return got != want }) {
			return
		}
	}
	n.t.Fatalf("the members go by %q, want %q", n.memberships(), want)
}

// added and removed are changes.
func added(ids ...Member) (c ChangeRequest) {
	for _, l := range listOf(ids...) {
		c.Add = append(c.Add, Listed{Address: l.Address, Disk: l.Disk})
	}
	return c
}

func removed(ids ...Member) ChangeRequest { return ChangeRequest{Remove: ids} }

// replaced is a change that puts the second in the place of the first.
func replaced(old, by Member) ChangeRequest {
	return ChangeRequest{Add: added(by).Add, Remove: []Member{old}}
}

// A change goes through while a lock is held, and the lock is passed on to a new member after.
func TestClusterGrowsAroundAHolder(t *testing.T) {
	for members := 1; members <= 3; members++ {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			n := bornNetwork(t, members)
			if members == 1 {
				n.advance(testTTL)
			}
			n.acquire(0, cs)
			n.advance(testTTL)
			next := Member(members)
			n.change(0, added(next))
			n.settle()
			n.join(0, next)
			n.acquire(next, cs)
			n.becomes(fmt.Sprintf("2: %s", describeList(listOf([]Member{0, 1, 2, 3}[:members+1]...))))
			if n.sites[0].holders[cs] == 0 {
				t.Fatal("A has lost the lock")
			}
			n.advance(testTTL)
			n.release(0, cs)
			n.settle()
			if n.sites[next].holders[cs] == 0 {
				t.Errorf("%s does not get the lock", letter(next))
			}
		})
	}
}

// A member that leaves lets its holder finish. The others get the lock after, and it goes.
func TestClusterShrinksAroundAHolder(t *testing.T) {
	for members := 2; members <= 4; members++ {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			n := bornNetwork(t, members)
			n.acquire(0, cs)
			n.advance(testTTL)
			n.change(1, removed(0))
			n.settle()
			n.acquire(1, cs)
			n.advance(4 * testTTL)
			if n.sites[0].holders[cs] == 0 || n.sites[1].node.version != 1 {
				t.Fatalf("A's holder is out, or membership %d came before", n.sites[1].node.version)
			}
			n.release(0, cs)
			n.settle()
			if n.sites[1].holders[cs] == 0 {
				t.Error("B does not get the lock")
			}
			n.becomes("2: " + describeList(listOf([]Member{1, 2, 3}[:members-1]...)))
			if got := n.sites[0].gone; got != ReasonRemoved {
				t.Errorf("A is gone for %q, want %q", got, ReasonRemoved)
			}
		})
	}
}

// A machine that is gone with the token is replaced in one step, and the lock is served again.
func TestDeadMemberIsReplaced(t *testing.T) {
	n := bornNetwork(t, 3)
	n.acquire(2, cs)
	n.advance(testTTL)
	n.crash(2)
	n.change(0, replaced(2, 3))
	n.settle()
	n.join(0, 3)
	n.acquire(0, cs)
	n.becomes("2: A B D")
	n.advance(2 * testTTL)
	if n.sites[0].holders[cs] == 0 {
		t.Fatal("A does not get the lock")
	}
	n.release(0, cs)
	n.acquire(3, cs)
	n.settle()
	if n.sites[3].holders[cs] == 0 {
		t.Error("D does not get the lock")
	}
	n.start(2) // it finds out, and ends
	n.settle()
	if got := n.sites[2].gone; got != ReasonRemoved {
		t.Errorf("C is gone for %q, want %q", got, ReasonRemoved)
	}
}

// One goes to three and to five, and back.
func TestOneToThreeToFiveAndBack(t *testing.T) {
	n := bornNetworkWith(t, 1, func(cfg *Config) { cfg.Remembers, cfg.MaxNotes = true, 10 })
	n.advance(testTTL)
	n.change(0, added(1, 2))
	n.settle()
	n.join(0, 1, 2)
	n.becomes("2: A B C")
	n.change(1, added(3, 4))
	n.settle()
	n.join(1, 3, 4)
	n.becomes("4: A B C D E")
	n.advance(testTTL)
	n.change(4, removed(0, 1))
	n.settle()
	n.becomes("6: C D E")
	n.change(3, removed(2, 3))
	n.settle()
	n.becomes("8: E")
	n.acquire(4, cs)
	n.advance(testTTL)
	if n.sites[4].holders[cs] == 0 {
		t.Error("E does not get the lock")
	}
}

// A run that was done before a change is known to be done after, by members that were all new.
func TestNotesOutliveTheOldMembers(t *testing.T) {
	n := bornNetworkWith(t, 2, func(cfg *Config) { cfg.Remembers, cfg.MaxNotes = true, 10 })
	n.acquire(0, cs)
	n.advance(0)
	n.release(0, cs)
	n.runOnce(0)
	n.change(0, ChangeRequest{Add: added(2, 3).Add, Remove: []Member{0, 1}})
	n.settle()
	n.join(0, 2, 3)
	n.becomes("2: C D")
	for _, m := range []Member{2, 3} {
		if got := n.sites[m].disk[cs]; got.Run.Tick != 5 || got.Run.State != RunDone {
			t.Errorf("%s has %s on its disk, want the run of tick 5", letter(m), describeNotes(got))
		}
	}
}

// runOnce lets a member run tick 5 to its end.
func (n *network) runOnce(m Member) {
	n.t.Helper()
	s := n.sites[m]
	w := n.draw(m, cs)
	s.node.AcquireRun(s.now, cs, w, RunRequest{Tick: 5, Skip: true})
	n.perform(m)
	n.settle()
	if s.holders[cs] != w || !s.node.EndRun(s.now, cs, w, 0, "") {
		n.t.Fatalf("%s does not run", letter(m))
	}
	n.perform(m)
	n.settle()
}
