package token

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// One test for each rule of which membership a node goes by (protocol, section 9): birth,
// adoption, the lease of a joint membership, and members that leave.

// diskOf is a member's disk in the tests, and listOf a list of members with those.
func diskOf(m Member) Disk { return Disk{byte(m) + 1} }

func listOf(members ...Member) (list []Listed) {
	for _, m := range members {
		list = append(list, Listed{m, letter(m), diskOf(m)})
	}
	return list
}

// firstOf is the membership of a cluster that is born with so many members, and unbornOf that of
// one which is not born yet.
func firstOf(members int) *Membership {
	m := unbornOf(members)
	for i := range m.Members {
		m.Members[i].Disk = diskOf(Member(i))
	}
	m.Cluster = clusterOf(m.Members)
	return m
}

func unbornOf(members int) *Membership {
	var addresses []string
	for i := range members {
		addresses = append(addresses, letter(Member(i)))
	}
	return NewMembership(addresses)
}

// jointOf is the membership between m and the list next, and stableOf the one after m.
func jointOf(m *Membership, next ...Member) *Membership {
	return &Membership{
		Version: m.Version + 1, Cluster: m.Cluster, Members: m.Members, Next: listOf(next...),
		IDs: max(m.IDs, slices.Max(next)+1), Floor: m.Floor,
	}
}

func stableOf(m *Membership) *Membership {
	return &Membership{Version: m.Version + 1, Cluster: m.Cluster, Members: m.Next, IDs: m.IDs, Floor: m.Floor}
}

// memberConfig is testConfig for a member of a cluster with the given membership.
func memberConfig(self Member, m *Membership) Config {
	cfg := testConfig(self, 0)
	cfg.Membership, cfg.Disk = m, diskOf(self)
	return cfg
}

// born is inSession for a cluster whose members can change.
func born(t *testing.T, members int) *driven {
	t.Helper()
	return inSessionWith(t, memberConfig(0, firstOf(members)))
}

// bornWithToken is withToken for such a cluster.
func bornWithToken(t *testing.T, members int) *driven {
	t.Helper()
	d := born(t, members)
	d.token()
	d.take()
	return d
}

// shown lets peers show a membership.
func (d *driven) shows(m *Membership, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: MembershipMessage, Change: &Change{Membership: m}})
	}
}

// unborn starts A, the directory of which is new, in a cluster that is not born. It has heard
// nobody.
func unborn(t *testing.T, members int) *driven {
	t.Helper()
	cfg := memberConfig(0, unbornOf(members))
	cfg.Fresh, cfg.Encumbered = true, true
	return startWith(t, cfg)
}

// appears lets a peer's first process open its streams with the first list, which is not settled
// there, and a disk.
func (d *driven) appears(peer Member, disk Disk) {
	d.t.Helper()
	d.hello(peer, Hello{Incarnation: incarnation(peer, 1), Boot: 1, Membership: unbornOf(len(d.peers)), Disk: disk, Fresh: true})
	d.PeerUp(d.at, peer)
}

// Birth.

// A node whose directory is new has no say until all members have shown their disks: it begins no
// session, answers no PING, and promises nothing.
func TestBirthIsAwaited(t *testing.T) {
	d := unborn(t, 3)
	d.appears(1, diskOf(1))
	d.receive(1, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.passes(10 * testTTL)
	if v := d.InspectMembership(); !v.Waits || !slices.Equal(v.Unseen, []Member{2}) || v.Membership.Born() {
		t.Errorf("got %+v, want it to wait for C", v)
	}
	d.take()
	d.pinged(1)
	d.ponged(1)
	d.ballotFrom(1, 9)
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 1, Helper: NoMember})
	d.receive(1, Message{Kind: Choose, Change: &Change{Round: Epoch{1, 1}}})
	d.wantAll()
	d.appears(2, diskOf(2))
	if v := d.InspectMembership(); v.Waits || v.Unseen != nil || !v.Membership.Born() {
		t.Errorf("got %+v, want a settled list", v)
	}
}

// Once all have, the list is settled: it is on disk before it is said, and said before the rest.
func TestBirthIsSavedThenSaid(t *testing.T) {
	d := unborn(t, 3)
	d.appears(1, diskOf(1))
	d.take()
	d.appears(2, diskOf(2))
	d.wantAll(
		"A saves membership 0: A B C",
		"A adopts membership 0: A B C",
		"A→B MEMBERSHIP 0: A B C",
		"A→B CLEAR B#1",
		"A→C MEMBERSHIP 0: A B C",
		"A→C CLEAR C#1",
		"A→C KEEPALIVE",
	)
}

