package broadcast

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// changedHello is a HELLO of the first of compatMembers, at a version of its membership, to the
// second.
func changedHello(m *token.Membership, change func(*peerv1.Hello)) *peerv1.Hello {
	h := compatHello
	h.Disk = token.Disk{1, 15: 255}
	h.Membership, h.Receiver = m, diskOf(m, 1)
	hello := firstOf(changingDriver(0, compatMembership(2)).helloFrame(1, h)).GetHello()
	change(hello)
	return hello
}

// compatUnborn is the list of compatMembers before it is settled.
func compatUnborn() *token.Membership { return token.NewMembership(compatMembers) }

// TestHelloOfMembersThatChange is about the second of compatMembers, which goes by a
// membership and gets a HELLO from the first.
func TestHelloOfMembersThatChange(t *testing.T) {
	same := func(*peerv1.Hello) {}
	other := func(m *token.Membership, change func(*token.Membership)) *token.Membership {
		change(m)
		return m
	}
	a, b := compatMembers[0], compatMembers[1]
	for _, test := range []struct {
		name   string
		own    *token.Membership
		hello  *peerv1.Hello
		from   token.Member
		adopts bool
		says   string // why it is refused; empty if it is not
	}{
		{"the same", compatMembership(2), changedHello(compatMembership(2), same), 0, false, ""},
		{"an earlier one", compatMembership(3), changedHello(compatMembership(2), same), 0, false, ""},
		{"a later one", compatMembership(2), changedHello(compatMembership(3), same), 0, true, ""},
		{"both not settled", compatUnborn(), changedHello(compatUnborn(), same), 0, false, ""},
		{"one that knows of no birth", compatMembership(0), changedHello(compatUnborn(), same), 0, false, ""},
		{"this one knows of no birth", compatUnborn(), changedHello(compatMembership(2), same), token.NoMember, true, ""},
		{"one without a directory, not settled", compatUnborn(), changedHello(nil, func(h *peerv1.Hello) { h.Disk = nil }), 0, false, ""},
		{"a new member", compatMembership(0), changedHello(compatMembership(3), func(h *peerv1.Hello) {
			h.Member, h.Disk = b, wire.EncodeDisk(token.Disk{4, 15: 255})
		}), token.NoMember, true, ""}, // it replaces this one
		{"a new member at another address", compatMembership(0), changedHello(other(compatMembership(3), func(m *token.Membership) {
			m.Next[2].Address = "new:1"
		}), func(h *peerv1.Hello) {
			h.Member, h.Disk = "new:1", wire.EncodeDisk(token.Disk{4, 15: 255})
		}), token.NoMember, true, ""},
		{"a new member of a list without this one", compatMembership(0), changedHello(other(compatMembership(4), func(m *token.Membership) {
			m.IDs, m.Members = 4, []token.Listed{{ID: 3, Address: "new:1", Disk: token.Disk{4}}}
		}), func(h *peerv1.Hello) {
			h.Member, h.Disk = "new:1", wire.EncodeDisk(token.Disk{4})
		}), token.NoMember, false, `"new:1" is not in the list, or not any more; the members are ` + list(compatMembers)},
		{"one that was removed", compatMembership(4), changedHello(other(compatMembership(2), func(m *token.Membership) {
			m.Members[0].Address = "old:1"
		}), func(h *peerv1.Hello) { h.Member = "old:1" }), token.NoMember, false, `conch members add old:1 would add it`},
		{"another disk", compatMembership(2), changedHello(compatMembership(2), func(h *peerv1.Hello) { h.Disk = make([]byte, 15); h.Disk = append(h.Disk, 7) }),
			0, false, "the member " + a + " has the disk 010000000000000000000000000000ff, and the process there comes with the disk " +
				"00000000000000000000000000000007; if the member's data directory is lost, run: conch members replace " + a + " " + a},
		{"another disk, new", compatMembership(2), changedHello(compatUnborn(), func(h *peerv1.Hello) { h.Disk[3] = 7 }), 0, false,
			"conch members replace " + a + " " + a},
		{"no data directory", compatMembership(2), changedHello(nil, func(h *peerv1.Hello) { h.Disk = nil }), 0, false,
			"comes without a data directory; if the member's"},
		{"this one has another disk", other(compatUnborn(), func(*token.Membership) {}), changedHello(other(compatMembership(2), func(m *token.Membership) {
			m.Members[1].Disk = token.Disk{9}
		}), same), 0, false, "conch members replace " + b + " " + b},
		{"this one is in no list", compatUnborn(), changedHello(other(compatMembership(2), func(m *token.Membership) {
			m.Members = m.Members[:1]
		}), same), 0, false, "does not list " + b},
		{"this one has no data directory", nil, changedHello(compatMembership(2), same), 0, false, "this node has none (--data-dir)"},
		{"another cluster", compatMembership(2), changedHello(other(compatMembership(4), func(m *token.Membership) {
			m.Cluster = token.Cluster{9}
		}), same), 0, false, "it belongs to the cluster 09000000000000000000000000000000 with the members"},
		{"other lists, not settled", compatUnborn(), changedHello(token.NewMembership([]string{a, b, "z:1"}), same), 0, false,
			"the member lists differ: only in the receiver's list: node3.example:7400; only in the sender's list: z:1"},
		{"another list, not settled here", compatMembership(2), changedHello(token.NewMembership([]string{b, a}), same), 0, false, "the member lists differ"},
		{"a longer list, not settled there", compatMembership(2), changedHello(token.NewMembership(append(compatMembers[:3:3], "z:1")), same), 0, false,
			"only in the sender's list: z:1"},
		{"meant for another disk", compatMembership(2), changedHello(compatMembership(2), func(h *peerv1.Hello) { h.ReceiverDisk[3] = 7 }), 0, false,
			"the member " + b + " has the disk 020000070000000000000000000000ff, and the process there comes with the disk 020000000000000000000000000000ff"},
		{"this one's own disk", compatMembership(2), changedHello(compatMembership(2), func(h *peerv1.Hello) {
			h.Member, h.Disk = b, wire.EncodeDisk(token.Disk{2, 15: 255})
		}), token.NoMember, false, "is this node itself: another process runs as the same member"},
		{"more IDs than there are", compatMembership(2), changedHello(other(compatMembership(2), func(m *token.Membership) { m.IDs = 9 }), same), 0, false,
			"version 2 of the members has 9 IDs; want 3"},
		{"a disk that is none", compatMembership(2), changedHello(compatMembership(2), func(h *peerv1.Hello) { h.Disk = h.Disk[1:] }), 0, false,
			"disk of 15 bytes; want 16, or none"},
		{"members without a disk", compatMembership(2), changedHello(compatMembership(2), func(h *peerv1.Hello) { h.Disk = nil }), 0, false,
			"members that may change, from a process without a disk"},
		{"nonsense", compatMembership(2), changedHello(compatMembership(2), func(h *peerv1.Hello) { h.Membership.Ids = 0 }), 0, false,
			"0 IDs; want 1 to 1000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fixedDriver(1, compatMembers)
			if test.own != nil {
				d.roster.Store(newRoster(1, token.Disk{2, 15: 255}, test.own, nil))
			}
			from, g, refusal := d.checkHello(test.hello)
			if refusal != nil {
				if test.says == "" || !strings.Contains(refusal.reason, test.says) || from != test.from {
					t.Errorf("from member %d, refused for %q; want member %d, %q", from, refusal.reason, test.from, test.says)
				}
				return
			}
			_, adopts, _ := d.roster.Load().identify(g)
			if test.says != "" || from != test.from || adopts != test.adopts {
				t.Errorf("from member %d, adopts %t; want member %d, %t, and the refusal %q", from, adopts, test.from, test.adopts, test.says)
			}
		})
	}
}

