package page

import (
	"fmt"
	"io"
	"time"

	"conch/bench/internal/contest"
	"conch/bench/internal/growth"
	"conch/bench/internal/theory"
)

// WriteGrowth writes the page of a run about growth. The charts lie in a folder.
func WriteGrowth(w io.Writer, run Run, charts string) {
	f := growth.Of(run.Outcome)
	g := growthPage{w: w, figures: f, charts: charts}
	fmt.Fprintf(w, "# Growth\n\nWhat a grant costs as nodes are added, and how many grants more locks allow, beside theory. "+
		"One run of %d rounds measured every cluster once a round, for %v after a warm-up; "+
		"figures are the rounds' medians, with least and most in parentheses. `%s` wrote this page on %s in %v.\n\n",
		run.Rounds, run.Window, run.Command, run.Begun.Format(time.DateOnly), run.Took.Round(time.Second))
	writeMachine(w, run)
	g.messages()
	g.cost()
	g.sessions()
	g.virtual()
	g.locks()
	writeLeftOut(w, run.Outcome.Results)
	fmt.Fprint(w, growthMethod)
}

// growthPage writes parts of the page.
type growthPage struct {
	w       io.Writer
	figures growth.Figures
	charts  string
}

// chart shows a chart, with a text for who does not see it.
func (g growthPage) chart(name, text string) {
	fmt.Fprintf(g.w, "![%s](%s/%s.svg)\n\n", text, g.charts, name)
}

func (g growthPage) messages() {
	fmt.Fprint(g.w, "## Messages\n\n")
	g.chart("messages", "Messages a grant, by the number of nodes: N where the token is elsewhere, one where requests ride, both as theory says")
	fmt.Fprint(g.w, "If the token is here, a grant costs no message, which a logarithmic axis cannot show. A node makes one request for all its waiters: "+
		"it goes to all other nodes, or rides on the token.\n\n")
	t := table{heads: []string{"the lock's messages", "theory", "a grant", "a request"}}
	for _, use := range theory.Uses {
		for _, n := range contest.Sizes {
			subject := contest.OfSize(use, n)
			t.add(fmt.Sprintf("%s, %d nodes", use, n), fmt.Sprint(use.Grant(n).Messages()),
				spread(g.figures.Of(subject, contest.Messages), ""), spread(g.figures.Of(subject, contest.PerRequest), ""))
		}
	}
	t.write(g.w)
}

func (g growthPage) cost() {
	fmt.Fprint(g.w, "## What a grant costs\n\n")
	g.chart("processor", "Processor time a grant, by the number of nodes, of processes and of the algorithm's own code")
	fmt.Fprint(g.w, "Processor time, and bytes written to connections, are those of all nodes, without what they use [at rest](#cost-of-sessions-at-rest). "+
		"The dashed lines are scaled theory: the cost if each message cost as much as one between three nodes.\n\n")
	t := table{heads: []string{"what", "grants/s", "lock to grant µs", "processor µs a grant", "bytes a grant", "bytes in theory"}}
	for _, use := range theory.Uses {
		for _, n := range contest.Sizes {
			subject := contest.OfSize(use, n)
			wait, bytes := spread(g.figures.Of(subject, contest.Wait), ""), spread(g.figures.Bytes(use, n), "")
			if use == theory.Here {
				wait, bytes = "–", "–" // nobody waits, and nothing is written: what is left is noise
			}
			t.add(fmt.Sprintf("%s, %d nodes", use, n), spread(g.figures.Of(subject, contest.Grants), ""), wait,
				spread(g.figures.Processor(use, n), ""), bytes, whole(use.Bytes(n)))
		}
	}
	t.write(g.w)
	fmt.Fprint(g.w, "A token carries a number for each member:\n\n")
	sizes := table{heads: []string{"members", "bytes of a token", "of a request"}}
	for _, n := range contest.VirtualSizes {
		sizes.add(whole(n), whole(theory.TokenSize(n, 0)), whole(theory.RequestSize()))
	}
	sizes.write(g.w)
}

