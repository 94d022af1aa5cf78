package broadcast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// memberDisk is what a member has on disk of the members. The zero value is that of a
// member without a data directory.
type memberDisk struct {
	id  token.Disk
	err error // of the next save

	mu         sync.Mutex
	membership *token.Membership
	choice     *token.Choice
	saves      int
}

// newDisk is that of a new data directory.
func newDisk(n byte) *memberDisk { return &memberDisk{id: token.Disk{n, 15: 1}} }

func (d *memberDisk) isFresh() bool { return d.id != token.Disk{} && d.membership == nil }

func (d *memberDisk) save(m *token.Membership, c *token.Choice) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	d.membership, d.choice = m, c
	d.saves++
	return nil
}

// saved is what is on the disk.
func (d *memberDisk) saved() *token.Membership {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.membership
}

// changing is a cluster whose members change.
type changing struct {
	*network
	t       *testing.T
	members map[string]*member
	disks   map[string]*memberDisk
}

// startChanging starts a cluster with new data directories and waits until it is born.
func startChanging(t *testing.T, addresses ...string) *changing {
	t.Helper()
	c := &changing{newNetwork(), t, make(map[string]*member), make(map[string]*memberDisk)}
	for i, address := range addresses {
		c.disks[address] = newDisk(byte(i + 1))
		c.start(address, addresses...)
	}
	c.settled(0, addresses...)
	return c
}

// start starts the node with an address on its disk.
func (c *changing) start(address string, list ...string) *member {
	c.t.Helper()
	c.members[address] = c.startMember(c.t, address, setup{members: list, disk: c.disks[address]})
	return c.members[address]
}

// of returns the nodes with addresses.
func (c *changing) of(addresses ...string) (members []*member) {
	for _, address := range addresses {
		members = append(members, c.members[address])
	}
	return members
}

// settled waits until all of these go by a membership with these members, and are in a
// session.
func (c *changing) settled(version uint64, addresses ...string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("all at version %d with %v", version, addresses), func() bool {
		for _, m := range c.of(addresses...) {
			lease, _ := m.driver.Lease()
			if s := m.membership(); s.View.Membership.Version != version || !s.View.Membership.Born() || lease.Session == 0 {
				return false
			}
			if got := m.driver.Members(); !slices.Equal(sorted(got), sorted(addresses)) {
				return false
			}
		}
		return true
	})
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func (m *member) membership() MembershipStatus {
	m.t.Helper()
	s, err := m.driver.Membership(m.t.Context())
	if err != nil {
		m.t.Fatalf("%s: %v", m.address, err)
	}
	return s
}

// operator asks for the changes of the tests.
var operator = Caller{User: "ann", Host: "desk", PID: 7, Identity: "CN=ann"}

// change has a node change the members.
func (m *member) change(change token.ChangeRequest) (*token.Membership, error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	return m.driver.Change(ctx, change, operator)
}

// mustChange has a node change the members.
func (m *member) mustChange(change token.ChangeRequest) *token.Membership {
	m.t.Helper()
	joint, err := m.change(change)
	if err != nil || !joint.Joint() {
		m.t.Fatalf("%s: change: %+v, %v; want a joint membership", m.address, joint, err)
	}
	return joint
}

