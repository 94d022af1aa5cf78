package modelcheck

import (
	"fmt"
	"slices"
	"testing"
)

// Equal encodings must mean equal behaviour: a state that the search takes for a known one
// must have the same successors. The states here are kept, to be compared.
func TestEqualHashesBehaveAlike(t *testing.T) {
	for _, c := range configs {
		t.Run(c.Name, func(t *testing.T) {
			again := compareTwins(t, &c, expansionsCompared)
			t.Logf("%d states were reached again", again)
			if again == 0 {
				t.Error("no state was reached again, so nothing was compared")
			}
		})
	}
}

// compareTwins goes through the first states of a search, and compares each with an earlier
// one of the same hash. It returns how many it compared.
func compareTwins(t *testing.T, c *Config, limit int) int {
	p := stepper{Config: c, hasher: newHasher()}
	root, _ := p.initial()
	first := map[[2]uint64]*state{p.hasher.state(c, root): root}
	queue := []*state{root}
	again := 0
	for ; len(queue) > 0 && limit > 0; limit-- {
		s := queue[0]
		queue = queue[1:]
		for _, x := range c.actions(s, nil) {
			next := new(state)
			p.apply(s, x, next)
			hash := p.hasher.state(c, next)
			twin, seen := first[hash]
			if !seen {
				first[hash] = next
				queue = append(queue, next)
				continue
			}
			again++
			if got, want := successors(&p, next), successors(&p, twin); !slices.Equal(got, want) {
				t.Errorf("a state that is taken for another goes on otherwise:\n%q\nwant\n%q", got, want)
				return again
			}
		}
	}
	return again
}

// successors describes the result of each action on a state.
func successors(p *stepper, s *state) []string {
	var list []string
	for _, x := range p.actions(s, nil) {
		next := new(state)
		broken := p.apply(s, x, next)
		list = append(list, fmt.Sprintf("%v: %x %s", x, p.hasher.state(p.Config, next), broken))
	}
	return list
}
