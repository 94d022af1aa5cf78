package page

import (
	"fmt"
	"io"
	"strings"
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
		"Figures are medians of %d rounds of %v each after a warm-up, with least and most in parentheses where they differ. `%s` wrote this page on %s in %v.\n\n",
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
	fmt.Fprint(g.w, "In theory a grant costs N messages with the token elsewhere, none with the token here, which a logarithmic axis cannot show, and one where requests ride. "+
		"A node makes one request for all its waiters.\n\n")
	t := table{heads: []string{"the lock's messages"}}
	for _, n := range contest.Sizes {
		t.heads = append(t.heads, fmt.Sprintf("%d nodes", n))
	}
	for _, use := range theory.Uses {
		for _, figure := range []contest.Figure{contest.Messages, contest.PerRequest} {
			if use == theory.Here && figure == contest.PerRequest {
				continue // there is none
			}
			cells := []string{fmt.Sprintf("%s, a grant", use)}
			if figure == contest.PerRequest {
				cells[0] = fmt.Sprintf("%s, a request", use)
			}
			for _, n := range contest.Sizes {
				cells = append(cells, brief(g.figures.Of(contest.OfSize(use, n), figure)))
			}
			t.add(cells...)
		}
	}
	t.write(g.w)
}

// brief writes a figure, and its spread only if that can be seen.
func brief(s contest.Spread) string {
	if s.Rounds > 0 && number(s.Least) == number(s.Most) {
		return number(s.Median)
	}
	return spread(s, "")
}

func (g growthPage) cost() {
	fmt.Fprint(g.w, "## What a grant costs\n\n")
	g.chart("processor", "Processor time a grant, by the number of nodes, of processes and of the algorithm's own code")
	fmt.Fprint(g.w, "Processor time, and bytes written to connections, are those of all nodes, without what they use [at rest](#cost-of-sessions-at-rest). "+
		"The dashed lines are the cost if each message cost as much as one between three nodes.\n\n")
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
	var sizes []string
	for _, n := range contest.VirtualSizes {
		sizes = append(sizes, fmt.Sprintf("%s with %s", whole(theory.TokenSize(n, 0)), whole(n)))
	}
	fmt.Fprintf(g.w, "A request takes %d bytes. A token carries a number for each member, and takes %s members.\n\n", theory.RequestSize(), strings.Join(sizes, ", "))
}

func (g growthPage) sessions() {
	fmt.Fprint(g.w, "## Cost of sessions at rest\n\n")
	g.chart("sessions", "What a node sends and uses a second at rest, by the number of nodes")
	fmt.Fprintf(g.w, "Nobody wants a lock. Every quarter of %v each node pings each other node, which answers.\n\n", contest.TTL)
	t := table{heads: []string{"nodes", "all: messages/s", "in theory", "a node: processor ms/s", "bytes/s"}}
	for _, n := range contest.Sizes {
		processor := g.figures.RestOfNode(n, contest.Processor).Times(1e-3)
		t.add(fmt.Sprint(n), brief(g.figures.Of(contest.AtRest(n), contest.Session)), whole(int(theory.SessionRate(n, contest.TTL))),
			spread(processor, ""), spread(g.figures.RestOfNode(n, contest.Written), ""))
	}
	t.write(g.w)
}

func (g growthPage) virtual() {
	fmt.Fprint(g.w, "## In virtual time\n\nProcessor time of the algorithm's code alone (package token), with a queue between the members, in one thread. "+
		"A round fails unless its messages are as many as in theory.\n\n")
	t := table{heads: []string{"members", "token elsewhere: µs a grant", "token here: µs a grant", "saturated: µs a grant", "sessions: ns a message"}}
	for _, n := range contest.VirtualSizes {
		of := func(figure contest.Figure) string { return brief(g.figures.Of(contest.InVirtualTime(n), figure)) }
		t.add(whole(n),
			of(contest.Virtual(theory.Elsewhere, contest.CPU)),
			of(contest.Virtual(theory.Here, contest.CPU)), of(contest.Virtual(theory.Saturated, contest.CPU)), of(contest.SessionNs))
	}
	t.write(g.w)
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
		fmt.Fprintf(g.w, "%s, grants/s:\n\n", load.Label)
		t := table{heads: []string{"locks"}}
		for _, on := range contest.CoreSettings() {
			t.heads = append(t.heads, on.Name)
		}
		t.heads = append(t.heads, "all cores over one", "messages a grant")
		for _, n := range contest.LockCounts {
			cells := []string{whole(n)}
			for _, on := range contest.CoreSettings() {
				cells = append(cells, spread(g.figures.Of(contest.Many(load, n, on), contest.Grants), ""))
			}
			t.add(append(cells, spread(g.figures.Gain(load, n), ""), brief(g.figures.Of(contest.Many(load, n, contest.AllCores), contest.Messages)))...)
		}
		t.write(g.w)
	}
}

// growthMethod says how it is done.
const growthMethod = `## How it is measured

Each node is a process, started by ` + "`conch.Start`" + `, with loopback connections to each other node, as between machines. In one process, a shared scheduler and garbage collector with tens of thousands of goroutines would add to the cost.

- Token elsewhere: two nodes lock and unlock in turns, and tell each other by a datagram whose turn it is; the processor time includes that. Token here: one node locks and unlocks again and again. Saturated: two callers at each node want the lock all the time. The other nodes only answer.
- The nodes' metrics count messages, requests and grants, and apart from them the messages of sessions (PING, PONG, CLEAR, BUSY). The kernel reports processor time; bytes are what the processes handed to it to write.
- In virtual time each step copies the algorithm's state of the lock for the log: a number for each member. So from some hundred members on, a message costs more with each member.
- On one core, all processes are bound to the same core. On all cores, each has as many threads for Go code as there are cores, unless GOMAXPROCS is given.
- Nodes on one machine share its cores; between machines each node has its own.
`
