package logs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// findMembers takes the member list from the first node_started and holds the
// others against it. Where lines tell memberships, these have the members.
func (r *Run) findMembers() {
	r.findMemberships()
	var listed *Event
	for _, life := range r.Lives {
		switch {
		case life.awaits():
			r.Findings = append(r.Findings, found(Note, life.last(), "%s looked for its members to the end of its log, and did not run", life.Node))
		case life.Started == nil:
			r.Findings = append(r.Findings, found(Gap, life.first(),
				"the first line of %s here is %s, want node_started: the beginning is missing; give the file from its first line on, and put the parts of a rotated log together in order, as in: zcat -f node.log.2.gz node.log.1 node.log > whole.log", life.Node, life.first().Kind))
		case len(r.Memberships) > 0: // see takeMembers
		case listed == nil:
			listed, r.Members = life.Started, life.Members
		case !slices.Equal(life.Members, r.Members):
			r.Findings = append(r.Findings, found(Foreign, life.Started,
				"%s lists the members %s, but %s lists %s: these are logs of different clusters; give those of one", life.Node,
				strings.Join(life.Members, " "), listed.Position(), strings.Join(r.Members, " ")))
		}
	}
	if len(r.Memberships) > 0 {
		r.takeMembers()
		return
	}
	if listed == nil {
		r.Members, r.ordered = r.membersSeen()
		return
	}
	r.ordered = true
	for _, member := range r.Members {
		if !slices.ContainsFunc(r.Lives, func(l *Life) bool { return l.Node == member }) {
			r.Findings = append(r.Findings, Finding{Kind: Gap, Problem: fmt.Sprintf(
				"no line of member %s, which %s lists: give its log file too", member, listed.Position())})
		}
	}
	for _, life := range r.Lives {
		if !slices.Contains(r.Members, life.Node) {
			r.Findings = append(r.Findings, found(Foreign, life.first(),
				"%s is not among the members that %s lists: give the logs of one cluster", life.Node, listed.Position()))
		}
	}
}

// member returns a node's position in member order; -1 where it is not known.
func (r *Run) member(node string) int {
	if !r.ordered {
		return -1
	}
	return slices.Index(r.Members, node)
}

// membersSeen returns the members that the lines name, where no node_started lists them:
// sorted, as conch orders its members. The order counts as known if RN has an entry for
// each and agrees with what the lines say of requests.
func (r *Run) membersSeen() (members []string, ordered bool) {
	names := make(map[string]bool)
	size := 0 // of RN
	ordered = true
	for _, life := range r.Lives {
		for _, e := range life.Events {
			names[e.Node] = true
			if e.Peer != "" {
				names[e.Peer] = true
			}
			for _, node := range e.Queue {
				names[node] = true
			}
			if e.RequestNumbers != nil {
				ordered = ordered && (size == 0 || size == len(e.RequestNumbers))
				size = len(e.RequestNumbers)
			}
		}
	}
	members = slices.Sorted(maps.Keys(names))
	return members, ordered && size == len(members) && r.agreeOnOrder(members)
}

// agreeOnOrder reports whether RN, read in this order, agrees with the numbers of the
// requests that the lines are about.
func (r *Run) agreeOnOrder(members []string) bool {
	index := make(map[string]int, len(members))
	for i, member := range members {
		index[member] = i
	}
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if e.RequestNumbers == nil {
				continue
			}
			switch e.Kind {
			case Request, RequestSent, Ride, Withdraw:
				if e.RequestNumbers[index[e.Node]] != e.Number {
					return false
				}
			case RequestReceived:
				if e.RequestNumbers[index[e.Peer]].Compare(e.Number) < 0 {
					return false
				}
			}
		}
	}
	return true
}

// entered says how many nodes entered, of all as far as the lines tell.
func (r *Run) entered(count int) string {
	if r.ordered {
		return fmt.Sprintf("%d of %s entered", count, counted(r.everListed(), "node", "nodes"))
	}
	return counted(count, "node", "nodes") + " entered, and no line says how many there are"
}

// howToEnter says how to come by logs in which several nodes enter.
func (r *Run) howToEnter() string {
	if slices.ContainsFunc(r.Lives, (*Life).quiet) {
		return "start the nodes with --evidence, which has them log each entry"
	}
	return "run the nodes with --auto-request, for longer"
}

// name is what the member at a position is called.
func (r *Run) name(member int) string {
	if r.ordered && member < len(r.Members) {
		return r.Members[member]
	}
	return fmt.Sprintf("member %d", member)
}
