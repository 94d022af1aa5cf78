package nemesis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// kind is a kind of trouble for a node.
type kind int

const (
	killQuick kind = iota // SIGKILL, and started again at once
	killLate              // SIGKILL, and started again after a while
	freeze                // SIGSTOP, and SIGCONT after a while
	stop                  // SIGTERM, and started again after a while
	cutOff                // cut from all others, both ways
	stallOff              // stalled both ways, so that all arrives late
	cutIn                 // nothing from the others arrives
	cutOut                // nothing arrives at the others
	cutPair               // cut from one other, both ways
	slowDown              // slow both ways
	kinds                 // how many are drawn

	killForGood // SIGKILL: the node is replaced
)

// String returns the kind's name.
func (k kind) String() string {
	return [...]string{"kill and restart", "kill", "freeze", "stop", "cut off", "stall", "cut in", "cut out", "cut pair", "slow", "", "kill for good"}[k]
}

// trouble is what happens to one node during a step.
type trouble struct {
	kind  kind
	node  int
	other int           // of cutPair
	last  time.Duration // how long, at least
}

// String describes the trouble, for the test's log.
func (t trouble) String() string {
	text := fmt.Sprintf("%v node %d", t.kind, t.node+1)
	if t.kind == cutPair {
		text += fmt.Sprintf(" from node %d", t.other+1)
	}
	return fmt.Sprintf("%s for %v", text, t.last.Round(time.Millisecond))
}

// step is some troubles at the same time, after which the nodes recover, and perhaps a change
// of the members meanwhile.
type step struct {
	troubles []trouble
	change   change
	// atHolder: the first trouble befalls the node that is then inside; the two nodes swap
	// roles.
	atHolder bool
	// calm: the next step waits until each node has entered again.
	calm bool
}

// String describes the step, for the test's log.
func (s step) String() string {
	var texts []string
	for _, t := range s.troubles {
		texts = append(texts, t.String())
	}
	if s.change.kind != noChange {
		texts = append(texts, s.change.String())
	}
	text := strings.Join(texts, ", ")
	if s.atHolder {
		text += "; the first one at the holder"
	}
	if s.calm {
		text += "; then calm"
	}
	return text
}

// drawPlan draws steps in which a minority of the members is in trouble. No kind comes again
// before all others have come. In every other step, the members change. The nodes of a step
// are positions among the members at its begin.
func drawPlan(random *rand.Rand, nodes, steps int, ttl time.Duration) []step {
	var deck []int
	var plan []step
	changes, members := drawChanges(random, nodes, steps), nodes
	for i := range steps {
		order := random.Perm(members)
		s := step{atHolder: random.IntN(2) == 0, calm: random.IntN(2) == 0, change: change{leaves: nobody}}
		if i%2 == 0 {
			s.change = drawChange(random, changes[i/2], order)
		}
		// Others go on under the old members and the new ones.
		after := s.change.size(members)
		for _, node := range order[:1+random.IntN((min(members, after)-1)/2)] {
			t := trouble{kind: killForGood, node: node, other: order[members-1], last: time.Duration(random.Int64N(int64(2*ttl)) + int64(ttl)/8)}
			if s.change.kind != replaceDead || node != s.change.leaves {
				if len(deck) == 0 {
					deck = random.Perm(int(kinds))
				}
				t.kind, deck = kind(deck[0]), deck[1:]
			}
			s.troubles = append(s.troubles, t)
		}
		// A stopping node says BYE to all others, so none may be out of reach yet.
		slices.SortStableFunc(s.troubles, func(a, b trouble) int { return rank(a) - rank(b) })
		plan, members = append(plan, s), after
	}
	return plan
}

// rank puts stops first.
func rank(t trouble) int {
	if t.kind == stop {
		return 0
	}
	return 1
}

// on is the step with nodes instead of positions among the members.
func (s step) on(members []int) step {
	return s.rename(func(position int) int { return members[position] })
}

// aim moves a step to the node that is inside.
func (s step) aim(holder int) step {
	from := s.troubles[0].node
	return s.rename(func(node int) int {
		switch node {
		case from:
			return holder
		case holder:
			return from
		}
		return node
	})
}

// rename puts other nodes in place of those of a step.
func (s step) rename(to func(node int) int) step {
	renamed := s
	renamed.troubles = nil
	for _, t := range s.troubles {
		t.node, t.other = to(t.node), to(t.other)
		renamed.troubles = append(renamed.troubles, t)
	}
	if s.change.leaves != nobody {
		renamed.change.leaves = to(s.change.leaves)
	}
	return renamed
}
