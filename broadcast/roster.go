package broadcast

import (
	"fmt"
	"slices"

	"conch/token"
)

// roster is who the members are, as the node goes by them at one moment. It does not change:
// another takes its place. Goroutines other than the worker read the driver's.
type roster struct {
	self token.Member
	disk token.Disk // zero without a data directory
	// membership is nil if the members never change.
	membership *token.Membership
	// addresses are the members' by ID, those of removed members included.
	addresses []string
	members   []token.Member // present, by ID
	// byAddress has the present members. While one member replaces another at the same address,
	// it has the newer.
	byAddress map[string]token.Member
}

// newRoster returns the roster of a membership. before is the one before it, nil if there is
// none.
func newRoster(self token.Member, disk token.Disk, m *token.Membership, before *roster) *roster {
	r := &roster{self: self, disk: disk, membership: m, addresses: make([]string, m.IDs)}
	for id := range r.addresses {
		r.addresses[id] = removedAddress(token.Member(id))
		if before != nil && id < len(before.addresses) {
			r.addresses[id] = before.addresses[id]
		}
	}
	for _, l := range m.All() {
		r.addresses[l.ID] = l.Address
		r.members = append(r.members, l.ID)
	}
	r.index()
	return r
}

// removedAddress stands for the address of a member that was removed before this process
// heard of it.
func removedAddress(id token.Member) string { return fmt.Sprintf("removed-%d", id) }

// fixedRoster is the roster of members that never change.
func fixedRoster(self token.Member, addresses []string) *roster {
	r := &roster{self: self, addresses: addresses}
	for id := range addresses {
		r.members = append(r.members, token.Member(id))
	}
	r.index()
	return r
}

func (r *roster) index() {
	r.byAddress = make(map[string]token.Member, len(r.members))
	for _, id := range r.members {
		r.byAddress[r.addresses[id]] = id
	}
}

// isBorn reports whether the first list is settled.
func (r *roster) isBorn() bool { return r.membership != nil && r.membership.Born() }

// address is this node's.
func (r *roster) address() string { return r.addresses[r.self] }

// present returns the addresses of the present members, by ID.
func (r *roster) present() []string {
	addresses := make([]string, len(r.members))
	for i, id := range r.members {
		addresses[i] = r.addresses[id]
	}
	return addresses
}

// has reports whether a member is present.
func (r *roster) has(id token.Member) bool {
	_, found := slices.BinarySearch(r.members, id)
	return found
}

// byID returns the addresses of the present members by ID, those of others empty.
func (r *roster) byID() []string {
	addresses := make([]string, len(r.addresses))
	for _, id := range r.members {
		addresses[id] = r.addresses[id]
	}
	return addresses
}

// quorum is how many members the node must reach; of two lists, the higher number.
func (r *roster) quorum() int {
	if r.membership == nil {
		return len(r.members)/2 + 1
	}
	return max(len(r.membership.Members), len(r.membership.Next))/2 + 1
}

// memberOrNone returns the member with an address, NoMember if that is this node or none.
func (r *roster) memberOrNone(address string) token.Member {
	if m, ok := r.byAddress[address]; ok && address != r.address() {
		return m
	}
	return token.NoMember
}

// diskOf is the disk of a member in a membership, zero if it is not known.
func diskOf(m *token.Membership, id token.Member) token.Disk {
	if m != nil {
		for _, l := range m.All() {
			if l.ID == id {
				return l.Disk
			}
		}
	}
	return token.Disk{}
}
