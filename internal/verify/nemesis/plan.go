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
	kinds                 // how many
)

// String returns the kind's name.
func (k kind) String() string {
	return [...]string{"kill and restart", "kill", "freeze", "stop", "cut off", "stall", "cut in", "cut out", "cut pair", "slow"}[k]
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

// step is some troubles at the same time, after which the nodes recover.
type step struct {
	troubles []trouble
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
	text := strings.Join(texts, ", ")
	if s.atHolder {
		text += "; the first one at the holder"
	}
	if s.calm {
		text += "; then calm"
	}
	return text
}

// drawPlan draws steps in which a minority of the nodes is in trouble. No kind comes again
// before all others have come.
func drawPlan(random *rand.Rand, nodes, steps int, ttl time.Duration) []step {
	var deck []int
	var plan []step
	for range steps {
		order := random.Perm(nodes)
		s := step{atHolder: random.IntN(2) == 0, calm: random.IntN(2) == 0}
		for _, node := range order[:1+random.IntN((nodes-1)/2)] {
			if len(deck) == 0 {
				deck = random.Perm(int(kinds))
			}
			s.troubles = append(s.troubles, trouble{
				kind: kind(deck[0]), node: node, other: order[nodes-1],
				last: time.Duration(random.Int64N(int64(2*ttl)) + int64(ttl)/8),
			})
			deck = deck[1:]
		}
		// A stopping node says BYE to all others, so none may be out of reach yet.
		slices.SortStableFunc(s.troubles, func(a, b trouble) int { return rank(a) - rank(b) })
		plan = append(plan, s)
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

// aim moves a step to the node that is inside.
func (s step) aim(holder int) step {
	from := s.troubles[0].node
	swap := func(node int) int {
		switch node {
		case from:
			return holder
		case holder:
			return from
		}
		return node
	}
	aimed := s
	aimed.troubles = nil
	for _, t := range s.troubles {
		t.node, t.other = swap(t.node), swap(t.other)
		aimed.troubles = append(aimed.troubles, t)
	}
	return aimed
}
