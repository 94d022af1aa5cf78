package attachment

import (
	"cmp"
	"slices"
)

// table finds claims by a number. Numbers only rise, so the entries are in their order,
// which is that of asking. An entry whose claim is gone stays until the table is tidied.
type table struct {
	entries []entry
	gone    int
}

type entry struct {
	number uint64
	claim  *claim // nil: gone
}

// add appends a claim under a number above all others.
func (t *table) add(number uint64, c *claim) {
	t.entries = append(t.entries, entry{number, c})
}

func (t *table) index(number uint64) (int, bool) {
	return slices.BinarySearchFunc(t.entries, number, func(e entry, n uint64) int { return cmp.Compare(e.number, n) })
}

// find returns the claim under a number; nil if there is none.
func (t *table) find(number uint64) *claim {
	i, ok := t.index(number)
	if !ok {
		return nil
	}
	return t.entries[i].claim
}

// set puts a claim in the place of a number that was used, or nil.
func (t *table) set(number uint64, c *claim) {
	i, ok := t.index(number)
	if !ok {
		panic("attachment: a number that was tidied away is used again")
	}
	switch had := t.entries[i].claim != nil; {
	case had && c == nil:
		t.gone++
	case !had && c != nil:
		t.gone--
	}
	t.entries[i].claim = c
}

// restore puts a claim under a number that may have been tidied away.
func (t *table) restore(number uint64, c *claim) {
	if i, ok := t.index(number); !ok {
		t.entries = slices.Insert(t.entries, i, entry{number, nil})
		t.gone++
	}
	t.set(number, c)
}

// tidy drops entries that are gone, if they are most. It must not be called while the
// entries are walked through.
func (t *table) tidy() {
	if 2*t.gone < len(t.entries) {
		return
	}
	t.entries = slices.DeleteFunc(t.entries, func(e entry) bool { return e.claim == nil })
	t.gone = 0
}
