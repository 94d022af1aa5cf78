package growth

import (
	"strings"

	"conch/bench/internal/contest"
	"conch/bench/internal/theory"
)

// Kind is where the points of a series come from.
type Kind int

// The kinds.
const (
	Measured Kind = iota // processes
	InCore               // clusters in virtual time
	Theory
)

// Series is a line of points.
type Series struct {
	Label string
	Kind  Kind
	// Of tells which series are of one thing, which has one colour.
	Of     int
	Points []Point
}

// Point is one point; its spread is over the rounds, and of none in theory.
type Point struct {
	X float64
	Y contest.Spread
}

// Chart is a chart whose axes are logarithmic.
type Chart struct {
	// Name is that of its files, without an ending.
	Name string
	// X and Y are what the axes show, with units.
	X, Y   string
	Series []Series
}

// add adds a series, without the points that there are none of or that a logarithmic axis
// cannot show.
func (c *Chart) add(s Series, xs []int, at func(x int) contest.Spread) {
	for _, x := range xs {
		if y := at(x); y.Least > 0 {
			s.Points = append(s.Points, Point{float64(x), y})
		}
	}
	if len(s.Points) > 0 {
		c.Series = append(c.Series, s)
	}
}

// exactly is a value without a spread.
func exactly(value float64) contest.Spread {
	return contest.Spread{Median: value, Least: value, Most: value, Rounds: 1}
}

// Charts are all of them.
func (f Figures) Charts() []Chart {
	return []Chart{f.messages(), f.processor(), f.sessions(), f.locks()}
}

func (f Figures) messages() Chart {
	c := Chart{Name: "messages", X: "nodes", Y: "messages a grant"}
	for i, use := range theory.Uses {
		c.add(Series{Label: string(use) + ": theory", Kind: Theory, Of: i}, contest.VirtualSizes, func(n int) contest.Spread {
			return exactly(float64(use.Grant(n).Messages()))
		})
		c.add(Series{Label: string(use) + ": processes", Kind: Measured, Of: i}, contest.Sizes, func(n int) contest.Spread {
			return f.Of(contest.OfSize(use, n), contest.Messages)
		})
		c.add(Series{Label: string(use) + ": virtual time", Kind: InCore, Of: i}, contest.VirtualSizes, func(n int) contest.Spread {
			return f.Of(contest.InVirtualTime(n), contest.Virtual(use, contest.Messages))
		})
	}
	return c
}

func (f Figures) processor() Chart {
	c := Chart{Name: "processor", X: "nodes", Y: "processor time a grant, µs"}
	for i, use := range theory.Uses {
		c.add(Series{Label: string(use) + ": processes", Kind: Measured, Of: i}, contest.Sizes, func(n int) contest.Spread {
			return f.Processor(use, n)
		})
		c.add(Series{Label: string(use) + ": algorithm alone", Kind: InCore, Of: i}, contest.VirtualSizes, func(n int) contest.Spread {
			return f.Of(contest.InVirtualTime(n), contest.Virtual(use, contest.CPU))
		})
		c.add(f.scaled(use, i))
	}
	return c
}

// scaled is what a grant would cost if its messages cost what they cost between the
// fewest nodes: theory says how many messages there are, not what one costs.
func (f Figures) scaled(use theory.Use, of int) (s Series, xs []int, at func(n int) contest.Spread) {
	fewest := contest.Sizes[0]
	first, cost := f.Processor(use, fewest).Median, use.Grant(fewest).Messages()
	if cost == 0 {
		return Series{}, nil, nil
	}
	s = Series{Label: string(use) + ": theory, scaled", Kind: Theory, Of: of}
	return s, contest.VirtualSizes, func(n int) contest.Spread {
		return exactly(first * float64(use.Grant(n).Messages()) / float64(cost))
	}
}

func (f Figures) sessions() Chart {
	c := Chart{Name: "sessions", X: "nodes", Y: "a second, at each node"}
	c.add(Series{Label: "messages: theory", Kind: Theory, Of: 0}, contest.VirtualSizes, func(n int) contest.Spread {
		return exactly(theory.SessionRate(n, contest.TTL) / float64(n))
	})
	c.add(Series{Label: "messages: processes", Kind: Measured, Of: 0}, contest.Sizes, func(n int) contest.Spread {
		return f.RestOfNode(n, contest.Session)
	})
	c.add(Series{Label: "processor time, ms: processes", Kind: Measured, Of: 1}, contest.Sizes, func(n int) contest.Spread {
		return f.RestOfNode(n, contest.Processor).Times(1e-3)
	})
	return c
}

func (f Figures) locks() Chart {
	c := Chart{Name: "locks", X: "locks in use", Y: "grants a second"}
	colour := 0
	for _, load := range contest.Loads {
		for _, on := range []contest.Cores{contest.AllCores, contest.OneCore} {
			label := strings.Join([]string{load.Short, on.Name}, ", ")
			c.add(Series{Label: label, Kind: Measured, Of: colour}, contest.LockCounts, func(n int) contest.Spread {
				return f.Of(contest.Many(load, n, on), contest.Grants)
			})
			colour++
		}
	}
	return c
}
