package logs

import (
	"errors"
	"fmt"
	"slices"
)

// Listing is what a line says of members that change. Which fields are set depends on the
// event; Event.Has tells. The addresses of the list are in Event.Members.
type Listing struct {
	Version   uint64 // the key membership
	Cluster   string
	Disk      string
	MemberIDs []uint64 // of Event.Members
	Next      []string
	NextIDs   []uint64 // of Next
	IDs       uint64
	Floor     uint64
	Round     Epoch
	Awaited   []string
	Ask       uint64
}

// listingKeys are the keys whose values are in Event.Listing.
var listingKeys = setOf("membership", "cluster", "disk", "member_ids", "next", "next_ids", "ids", "floor", "round", "awaited", "ask")

// maxIDs is how many members a cluster may have had.
const maxIDs = 1000

// listing reads what a line says of members that change.
func (p *parser) listing(l *line) {
	n := &Listing{
		Version: p.decimal("membership", l.Membership), Cluster: p.hex("cluster", l.Cluster), Disk: p.hex("disk", l.Disk),
		MemberIDs: p.decimals("member_ids", l.MemberIDs), Next: p.texts("next", l.Next), NextIDs: p.decimals("next_ids", l.NextIDs),
		IDs: p.decimal("ids", l.IDs), Floor: p.decimal("floor", l.Floor), Round: p.epoch("round", l.Round),
		Awaited: p.texts("awaited", l.Awaited), Ask: p.decimal("ask", l.Ask),
	}
	if p.event.has&listingKeys == 0 {
		return
	}
	p.event.Listing = n
	if p.event.Kind == MembershipAdopted {
		if err := n.check(p.event.Members); err != nil {
			p.fail("members", err)
		}
	}
}

func (p *parser) decimals(name string, values []string) (numbers []uint64) {
	for i, value := range p.texts(name, values) {
		numbers = append(numbers, p.decimal(name, value))
		if p.err == nil && value == "" {
			p.fail(fmt.Sprintf("%s[%d]", name, i), errors.New("is empty"))
		}
	}
	return numbers
}

// check reports what is wrong with a membership by itself: with lists that do not fit their
// IDs, or their number.
func (n *Listing) check(members []string) error {
	if n.IDs > maxIDs {
		return fmt.Errorf("%d IDs, want at most %d", n.IDs, maxIDs)
	}
	for _, list := range []struct {
		addresses []string
		ids       []uint64
	}{{members, n.MemberIDs}, {n.Next, n.NextIDs}} {
		if len(list.addresses) != len(list.ids) {
			return fmt.Errorf("%d members with %d IDs", len(list.addresses), len(list.ids))
		}
		for i, id := range list.ids {
			if id >= n.IDs || i > 0 && id <= list.ids[i-1] {
				return fmt.Errorf("the IDs %v, want rising ones below %d", list.ids, n.IDs)
			}
			if slices.Contains(list.addresses[:i], list.addresses[i]) {
				return fmt.Errorf("%s twice", list.addresses[i])
			}
		}
	}
	switch {
	case len(members) == 0:
		return errors.New("got none")
	case (n.Version%2 == 1) != (len(n.Next) > 0):
		return fmt.Errorf("membership %d with %d members in its second list, want two lists in odd ones only", n.Version, len(n.Next))
	}
	return nil
}
