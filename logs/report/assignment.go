package report

import (
	"fmt"
	"slices"
	"strings"

	"conch/logs"
)

// leastNodes is how many nodes the assignment wants to see.
const leastNodes = 3

// What a row says where the report does not answer a line of the assignment.
const (
	notMet  = "NOT MET"
	missed  = "MISSING"
	noProof = "INSUFFICIENT"
)

// assignment says of each line of the assignment what answers it, and where.
func (b *builder) assignment(d *Document) Table {
	t := Table{Caption: "What the assignment asks for, and where it is answered.",
		Head: []string{"asked for", "answer", "where"}, Weights: []float64{5, 9, 3.4}}
	row := func(asked, answer string, where ...string) {
		t.Rows = append(t.Rows, []string{asked, answer, strings.Join(where, ", ")})
	}
	verdicts := d.where(titleVerdicts)
	row("R1: peers, and a critical section that any of them may want at any time", b.answer("R1"), verdicts, d.where(titleAlgorithm))
	row("R2, safety: only one node at a time is in the critical section", b.answer("R2"), verdicts)
	row("R3, liveness: every node that asks gets in at some point", b.answer("R3"), verdicts)
	row("The nodes are written in Go", "They are one Go program, of which each node is a process.", d.where(titleStart))
	row("A README.md explains how to start the system", "README.md in the repository does; its commands for three nodes stand here too.", d.where(titleStart))
	row("Messages between nodes go over gRPC", b.overGRPC(), d.where(titleStart))
	row("Nodes find each other", "By addresses on the command line (--peers), by a file with the addresses (--hosts-file), or by DNS or Serf (--discover)."+b.foundBy(), d.where(titleStart))
	row("A demonstration with at least three nodes", b.enoughNodes(), "appendix 1")
	row("A sequence of messages from the logs that leads to a node getting access", b.sequence(), d.where(titleEntry))
	row("A discussion of the algorithm with examples from the logs", b.discussion(), d.where(titleAlgorithm), d.where(titleCases))
	row("One report as a PDF", "This document; conch report makes a PDF where --out ends in .pdf.", "all of it")
	link := b.Repository
	if link == "" {
		link = missed + ": add --repository URL to the command."
	}
	row("A link to the repository", link, "first page")
	row("The system's logs in an appendix", b.appended(), appendices(d))
	return t
}

// where says in which section something stands.
func (d *Document) where(title string) string {
	for i, s := range d.Sections {
		if s.Title == title {
			return fmt.Sprintf("section %d", i+1)
		}
	}
	return "nowhere"
}

// answer is the worst verdict on a requirement, over all runs.
func (b *builder) answer(id string) string {
	if b.main == nil {
		return noProof + ": there is no line to judge."
	}
	worst := logs.Holds
	for _, s := range b.runs() {
		for _, q := range s.report.Requirements {
			if q.ID == id {
				worst = max(worst, q.Verdict)
			}
		}
	}
	text := strings.ToUpper(worst.String())
	switch {
	case worst != logs.Holds:
		return text + ": see the verdicts."
	case len(b.runs()) > 1:
		return text + " in both runs, as their logs show."
	}
	return text + ", as the logs show."
}

// overGRPC names a line that shows a stream, if there is one.
func (b *builder) overGRPC() string {
	text := "They do: over streams of one service, proto/conch/peer/v1/peer.proto."
	for _, s := range b.runs() {
		for _, e := range s.Events {
			if e.Kind == logs.PeerConnected && !s.foreign() {
				return text + fmt.Sprintf(" In %s, such a stream between %s and %s begins.", s.at(e), s.node(e), s.names.Of(e.Peer))
			}
		}
	}
	return text
}

// foundBy says how the nodes of the runs found each other, if their logs tell.
func (b *builder) foundBy() string {
	var ways []string
	for _, s := range b.runs() {
		for _, life := range s.run.Lives {
			if life.Started == nil || s.foreign() {
				continue
			}
			way := life.Started.FoundBy
			if way != "" && !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
		}
	}
	if len(ways) == 0 {
		return ""
	}
	slices.Sort(ways)
	return fmt.Sprintf(" In this run, as the logs say: %s.", strings.Join(ways, "; "))
}

func (b *builder) enoughNodes() string {
	if b.main == nil || b.main.foreign() {
		return missed + ": there are no logs of one run."
	}
	if n := len(b.main.names.Nodes); n < leastNodes {
		return fmt.Sprintf("%s: the run has %s.", notMet, count(n, "node", "nodes"))
	}
	return fmt.Sprintf("The run has %s.", count(len(b.main.names.Nodes), "node", "nodes"))
}

func (b *builder) sequence() string {
	if !b.tells(b.main) {
		return missed + ": no entry can be told from these logs."
	}
	s := b.main
	begin := s.story.Steps[0].Lines[0]
	enter := s.story.Entry.Enter
	return fmt.Sprintf("%s gets access in %s; the lines that lead to it begin with %s.", s.node(enter), s.at(enter), s.at(begin))
}

func (b *builder) discussion() string {
	if !b.tells(b.main) {
		return missed + ": these logs give no examples."
	}
	return "Each rule with lines of this run, then three cases."
}

func (b *builder) appended() string {
	if b.main == nil {
		return missed + ": no line could be read."
	}
	var counts []string
	for _, s := range b.runs() {
		counts = append(counts, fmt.Sprintf("%s of %s", count(len(s.Events), "line", "lines"), count(len(s.run.Files), "file", "files")))
	}
	return "All of them: " + strings.Join(counts, ", then ") + "."
}

func appendices(d *Document) string {
	var all []string
	for _, a := range d.Appendices {
		all = append(all, fmt.Sprintf("appendix %d", a.Number))
	}
	return strings.Join(all, ", ")
}
