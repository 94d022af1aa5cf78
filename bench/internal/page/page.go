package page

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conch/bench/internal/contest"
)

// Run says what was run.
type Run struct {
	Command string
	Rounds  int
	Window  time.Duration
	// Patience is how long each turn waited at most for others to be calm.
	Patience time.Duration
	Outcome  *contest.Outcome
	Facts    []Fact
	Begun    time.Time
	Took     time.Duration
}

// Write writes the page.
func Write(w io.Writer, run Run) {
	results := map[string]*contest.Result{}
	for _, result := range run.Outcome.Results {
		results[result.Subject.Name] = result
	}
	fmt.Fprintf(w, "# Benchmarks\n\nWhat conch costs beside the bare limits of gRPC and TCP, and beside the locks that users would choose instead. "+
		"One run of %d rounds measured every subject once a round, for %v after a warm-up; "+
		"figures are the rounds' medians, with least and most in parentheses. `%s` wrote this page on %s in %v.\n\n",
		run.Rounds, run.Window, run.Command, run.Begun.Format(time.DateOnly), run.Took.Round(time.Second))
	writeMachine(w, run)
	writeGoals(w, results, run.Rounds)
	writeBare(w, run.Outcome.Results)
	writeConch(w, run.Outcome.Results)
	writeBatchGain(w, batchGain().measured(results, run.Rounds))
	writeIdle(w, run.Outcome.Results)
	writeAttached(w, run.Outcome.Results)
	writePeers(w, results)
	writeMore(w, results)
	writeShares(w, results, run.Rounds)
	writeValues(w, results, run.Rounds)
	writeLatencies(w, run.Outcome.Results)
	writeLeftOut(w, run.Outcome.Results)
	fmt.Fprint(w, method)
}

func writeMachine(w io.Writer, run Run) {
	busy := contest.SpreadOf(run.Outcome.Busy)
	for _, fact := range run.Facts {
		fmt.Fprintf(w, "- %s: %s\n", fact.What, fact.Which)
	}
	fmt.Fprintf(w, "- cores that other processes kept busy before each turn (which waited up to %v for a calm machine): %s\n\n", run.Patience, spread(busy, ""))
}

func writeGoals(w io.Writer, results map[string]*contest.Result, rounds int) {
	fmt.Fprint(w, "## Goals\n\nRatios are of two figures of the same round.\n\n")
	t := table{heads: []string{"what", "goal", "measured", ""}}
	for _, g := range goals() {
		s := g.measured(results, rounds)
		verdict := "not measured"
		if s.Rounds > 0 {
			verdict = "missed"
			if g.met(s.Median) {
				verdict = "met"
			}
		}
		t.add(g.what, fmt.Sprintf("%s %s%s", g.is, number(g.want), g.unit), spread(s, g.unit), verdict)
	}
	t.write(w)
}

// inGroup are the results of subjects whose name begins so.
func inGroup(results []*contest.Result, group string) []*contest.Result {
	var found []*contest.Result
	for _, result := range results {
		if strings.HasPrefix(result.Subject.Name, group+"/") {
			found = append(found, result)
		}
	}
	return found
}

func writeBare(w io.Writer, results []*contest.Result) {
	fmt.Fprint(w, "## Bare limits\n\n")
	around := table{heads: []string{"messages go around", "hops/s", "processor µs a hop", "switches a hop"}}
	trips := table{heads: []string{"there and back", "µs", "processor µs", "switches"}}
	for _, r := range inGroup(results, "bare") {
		if hops := r.Spread(contest.Hops); hops.Rounds > 0 {
			around.add(r.Subject.Label, spread(hops, ""), spread(r.Spread(contest.CPU), ""), spread(r.Spread(contest.Switches), ""))
		} else {
			trips.add(r.Subject.Label, spread(r.Spread(contest.Wait), ""), spread(r.Spread(contest.CPU), ""), spread(r.Spread(contest.Switches), ""))
		}
	}
	around.write(w)
	trips.write(w)
}

