package broadcast

import (
	"fmt"

	"conch/token"
)

// Whose stream it is. A member is its disk: under the address of a member whose data directory
// is another one comes a stranger.

// greeting is a HELLO that makes sense by itself.
type greeting struct {
	address string // the sender's
	// members is the list that it shows: by ID as long as it is not settled.
	members []string
	// receiver is for whom it is meant, empty if that is not said.
	receiver string
	hello    token.Hello
}

// identify returns the sender of a greeting, NoMember beside a refusal if it is unknown. If
// adopt is true, the sender shows a membership that this node has to take first, and is to be
// identified after that.
func (r *roster) identify(g *greeting) (from token.Member, adopt bool, _ *refusal) {
	from = r.memberOrNone(g.address)
	theirs := g.hello.Membership
	switch {
	case !r.isBorn() && (theirs == nil || !theirs.Born()):
		return r.identifyByList(g)
	case r.membership == nil:
		return from, false, refused("its members have data directories, and may change; this node has none (--data-dir)")
	case !r.isBorn():
		if theirs.Find(r.address(), r.disk) == token.NoMember {
			return from, false, refused("not a member: %s", r.whySelfUnlisted(theirs))
		}
		return token.NoMember, true, nil
	case theirs == nil || !theirs.Born():
		return r.identifyUnborn(g)
	case theirs.Cluster != r.membership.Cluster:
		return from, false, refused("not a member: it belongs to the cluster %s with the members %s, and this node to the cluster %s with the members %s",
			theirs.Cluster, list(g.members), r.membership.Cluster, list(r.present()))
	}
	return r.identifyBorn(g)
}

// identifyByList identifies the sender while the disks of the members do not count, or not
// yet.
func (r *roster) identifyByList(g *greeting) (token.Member, bool, *refusal) {
	if reason := difference(r.addresses, g.members); reason != "" {
		return r.memberOrNone(g.address), false, refused("the member lists differ: %s", reason)
	}
	from, ok := r.byAddress[g.address]
	if !ok {
		return token.NoMember, false, refused("%q is not a member", shorten(g.address))
	}
	return r.check(g, from)
}

// identifyUnborn identifies a sender that does not know yet that the first list is settled.
func (r *roster) identifyUnborn(g *greeting) (token.Member, bool, *refusal) {
	from, refusal := r.find(g)
	if refusal != nil {
		return from, false, refusal
	}
	for _, id := range r.members { // its IDs must mean the same
		if int(id) < len(g.members) && g.members[id] != r.addresses[id] {
			return from, false, refused("the member lists differ: %s", difference(r.present(), g.members))
		}
	}
	if len(g.members) > len(r.addresses) {
		return from, false, refused("the member lists differ: %s", difference(r.present(), g.members))
	}
	return r.check(g, from)
}

// identifyBorn identifies a sender of the same cluster.
func (r *roster) identifyBorn(g *greeting) (token.Member, bool, *refusal) {
	theirs := g.hello.Membership
	from, refusal := r.find(g)
	later := theirs.Version > r.membership.Version
	switch {
	case later && (refusal == nil || theirs.Find(g.address, g.hello.Disk) != token.NoMember && theirs.Find(r.address(), r.disk) != token.NoMember):
		if refusal != nil {
			from = token.NoMember
		}
		return from, true, nil
	case refusal != nil:
		return from, false, refusal
	case theirs.IDs > r.membership.IDs || theirs.Version == r.membership.Version && theirs.IDs != r.membership.IDs:
		return from, false, misunderstood("version %d of the members has %d IDs; want %d, or fewer in an earlier one",
			theirs.Version, theirs.IDs, r.membership.IDs)
	}
	return r.check(g, from)
}

// find returns the member with the sender's address and disk, or says why there is none.
func (r *roster) find(g *greeting) (token.Member, *refusal) {
	if id := r.membership.Find(g.address, g.hello.Disk); id != token.NoMember {
		return id, nil
	}
	id, listed := r.byAddress[g.address]
	switch {
	case !listed:
		return token.NoMember, refused("not a member: %q is not in the list, or not any more; the members are %s; conch members add %s would add it",
			shorten(g.address), list(r.present()), shorten(g.address))
	case id == r.self:
		return token.NoMember, refusedSelf(g)
	}
	return r.memberOrNone(g.address), refused("not a member: %s", otherDisk(g.address, diskOf(r.membership, id), g.hello.Disk))
}

// check refuses a sender that is this node, or that wants another node.
func (r *roster) check(g *greeting, from token.Member) (token.Member, bool, *refusal) {
	switch {
	case from == r.self:
		return token.NoMember, false, refusedSelf(g)
	case g.receiver != "" && g.receiver != r.address():
		return from, false, refused("it is meant for %q, and this node is %s: the address leads to the wrong node", shorten(g.receiver), r.address())
	case g.hello.Receiver != (token.Disk{}) && g.hello.Receiver != r.disk:
		return from, false, refused("not a member: %s", otherDisk(r.address(), g.hello.Receiver, r.disk))
	}
	return from, false, nil
}

func refusedSelf(g *greeting) *refusal {
	return refused("%q is this node itself: another process runs as the same member, or the address leads back here", shorten(g.address))
}

// whySelfUnlisted says why this node is not in a membership.
func (r *roster) whySelfUnlisted(m *token.Membership) string {
	for _, l := range m.All() {
		if l.Address == r.address() {
			return otherDisk(l.Address, l.Disk, r.disk)
		}
	}
	return fmt.Sprintf("the cluster %s does not list %s; conch members add %s would add it", m.Cluster, r.address(), r.address())
}

// otherDisk says that a process runs at a member's address with another data directory, and
// what to do about it.
func otherDisk(address string, listed, has token.Disk) string {
	comes := "with the disk " + has.String()
	if has == (token.Disk{}) {
		comes = "without a data directory"
	}
	address = shorten(address)
	return fmt.Sprintf("the member %s has the disk %s, and the process there comes %s; if the member's data directory is lost, run: conch members replace %s %s",
		address, listed, comes, address, address)
}

// list lists addresses for a reason.
func list(addresses []string) string { return missing(addresses, nil) }