// The cluster is drawn from the addresses and the disks of the first list.
func TestClusterFollowsFromTheFirstList(t *testing.T) {
	d := unborn(t, 2)
	d.appears(1, diskOf(1))
	if got, want := d.InspectMembership().Membership, firstOf(2); got.Cluster != want.Cluster {
		t.Errorf("cluster %s, want %s", got.Cluster, want.Cluster)
	}
	other, elsewhere := listOf(0, 1), listOf(0, 1)
	other[1].Disk[15]++
	elsewhere[1].Address = "b"
	clusters := []Cluster{clusterOf(listOf(0, 1)), clusterOf(other), clusterOf(elsewhere), clusterOf(listOf(0))}
	for i, c := range clusters {
		if slices.Index(clusters, c) != i || c == (Cluster{}) {
			t.Errorf("different lists have the same cluster: %v", clusters)
		}
	}
}

// Two that show the same disk have copies of one directory. The list is not settled.
func TestCopiedDirectoryIsNotBorn(t *testing.T) {
	d := unborn(t, 2)
	d.appears(1, diskOf(0))
	if d.membership.Born() {
		t.Error("born with two members that have the same disk")
	}
}

// A node whose directory was another version's serves meanwhile. The birth does not end its session.
func TestTakenOverNodeServesBeforeBirth(t *testing.T) {
	cfg := memberConfig(0, unbornOf(3))
	d := startWith(t, cfg)
	d.appears(1, diskOf(1))
	d.passes(testTTL)
	d.pinged(1)
	d.ponged(1)
	if _, ok := d.InSession(); !ok {
		t.Fatal("no session before the birth")
	}
	d.take()
	d.appears(2, diskOf(2))
	d.wantOnly(Lapsed)
	if _, ok := d.InSession(); !ok || !d.membership.Born() {
		t.Errorf("in session: %t, born: %t; want both", ok, d.membership.Born())
	}
}

// A list with a member that has no disk never changes. Nobody waits for it.
func TestMemberWithoutDiskEndsTheWait(t *testing.T) {
	d := unborn(t, 3)
	d.appears(1, diskOf(1))
	d.appears(2, Disk{})
	d.receive(1, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.receive(2, Message{Kind: Clear, Incarnation: d.cfg.Incarnation})
	d.passes(testTTL)
	d.ponged(1, 2)
	if _, ok := d.InSession(); !ok || d.membership.Born() {
		t.Errorf("in session: %t, born: %t; want a session only", ok, d.membership.Born())
	}
	if _, err := d.PlanChange(d.at, ChangeRequest{Remove: []Member{2}}); !errors.Is(err, ErrUnborn) {
		t.Errorf("got %v, want ErrUnborn", err)
	}
}

// A node that is not born takes the membership of a cluster that lists its address and disk.
func TestUnbornNodeTakesAMembershipThatListsIt(t *testing.T) {
	for name, m := range map[string]*Membership{"first": firstOf(3), "later": jointOf(firstOf(3), 0, 1, 3)} {
		t.Run(name, func(t *testing.T) {
			d := unborn(t, 3)
			d.hello(1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Membership: m, Disk: diskOf(1)})
			if got := d.InspectMembership(); got.Membership != m || got.Waits {
				t.Errorf("got %+v, want %+v", got, m)
			}
		})
	}
}

// A cluster that lists another disk under its address has no place for it: it goes, if it has a new
// directory. Else the other is refused.
func TestUnbornNodeIsAStrangerToAnotherDisk(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		cfg := memberConfig(0, unbornOf(3))
		cfg.Fresh, cfg.Encumbered, cfg.Disk = fresh, fresh, Disk{99}
		d := startWith(t, cfg)
		err := d.ReceiveHello(d.at, 1, Hello{Incarnation: incarnation(1, 1), Boot: 1, Membership: firstOf(3), Disk: diskOf(1)})
		if !errors.Is(err, ErrStranger) {
			t.Errorf("fresh %t: got %v, want ErrStranger", fresh, err)
		}
		if fresh {
			d.want("A is gone, session 0: " + ReasonStranger)
		} else {
			d.want()
		}
	}
}

// A member is its disk: who comes with another one, or from another cluster, or is in no list, is
// refused. Nothing is noted of it.
func TestStrangerIsRefused(t *testing.T) {
	first := firstOf(3)
	other := *first
	other.Cluster = Cluster{9}
	for name, tt := range map[string]struct {
		from Member
		h    Hello
	}{
		"another disk":           {1, Hello{Boot: 9, Membership: first, Disk: Disk{99}}},
		"no disk":                {1, Hello{Boot: 9}},
		"not born, another disk": {1, Hello{Boot: 9, Membership: unbornOf(3), Disk: Disk{99}}},
		"another cluster":        {1, Hello{Boot: 9, Membership: &other, Disk: diskOf(1)}},
		"meant for another disk": {1, Hello{Boot: 9, Membership: first, Disk: diskOf(1), Receiver: Disk{99}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := born(t, 3)
			tt.h.Incarnation = incarnation(tt.from, 9)
			if err := d.ReceiveHello(d.at, tt.from, tt.h); !errors.Is(err, ErrStranger) {
				t.Errorf("got %v, want ErrStranger", err)
			}
			d.wantAll()
			if p := d.InspectPeer(1); p.Known != 1 || d.peers[1].hello.Incarnation != incarnation(1, 1) {
				t.Errorf("got %+v, want what was known before", p)
			}
		})
	}
}