func writeConch(w io.Writer, results []*contest.Result) {
	fmt.Fprint(w, "## conch\n\n")
	t := table{heads: []string{"what", "grants/s", "hand-offs/s", "lock to grant µs", "lock+unlock µs", "processor µs a grant", "switches a grant", "messages a grant", "bytes logged a grant"}}
	here := table{heads: []string{"what", "lock+unlock ns", "allocations"}}
	for _, r := range inGroup(results, "conch") {
		switch {
		case r.Spread(contest.Recovery).Rounds > 0, r.Subject.Name == contest.Again(contest.Conch), r.Subject.Name == contest.Clients(contest.Conch):
			// It is in the tables where all stand side by side.
		case isIdle(r), isAttached(r), isMany(r), isShare(r), isValue(r):
			// It has a table of its own.
		case r.Subject.Name == contest.ConchHere:
			here.add(r.Subject.Label, spread(r.Spread(contest.Nanoseconds), ""), spread(r.Spread(contest.Allocations), ""))
		default:
			t.add(r.Subject.Label, spread(r.Spread(contest.Grants), ""), spread(r.Spread(contest.HandOffs), ""), spread(r.Spread(contest.Wait), ""),
				spread(r.Spread(contest.Cycle), ""), spread(r.Spread(contest.CPU), ""), spread(r.Spread(contest.Switches), ""), spread(r.Spread(contest.Messages), ""), spread(r.Spread(contest.Logged), ""))
		}
	}
	t.write(w)
	here.write(w)
}

// writeBatchGain writes what local batches gain.
func writeBatchGain(w io.Writer, gain contest.Spread) {
	if gain.Rounds > 0 {
		fmt.Fprintf(w, "With 8 callers at each of 3 nodes, `--local-batch 8` makes %s times as many grants a second as taking turns, in the same rounds. "+
			"The price: the next waiter at a node waits for up to 8 entries at each other node.\n\n", spread(gain, ""))
	}
}

// isIdle reports whether a result is of nodes at which nobody wants a lock.
func isIdle(r *contest.Result) bool {
	switch r.Subject.Name {
	case contest.ConchIdle, contest.ConchKnowing, contest.ConchWeight:
		return true
	}
	return false
}

// isAttached reports whether a result is of a node with clients that want nothing.
func isAttached(r *contest.Result) bool {
	return r.Subject.Name == contest.ConchFew || r.Subject.Name == contest.ConchAttached
}

// isMany reports whether a result is of more than three clients of conch that compete.
func isMany(r *contest.Result) bool {
	return slices.ContainsFunc(contest.MoreClients, func(n int) bool { return r.Subject.Name == contest.ManyClients(contest.Conch, n) })
}

func writeAttached(w io.Writer, results []*contest.Result) {
	t := table{heads: []string{"clients that want nothing", "processor, % of a core", "memory of the node, bytes a client", "lock+unlock µs by one more client"}}
	for _, r := range results {
		if isAttached(r) {
			t.add(r.Subject.Label, spread(r.Spread(contest.Background), ""), spread(r.Spread(contest.ClientBytes), ""), spread(r.Spread(contest.Cycle), ""))
		}
	}
	t.write(w)
}

func writeIdle(w io.Writer, results []*contest.Result) {
	t := table{heads: []string{"nobody wants a lock", "processor, % of a core", "heap, bytes a lock", "memory of a node, right after use, GB", "garbage given back, GB"}}
	for _, r := range results {
		if isIdle(r) {
			t.add(r.Subject.Label, spread(r.Spread(contest.Background), ""), spread(r.Spread(contest.LockBytes), ""),
				spread(r.Spread(contest.Resident), ""), spread(r.Spread(contest.Settled), ""))
		}
	}
	t.write(w)
}

func writePeers(w io.Writer, results map[string]*contest.Result) {
	of := func(subject string, figure contest.Figure, unit string) string {
		if results[subject] == nil {
			return "–"
		}
		return spread(results[subject].Spread(figure), unit)
	}
	fmt.Fprint(w, "## Compared with other locks\n\nOne client locks and unlocks again and again; or three clients, each a process, want the lock all the time. "+
		"A hand-off is a grant to another client than the last, which was already waiting when that one left.\n\n")
	t := table{heads: []string{"lock", "one client: lock+unlock µs", "three clients: grants/s", "hand-offs/s", "processor µs a grant", "switches a grant"}}
	dead := table{heads: []string{"lock", "until the next grant"}}
	for _, p := range contest.Peers() {
		t.add(p.Label, of(p.Again(), contest.Cycle, ""), of(p.Clients(), contest.Grants, ""), of(p.Clients(), contest.HandOffs, ""), of(p.Clients(), contest.CPU, ""), of(p.Clients(), contest.Switches, ""))
		dead.add(p.Label, of(p.Failover(), contest.Recovery, " s"))
	}
	dead.add("conch 3 nodes, the holder in its node's own process", of(contest.ConchFailover, contest.Recovery, " s"))
	t.write(w)
	fmt.Fprintf(w, "The holder and the leading server are killed together, as if both were on one machine (with one Redis and with flock only the holder, since nothing would be left), "+
		"while another client waits. Where a lock has a time to live, it is %v, and the holder renews it until the kill.\n\n", contest.TTL)
	dead.write(w)
}

