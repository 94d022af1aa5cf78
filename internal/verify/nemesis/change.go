package nemesis

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// changeKind is a kind of change of the members.
type changeKind int

const (
	noChange    changeKind = iota
	addNode                // one more
	removeNode             // one fewer
	replaceLive            // a member that runs, by a new one
	replaceDead            // a member that was killed, by a new one
	changeKinds = iota - 1 // how many
)

// String returns the kind's name.
func (k changeKind) String() string {
	return [...]string{"no change", "add one", "remove", "replace", "replace the dead"}[k]
}

// change is a change of the members, by one.
type change struct {
	kind changeKind
	// leaves is the node that leaves, or nobody.
	leaves int
	// early: the change is asked for before the troubles begin, and not after.
	early bool
}

// nobody is the node of a change that no node is.
const nobody = -1

// String describes the change, for the test's log.
func (c change) String() string {
	text := c.kind.String()
	if c.leaves != nobody {
		text += fmt.Sprintf(" node %d", c.leaves+1)
	}
	if c.early {
		text += " first"
	}
	return text
}

// adds reports whether a new node is added.
func (c change) adds() bool { return c.kind != noChange && c.kind != removeNode }

// size is how many members there are after the change, of so many.
func (c change) size(before int) int {
	switch c.kind {
	case addNode:
		return before + 1
	case removeNode:
		return before - 1
	default:
		return before
	}
}

// drawChanges draws the kinds of so many changes. No kind comes again before all others have
// come. A cluster of three does not shrink.
func drawChanges(random *rand.Rand, nodes, number int) []changeKind {
	var all []changeKind
	for len(all) < number {
		var deck []changeKind
		for _, k := range random.Perm(changeKinds) {
			deck = append(deck, addNode+changeKind(k))
		}
		if add, remove := slices.Index(deck, addNode), slices.Index(deck, removeNode); nodes == 3 && remove < add {
			deck[add], deck[remove] = removeNode, addNode
		}
		all = append(all, deck...)
	}
	return all[:number]
}

// drawChange draws who leaves, of the members in an order. The first one is the dead one.
func drawChange(random *rand.Rand, k changeKind, order []int) change {
	c := change{kind: k, leaves: nobody, early: random.IntN(2) == 0}
	switch k {
	case removeNode, replaceLive:
		c.leaves = order[random.IntN(len(order))]
	case replaceDead:
		c.leaves, c.early = order[0], false
	}
	return c
}
