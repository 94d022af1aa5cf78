package token

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Which members a cluster has, and how that changes while it serves (protocol, section 9).

// Disk is 128 random bits that are drawn with a member's data directory. A member is its
// disk: a process with another one is not that member, whatever its address. The zero Disk
// is that of a member without a data directory.
type Disk [16]byte

// String writes a disk in hexadecimal.
func (d Disk) String() string { return hex.EncodeToString(d[:]) }

// Cluster tells clusters apart: it is drawn from the first list of members and their disks.
// The zero Cluster is that of a list that is not settled yet, or never will be.
type Cluster [16]byte

// String writes a cluster in hexadecimal.
func (c Cluster) String() string { return hex.EncodeToString(c[:]) }

// Listed is a member in a list.
type Listed struct {
	ID      Member
	Address string
	Disk    Disk
}

// Membership is a list of members, or two while the cluster goes from one to the next. It
// does not change: another takes its place.
type Membership struct {
	// Version counts the memberships of a cluster from 0. An even one is stable. An odd one
	// is joint: a quorum then is one of Members and one of Next.
	Version uint64
	// Cluster is zero while not every member has shown its disk. Such a membership has
	// version 0, and cannot change.
	Cluster Cluster
	// Members and Next are the two lists, by ID. Next is nil unless the membership is joint.
	Members, Next []Listed
	// IDs is above each ID that was ever given. No ID is given twice.
	IDs Member
	// Floor is at least each ballot number that was used before this membership.
	Floor uint64
}

// MaxListed is how many members a list may have, and MaxIDs how many members a cluster may
// have had.
const (
	MaxListed = 99
	MaxIDs    = 1000
)

// Joint reports whether the cluster goes from one list to another.
func (m *Membership) Joint() bool { return m.Version%2 == 1 }

// Born reports whether the first list is settled: only then can the members change.
func (m *Membership) Born() bool { return m.Cluster != Cluster{} }

// Lists reports whether a member is in the list, or in one of the two.
func (m *Membership) Lists(id Member) bool { return lists(m.Members, id) || lists(m.Next, id) }

func lists(list []Listed, id Member) bool {
	return slices.ContainsFunc(list, func(l Listed) bool { return l.ID == id })
}

// All returns the members of both lists, by ID.
func (m *Membership) All() []Listed {
	all := slices.Clone(m.Members)
	for _, l := range m.Next {
		if !lists(m.Members, l.ID) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b Listed) int { return int(a.ID - b.ID) })
	return all
}

// Find returns the member with an address and a disk, NoMember if there is none.
func (m *Membership) Find(address string, disk Disk) Member {
	for _, l := range m.All() {
		if l.Address == address && l.Disk == disk {
			return l.ID
		}
	}
	return NoMember
}

// Superseded reports whether a later member has the address of a member, whose disk is lost:
// nobody can be reached there as that member any more.
func (m *Membership) Superseded(id Member) bool {
	for _, l := range m.Members {
		if l.ID == id {
			return slices.ContainsFunc(m.Next, func(o Listed) bool { return o.Address == l.Address && o.ID > id })
		}
	}
	return false
}

// NewMembership is the first list of a cluster, by address. No disk is known yet.
func NewMembership(addresses []string) *Membership {
	m := &Membership{IDs: Member(len(addresses))}
	for i, address := range addresses {
		m.Members = append(m.Members, Listed{ID: Member(i), Address: address})
	}
	return m
}

// ErrMembership is wrapped by the errors about memberships that do not fit together.
var ErrMembership = errors.New("token: membership")