// A member that is not born yet is let in with its disk: it is told the rest.
func TestMemberThatIsNotBornIsTold(t *testing.T) {
	d := born(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 1001, Membership: unbornOf(3), Disk: diskOf(1)})
	if h := d.Hello(1); h.Membership != d.membership || h.Disk != diskOf(0) || h.Receiver != diskOf(1) {
		t.Errorf("HELLO shows %+v of disk %s", h.Membership, h.Disk)
	}
}

// A node without a data directory is in no cluster whose members have some.
func TestNodeWithoutDirectoryRefusesMemberships(t *testing.T) {
	d := inSession(t, 3)
	err := d.ReceiveHello(d.at, 1, Hello{Incarnation: incarnation(1, 2), Boot: 9, Membership: firstOf(3), Disk: diskOf(1)})
	if !errors.Is(err, ErrStranger) {
		t.Errorf("got %v, want ErrStranger", err)
	}
	if h := d.Hello(1); h.Membership != nil || h.Disk != (Disk{}) {
		t.Errorf("HELLO shows %+v, want no membership", h)
	}
}

// Adoption.

// Who reads a later membership adopts it: it is on disk before it is said, and said before the rest.
func TestAdoptionIsSavedThenSaid(t *testing.T) {
	d := born(t, 3)
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 1)
	d.wantAll(
		"A saves membership 1: A B C to A B C D",
		"A adopts membership 1: A B C to A B C D",
		"A→B MEMBERSHIP 1: A B C to A B C D",
		"A→C MEMBERSHIP 1: A B C to A B C D",
	)
	d.passes(0)
	d.wantSent(Ping, "A→B PING A#1 session 1 begun, stamp 1000000 ms", "A→C PING A#1 session 1 begun, stamp 1000000 ms")
	d.shows(firstOf(3), 2) // it was on its way
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 2)
	d.wantAll()
}

// A membership may come in HELLO, or outside a stream.
func TestMembershipComesInOtherWays(t *testing.T) {
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	for name, come := range map[string]func(*driven) error{
		"HELLO": func(d *driven) error {
			return d.ReceiveHello(d.at, 3, Hello{Incarnation: incarnation(3, 1), Boot: 1, Membership: joint, Disk: diskOf(3)})
		},
		"outside a stream": func(d *driven) error { return d.ReceiveMembership(d.at, 1, joint) },
		"outside a stream, of a member that is not known": func(d *driven) error { return d.ReceiveMembership(d.at, NoMember, joint) },
	} {
		t.Run(name, func(t *testing.T) {
			d := born(t, 3)
			if err := come(d); err != nil {
				t.Fatal(err)
			}
			d.wantOnly(Adopted, "A adopts membership 1: A B C to A B C D")
		})
	}
	d := born(t, 3)
	other := *joint
	other.Cluster = Cluster{9}
	if err := d.ReceiveMembership(d.at, 1, &other); !errors.Is(err, ErrStranger) {
		t.Errorf("another cluster's: got %v, want ErrStranger", err)
	}
	d.want()
}

// Whoever opens a stream to a member shows the latest membership on it.
func TestStreamShowsTheLatestMembership(t *testing.T) {
	d := born(t, 3)
	d.PeerDown(d.at, 1)
	d.Hello(1)
	d.PeerUp(d.at, 1)
	d.wantSent(MembershipMessage) // HELLO has shown it
	d.PeerDown(d.at, 1)
	d.Hello(1)
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 2)
	d.take()
	d.PeerUp(d.at, 1)
	d.wantSent(MembershipMessage, "A→B MEMBERSHIP 1: A B C to A B C D")
}

