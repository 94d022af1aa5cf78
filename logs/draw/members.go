package draw

import (
	"fmt"
	"slices"

	"conch/logs"
)

// marksMembers reports whether a kind of line is about members that change, and has a mark.
func marksMembers(kind string) bool {
	switch kind {
	case logs.MembershipAdopted, logs.ChangeProposed, logs.MembersJoining, logs.MemberDeparted, logs.NodeRemoved:
		return true
	}
	return false
}

// memberLabel says in a few words what a line says of members that change.
func (s *scope) memberLabel(e *logs.Event) string {
	switch e.Kind {
	case logs.MembershipAdopted:
		m := e.Membership()
		if e != m.First {
			return fmt.Sprintf("membership %d", m.Version)
		}
		if !m.Joint() {
			return fmt.Sprintf("membership %d: of %d", m.Version, len(m.Members))
		}
		text := fmt.Sprintf("membership %d:", m.Version)
		for _, id := range m.Members {
			if !slices.Contains(m.Next, id) {
				text += " −" + s.shortName(s.run.Members[id])
			}
		}
		for _, id := range m.Next {
			if !slices.Contains(m.Members, id) {
				text += " +" + s.shortName(s.run.Members[id])
			}
		}
		return text
	case logs.ChangeProposed:
		return "proposes members"
	case logs.MembersJoining:
		return "asks who has joined"
	case logs.MemberDeparted:
		return "departs"
	case logs.NodeRemoved:
		return "removed"
	}
	return ""
}
