package logs

import (
	"fmt"
	"slices"
)

// What Check judges of members that change.

// checkChanges judges the memberships by themselves and along each process, and requires that
// only who is listed enters.
func (c *checker) checkChanges() {
	if len(c.run.Memberships) == 0 {
		return
	}
	c.checkContents()
	c.checkSteps()
	latest := make(map[string]*Event) // the adoption of the highest version so far, by node
	for _, life := range c.run.Lives {
		c.checkAdoptions(life, latest)
		c.checkEntrants(life)
	}
	c.checkLeft()
}

// changed reports a violation: one that no line that is missing could mend.
func (c *checker) changed(lines []*Event, format string, args ...any) {
	c.report(oneList, Violated, lines, format, args...)
}

// entrant reports an entry of one who may not enter. That is not certain where the line of a
// process's start may be missing, by which the entry is that of another member, who came later
// to the same address.
func (c *checker) entrant(before, enter *Event, format string, args ...any) {
	verdict, life := Violated, enter.Life
	if life.Started == nil || life.Stopped != nil && life.Stopped.Seq < enter.Seq {
		verdict = Insufficient
	}
	if m := enter.Membership(); m != nil {
		if id := m.idOf(life.address, true); id >= 0 && id != life.ID {
			verdict = Insufficient
		}
	}
	c.report(oneList, verdict, []*Event{before, enter}, format, args...)
}

// checkContents requires that a membership has the same lists wherever it is adopted.
func (c *checker) checkContents() {
	for _, m := range c.run.Memberships {
		for _, life := range c.run.Lives {
			for _, a := range life.adopted {
				if other := a.membership; other.Version == m.Version && !other.same(m) {
					c.changed([]*Event{m.First, other.First}, "%s and %s adopted different lists as membership %d", m.First.Node, other.First.Node, m.Version)
				}
			}
		}
	}
}

// checkSteps requires that each membership follows from the one before it: a joint one leaves
// the list of the one below, and leads to that of the one above; IDs are given once.
func (c *checker) checkSteps() {
	for i, m := range c.run.Memberships {
		if i == 0 {
			continue
		}
		before := c.run.Memberships[i-1]
		lines := []*Event{before.First, m.First}
		switch next := m.Version == before.Version+1; {
		case next && m.Joint() && !slices.Equal(m.Members, before.Members):
			c.changed(lines, "membership %d leaves the list %v, but membership %d had %v", m.Version, m.Members, before.Version, before.Members)
		case next && !m.Joint() && !slices.Equal(m.Members, before.Next):
			c.changed(lines, "membership %d has the list %v, but membership %d led to %v", m.Version, m.Members, before.Version, before.Next)
		case len(m.addresses) < len(before.addresses):
			c.changed(lines, "membership %d has given %d IDs, fewer than membership %d with %d", m.Version, len(m.addresses), before.Version, len(before.addresses))
		}
		for id, address := range m.addresses {
			if address == "" || id >= len(before.addresses) {
				continue
			}
			if !before.Lists(id) {
				c.changed(lines, "membership %d lists %s by the ID %d, which membership %d had given before and did not list", m.Version, address, id, before.Version)
			} else if before.addresses[id] != address {
				c.changed(lines, "the ID %d is that of %s in membership %d, and that of %s in membership %d", id, before.addresses[id], before.Version, address, m.Version)
			}
		}
	}
}

// checkAdoptions requires that a member's memberships rise, from process to process too. One
// that passes over a membership is in no session then: the one it had rested on the old lists.
func (c *checker) checkAdoptions(life *Life, latest map[string]*Event) {
	inSession := false
	var skipped *Event
	for _, e := range life.Events {
		switch e.Kind {
		case SessionStarted:
			inSession, skipped = true, nil
		case SessionLapsed, SessionEnded, MemberDeparted:
			inSession, skipped = false, nil
		case Enter, ShareEnter:
			if skipped != nil && !life.holeBetween(skipped.Seq, e.Seq) {
				// It may be that line, or that of a session's end, that is missing.
				c.report(oneList, Insufficient, []*Event{skipped, e}, "%s entered with fence %d in the session in which it had passed over a membership", e.Node, e.Fence)
			}
		}
		if e.Kind != MembershipAdopted && (e.Kind != NodeStarted || !e.Has("membership")) {
			continue
		}
		before, version := latest[life.Node], e.Listing.Version
		switch {
		case before == nil:
		case version < before.Listing.Version:
			c.changed([]*Event{before, e}, "%s went from membership %d to membership %d", life.Node, before.Listing.Version, version)
		case version > before.Listing.Version+1 && inSession && before.Life == life:
			skipped = e
		}
		if before == nil || version >= before.Listing.Version {
			latest[life.Node] = e
		}
	}
}

// checkEntrants requires that a process enters while its own membership lists it, and not
// after its departure.
func (c *checker) checkEntrants(life *Life) {
	var departed *Event
	for _, e := range life.Events {
		switch e.Kind {
		case MemberDeparted, NodeRemoved:
			if departed == nil {
				departed = e
			}
		case Enter, ShareEnter:
			m := e.Membership()
			switch {
			case departed != nil:
				c.entrant(departed, e, "%s entered with fence %d after it had departed", e.Node, e.Fence)
			case m != nil && !m.Lists(life.ID):
				c.entrant(m.First, e, "%s entered with fence %d, and is not in membership %d", e.Node, e.Fence, m.Version)
			}
		}
	}
}

// checkLeft requires that nobody enters after some node has gone over to a list without it.
func (c *checker) checkLeft() {
	if !c.run.Changes() {
		return
	}
	var over []*Event // the first adoptions, by any process, of each stable membership
	c.run.WalkClocks(func(e *Event, clock Clock) {
		switch {
		case e.Kind == MembershipAdopted && e.Listing.Version%2 == 0:
			over = append(over, e)
		case (e.Kind == Enter || e.Kind == ShareEnter) && e.Life.ID >= 0:
			for _, adopted := range over {
				m := adopted.Membership()
				if m.Lists(e.Life.ID) || e.Life.ID >= len(m.addresses) || !clock.Includes(adopted) {
					continue
				}
				if own := e.Membership(); own != nil && !own.Lists(e.Life.ID) {
					continue // reported by its own lines
				}
				c.entrant(adopted, e, "%s entered with fence %d after %s had gone over to membership %d, which does not list it", e.Node, e.Fence, adopted.Node, m.Version)
				return
			}
		}
	})
}

// leftFor reports whether a member is in no list any more for the writer of a line: then its
// sessions are over.
func leftFor(e *Event, id int) bool {
	m := e.Membership()
	return m != nil && id >= 0 && id < len(m.addresses) && !m.Lists(id)
}

// changesProof says by what the memberships were seen to be in order.
func (c *checker) changesProof() string {
	ms := c.run.Memberships
	changes := 0
	for _, m := range ms {
		if m.Joint() {
			changes++
		}
	}
	return fmt.Sprintf("%s, from membership %d to %d: each the same at all nodes and adopted in order, and only who was listed entered",
		counted(changes, "change", "changes"), ms[0].Version, ms[len(ms)-1].Version)
}