// Rounds are void: a search begins anew, and asks all.
func TestAdoptionVoidsSearches(t *testing.T) {
	for ballot, begin := range map[uint64]func(d *driven){
		1: func(*driven) {},
		2: func(d *driven) {
			d.none(1, 1, 2)
			d.wantOnly(Balloted, "A begins ballot 1.A")
		},
	} {
		name := map[uint64]string{1: "probe", 2: "ballot"}[ballot]
		t.Run(name, func(t *testing.T) {
			d := born(t, 3)
			d.acquire(1)
			d.wantOnly(Probed, "A begins probe 1")
			begin(d)
			joint := jointOf(firstOf(3), 0, 1, 2, 3)
			d.shows(joint, 1, 2)
			d.wantOnly(Probed, "A begins probe 2")
			d.none(1, 1, 2) // to the one before
			d.promiseTo(Epoch{1, 0}, 1)
			d.promiseTo(Epoch{1, 0}, 2)
			d.want()
			d.up(3, 1)
			d.take()
			d.none(2, 1, 2, 3)
			d.wantSent(Ballot,
				fmt.Sprintf("A→B BALLOT %d.A for 1.1, out of reach nobody", ballot),
				fmt.Sprintf("A→C BALLOT %d.A for 1.1, out of reach nobody", ballot),
				fmt.Sprintf("A→D BALLOT %d.A for 1.1, out of reach nobody", ballot),
			)
		})
	}
}

// A new member is asked in ballots: without its promise there is no token.
func TestBallotAsksNewMembers(t *testing.T) {
	d := born(t, 3)
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 1, 2)
	d.up(3, 1)
	d.acquire(1)
	d.none(1, 1, 2, 3)
	d.take()
	d.promiseTo(Epoch{1, 0}, 1)
	d.promiseTo(Epoch{1, 0}, 2)
	d.wantOnly(Made)
	d.promiseTo(Epoch{1, 0}, 3)
	d.wantOnly(Made, "A makes token 1.A")
}

// Burial takes a quorum of each list.
func TestJointBurialTakesBothQuorums(t *testing.T) {
	d := born(t, 3)
	d.shows(jointOf(firstOf(3), 0, 3, 4), 1) // C is gone
	d.up(3, 1)
	d.up(4, 1)
	d.lives(testTTL, 1, 3, 4)
	d.acquire(1)
	d.lives(testTTL, 1, 3, 4)
	for _, j := range []Member{1, 3, 4} {
		d.receive(j, Message{Kind: ProbeAnswer, Probe: d.Node.probes, Answer: None, Members: []Member{2}})
	}
	d.wantOnly(Balloted, "A begins ballot 1.A")
	d.promiseTo(first, 1, 2)
	d.promiseTo(first, 3)
	d.promiseTo(first, 4)
	d.wantOnly(Made) // A and B are a quorum of the old list only
	d.promiseTo(first, 4, 2)
	d.wantOnly(Made, "A makes token 1.A")
}

// The floor of the membership holds for the ballots of all.
func TestMembershipRaisesTheFloor(t *testing.T) {
	d := born(t, 3)
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	joint.Floor = 50
	d.shows(joint, 1, 2)
	d.up(3, 1)
	d.acquire(1)
	d.take()
	d.none(1, 1, 2, 3)
	d.wantOnly(Balloted, "A begins ballot 51.A")
	d.receive(1, Message{Kind: Ballot, Lock: "other", Number: Number{1, 1}, Ballot: Epoch{50, 1}})
	d.want("A→B BALLOT-ANSWER 50.B TOO LOW under 50.A of other")
	if d.Hello(1).Floor != 50 {
		t.Errorf("HELLO shows floor %d, want 50", d.Hello(1).Floor)
	}
}

// Votes of a member that shows an older membership are neither given nor counted, and nor are their
// answers.
func TestOlderVotesDoNotCount(t *testing.T) {
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	d := born(t, 3)
	d.shows(joint, 1)
	end, _ := d.InSession()
	d.passes(testTTL / 4)
	d.acquire(1)
	d.take()
	d.pinged(2)
	d.ponged(1, 2)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 7, Helper: NoMember})
	d.ballotFrom(2, 9)
	d.none(1, 2)
	d.receive(2, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 1}})
	d.receive(2, Message{Kind: Sync, Change: &Change{Version: 1}})
	d.wantAll()
	if got, _ := d.InSession(); got != end {
		t.Errorf("the lease ends at %d, want %d as before", got, end)
	}
	d.shows(joint, 2)
	d.pinged(2)
	d.receive(2, Message{Kind: Probe, Number: Number{1, 1}, Probe: 7, Helper: NoMember})
	d.wantAll("A→C PONG C#1, stamp 1000500 ms", "A→C PROBE-ANSWER 7 NONE, could bury D")
}

// A ballot's votes of the older membership do not count either.
func TestOlderPromiseDoesNotCount(t *testing.T) {
	d := born(t, 2)
	d.acquire(1)
	joint := jointOf(firstOf(2), 0, 1, 2)
	d.shows(joint, 1)
	d.up(2, 1)
	d.none(d.Node.probes, 1, 2)
	d.wantOnly(Balloted, "A begins ballot 1.A")
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Counter: 9, Membership: firstOf(2), Disk: diskOf(2)})
	d.promiseTo(first, 1)
	d.promiseTo(first, 2)
	d.wantOnly(Made)
}