// Check reports what is wrong with a membership, if anything.
func (m *Membership) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrMembership, fmt.Sprintf(format, args...))
	}
	switch {
	case m.IDs < 1 || m.IDs > MaxIDs:
		return bad("%d IDs; want 1 to %d", m.IDs, MaxIDs)
	case m.Joint() != (m.Next != nil):
		return bad("version %d has a second list: %t", m.Version, m.Next != nil)
	case m.Version > 0 && !m.Born():
		return bad("version %d of a cluster that is not settled", m.Version)
	}
	for _, list := range [][]Listed{m.Members, m.Next} {
		if err := m.checkList(list, bad); err != nil {
			return err
		}
	}
	if len(m.Members) == 0 {
		return bad("no members")
	}
	return nil
}

func (m *Membership) checkList(list []Listed, bad func(string, ...any) error) error {
	if list != nil && (len(list) == 0 || len(list) > MaxListed) {
		return bad("a list of %d; want 1 to %d", len(list), MaxListed)
	}
	for i, l := range list {
		switch {
		case l.ID < 0 || l.ID >= m.IDs:
			return bad("ID %d; want 0 to %d", l.ID, m.IDs-1)
		case i > 0 && l.ID <= list[i-1].ID:
			return bad("ID %d after %d", l.ID, list[i-1].ID)
		case m.Born() && l.Disk == Disk{}:
			return bad("member %d without a disk", l.ID)
		}
		for _, other := range list[:i] {
			if other.Address == l.Address || other.Disk == l.Disk && l.Disk != (Disk{}) {
				return bad("members %d and %d have the same address or disk", other.ID, l.ID)
			}
		}
	}
	return nil
}

// Choice is a member's part in the choice of the membership after one of an even Version:
// what it has promised and accepted (Paxos). It is on stable storage before it is said.
type Choice struct {
	// Version is that of the membership that is to change.
	Version uint64
	// Promised is the highest round that the member has promised or accepted.
	Promised Epoch
	// Accepted is the round of the proposal that it has accepted, zero if there is none; Next
	// and IDs are that proposal.
	Accepted Epoch
	Next     []Listed
	IDs      Member
}

// ChangeRequest is one change of the members. IDs in Add mean nothing; the disks are those
// that the new members have shown.
type ChangeRequest struct {
	Add    []Listed
	Remove []Member
}

// Why a change is refused at once. Nothing has changed then.
var (
	// ErrUnborn: the first list is not settled: not every member has shown its disk, or one
	// has none.
	ErrUnborn = fmt.Errorf("%w: the first list is not settled", ErrMembership)
	// ErrChanging: a change is under way.
	ErrChanging = fmt.Errorf("%w: a change is under way", ErrMembership)
	// ErrOutside: the node has no session.
	ErrOutside = fmt.Errorf("%w: the node is not in a session", ErrMembership)
	// ErrUnknownMember: a member to be removed is not in the list.
	ErrUnknownMember = fmt.Errorf("%w: no such member", ErrMembership)
	// ErrListed: a new member is in the list already.
	ErrListed = fmt.Errorf("%w: already a member", ErrMembership)
	// ErrEmpty: nobody would be left, or nothing would change.
	ErrEmpty = fmt.Errorf("%w: an empty list or change", ErrMembership)
	// ErrTooMany: the list would have more than MaxListed members, or the cluster more than
	// MaxIDs over time.
	ErrTooMany = fmt.Errorf("%w: too many members", ErrMembership)
	// ErrStranger: a process is not a member: its disk or its cluster is another.
	ErrStranger = fmt.Errorf("%w: not a member", ErrMembership)
)

// MembershipView is what a node knows of the membership and of a change under way.
type MembershipView struct {
	Membership *Membership // read-only
	Self       Member
	// Waits: the node waits for members that have not shown their disks: Unseen.
	Waits  bool
	Unseen []Member
	// AdoptedAt is when the node adopted it, by its own clock; its start if that was before.
	AdoptedAt Time
	// Proposed is the joint membership that the node proposes; nil for none.
	Proposed *Membership
	// Joined are the members of a joint membership that go by it alone now, or are buried, as
	// far as this node knows; Awaited the others.
	Joined, Awaited []Member
	// Departed: the node has left the list, or is about to, and begins no session.
	Departed bool
}
