package broadcast

import (
	"fmt"
	"slices"
	"testing"
)

// A subscriber that takes nothing costs a bounded number of names, and learns that there
// were more.
func TestSubscriptionKeepsSoManyNames(t *testing.T) {
	s := &Subscription{wake: make(chan struct{}, 1), changes: changes{locks: make(map[string]struct{})}}
	s.note("b")
	s.note("a")
	s.note("")
	if c := s.Take(); !slices.Equal(c.Locks, []string{"a", "b"}) || c.Many || !c.Cluster {
		t.Errorf("took %+v; want a, b, and the cluster", c)
	}
	for i := range 3 * maxChanged {
		s.note(fmt.Sprint(i))
		if len(s.changes.locks) > maxChanged {
			t.Fatalf("%d names are kept; want %d at most", len(s.changes.locks), maxChanged)
		}
	}
	if c := s.Take(); len(c.Locks) != 0 || !c.Many || c.Cluster {
		t.Errorf("took %d names, many %t; want none, and that there were many", len(c.Locks), c.Many)
	}
	s.note("a")
	if c := s.Take(); !slices.Equal(c.Locks, []string{"a"}) || c.Many {
		t.Errorf("took %+v; want a", c)
	}
}
