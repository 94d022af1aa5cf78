package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"conch/logs/draw"
)

// figures counts: entries, waiting times, messages.
func (b *builder) figures() []Block {
	s := b.main
	blocks := []Block{s.waiting()}
	if b.tells(b.crash) {
		blocks = append(blocks, b.crash.waiting())
	}
	blocks = append(blocks, s.messages()...)
	if f, ok := s.figure("run", draw.Options{Lock: s.lock(), Messages: 30}, "A part of the run, below a strip that shows all of it."); ok {
		blocks = append(blocks, f)
	}
	return blocks
}

// waiting is the table of entries and waiting times.
func (s *source) waiting() Table {
	t := Table{Caption: fmt.Sprintf("Entries and waiting times of the run of appendix %d. A node waits from its request to its entry, by its own clock. Entries for which the token was already at the node needed no request and are not among those that waited.", s.Number),
		Head: []string{"node", "entries", "waited", "median", "95th percentile", "longest"}, Weights: []float64{2, 2, 2, 2.4, 2.8, 2.4}}
	entries := make(map[string]int)
	waits := make(map[string][]time.Duration)
	var all []time.Duration
	total := 0
	for _, j := range s.run.Journeys() {
		for _, entry := range slices.Concat(j.Entries, j.Under) {
			node := entry.Enter.Node
			entries[node]++
			total++
			if begin := entry.Request(); begin != nil {
				wait := entry.Enter.Time.Sub(begin.Time)
				waits[node], all = append(waits[node], wait), append(all, wait)
			}
		}
	}
	row := func(name string, entries int, waits []time.Duration) {
		slices.Sort(waits)
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(entries), fmt.Sprint(len(waits)), quantile(waits, 0.5), quantile(waits, 0.95), quantile(waits, 1)})
	}
	for _, member := range s.names.Nodes {
		row(s.names.Of(member), entries[member], waits[member])
	}
	row("all", total, all)
	return t
}

// quantile writes the least of the sorted waits that at least the share q of them
// does not exceed.
func quantile(sorted []time.Duration, q float64) string {
	if len(sorted) == 0 {
		return "none"
	}
	at := max(0, int(math.Ceil(q*float64(len(sorted))))-1)
	return fmt.Sprintf("%.2f ms", float64(sorted[at])/float64(time.Millisecond))
}

// messages holds the messages of the run against the paper and other algorithms.
func (s *source) messages() []Block {
	f, m := &s.report.Figures, &s.report.Figures.Messages
	n := len(s.names.Nodes)
	sizes := fmt.Sprintf("N is %d here.", n)
	if s.changed() {
		n = s.run.MostMembers()
		sizes = fmt.Sprintf("N is %s here, since the members changed.", s.run.Sizes())
	}
	shares := m.Recall + m.Done
	apart := m.Probe + m.Ballot + m.Answer + m.Abort
	text := fmt.Sprintf("For %s of the run of appendix %d, its nodes sent %s and %s: %.2f messages for each entry. In the paper, an entry costs no message if the token is at the node that asks, and N otherwise; %s",
		count(f.Entries, "entry", "entries"), s.Number, count(m.Request, "REQUEST", "REQUESTs"), count(m.Token, "TOKEN", "TOKENs"), f.PerEntry, sizes)
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{
		{m.Here, "entry cost no message", "entries cost no message"},
		{m.Asked, "entry cost N messages", "entries cost N messages each"},
		{m.Rode, "request rode on the token, for at most one message", "requests rode on the token, for at most one message each"},
		{m.Fewer, "entry cost fewer REQUESTs, because streams were down", "entries cost fewer REQUESTs, because streams were down"},
		{m.Remade, "entry used a token that was made at the node that waited", "entries used a token that was made at the node that waited"},
		{m.Under, "entry was under a share, with the token elsewhere, and cost no message", "entries were under a share, with the token elsewhere, and cost no message"},
	} {
		if part.n > 0 {
			parts = append(parts, count(part.n, part.one, part.many))
		}
	}
	if len(parts) > 0 {
		text += " Counted one by one: " + strings.Join(parts, "; ") + "."
	}
	if m.Repeat > 0 || apart > 0 {
		text += fmt.Sprintf(" Not in the paper and counted apart: %s on new streams, and %s to find or make a token.", count(m.Repeat, "repeated REQUEST", "repeated REQUESTs"), count(apart, "message", "messages"))
	}
	if shares > 0 {
		text += fmt.Sprintf(" To call in shares, also apart: %s and %d DONE.", count(m.Recall, "RECALL", "RECALL"), m.Done)
	}
	if m.Witness+m.Noted > 0 {
		text += fmt.Sprintf(" To have runs and kept holds remembered, also apart: %s and %s.", count(m.Witness, "WITNESS", "WITNESS"), count(m.Noted, "answer", "answers"))
	}
	if m.Change > 0 {
		text += fmt.Sprintf(" To change the members, also apart: %s.", count(m.Change, "message", "messages"))
	}
	members := float64(n)
	t := Table{Caption: fmt.Sprintf("Messages for one entry, beside those of other algorithms by the sources named. The numbers are for N = %d. Only the first row was measured, in this run.", n),
		Head: []string{"algorithm", "messages for an entry", fmt.Sprintf("N = %d", n), "source"}, Weights: []float64{4, 6, 2.6, 2}}
	quorum := math.Sqrt(members)
	t.Rows = [][]string{
		{"this run", "REQUESTs and TOKENs sent, divided by entries", fmt.Sprintf("%.2f", f.PerEntry), "these logs"},
		{"Suzuki and Kasami", "0 if the token is at the node, else N", fmt.Sprintf("0 or %d", n), "[1]"},
		{"Central server", "3: request, grant, release", "3", "[6]"},
		{"Token ring", "1 if everybody always wants to enter; no bound if nobody does", "1 or more", "[6], [5]"},
		{"Ricart and Agrawala", "2(N-1)", fmt.Sprint(2 * (n - 1)), "[2]"},
		{"Maekawa", "3√N to 5√N, about, by quorums of √N", fmt.Sprintf("%.1f to %.1f", 3*quorum, 5*quorum), "[3]"},
		{"Raymond", "on the order of log N on a tree; about 4 under heavy load", fmt.Sprintf("%.1f; 4", math.Log2(members)), "[4]"},
	}
	return []Block{Paragraph(text), t}
}