// What is no vote counts whatever its sender has adopted.
func TestOtherMessagesOfAnOlderMembershipCount(t *testing.T) {
	d := born(t, 3)
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 2)
	d.request(1, 1)
	d.token()
	d.want(
		"A saves membership 1: A B C to A B C D",
		"A adopts membership 1: A B C to A B C D",
		"A→B MEMBERSHIP 1: A B C to A B C D",
		"A→C MEMBERSHIP 1: A B C to A B C D",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0 1.0, Q nobody",
	)
	d.tokenWith(func(t *Token) { t.Hop, t.LastGranted = 3, []Number{{1, 0}, {1, 1}, {1, 0}} }) // as its sender had it
	d.acquire(1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by no request")
	d.receive(1, Message{Kind: Bye, Session: 1})
	if d.addressable(1) {
		t.Error("B said BYE, and is addressable")
	}
}

// WITNESS of an older membership is neither counted nor noted, unless it is a fact: that is noted,
// not answered.
func TestOlderWitnessIsNotAnswered(t *testing.T) {
	d := rememberingWith(t, memberConfig(0, firstOf(3)))
	d.shows(jointOf(firstOf(3), 0, 1, 2, 3), 2)
	d.stored()
	d.take()
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.tells(1, Note{Run: runOf(4, 6, RunDone)})
	d.stored()
	d.want("A stores 1: #4@0:6 done")
	d.witness(1, Note{Run: runOf(6, 8, RunDone)})
	d.stored()
	d.want("A stores 2: #6@0:8 done")
}

// Who skips a membership has lapsed. The guards of its session go on, so the next may begin at once.
func TestSkippedMembershipIsALapse(t *testing.T) {
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	d := born(t, 3)
	d.token()
	d.acquire(1)
	d.take()
	d.shows(stableOf(joint), 1)
	d.want(
		"A saves membership 2: A B C D",
		"A adopts membership 2: A B C D",
		"A→B MEMBERSHIP 2: A B C D",
		"A→C MEMBERSHIP 2: A B C D",
		"A loses session 1",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A saves session 2, promised 0",
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
		"A begins session 2",
	)

	d = born(t, 3)
	d.shows(joint, 1, 2)
	d.shows(stableOf(joint), 1, 2)
	d.wantOnly(Lapsed)
	if _, ok := d.InSession(); !ok {
		t.Error("no session after one membership and the next")
	}
}

// Arrays grow with the members, of locks in use and at rest, with the token here and elsewhere.
func TestArraysGrowWithTheMembers(t *testing.T) {
	for name, lock := range map[string]func(d *driven){
		"token in use":   func(d *driven) { d.token(); d.acquire(1) },
		"token idle":     func(d *driven) { d.token() },
		"token at rest":  func(d *driven) { d.token(); d.lives(3*testTTL/4, 1, 2); d.wantRest(true) },
		"elsewhere":      func(d *driven) { d.request(1, 1) },
		"at rest":        func(d *driven) { d.request(1, 1); d.lives(3*testTTL/4, 1, 2); d.wantRest(true) },
		"waits for it":   func(d *driven) { d.request(1, 1); d.acquire(1) },
		"another's vote": func(d *driven) { d.ballotFrom(1, 6) },
	} {
		t.Run(name, func(t *testing.T) {
			d := born(t, 3)
			lock(d)
			d.take()
			before := d.locks[cs].token != nil
			d.shows(jointOf(firstOf(3), 0, 1, 2, 3, 4), 1, 2)
			l := d.locks[cs]
			if len(l.requestNumbers) != 5 || (l.token != nil) != before || before && len(l.token.LastGranted) != 5 {
				t.Fatalf("RN %v, token %+v; want 5 members", l.requestNumbers, l.token)
			}
			d.up(4, 1)
			d.request(4, 1)
			if rn := d.locks[cs].requestNumbers[4]; rn != (Number{1, 1}) {
				t.Errorf("RN[E] is %v, want 1.1", rn)
			}
		})
	}
}

// wantRest compares whether the lock is at rest.
func (d *driven) wantRest(rests bool) {
	d.t.Helper()
	if got := d.locks[cs].use == nil; got != rests {
		d.t.Fatalf("at rest: %t, want %t", got, rests)
	}
}

// A new member's request draws the token once it can be addressed.
func TestNewMemberGetsTheToken(t *testing.T) {
	d := bornWithToken(t, 3)
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	d.shows(joint, 1, 2)
	d.up(3, 1)
	d.request(3, 1)
	d.wantSent(TokenMessage)
	d.lives(testTTL, 1, 2)
	d.shows(stableOf(joint), 1, 2, 3)
	d.pinged(3)
	d.take()
	d.ponged(3)
	d.wantSent(TokenMessage, "A→D TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0 0.0, Q nobody")
}

