package logs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Membership is the list of members that counted at some time, or two while the cluster went
// from one to the next.
type Membership struct {
	Version uint64 // counts them from 0; an odd one is joint
	// Members and Next are the IDs of the lists; Next is nil unless the membership is joint.
	Members, Next []int
	First         *Event // the line of the first node that adopted it, by the nodes' clocks

	cluster   string
	addresses []string // of the IDs that are in a list, by ID; else empty
}

// Joint reports whether the cluster goes from one list to another.
func (m *Membership) Joint() bool { return m.Version%2 == 1 }

// Lists reports whether a member is in the list, or in one of the two.
func (m *Membership) Lists(id int) bool {
	return slices.Contains(m.Members, id) || slices.Contains(m.Next, id)
}

// Stays reports whether a member is in the list, or of two in the second.
func (m *Membership) Stays(id int) bool {
	if m.Joint() {
		return slices.Contains(m.Next, id)
	}
	return slices.Contains(m.Members, id)
}

// Size is how many members there are, in both lists.
func (m *Membership) Size() int {
	size := len(m.Members)
	for _, id := range m.Next {
		if !slices.Contains(m.Members, id) {
			size++
		}
	}
	return size
}

// membership is what a line of membership_adopted says.
func (e *Event) membership() *Membership {
	n := e.Listing
	m := &Membership{Version: n.Version, First: e, cluster: n.Cluster, addresses: make([]string, n.IDs)}
	for i, id := range n.MemberIDs {
		m.Members = append(m.Members, int(id))
		m.addresses[id] = e.Members[i]
	}
	for i, id := range n.NextIDs {
		m.Next = append(m.Next, int(id))
		m.addresses[id] = n.Next[i]
	}
	return m
}

// same reports whether two memberships have the same lists, of the same members. Their floors
// may differ: two members may end the same change.
func (m *Membership) same(other *Membership) bool {
	return slices.Equal(m.Members, other.Members) && slices.Equal(m.Next, other.Next) &&
		slices.Equal(m.addresses, other.addresses) && m.cluster == other.cluster
}

// idOf is the ID of the member with an address; of two lists, the second goes first if later.
// It is -1 if there is none.
func (m *Membership) idOf(address string, later bool) int {
	lists := [][]int{m.Members, m.Next}
	if later {
		slices.Reverse(lists)
	}
	for _, list := range lists {
		for _, id := range list {
			if m.addresses[id] == address {
				return id
			}
		}
	}
	return -1
}

// adoption is a process's going over to a membership, or its start with one.
type adoption struct {
	seq        int
	membership *Membership
}

// Membership is the one by which the process of a line went then; nil if no line tells.
func (e *Event) Membership() *Membership {
	adopted := e.Life.adopted
	next, _ := slices.BinarySearchFunc(adopted, e.Seq+1, func(a adoption, seq int) int { return cmp.Compare(a.seq, seq) })
	if next == 0 {
		return nil
	}
	return adopted[next-1].membership
}

// Changes reports whether the members changed.
func (r *Run) Changes() bool {
	return len(r.Memberships) > 0 && r.Memberships[len(r.Memberships)-1].Version > 0
}

// findMemberships takes the memberships from the lines, and says if they are not of one
// cluster.
func (r *Run) findMemberships() {
	known := make(map[uint64]*Membership)
	var of *Event // the first line that tells the cluster
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if e.Listing == nil {
				continue
			}
			switch cluster := e.Listing.Cluster; {
			case cluster == "":
			case of == nil:
				of = e
			case cluster != of.Listing.Cluster:
				r.Findings = append(r.Findings, found(Foreign, e, "%s is in cluster %s here, but by %s the cluster is %s: these are logs of different clusters; give those of one",
					life.Node, cluster, of.Position(), of.Listing.Cluster))
				return
			}
			if e.Kind != MembershipAdopted {
				continue
			}
			m := e.membership()
			switch first := known[m.Version]; {
			case first == nil:
				known[m.Version] = m
			case first.same(m):
				m = first
				if earlier(e, first.First) {
					first.First = e
				}
			}
			life.adopted = append(life.adopted, adoption{e.Seq, m})
		}
	}
	for _, m := range known {
		r.Memberships = append(r.Memberships, m)
	}
	slices.SortFunc(r.Memberships, func(a, b *Membership) int { return cmp.Compare(a.Version, b.Version) })
	for _, life := range r.Lives {
		if e := life.Started; e != nil && e.Has("membership") {
			if m := known[e.Listing.Version]; m != nil {
				life.adopted = slices.Insert(life.adopted, 0, adoption{e.Seq, m})
			}
		}
	}
}

