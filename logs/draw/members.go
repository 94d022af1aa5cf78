package draw

import (
	"fmt"
	"strings"

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
		var names []string
		for _, id := range m.Members {
			names = append(names, s.shortName(s.run.Members[id]))
		}
		text := fmt.Sprintf("membership %d: %s", m.Version, strings.Join(names, " "))
		if m.Joint() {
			names = names[:0]
			for _, id := range m.Next {
				names = append(names, s.shortName(s.run.Members[id]))
			}
			text += " → " + strings.Join(names, " ")
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
