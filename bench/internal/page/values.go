package page

import (
	"fmt"
	"io"

	"conch/bench/internal/contest"
)

// isValue reports whether a result is of leaders.
func isValue(r *contest.Result) bool {
	return r.Subject.Name == contest.ConchValue || r.Subject.Name == contest.EtcdValue
}

// writeValues writes how long it takes until an observer hears what a leader says.
func writeValues(w io.Writer, results map[string]*contest.Result, rounds int) {
	fmt.Fprint(w, "## Leaders\n\nA leader says a value, and the next one as soon as an observer has heard it. Both are clients, in one process, of two servers.\n\n")
	t := table{heads: []string{"leaders", "from saying a value to the observer µs", "processor µs a value"}}
	for _, name := range []string{contest.ConchValue, contest.EtcdValue} {
		if r := results[name]; r != nil {
			t.add(r.Subject.Label, spread(r.Spread(contest.Wait), ""), spread(r.Spread(contest.CPU), ""))
		}
	}
	ratio := func(figure contest.Figure) string {
		g := goal{of: term{contest.EtcdValue, figure}, over: term{contest.ConchValue, figure}}
		return spread(g.measured(results, rounds), "")
	}
	t.add("etcd over conch", ratio(contest.Wait), ratio(contest.CPU))
	t.write(w)
}