// Once a stable list is adopted, what the others asked for or share is struck.
func TestRemovedMembersAreStruck(t *testing.T) {
	joint := jointOf(firstOf(4), 0, 1)
	d := born(t, 4)
	d.tokenWith(func(t *Token) {
		t.Fence++
		t.LastGranted[3] = Number{1, 3}
		t.Limit, t.LimitBy, t.LimitAt, t.Shares = Unlimited, 2, 5, []Share{shareOfC(1)}
	})
	d.acquire(1)
	d.request(3, 4)
	d.wantOnly(Grant)
	d.shows(joint, 1)
	d.wantOnly(Grant) // C may still let somebody in
	if q := d.locks[cs].token; len(q.Shares) != 1 || d.locks[cs].requestNumbers[3] != (Number{1, 4}) {
		t.Errorf("RN %v, shares %v: want those of members that leave, too", d.locks[cs].requestNumbers, q.Shares)
	}
	d.shows(stableOf(joint), 1)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:2, by request 1.1")
	d.wantState("1.1 0.0 0.0 0.0", "1.0 1.0 0.0 0.0", "nobody")
	if shares := d.locks[cs].token.Shares; len(shares) != 0 {
		t.Errorf("shares %v, want none", shares)
	}
}

// A token that comes from a node which has not struck them yet loses them here.
func TestTokenThatComesIsStruck(t *testing.T) {
	joint := jointOf(firstOf(4), 0, 1)
	d := born(t, 4)
	d.shows(joint, 1)
	d.shows(stableOf(joint), 1)
	d.tokenWith(func(t *Token) {
		t.LastGranted, t.Queue = []Number{{1, 0}, {1, 0}, {1, 5}, {1, 6}}, []Member{2, 1, 3}
		t.Limit, t.LimitBy, t.LimitAt, t.Shares = Unlimited, 2, 5, []Share{shareOfC(1)}
	})
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 0.0 0.0, Q nobody, readers by C")
}

// Who must have noted a note is counted anew.
func TestAdoptionVoidsRoundsOfNotes(t *testing.T) {
	begun := RunMark{5, firstID, RunBegun}
	d := rememberingWith(t, memberConfig(0, firstOf(3)))
	d.token()
	d.skip(1, 5)
	d.noted(begun, 1)
	d.take()
	joint := jointOf(firstOf(3), 0, 1, 2, 3, 4)
	d.shows(joint, 1, 2)
	d.wantSent(Witness, "A→B WITNESS #5@1:1 begun for 1.B", "A→C WITNESS #5@1:1 begun for 1.B")
	d.stored()
	d.up(3, 1)
	d.up(4, 1)
	d.noted(begun, 1)
	d.wantOnly(Grant) // a quorum of the old list only
	d.noted(begun, 4)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by request 1.1, #5@1:1 begun")
}

// Of a node that is no member any more, only a token is taken.
func TestOnlyATokenIsTakenOfRemovedMembers(t *testing.T) {
	joint := jointOf(firstOf(3), 0, 1)
	d := born(t, 3)
	d.shows(joint, 1, 2)
	d.shows(stableOf(joint), 1)
	d.take()
	d.request(2, 1)
	d.receive(2, Message{Kind: Say, Saying: &Saying{1, 2, 3, "v", false}})
	if l := d.locks[cs]; l != nil {
		t.Errorf("%+v is known of C's lock", l)
	}
	d.receive(2, Message{Kind: TokenMessage, Session: 1, Token: &Token{Epoch: Epoch{1, 2}, LastGranted: make([]Number, 3)}})
	if !d.locks[cs].holdsToken() {
		t.Error("C's token is not taken")
	}
	d.wantAll()
	if err := d.ReceiveHello(d.at, 2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Counter: 9, Membership: joint, Disk: diskOf(2)}); !errors.Is(err, ErrStranger) {
		t.Errorf("got %v, want ErrStranger", err)
	}
	d.PeerUp(d.at, 2)
	d.wantAll()
}

// The lease.

// A lease needs a quorum of each list. One that ran at the adoption runs on to its end.
func TestLeaseRunsOnThenNeedsBothQuorums(t *testing.T) {
	d := born(t, 3)
	joint := jointOf(firstOf(3), 0, 3, 4)
	d.passes(testTTL / 4)
	d.ponged(1)
	end, _ := d.InSession()
	d.shows(joint, 1, 2)
	d.up(3, 1)
	d.up(4, 1)
	d.passes(testTTL / 8)
	d.ponged(1, 2)
	if got, ok := d.InSession(); !ok || got != end {
		t.Errorf("the lease ends at %d, want %d as before: no new member has answered", got, end)
	}
	d.ponged(3)
	if got, _ := d.InSession(); got != d.at+shorten(testTTL) {
		t.Errorf("the lease ends at %d, want %d: two of three of each list", got, d.at+shorten(testTTL))
	}
	from := d.at
	d.passes(testTTL / 2)
	d.ponged(3, 4)
	if got, _ := d.InSession(); got != from+shorten(testTTL) {
		t.Errorf("the lease ends at %d, want %d: only the new list has answered", got, from+shorten(testTTL))
	}
	d.passes(testTTL)
	d.wantOnly(Lapsed, "A loses session 1")
}