// ends waits until a node has ended by itself.
func (m *member) ends() {
	m.t.Helper()
	for range 6000 {
		select {
		case <-m.driver.Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	m.t.Fatalf("%s has not ended after a minute", m.address)
}

// idOf is the newest member with an address.
func (m *member) idOf(address string) token.Member {
	id, ok := m.driver.roster.Load().byAddress[address]
	if !ok {
		m.t.Fatalf("%s knows no member %s", m.address, address)
	}
	return id
}

// add lets a node add new ones, which start with the membership that it has chosen.
func (c *changing) add(at string, disk byte, addresses ...string) {
	c.t.Helper()
	var change token.ChangeRequest
	for i, address := range addresses {
		c.disks[address] = newDisk(disk + byte(i))
		change.Add = append(change.Add, token.Listed{Address: address, Disk: c.disks[address].id})
	}
	joint := c.members[at].mustChange(change)
	for _, address := range addresses {
		c.disks[address].membership = joint
		c.start(address)
	}
}

// serves checks that each of the nodes gets a lock.
func (c *changing) serves(addresses ...string) {
	c.t.Helper()
	for _, m := range c.of(addresses...) {
		m.release(m.acquire("cs"))
	}
}

func TestClusterIsBornOnceAllHaveShownTheirDisks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &changing{newNetwork(), t, make(map[string]*member), make(map[string]*memberDisk)}
		list := []string{"a:1", "b:1", "c:1"}
		for i, address := range list {
			c.disks[address] = newDisk(byte(i + 1))
		}
		a, b := c.start("a:1", list...), c.start("b:1", list...)
		time.Sleep(10 * testTTL)
		for _, m := range []*member{a, b} {
			s := m.membership()
			if lease, _ := m.driver.Lease(); lease.Session != 0 || !s.View.Waits || !slices.Equal(s.View.Unseen, []token.Member{2}) {
				t.Errorf("%s: session %d, %+v; want none, and a wait for member 2", m.address, lease.Session, s.View)
			}
		}
		c.start("c:1", list...)
		c.settled(0, list...)
		for _, address := range list {
			saved := c.disks[address].saved()
			if saved == nil || saved.Cluster != c.disks["a:1"].saved().Cluster || saved.Check() != nil {
				t.Errorf("%s has %+v on disk; want the same cluster everywhere", address, saved)
			}
			if l := c.members[address].lines("membership_adopted"); len(l) != 1 || l[0]["membership"] != "0" || fmt.Sprint(l[0]["member_ids"]) != "[0 1 2]" {
				t.Errorf("%s: lines %v; want one about membership 0", address, l)
			}
		}
		c.serves(list...)
		stopAll(c.of(list...))
	})
}

func TestClusterGrowsFromOneToThreeToFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1")
		hold := c.members["a:1"].acquire("held all the time")
		c.add("a:1", 10, "b:1", "c:1")
		c.settled(2, "a:1", "b:1", "c:1")
		c.serves("a:1", "b:1", "c:1")
		c.add("c:1", 20, "d:1", "e:1")
		all := []string{"a:1", "b:1", "c:1", "d:1", "e:1"}
		c.settled(4, all...)
		c.serves(all...)
		if hold.Err() != nil {
			t.Errorf("the hold was lost: %v", hold.Err())
		}
		c.members["a:1"].release(hold)
		status, err := c.members["e:1"].driver.Status(t.Context())
		if err != nil || len(status.Peers) != 4 || status.Peers[3].ID != 3 || status.Peers[3].Address != "d:1" || !status.Peers[3].Receives {
			t.Errorf("e:1 has peers %+v, %v; want the four others, by ID", status.Peers, err)
		}
		stopAll(c.of(all...))
		judge(t, c.of(all...)...)
	})
}

func TestRemovedMemberEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1", "c:1")
		b := c.members["b:1"]
		hold := b.acquire("cs")
		c.members["a:1"].mustChange(token.ChangeRequest{Remove: []token.Member{b.idOf("b:1")}})
		time.Sleep(testTTL)
		if got := b.membership(); got.View.Membership.Version != 1 || !got.View.Departed || hold.Err() != nil {
			t.Errorf("version %d, departed %t, hold %v; want the holder to finish", got.View.Membership.Version, got.View.Departed, hold.Err())
		}
		b.release(hold)
		b.ends()
		if err := b.driver.Err(); !errors.Is(err, ErrRemoved) {
			t.Errorf("b:1 ended with %v; want ErrRemoved", err)
		}
		if saved := c.disks["b:1"].saved(); saved.Version != 2 || saved.Find("b:1", c.disks["b:1"].id) != token.NoMember {
			t.Errorf("on b:1's disk is %+v; want that it was removed", saved)
		}
		for _, event := range []string{"member_departed", "node_removed"} {
			if l := b.lines(event); len(l) != 1 {
				t.Errorf("lines %v; want one with %s", l, event)
			}
		}
		b.stop()
		c.settled(2, "a:1", "c:1")
		c.serves("a:1", "c:1")
		time.Sleep(testTTL)
		dialled := c.dials("a:1", "b:1") + c.dials("c:1", "b:1")
		time.Sleep(time.Minute)
		if more := c.dials("a:1", "b:1") + c.dials("c:1", "b:1") - dialled; more > 0 {
			t.Errorf("b:1 was dialled %d times after it was removed; want never", more)
		}
		for _, m := range c.of("a:1", "c:1") {
			if status, err := m.driver.Status(t.Context()); err != nil || len(status.Peers) != 1 {
				t.Errorf("%s has the peers %+v, %v; want one", m.address, status.Peers, err)
			}
		}
		stopAll(c.of("a:1", "c:1"))
		judge(t, c.of("a:1", "b:1", "c:1")...)
	})
}

func TestDeadMemberIsReplaced(t *testing.T) {
	for _, address := range []string{"d:1", "b:1"} { // another machine; the same one with another disk
		t.Run(address, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startChanging(t, "a:1", "b:1", "c:1")
				c.members["b:1"].crash()
				a := c.members["a:1"]
				c.disks[address] = newDisk(9)
				joint := a.mustChange(token.ChangeRequest{
					Add: []token.Listed{{Address: address, Disk: c.disks[address].id}}, Remove: []token.Member{a.idOf("b:1")},
				})
				c.disks[address].membership = joint
				c.start(address)
				c.settled(2, "a:1", "c:1", address)
				c.serves("a:1", "c:1", address)
				if a.idOf(address) != 3 {
					t.Errorf("the new member has ID %d; want 3", a.idOf(address))
				}
				stopAll(c.of("a:1", "c:1", address))
			})
		})
	}
}

// The log names who asked for a change. Of a list that was accepted before, which others may have
// asked for, it names nobody.
func TestLogNamesWhoAskedForAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1", "c:1")
		a := c.members["a:1"]
		a.mustChange(token.ChangeRequest{Remove: []token.Member{a.idOf("b:1")}})
		c.settled(2, "a:1", "c:1")
		c.members["b:1"].ends()
		c.members["b:1"].stop()
		want := "ann@desk, process 7, known as CN=ann"
		if l := a.lines("change_proposed"); len(l) != 1 || l[0]["caller"] != want || fmt.Sprint(l[0]["members"]) != "[a:1 c:1]" {
			t.Errorf("lines %v; want one with the caller %s", l, want)
		}
		c.members["c:1"].crash()
		disk := c.disks["c:1"]
		first := token.Epoch{Number: 1, Proposer: a.idOf("a:1")}
		disk.choice = &token.Choice{Version: 2, Promised: first, Accepted: first, Next: disk.membership.Members[:1], IDs: disk.membership.IDs}
		restarted := c.start("c:1")
		c.settled(4, "a:1")
		restarted.ends()
		if l := restarted.lines("change_proposed"); len(l) != 1 || l[0]["caller"] != nil || fmt.Sprint(l[0]["members"]) != "[a:1]" {
			t.Errorf("lines %v; want one without a caller", l)
		}
		restarted.stop()
		stopAll(c.of("a:1"))
	})
}

