package nemesis

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPlansLeaveAQuorum: in each step of a plan, those in no trouble are a quorum of the members
// before its change and of those after it, and only who is replaced is killed for good.
func TestPlansLeaveAQuorum(t *testing.T) {
	drawn := make(map[changeKind]int)
	for seed := range uint64(500) {
		first := 3 + 2*int(seed%2)
		members, started := []int{}, first
		for i := range first {
			members = append(members, i)
		}
		for number, s := range drawPlan(rand.New(rand.NewPCG(seed, 1)), first, 20, ttl) {
			s = s.on(members).aim(members[0])
			after := slices.DeleteFunc(slices.Clone(members), func(node int) bool { return node == s.change.leaves })
			if s.change.adds() {
				after = append(after, started)
				started++
			}
			up := func(list []int) bool {
				well := slices.DeleteFunc(slices.Clone(list), func(node int) bool {
					return slices.ContainsFunc(s.troubles, func(t trouble) bool { return t.node == node })
				})
				return len(well) > len(list)/2
			}
			if !up(members) || !up(after) || len(after) < 3 || len(after) != s.change.size(len(members)) {
				t.Fatalf("seed %d, step %d, %v: from %v to %v", seed, number+1, s, members, after)
			}
			for _, trouble := range s.troubles {
				if !slices.Contains(members, trouble.node) || trouble.other == trouble.node || !slices.Contains(members, trouble.other) ||
					(trouble.kind == killForGood) != (s.change.kind == replaceDead && trouble.node == s.change.leaves) {
					t.Fatalf("seed %d, step %d, %v: members %v", seed, number+1, s, members)
				}
			}
			drawn[s.change.kind]++
			members = after
		}
	}
	if len(drawn) != 1+changeKinds {
		t.Errorf("changes %v, want all kinds", drawn)
	}
}