// PONGs of before the adoption count.
func TestAnswersOfBeforeCountInAJointLease(t *testing.T) {
	d := born(t, 3)
	end, _ := d.InSession()
	d.passes(testTTL / 4)
	d.shows(jointOf(firstOf(3), 0, 1), 1)
	if got, ok := d.InSession(); !ok || got != end || d.carried != 0 {
		t.Errorf("the lease ends at %d, want %d; carried to %d", got, end, d.carried)
	}
}

// A lease without end, of a cluster of one, ends T after both lists first yield one.
func TestLeaseWithoutEndEndsTAfterTheJointOne(t *testing.T) {
	d := startWith(t, memberConfig(0, firstOf(1)))
	d.passes(testTTL)
	d.reallyChange(1, ChangeRequest{Add: listOf(1)})
	if end, ok := d.InSession(); !ok || end != Never {
		t.Fatalf("the lease ends at %d, want Never", end)
	}
	d.up(1, 1)
	d.passes(10 * testTTL)
	if end, ok := d.InSession(); !ok || end != Never {
		t.Fatalf("the lease ends at %d, want Never: B has not answered", end)
	}
	d.ponged(1)
	first := d.at
	if end, _ := d.InSession(); end != first+testTTL {
		t.Errorf("the lease ends at %d, want %d", end, first+testTTL)
	}
	d.passes(testTTL / 2)
	d.ponged(1)
	if end, _ := d.InSession(); end != d.at+shorten(testTTL) || !d.hasJoined() {
		t.Errorf("the lease ends at %d, want %d", end, d.at+shorten(testTTL))
	}
}

// reallyChange has a change chosen by this node alone, in a cluster of one.
func (d *driven) reallyChange(w Waiter, change ChangeRequest) {
	d.t.Helper()
	if err := d.Change(d.at, w, change); err != nil {
		d.t.Fatal(err)
	}
}

// A new member is not guarded before all have gone by the joint membership for T.
func TestNewMemberIsGuardedAfterT(t *testing.T) {
	d := born(t, 3)
	joint := jointOf(firstOf(3), 0, 1, 2, 3)
	d.shows(joint, 1, 2)
	d.up(3, 1)
	d.take()
	d.lives(testTTL-1, 1, 2, 3)
	d.wantOnly(Guarded)
	d.passes(1)
	d.pinged(3)
	d.wantOnly(Guarded, "A guards D, session 1")

	d = born(t, 3)
	d.shows(joint, 1, 2)
	d.up(3, 1)
	d.shows(stableOf(joint), 1, 2, 3)
	d.pinged(3)
	d.wantOnly(Guarded, "A guards D, session 1")
}

// Members that leave.

// leaving starts A in a session with the token idle, in a joint membership without it: of A B C, the
// others stay.
func leaving(t *testing.T) (*driven, *Membership) {
	t.Helper()
	joint := jointOf(firstOf(3), 1, 2)
	d := bornWithToken(t, 3)
	return d, joint
}

// A member that leaves passes on what nobody uses to one that stays, says BYE, and has no session
// again.
func TestLeaverDeparts(t *testing.T) {
	d, joint := leaving(t)
	d.shows(joint, 1, 2)
	d.want(
		"A saves membership 1: A B C to B C",
		"A adopts membership 1: A B C to B C",
		"A→B MEMBERSHIP 1: A B C to B C",
		"A→C MEMBERSHIP 1: A B C to B C",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody",
		"A→B BYE 1",
		"A→C BYE 1",
		"A departs, session 1",
	)
	d.lives(3*testTTL, 1, 2)
	d.wantOnly(Began)
	if v := d.InspectMembership(); !v.Departed {
		t.Error("Departed is not set")
	}
	d.acquire(1)
	d.wantSent(Request)
}

// It passes tokens to those who stay, not to others that leave.
func TestLeaverPassesOnToWhoStays(t *testing.T) {
	d := bornWithToken(t, 4)
	d.shows(jointOf(firstOf(4), 3), 1, 3)
	d.wantSent(TokenMessage, "A→D TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0 1.0, Q nobody")
}