// A member that was away while it was removed, and one that was away during a whole change,
// learn of it when they come back.
func TestMemberThatWasAwayLearnsOfTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1", "c:1", "d:1", "e:1")
		a := c.members["a:1"]
		c.members["d:1"].crash()
		c.members["e:1"].crash()
		c.add("a:1", 10, "f:1")
		c.settledBut(2, []string{"d:1", "e:1"}, "a:1", "b:1", "c:1", "d:1", "e:1", "f:1")
		a.mustChange(token.ChangeRequest{Remove: []token.Member{a.idOf("e:1")}})
		left := []string{"a:1", "b:1", "c:1", "d:1", "f:1"}
		c.settledBut(4, []string{"d:1"}, left...)
		c.start("d:1")
		c.start("e:1")
		c.settled(4, left...)
		e := c.members["e:1"]
		e.ends()
		if err := e.driver.Err(); !errors.Is(err, ErrRemoved) {
			t.Errorf("e:1 ended with %v; want ErrRemoved", err)
		}
		e.stop()
		c.serves(left...)
		stopAll(c.of(left...))
	})
}

// settledBut is settled, without the members that are away.
func (c *changing) settledBut(version uint64, away []string, addresses ...string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("all but %v at version %d", away, version), func() bool {
		for _, m := range c.of(addresses...) {
			if !slices.Contains(away, m.address) && m.membership().View.Membership.Version != version {
				return false
			}
		}
		return true
	})
}

// A machine that has lost its data directory comes with another disk. It is refused and told
// what to do.
func TestWipedMemberIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []string{"a:1", "b:1", "c:1"}
		c := startChanging(t, list...)
		c.members["b:1"].crash()
		c.disks["b:1"] = newDisk(99)
		b := c.start("b:1", list...)
		b.ends()
		const remedy = "conch members replace b:1 b:1"
		if err := b.driver.Err(); !errors.Is(err, token.ErrStranger) || !strings.Contains(err.Error(), remedy) {
			t.Errorf("b:1 ended with %v; want ErrStranger and the remedy", err)
		}
		if c.disks["b:1"].saves != 0 {
			t.Error("something was saved on the new disk")
		}
		synctest.Wait()
		refusals := slices.Concat(c.members["a:1"].lines("peer_refused"), c.members["c:1"].lines("peer_refused"))
		if !slices.ContainsFunc(refusals, func(l line) bool { return strings.Contains(l["reason"].(string), remedy) }) {
			t.Errorf("the others' logs have %v; want a refusal with %q", refusals, remedy)
		}
		b.stop()
		stopAll(c.of("a:1", "c:1"))
	})
}

func TestOfTwoChangesOneComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []string{"a:1", "b:1", "c:1", "d:1", "e:1"}
		c := startChanging(t, list...)
		type outcome struct {
			m   *token.Membership
			err error
		}
		outcomes := make(chan outcome, 2)
		c.each(list, c.block)
		for _, address := range []string{"a:1", "b:1"} {
			m := c.members[address]
			remove := m.idOf(map[string]string{"a:1": "d:1", "b:1": "e:1"}[address])
			go func() {
				joint, err := m.change(token.ChangeRequest{Remove: []token.Member{remove}})
				outcomes <- outcome{joint, err}
			}()
		}
		synctest.Wait() // both propose
		c.each(list, c.unblock)
		one, two := <-outcomes, <-outcomes
		if one.err != nil {
			one, two = two, one
		}
		if one.err != nil || !errors.Is(two.err, ErrOtherChange) || two.m == nil || !slices.Equal(one.m.Next, two.m.Next) {
			t.Errorf("%+v and %+v; want one to come first, and the other told so", one, two)
		}
		gone := "d:1"
		if one.m.Lists(4) && !slices.ContainsFunc(one.m.Next, func(l token.Listed) bool { return l.ID == 4 }) {
			gone = "e:1"
		}
		c.members[gone].ends()
		c.members[gone].stop()
		left := slices.DeleteFunc(list, func(a string) bool { return a == gone })
		c.settled(2, left...)
		stopAll(c.of(left...))
	})
}

// each does something with each pair of members.
func (c *changing) each(addresses []string, do func(from, to string)) {
	for _, from := range addresses {
		for _, to := range addresses {
			if from != to {
				do(from, to)
			}
		}
	}
}

func TestChangesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1")
		a := c.members["a:1"]
		for _, test := range []struct {
			change token.ChangeRequest
			want   error
		}{
			{token.ChangeRequest{}, token.ErrEmpty},
			{token.ChangeRequest{Remove: []token.Member{0, 1}}, token.ErrEmpty},
			{token.ChangeRequest{Remove: []token.Member{7}}, token.ErrUnknownMember},
			{token.ChangeRequest{Add: []token.Listed{{Address: "b:1", Disk: token.Disk{9}}}}, token.ErrListed},
		} {
			if _, err := a.change(test.change); !errors.Is(err, test.want) {
				t.Errorf("change %+v: %v; want %v", test.change, err, test.want)
			}
			if _, err := a.driver.PlanChange(t.Context(), test.change); !errors.Is(err, test.want) {
				t.Errorf("plan of %+v: %v; want %v", test.change, err, test.want)
			}
		}
		plan, err := a.driver.PlanChange(t.Context(), token.ChangeRequest{Remove: []token.Member{1}})
		if err != nil || plan.Version != 1 || len(plan.Next) != 1 || a.membership().View.Membership.Version != 0 {
			t.Errorf("plan %+v, %v; want version 1, and nothing changed", plan, err)
		}
		stopAll(c.of("a:1", "b:1"))
	})
}

// What cannot be saved ends the node, as what it promises otherwise does.
func TestNodeEndsIfTheMembersCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1", "c:1")
		full := errors.New("disk full")
		c.disks["b:1"].mu.Lock()
		c.disks["b:1"].err = full
		c.disks["b:1"].mu.Unlock()
		c.members["a:1"].mustChange(token.ChangeRequest{Remove: []token.Member{2}})
		b := c.members["b:1"]
		b.ends()
		if err := b.driver.Err(); !errors.Is(err, full) {
			t.Errorf("b:1 ended with %v; want %v", err, full)
		}
		b.stop()
		stopAll(c.of("a:1", "c:1"))
	})
}

// One member without a data directory: nobody waits for it, and the list never changes.
func TestListWithAMemberWithoutADiskNeverChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []string{"a:1", "b:1", "c:1"}
		c := &changing{newNetwork(), t, make(map[string]*member), make(map[string]*memberDisk)}
		for i, address := range list {
			c.disks[address] = newDisk(byte(i + 1))
		}
		c.disks["c:1"] = new(memberDisk)
		for _, address := range list {
			c.start(address, list...)
		}
		settled(t, c.of(list...))
		c.serves(list...)
		if _, err := c.members["a:1"].change(token.ChangeRequest{Remove: []token.Member{1}}); !errors.Is(err, token.ErrUnborn) {
			t.Errorf("change: %v; want ErrUnborn", err)
		}
		stopAll(c.of(list...))
	})
}

func TestShowNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1")
		shown, err := c.members["a:1"].driver.ShowNode(t.Context(), "b:1")
		if err != nil || shown.Version != ProtocolVersion || shown.Address != "b:1" || shown.TTL != testTTL || shown.Disk != c.disks["b:1"].id ||
			shown.Stage != peerv1.Stage_STAGE_RUNNING || shown.Membership.Find("b:1", shown.Disk) != 1 {
			t.Errorf("shown %+v, %v", shown, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.members["a:1"].driver.ShowNode(ctx, "z:1"); err == nil {
			t.Error("a node that is not there was shown")
		}
		stopAll(c.of("a:1", "b:1"))
	})
}

