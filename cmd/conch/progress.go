package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"conch/internal/verify/processes"
)

const (
	// maxProgressLines is about how many lines of progress are shown if a line cannot be
	// overwritten.
	maxProgressLines = 40
	// maxCountedNodes is the most nodes whose entries are shown separately.
	maxCountedNodes = 12
)

// progress shows who is in the critical section, and how often each node has been.
type progress struct {
	out    io.Writer
	format string // of one entry's text
	every  int    // show one entry of so many

	nodes   []string // addresses
	entered []int    // entries of each node
	left    []int    // those of them that are over
	want    int      // entries for each node
}

// newProgress begins to show progress: in one line that changes on a terminal, otherwise in
// lines.
func newProgress(out io.Writer, nodes *processes.Cluster, entries int) *progress {
	p := &progress{out: out, format: "%s\n", every: 1, want: entries}
	fmt.Fprintf(out, "%s on this machine, %s each:\n",
		count(len(nodes.Nodes()), "node", "nodes"), count(entries, "entry", "entries"))
	for _, node := range nodes.Nodes() {
		p.nodes = append(p.nodes, node.Address())
		fmt.Fprintf(out, "  %s is process %d\n", node.Address(), node.Pid())
	}
	fmt.Fprintln(out)
	p.entered, p.left = make([]int, len(p.nodes)), make([]int, len(p.nodes))
	if isTerminal(out) {
		p.format = "\r\x1b[K%s"
	} else {
		p.every = max(1, len(p.nodes)*entries/maxProgressLines)
	}
	return p
}

// take shows a line of the shared file, and reports whether every node has had its entries.
func (p *progress) take(line processes.Line) (enough bool) {
	node := slices.Index(p.nodes, line.Node)
	if node < 0 {
		return false
	}
	if line.What != "enter" {
		p.left[node]++
		return slices.Min(p.left) >= p.want
	}
	p.entered[node]++
	total := 0
	for _, entries := range p.entered {
		total += entries
	}
	if total%p.every == 0 || total == 1 {
		fmt.Fprintf(p.out, p.format, fmt.Sprintf("entry %-3d %s is in, with fence %d; entries so far: %s",
			total, line.Node, line.Fence, p.counts(total)))
	}
	return false
}

// counts writes the entries so far, of each node if they are few.
func (p *progress) counts(total int) string {
	if len(p.nodes) > maxCountedNodes {
		return fmt.Sprintf("%d of %d", total, len(p.nodes)*p.want)
	}
	return strings.Trim(fmt.Sprint(p.entered), "[]")
}

// end ends the line that changes.
func (p *progress) end() {
	if isTerminal(p.out) {
		fmt.Fprintln(p.out)
	}
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
