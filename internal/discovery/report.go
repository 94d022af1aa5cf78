package discovery

import (
	"fmt"
	"slices"
	"strings"
)

// Report tells an operator how far a search is.
type Report struct {
	// Found are the members that are known, sorted, the node's own address included.
	Found []string
	// Text says whom it has found, and whom or how many it still expects.
	Text string
}

// Report tells how far the search is.
func (s *Search) Report() Report {
	found := s.list
	if found == nil {
		found = s.known()
	}
	r := Report{Found: slices.Clone(found)}
	parts := []string{fmt.Sprintf("found %d of %d members: %s", len(found), s.expect, strings.Join(s.marked(found), ", "))}
	switch missing := s.expect - len(found); {
	case missing > 0:
		parts = append(parts, fmt.Sprintf("%d more expected", missing))
	case missing < 0:
		parts = append(parts, "answers of the last 30 s differ, and together have too many")
	default:
		if waits := s.waits(); len(waits) > 0 {
			parts = append(parts, "still expected to show the same list: "+strings.Join(waits, ", "))
		}
	}
	if s.stage == Looking && !s.inAnswers {
		parts = append(parts, s.self+", which is this node, is not among the answers: is it the name by which the others find it (--advertise)?")
	}
	if s.failure != "" {
		parts = append(parts, s.failure)
	}
	if s.stage == Settled {
		parts = append(parts, "this node's list is settled")
	}
	r.Text = strings.Join(parts, "; ")
	return r
}

// marked marks the node's own address.
func (s *Search) marked(list []string) []string {
	marked := slices.Clone(list)
	if i := slices.Index(marked, s.self); i >= 0 {
		marked[i] += " (this node)"
	}
	return marked
}

// waits says of each member that has not shown what is waited for, why.
func (s *Search) waits() []string {
	var waits []string
	for _, m := range s.Others() {
		shown, ok := s.shown[m]
		switch {
		case slices.Equal(shown.List, s.list) && shown.Stage >= s.stage:
		case s.trouble[m] != "":
			waits = append(waits, m+" ("+s.trouble[m]+")")
		case !ok:
			waits = append(waits, m)
		case shown.List == nil:
			waits = append(waits, m+" (it has not found all yet)")
		case !slices.Equal(shown.List, s.list):
			waits = append(waits, m+" (its list differs: "+strings.Join(shown.List, ", ")+")")
		default:
			waits = append(waits, m+" (it has not settled yet)")
		}
	}
	return waits
}