// Where the members may change, a node that is no member is shown them too, if it is what
// it claims to be.
func TestShowMembersToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		check := func(_ context.Context, address string) error {
			if address != "new:1" {
				return errors.New("the certificate names new:1")
			}
			return nil
		}
		a := w.startMember(t, "a:1", setup{members: []string{"a:1"}, disk: newDisk(1), check: check})
		s := w.approach(t, "new:1", "a:1")
		peer := peerv1.NewPeerServiceClient(s.conn)
		shown, err := peer.ShowMembers(t.Context(), &peerv1.ShowMembersRequest{Member: "new:1"})
		if err != nil || shown.GetMembership() == nil || !slices.Equal(shown.GetMembers(), []string{"a:1"}) {
			t.Errorf("shown %v, %v", shown, err)
		}
		for claimed, code := range map[string]codes.Code{
			"b:1": codes.PermissionDenied, "": codes.FailedPrecondition, strings.Repeat("x", wire.MaxAddressBytes+1): codes.FailedPrecondition,
		} {
			if _, err := peer.ShowMembers(t.Context(), &peerv1.ShowMembersRequest{Member: claimed}); status.Code(err) != code {
				t.Errorf("%.20q: %v; want %v", claimed, err, code)
			}
		}
		_ = s.conn.Close()
		a.stop()
	})
}

// playMember opens a stream to a node of a cluster of three as its member b:1, which the test
// plays.
func (c *changing) playMember(t *testing.T, to string) *unauthenticated {
	t.Helper()
	m := c.disks[to].saved()
	s := c.approach(t, "b:1", to)
	s.send(helloMessage(&peerv1.Hello{
		Version: ProtocolVersion, Member: "b:1", Incarnation: []byte("0123456789abcdef"), Boot: 1 << 60, Ttl: int64(testTTL),
		Disk: wire.EncodeDisk(c.disks["b:1"].id), Membership: wire.EncodeMembership(m),
	}))
	s.accepted()
	return s
}

func TestHostileMembershipEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1", "c:1")
		c.members["b:1"].crash()
		s := c.playMember(t, "a:1")
		told := wire.EncodeMembership(c.disks["a:1"].saved())
		told.Ids = 1000
		far := &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: &peerv1.ProbeAnswer{
			Lock: "cs", Probe: 1, Kind: peerv1.ProbeAnswer_KIND_NONE, Buriable: []uint32{999},
		}}}
		s.send(&peerv1.Message{Kind: &peerv1.Message_Membership{Membership: told}}, far)
		s.ended(codes.InvalidArgument, "version 0 of the members has 1000 IDs; want at most 3")
		synctest.Wait()
		if l := c.members["a:1"].lines("peer_refused"); len(l) != 1 || l[0]["peer"] != "b:1" {
			t.Errorf("refusals %v; want one of b:1", l)
		}
		c.serves("a:1", "c:1")
		stopAll(c.of("a:1", "c:1"))
	})
}

// A membership that a member tells counts at once, also for what follows in the same frame.
func TestMembershipIsTakenBeforeWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startChanging(t, "a:1", "b:1", "c:1")
		c.members["b:1"].crash()
		s := c.playMember(t, "a:1")
		m := *c.disks["a:1"].saved()
		m.Version, m.IDs = 1, 4
		m.Next = append(slices.Clone(m.Members), token.Listed{ID: 3, Address: "d:1", Disk: token.Disk{4}})
		s.send(&peerv1.Message{Kind: &peerv1.Message_Membership{Membership: wire.EncodeMembership(&m)}},
			&peerv1.Message{Kind: &peerv1.Message_Joined{Joined: &peerv1.Joined{Version: 1, Ask: 1, Distant: []uint32{3}}}})
		c.settledBut(1, []string{"b:1"}, "a:1", "b:1", "c:1")
		if l := c.members["a:1"].lines("joined_received"); len(l) == 0 || fmt.Sprint(l[0]["distant"]) != "[d:1]" {
			t.Errorf("lines %v; want JOINED about d:1", l)
		}
		if got := c.members["a:1"].driver.Members(); !slices.Equal(got, []string{"a:1", "b:1", "c:1", "d:1"}) {
			t.Errorf("members %v; want those of both lists", got)
		}
		_ = s.conn.Close()
		stopAll(c.of("a:1", "c:1"))
	})
}