// writeMore writes what becomes of a lock that more clients want.
func writeMore(w io.Writer, results map[string]*contest.Result) {
	fmt.Fprint(w, "More clients, each a process, want the lock all the time.\n\n")
	heads := []string{"lock"}
	for _, n := range contest.MoreClients {
		heads = append(heads, fmt.Sprintf("%d clients: grants/s", n), "hand-offs/s", "lock to grant µs")
	}
	t := table{heads: heads}
	for _, p := range contest.Peers() {
		cells := []string{p.Label}
		for _, n := range contest.MoreClients {
			for _, figure := range []contest.Figure{contest.Grants, contest.HandOffs, contest.Wait} {
				cell := "–"
				if r := results[p.ManyClients(n)]; r != nil {
					cell = spread(r.Spread(figure), "")
				}
				cells = append(cells, cell)
			}
		}
		t.add(cells...)
	}
	t.write(w)
}

// percentiles are those that are shown.
var percentiles = []float64{50, 90, 99, 99.9}

func writeLatencies(w io.Writer, results []*contest.Result) {
	fmt.Fprint(w, "## Latencies, µs\n\nFrom the request to the lock (or to the answer), all rounds together.\n\n")
	t := table{heads: []string{"subject", "samples", "p50", "p90", "p99", "p99.9", "most"}}
	for _, r := range results {
		h := r.Merged(func(s *contest.Sample) *hdrhistogram.Histogram { return s.Wait })
		if h == nil || r.Subject.Name == contest.ConchHere {
			continue
		}
		cells := []string{r.Subject.Name, fmt.Sprint(h.TotalCount())}
		for _, p := range percentiles {
			cells = append(cells, number(float64(h.ValueAtQuantile(p))/1e3))
		}
		t.add(append(cells, number(float64(h.Max())/1e3))...)
	}
	t.write(w)
}

func writeLeftOut(w io.Writer, results []*contest.Result) {
	fmt.Fprint(w, "## What was left out, or went wrong\n\n")
	var lines []string
	for _, r := range results {
		if r.LeftOut != "" {
			lines = append(lines, fmt.Sprintf("- LEFT OUT: %s: %s", r.Subject.Name, r.LeftOut))
		}
		for _, err := range r.Failures {
			first, _, _ := strings.Cut(err.Error(), "\n")
			lines = append(lines, fmt.Sprintf("- FAILED: %s: %s", r.Subject.Name, first))
		}
		if n := r.Violations(); n > 0 {
			lines = append(lines, fmt.Sprintf("- TWO AT ONCE: %s: %d times a client entered the critical section while another was inside", r.Subject.Name, n))
		}
	}
	if len(lines) == 0 {
		lines = []string{"Nothing: every subject was measured in every round (in one round, if it takes minutes), and two clients were never in the critical section at once."}
	}
	fmt.Fprintf(w, "%s\n\n", strings.Join(lines, "\n"))
}

// method says how it is done.
const method = `## How it is measured

Every client is a process that loops: note the time, lock, enter, leave, unlock, note the time. All count entries in shared memory, where each also sees whether another is inside. The kernel reports the processor time of clients and servers together, and the switches: how often a thread began to wait. Servers (conch's nodes, etcd, Redis, ZooKeeper) are frozen while another subject is measured, and have found each other again before their turn.

- conch, etcd and ZooKeeper keep data on this machine's disk; etcd and ZooKeeper write to it at every step, conch does not. Redis keeps nothing on disk.
- etcd and ZooKeeper have their defaults, except that ZooKeeper's tick is 1 s, so that a session can be as short as the others'. Locks over Redis retry after 1 ms, those of go-redsync and the one that deletes its key by DELEX (Redis 8.4) or DELIFEQ (Valkey 9). conch's nodes log only errors, unless a row says otherwise.
- etcd's Mutex makes a watch for each wait. The lock with a standing watch was written for this comparison: one watch for each client, and its own queue.
- flock works on one machine only; a single Redis is lost with its server; Redlock relies on clocks and has no fencing numbers.
- The ZooKeeper recipe for shared locks and the Redis semaphore were written for this comparison, the first as ZooKeeper's documentation has it. The semaphore is a sorted set with a member for each holder, whose score is the server's time. One script drops members older than the time to live and adds one if there is room; ZREM gives the place back. It has no queue: whoever finds no room asks again after 1 ms.
- A worker asks again once it is served, so a pause of the machine shows as one long wait, not as many.
- Idle nodes are conch processes; the row shows the one that used the processor most within 20 s. For many known locks, clients of all nodes use each lock (with a name of 16 bytes) once, and go. This and the memory are measured once, not in every round. Memory is that of the largest node: what a lock adds to the heap after garbage collection; the whole process right after the clients have gone; and after the garbage has been given back, which an idle Go program does within some minutes.
`
