package discovery

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// cluster is some nodes that look for each other, each with a disk. All that is by chance
// comes from draw.
type cluster struct {
	draw  func(n int) int // from 0 to n-1
	names []string
	nodes []looker
	now   Time
	// forgets: a node that starts again has lost its disk, which it may not.
	forgets bool
}

// looker is one node.
type looker struct {
	expect int
	search *Search  // nil: the node is down, or runs
	disk   []string // the list that it has settled on
	runs   bool
}

func newCluster(seed uint64, forgets bool) *cluster {
	random := rand.New(rand.NewPCG(seed, 0))
	c := &cluster{draw: random.IntN, forgets: forgets}
	n := 3 + c.draw(3)
	usual := MinExpect + c.draw(n-2)
	for i := range n {
		expect := usual
		if c.draw(10) == 0 {
			expect = MinExpect + c.draw(n-1)
		}
		c.names = append(c.names, fmt.Sprintf("n%d", i))
		c.nodes = append(c.nodes, looker{expect: expect})
	}
	return c
}

// shown is what a node shows, if it is up.
func (c *cluster) shown(i int) (Showing, bool) {
	switch n := &c.nodes[i]; {
	case n.runs:
		return Showing{Member: c.names[i], List: n.disk, Stage: Running}, true
	case n.search != nil:
		return n.search.Showing(), true
	}
	return Showing{}, false
}

// crash ends a node.
func (c *cluster) crash(n *looker) {
	n.search = nil
	if c.forgets {
		n.disk, n.runs = nil, false
	}
}

// step lets one node do one thing. It may crash at any time.
func (c *cluster) step() {
	i := c.draw(len(c.nodes))
	n := &c.nodes[i]
	switch what := c.draw(20); {
	case what == 0:
		c.crash(n)
	case n.runs:
	case n.search == nil && n.disk != nil:
		n.search = Resume(c.names[i], n.disk)
	case n.search == nil:
		n.search = New(c.names[i], n.expect)
	case what < 6:
		c.answer(n)
	case what < 14:
		c.ask(n)
	default:
		c.goOn(n)
	}
}

// answer gives a node an answer that has any of the nodes.
func (c *cluster) answer(n *looker) {
	c.now += Time(c.draw(int(KeepAnswer)))
	answer := slices.Clone(c.names)
	most := len(answer)
	if c.draw(3) > 0 {
		most = n.expect // more than are expected would end it
	}
	for size := 1 + c.draw(most); len(answer) > size; {
		at := c.draw(len(answer))
		answer = slices.Delete(answer, at, at+1)
	}
	if n.search.Answer(c.now, answer) != nil {
		c.crash(n) // it stops
	}
}

// ask lets a node ask a member of its list, and lets the answer be lost.
func (c *cluster) ask(n *looker) {
	others := n.search.Others()
	if len(others) == 0 {
		return
	}
	member := slices.Index(c.names, others[c.draw(len(others))])
	if shown, up := c.shown(member); up && c.draw(5) > 0 {
		n.search.Shown(c.names[member], shown)
		return
	}
	n.search.Silent(c.names[member], "no answer")
}

// goOn lets a node take the step that is due; it may crash once that is on disk.
func (c *cluster) goOn(n *looker) {
	switch n.search.Next() {
	case Settle:
		n.disk = n.search.Showing().List
		if c.draw(10) == 0 {
			c.crash(n)
			return
		}
		n.search.Settle()
	case Run:
		n.disk, n.runs = n.search.Showing().List, true
		n.search.Run()
		n.search = nil
	case Wait:
	}
}

// overlap finds two nodes that run with different lists that have a member in common.
func (c *cluster) overlap() string {
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			common := slices.ContainsFunc(a.disk, func(m string) bool { return slices.Contains(b.disk, m) })
			if a.runs && b.runs && common && !slices.Equal(a.disk, b.disk) {
				return fmt.Sprintf("nodes run with %v and with %v", a.disk, b.disk)
			}
		}
	}
	return ""
}

const (
	seeds = 1000
	steps = 1000
)

// run lets a cluster of a seed take its steps, and returns what it does wrong and how many
// of its nodes run.
func run(seed uint64, forgets bool) (wrong string, running int) {
	c := newCluster(seed, forgets)
	for range steps {
		c.step()
		if wrong := c.overlap(); wrong != "" {
			return wrong, 0
		}
	}
	for _, n := range c.nodes {
		if n.runs {
			running++
		}
	}
	return "", running
}

// TestListsThatOverlapNeverBothRun lets nodes look for each other with any answers, lost
// messages, crashes and numbers that they expect.
func TestListsThatOverlapNeverBothRun(t *testing.T) {
	ran := 0
	for seed := range uint64(seeds) {
		wrong, running := run(seed, false)
		if wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
		if running > 0 {
			ran++
		}
	}
	t.Logf("nodes run in %d of %d clusters", ran, seeds)
	if ran < seeds/10 {
		t.Errorf("nodes run in %d of %d clusters: the test sees too little", ran, seeds)
	}
}

// TestOverlapIsNoticed checks that the test above would see a node that settles on two
// lists, since it has lost its disk.
func TestOverlapIsNoticed(t *testing.T) {
	for seed := range uint64(seeds) {
		if wrong, _ := run(seed, true); wrong != "" {
			t.Logf("seed %d: %s", seed, wrong)
			return
		}
	}
	t.Errorf("none of %d seeds shows two lists", seeds)
}