func (g growthPage) sessions() {
	fmt.Fprint(g.w, "## Cost of sessions at rest\n\n")
	g.chart("sessions", "What a node sends and uses a second at rest, by the number of nodes")
	fmt.Fprintf(g.w, "Nobody wants a lock. Every quarter of %v each node pings each other node, which answers.\n\n", contest.TTL)
	t := table{heads: []string{"nodes", "messages/s, all", "in theory", "a node: messages/s", "processor ms/s", "bytes/s"}}
	for _, n := range contest.Sizes {
		processor := g.figures.RestOfNode(n, contest.Processor).Times(1e-3)
		t.add(fmt.Sprint(n), spread(g.figures.Of(contest.AtRest(n), contest.Session), ""), whole(int(theory.SessionRate(n, contest.TTL))),
			spread(g.figures.RestOfNode(n, contest.Session), ""), spread(processor, ""), spread(g.figures.RestOfNode(n, contest.Written), ""))
	}
	t.write(g.w)
}

func (g growthPage) virtual() {
	fmt.Fprint(g.w, "## In virtual time\n\nOnly the algorithm's code (package token), with a queue between the members, in one thread. "+
		"The round fails unless the counts equal theory to the message. Processor times include the queue.\n\n")
	t := table{heads: []string{"members", "token elsewhere: messages", "µs a grant", "ns a message", "token here: messages", "µs a grant", "saturated: messages", "µs a grant", "session messages/s", "ns each"}}
	for _, n := range contest.VirtualSizes {
		of := func(figure contest.Figure) string { return spread(g.figures.Of(contest.InVirtualTime(n), figure), "") }
		in := func(use theory.Use, figure contest.Figure) string { return of(contest.Virtual(use, figure)) }
		count := func(use theory.Use) string {
			return exact(g.figures.Of(contest.InVirtualTime(n), contest.Virtual(use, contest.Messages)))
		}
		t.add(whole(n),
			count(theory.Elsewhere), in(theory.Elsewhere, contest.CPU), in(theory.Elsewhere, contest.MessageNs),
			count(theory.Here), in(theory.Here, contest.CPU),
			count(theory.Saturated), in(theory.Saturated, contest.CPU),
			exact(g.figures.Of(contest.InVirtualTime(n), contest.Session)), of(contest.SessionNs))
	}
	t.write(g.w)
}

// exact writes a figure that is the same in all rounds.
func exact(s contest.Spread) string {
	if s.Rounds > 0 && s.Least == s.Most && s.Median == float64(int64(s.Median)) {
		return whole(int(s.Median))
	}
	return spread(s, "")
}

// whole writes a whole number as it is.
func whole(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return number(float64(n))
}

func (g growthPage) locks() {
	fmt.Fprintf(g.w, "## Many locks\n\n%d nodes, each a process. Grants of one lock come one after the other; more locks let nodes work at the same time.\n\n", contest.ManyNodes)
	g.chart("locks", "Grants a second by the number of locks, on one core and on all")
	for _, load := range contest.Loads {
		fmt.Fprintf(g.w, "%s:\n\n", load.Label)
		t := table{heads: []string{"locks", "cores", "grants/s", "messages a grant", "processor µs a grant", "all cores over one"}}
		for _, n := range contest.LockCounts {
			for _, on := range contest.CoreSettings() {
				gain := ""
				if on == contest.AllCores {
					gain = spread(g.figures.Gain(load, n), "")
				}
				subject := contest.Many(load, n, on)
				t.add(whole(n), on.Name, spread(g.figures.Of(subject, contest.Grants), ""),
					spread(g.figures.Of(subject, contest.Messages), ""), spread(g.figures.Of(subject, contest.CPU), ""), gain)
			}
		}
		t.write(g.w)
	}
}

// growthMethod says how it is done.
const growthMethod = `## How it is measured

Each node is a process, started by ` + "`conch.Start`" + `, with loopback connections to each other node: N(N-1) in all, as between machines. In one process, a shared scheduler and garbage collector with tens of thousands of goroutines would add to the cost of a grant.

- Token elsewhere: two nodes lock and unlock in turns, and tell each other by a datagram whose turn it is; the processor time includes that. Token here: one node locks and unlocks again and again. Saturated: two callers at each node want the lock all the time. The other nodes only answer.
- The nodes' Prometheus metrics count messages, requests and grants. Messages of sessions (PING, PONG, CLEAR, BUSY) are counted apart.
- The kernel reports the processes' processor time; bytes are what they handed to the kernel to write.
- In virtual time each step copies the algorithm's state of the lock for the log: a number for each member. So from some hundred members on, a message costs more with each member.
- On one core, all processes are bound to the same core. On all cores, each process has as many threads for Go code as there are cores, unless GOMAXPROCS is given.
- Nodes on one machine share its cores; between machines each node has its own.
`