// It lets those who are in finish, and turns waiters away.
func TestLeaverLetsHoldersFinish(t *testing.T) {
	d, joint := leaving(t)
	d.acquire(1)
	d.acquire(2)
	d.take()
	d.shows(joint, 1, 2)
	d.wantOnly(Departed)
	d.lives(3*testTTL, 1, 2)
	d.wantOnly(Departed)
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody",
		"A→B BYE 1",
		"A→C BYE 1",
		"A departs, session 1",
	)
}

// A lapse ends its session as well.
func TestLeaverDepartsAtALapse(t *testing.T) {
	d, joint := leaving(t)
	d.acquire(1)
	d.shows(joint, 1, 2)
	d.take()
	d.passes(2 * testTTL)
	d.want(
		"A warns: session 1 ends at 1001980 ms",
		"A loses session 1",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A departs, session 1",
	)
}

// It goes on giving votes.
func TestLeaverVotesOn(t *testing.T) {
	d, joint := leaving(t)
	d.shows(joint, 1, 2)
	d.passes(0)
	d.take()
	d.passes(testTTL / 4)
	d.pinged(1)
	d.ballotFrom(1, 9)
	d.receive(1, Message{Kind: Joined, Change: &Change{Version: 1, Ask: 3}})
	d.wantAll(
		"A→B KEEPALIVE",
		"A→C KEEPALIVE",
		"A→B PONG B#1, stamp 1000500 ms",
		"A saves session 1, promised 9",
		"A→B BALLOT-ANSWER 9.B PROMISE, not waiting at 1.0, buries nobody",
		"A→B JOINED-ANSWER 3 in 1, joined, highest 9, buries nobody",
	)
}

// Its share is closed: it would be one of a session that is over.
func TestLeaverClosesItsShares(t *testing.T) {
	d := bornWithToken(t, 3)
	d.share(1, Unlimited)
	d.request(1, 1)
	d.release(1)
	d.take()
	d.receive(2, Message{Kind: Ballot, Lock: cs, Number: Number{1, 1}, Ballot: Epoch{8, 2}})
	d.wantSent(BallotAnswer, "A→C BALLOT-ANSWER 8.C PROMISE, not waiting at 1.0, buries nobody, has A 1@1:1×1, readers of age 16777216")
	d.receive(2, Message{Kind: Abort, Lock: cs, Ballot: Epoch{8, 2}})
	d.shows(jointOf(firstOf(3), 1, 2), 1, 2)
	d.take()
	d.ballotFrom(1, 9)
	d.wantSent(BallotAnswer, "A→B BALLOT-ANSWER 9.B PROMISE, not waiting at 1.0, buries nobody, readers of age 16777216")
}

// A BYE that an ended stream may have lost is said again.
func TestLeaverSaysByeAgain(t *testing.T) {
	d, joint := leaving(t)
	d.shows(joint, 1, 2)
	d.PeerDown(d.at, 1)
	d.take()
	d.up(1, 1)
	d.wantSent(Bye, "A→B BYE 1")
}

// It goes for good once a quorum of those who stay has shown that they are alone.
func TestLeaverGoesOnceAQuorumKnows(t *testing.T) {
	joint := jointOf(firstOf(4), 1, 2, 3)
	d := born(t, 4)
	d.shows(joint, 1, 2, 3)
	d.take()
	d.shows(stableOf(joint), 1)
	d.wantOnly(Gone)
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Counter: 9, Membership: stableOf(joint), Disk: diskOf(2)})
	d.want("A is gone, session 1: " + ReasonRemoved)
}

// A member that was away and finds itself removed ends its session first.
func TestMemberThatMissedItsRemovalEndsItsSession(t *testing.T) {
	joint := jointOf(firstOf(3), 1, 2)
	d := bornWithToken(t, 3)
	d.acquire(1)
	d.take()
	d.shows(stableOf(joint), 1)
	d.want(
		"A saves membership 2: B C",
		"A adopts membership 2: B C",
		"A→B MEMBERSHIP 2: B C",
		"A→C MEMBERSHIP 2: B C",
		"A loses session 1",
		"A LOSES IT: waiter 1, fence 1:1",
		"A drops token 1.B: session lapsed",
		"A saves session 2, promised 0",
		"A→B CLEAR B#1",
		"A→C CLEAR C#1",
		"A departs, session 2",
	)
	if err := d.ReceiveMembership(d.at, 2, stableOf(joint)); err != nil {
		t.Fatal(err)
	}
	d.want("A is gone, session 2: " + ReasonRemoved)
}

// A member that leaves starts again like one: it votes, and begins no session.
func TestLeaverStartsAgain(t *testing.T) {
	d := startWith(t, memberConfig(0, jointOf(firstOf(3), 1, 2)))
	d.up(1, 1)
	d.up(2, 1)
	d.lives(3*testTTL, 1, 2)
	d.wantOnly(Began)
	d.pinged(1)
	d.wantSent(Pong, "A→B PONG B#1, stamp 1006000 ms")
}