// A member that tells of IDs that were never given, or of another cluster, or of members at
// all where they never change, breaks the protocol.
func TestMembershipThatMakesNoSenseEndsTheStream(t *testing.T) {
	for _, test := range []struct {
		says string
		own  *token.Membership
		told func(*token.Membership)
	}{
		{"version 2 of the members has 9 IDs; want at most 4", compatMembership(3), func(m *token.Membership) { m.Version, m.Next, m.IDs = 2, nil, 9 }},
		{"the membership of another cluster", compatMembership(3), func(m *token.Membership) { m.Cluster = token.Cluster{9} }},
		{"the members of this cluster never change", nil, func(*token.Membership) {}},
		{"", compatMembership(3), func(*token.Membership) {}},
		{"", compatMembership(3), func(m *token.Membership) { *m = *compatMembership(2) }},
	} {
		o := &owner{Driver: fixedDriver(1, compatMembers)}
		if test.own != nil {
			o.roster.Store(newRoster(1, token.Disk{2, 15: 255}, test.own, nil))
		}
		told := compatMembership(3)
		test.told(told)
		wrong := o.checkTold(told)
		if (wrong != nil) != (test.says != "") || wrong != nil && (wrong.code != codes.InvalidArgument || !strings.Contains(wrong.reason, test.says)) {
			t.Errorf("told %+v: %v; want %q", told, wrong, test.says)
		}
	}
}
