package logs

import (
	"testing"

	"pgregory.net/rapid"
)

// grown is a run in which a cluster of one grows to three and to five, shrinks, has a machine
// replaced, and the disk of a member.
func grown(draw func(int) int, f faults) *cluster {
	c := newChanging(7, 1, draw)
	steps := func() {
		for range 40 {
			c.step(f)
			c.remake()
		}
	}
	steps()
	c.change(0, []int{0, 1, 2}, steps)
	c.change(1, []int{0, 1, 2, 3, 4}, steps)
	c.change(2, []int{0, 2, 4}, steps)
	c.change(4, []int{2, 4, 5}, steps)
	c.crash(c.nodes[4])
	c.nodes[6].name = c.nodes[4].name
	c.change(2, []int{2, 5, 6}, steps)
	c.settleDown()
	c.stopAll()
	return c
}

func TestChangingMembersHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := grown(seeded(rapid.Uint64().Draw(t, "seed")), faults{cuts: rapid.Bool().Draw(t, "cuts")})
		for _, m := range c.nodes {
			for _, line := range m.lines {
				if err := Validate([]byte(line)); err != nil {
					t.Fatal(err)
				}
			}
		}
		report := Check(readAll(t, c.files()...))
		if report.Verdict() != Holds {
			t.Fatalf("%s", reportText(report))
		}
	})
}
