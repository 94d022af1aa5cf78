package logs

import (
	"cmp"
	"slices"
)

// Check judges a run by its logs. The package's comment says what each verdict
// rests on.
func Check(run *Run) *Report {
	run.Merge() // finds contradictions
	c := &checker{run: run, rounds: make(map[round][]*Event)}
	if c.checkFiles(); c.foreign {
		return c.newReport()
	}
	for _, life := range run.Lives {
		for _, e := range life.Events {
			if e.Has("ballot") {
				r := round{e.Lock, e.Ballot}
				c.rounds[r] = append(c.rounds[r], e)
			}
		}
	}
	journeys, problems := run.trace()
	c.problems = append(c.problems, problems...)
	c.findStreams()
	c.keepClocks(journeys)
	for _, j := range journeys {
		c.checkOrder(j)
		c.checkOvertaking(j)
	}
	c.checkSetBack()
	c.checkSessions()
	c.checkHeard()
	c.checkLeaders()
	c.checkNotes()
	c.checkChanges()
	c.checkRequests()
	c.checkCost(journeys)
	c.checkPeers(journeys)
	c.count(journeys)
	return c.newReport()
}

// checker is the state of one Check.
type checker struct {
	run      *Run
	problems []problem
	figures  Figures
	foreign  bool // the files do not belong together; nothing else was judged
	order    order
	beside   beside
	grants   int // entries looked at by checkSessions
	// entries looked at by checkNotes: for runs of ticks, and of kept holds
	runs, keptHolds int
	asked           []*asked
	clocks          map[*Event]Clock
	rounds          map[round][]*Event // the lines about each ballot
	streams         map[streamOf][]*Event
	arrived         map[streamOf]int    // the place of the last line of a message that arrived
	news            map[string][]*Event // lines that tell of members' sessions, by member
	troubled        map[[2]string]bool  // who had trouble: with whom, or "" with its own session
}

func (c *checker) report(requirement requirementID, verdict Verdict, lines []*Event, format string, args ...any) {
	c.problems = append(c.problems, newProblem(requirement, verdict, lines, format, args...))
}

// checkFiles turns what is wrong with the files into problems.
func (c *checker) checkFiles() {
	for _, f := range c.run.Findings {
		if f.Kind == Foreign {
			c.foreign = true
		}
	}
}

// checkPeers requires that at least two nodes entered.
func (c *checker) checkPeers(journeys []*Journey) {
	entered := make(map[string]bool)
	for _, j := range journeys {
		for _, entry := range slices.Concat(j.Entries, j.Under) {
			entered[entry.Enter.Node] = true
		}
	}
	c.figures.Entered = len(entered)
	if len(entered) < 2 {
		c.report(peersEnter, Insufficient, nil, "%s, want at least 2 that did: %s", c.run.entered(len(entered)), c.run.howToEnter())
	}
}

// sortProblems orders problems by the place of their first line.
func sortProblems(problems []problem) {
	slices.SortStableFunc(problems, func(a, b problem) int {
		if len(a.lines) == 0 || len(b.lines) == 0 {
			return len(a.lines) - len(b.lines)
		}
		return cmp.Or(cmp.Compare(a.lines[0].File, b.lines[0].File), cmp.Compare(a.lines[0].Line, b.lines[0].Line), cmp.Compare(a.reason, b.reason))
	})
}
