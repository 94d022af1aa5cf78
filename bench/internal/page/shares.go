package page

import (
	"fmt"
	"io"
	"slices"

	"conch/bench/internal/contest"
)

// isShare reports whether a result is of callers that share a lock, or of what these are
// compared with.
func isShare(r *contest.Result) bool {
	name := r.Subject.Name
	return slices.ContainsFunc(slices.Concat(contest.ReaderPairs(), contest.PermitPairs()), func(p contest.SharePair) bool {
		return name == p.Shared || name == p.Alone || name == p.Counted
	})
}

// writeShares writes what becomes of a lock that several may hold at once.
func writeShares(w io.Writer, results map[string]*contest.Result, rounds int) {
	of := func(subject string, figure contest.Figure) string {
		if results[subject] == nil {
			return "–"
		}
		return spread(results[subject].Spread(figure), "")
	}
	fmt.Fprint(w, "## Readers and permits\n\nTen callers want one lock all the time: 9 read, 1 writes; or all of them want it alone. "+
		"Callers are goroutines in the nodes' processes, or clients, each a process.\n\n")
	t := table{heads: []string{"readers and a writer", "reads/s", "writes/s", "all alone: grants/s", "reads/s over that", "processor µs a grant"}}
	for _, p := range contest.ReaderPairs() {
		ratio := goal{of: term{p.Shared, contest.Shared}, over: term{p.Alone, contest.Grants}}
		t.add(p.Label, of(p.Shared, contest.Shared), of(p.Shared, contest.Alone), of(p.Alone, contest.Grants), spread(ratio.measured(results, rounds), ""), of(p.Shared, contest.CPU))
	}
	t.write(w)
	fmt.Fprint(w, "Who waits is served in the order in which they came, so a writer that always waits ends each phase of reading: "+
		"where everybody stays in for as long, a writer and the readers behind it take two such times, and 9 readers can make at most 4.5 times as many reads as there are grants alone.\n\n"+
		"Nine callers want one of 4 permits all the time; or one of four exclusive locks, drawn anew each time.\n\n")
	t = table{heads: []string{"permits", "grants/s", "lock to grant µs", "four locks: grants/s", "grants/s over that", "messages a grant", "processor µs a grant"}}
	for _, p := range contest.PermitPairs() {
		ratio := goal{of: term{p.Shared, contest.Grants}, over: term{p.Alone, contest.Grants}}
		t.add(p.Label, of(p.Shared, contest.Grants), of(p.Shared, contest.Wait), of(p.Alone, contest.Grants), spread(ratio.measured(results, rounds), ""), of(p.Counted, contest.Messages), of(p.Shared, contest.CPU))
	}
	t.write(w)
}