// takeMembers finds the members of a cluster whose list may change, by ID, and which of them
// each process was.
func (r *Run) takeMembers() {
	r.ordered = true
	r.addresses = r.findAddresses()
	r.Members = namesOf(r.addresses)
	r.identify()
	if !slices.Equal(r.Members, r.addresses) {
		for _, life := range r.Lives {
			r.rename(life)
		}
		sortLives(r.Lives)
	}
	lists := r.Memberships[0].First.Position()
	for _, life := range r.Lives {
		switch id := life.ID; {
		case life.Started == nil || len(life.adopted) > 0:
		case id >= 0 && r.startedWith(life):
		case life.Started.Has("disk") && !life.hadSession():
			r.Findings = append(r.Findings, found(Note, life.Started, "%s was started with another list of members than %s has, and was no member to the end of its log", life.Node, lists))
		default:
			r.Findings = append(r.Findings, found(Foreign, life.Started, "%s lists the members %s, which are not those of %s: these are logs of different clusters; give those of one",
				life.Node, strings.Join(life.Members, " "), lists))
		}
	}
	for id, name := range r.Members {
		if r.Listed(id) && !slices.ContainsFunc(r.Lives, func(l *Life) bool { return l.Node == name }) {
			r.Findings = append(r.Findings, Finding{Kind: Gap, Problem: fmt.Sprintf("no line of member %s, which %s lists: give its log file too", name, r.firstListing(id).Position())})
		}
	}
}

// findAddresses returns the address of each ID.
func (r *Run) findAddresses() []string {
	var addresses []string
	fill := func(known []string) {
		for id, address := range known {
			if id == len(addresses) {
				addresses = append(addresses, "")
			}
			if addresses[id] == "" {
				addresses[id] = address
			}
		}
	}
	for _, m := range r.Memberships {
		fill(m.addresses)
	}
	for _, life := range r.Lives {
		for _, a := range life.adopted {
			fill(a.membership.addresses) // of another with the same number, if they differ
		}
		if e := life.Started; e != nil && e.Has("membership") {
			fill(e.Members)
		}
	}
	for id, address := range addresses {
		if address == "" {
			addresses[id] = fmt.Sprintf("removed-%d", id)
		}
	}
	return addresses
}

// namesOf gives each member a name of its own: its address, with a number where an earlier
// member, of another disk, had the same.
func namesOf(addresses []string) []string {
	names := slices.Clone(addresses)
	for id, address := range addresses {
		nth := 1
		for _, other := range addresses[:id] {
			if other == address {
				nth++
			}
		}
		if nth > 1 {
			names[id] = fmt.Sprintf("%s#%d", address, nth)
		}
	}
	return names
}

// identify finds which member each process was. A process that started with a membership was
// the latest member with its address; one that took up its first later, was the new one.
func (r *Run) identify() {
	byDisk := make(map[string]int)
	for _, life := range r.Lives {
		life.ID = -1
		switch e := life.Started; {
		case e != nil && e.Has("membership"):
			life.ID = lastIndex(life.Members, life.Node)
		case len(life.adopted) > 0:
			life.ID = life.adopted[0].membership.idOf(life.Node, e != nil)
		}
		if e := life.Started; life.ID >= 0 && e != nil && e.Has("disk") {
			byDisk[e.Listing.Disk] = life.ID
		}
	}
	for _, life := range r.Lives {
		if life.ID >= 0 {
			continue
		}
		if e := life.Started; e != nil && e.Has("disk") {
			if id, known := byDisk[e.Listing.Disk]; known {
				life.ID = id
				continue
			}
		}
		life.ID = slices.Index(r.addresses, life.Node)
	}
}

func lastIndex(texts []string, text string) int {
	for i, t := range slices.Backward(texts) {
		if t == text {
			return i
		}
	}
	return -1
}

// rename puts members' names in place of addresses that several members had, one after the
// other.
func (r *Run) rename(life *Life) {
	if life.ID >= 0 {
		life.Node = r.Members[life.ID]
	}
	for _, e := range life.Events {
		e.Node = life.Node
		r.renameOne(e, &e.Peer, e.Kind == Burial)
		r.renameOne(e, &e.Helper, false)
		if s := e.Shared; s != nil {
			r.renameOne(e, &s.LimitBy, false)
			r.renameOne(e, &s.Recaller, false)
		}
		r.renameList(e, e.Queue, false)
		for _, list := range [][]string{e.Distant, e.Buried, e.Buriable} {
			r.renameList(e, list, true)
		}
		if e.Listing != nil {
			r.renameList(e, e.Listing.Awaited, true)
		}
	}
}

// renameOne names the member with an address, for the writer of a line. A joint membership may
// list two: then it is the new one, or if nobody hears it, the old one.
func (r *Run) renameOne(e *Event, address *string, silent bool) {
	ids := r.membersAt(e, *address)
	switch {
	case len(ids) == 0:
	case silent:
		*address = r.Members[ids[0]]
	default:
		*address = r.Members[ids[len(ids)-1]]
	}
}

// renameList names those of a list, which are in member order where it has both.
func (r *Run) renameList(e *Event, list []string, silent bool) {
	times := make(map[string]int)
	for i, address := range list {
		if ids := r.membersAt(e, address); len(ids) > 1 && times[address] > 0 {
			list[i] = r.Members[ids[len(ids)-1]]
		} else {
			r.renameOne(e, &list[i], silent || slices.Contains(list[i+1:], address))
		}
		times[address]++
	}
}

// membersAt are the IDs with an address in the lists of a line's writer; if its membership is not
// known or does not list it, the latest ID with the address that the writer knows.
func (r *Run) membersAt(e *Event, address string) (ids []int) {
	if address == "" {
		return nil
	}
	if m := e.Membership(); m != nil {
		for id, listed := range m.addresses {
			if listed == address {
				ids = append(ids, id)
			}
		}
	}
	for id := min(r.knownAt(e), len(r.addresses)) - 1; len(ids) == 0 && id >= 0; id-- {
		if r.addresses[id] == address {
			ids = append(ids, id)
		}
	}
	return ids
}

// knownAt is how many IDs had been given, as far as the writer of a line knew.
func (r *Run) knownAt(e *Event) int {
	if m := e.Membership(); m != nil {
		return len(m.addresses)
	}
	return len(e.Life.Members)
}

// startedWith reports whether a process that adopted no membership was started with the
// cluster's first list.
func (r *Run) startedWith(life *Life) bool {
	return len(life.Members) <= len(r.addresses) && slices.Equal(life.Members, r.addresses[:len(life.Members)])
}

func (l *Life) hadSession() bool {
	return slices.ContainsFunc(l.Events, func(e *Event) bool { return e.Kind == SessionStarted })
}

// Listed reports whether a member was in a list, as far as the lines tell.
func (r *Run) Listed(id int) bool { return len(r.Memberships) == 0 || r.firstListing(id) != nil }

// firstListing is the line of the first membership that lists a member.
func (r *Run) firstListing(id int) *Event {
	for _, m := range r.Memberships {
		if m.Lists(id) {
			return m.First
		}
	}
	return nil
}

// everListed is how many members were in a list over time.
func (r *Run) everListed() int {
	count := 0
	for id := range r.Members {
		if r.Listed(id) {
			count++
		}
	}
	return count
}

// sizeAt is how many members there were for the writer of a line; 0 where no line tells.
func (r *Run) sizeAt(e *Event) int {
	if m := e.Membership(); m != nil {
		return m.Size()
	}
	switch {
	case !r.ordered:
		return 0
	case len(r.Memberships) > 0:
		return len(e.Life.Members)
	}
	return len(r.Members)
}

// MostMembers is how many members there were at most at one time.
func (r *Run) MostMembers() int {
	if len(r.Memberships) == 0 {
		return len(r.Members)
	}
	most := 0
	for _, m := range r.Memberships {
		most = max(most, m.Size())
	}
	return most
}

// Sizes writes how many members there were: N, or the least and the most over time.
func (r *Run) Sizes() string {
	if len(r.Memberships) == 0 {
		return fmt.Sprint(len(r.Members))
	}
	least, most := r.MostMembers(), r.MostMembers()
	for _, m := range r.Memberships {
		least = min(least, m.Size())
	}
	if least == most {
		return fmt.Sprint(most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
