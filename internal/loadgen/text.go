package loadgen

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"conch/internal/render"
)

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeSetting(&b)
	r.writeTable(&b)
	r.writeNotes(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSetting tells what was measured.
func (r *Report) writeSetting(b *strings.Builder) {
	nodes := counted(len(r.Nodes.Addresses), "node", "nodes")
	clients := counted(r.Clients, "client", "clients")
	if r.Nodes.Started {
		fmt.Fprintf(b, "%s, started on this machine for this run, and %s at each, by unix socket.\n", nodes, clients)
	} else {
		fmt.Fprintf(b, "%s of a cluster of %d, and %s at each, who use the lock %s:\n", nodes, r.Nodes.Members, clients, render.Plain(r.Plan.Lock))
		for _, address := range r.Nodes.Addresses {
			fmt.Fprintf(b, "  %s\n", render.Plain(address))
		}
	}
	fmt.Fprintf(b, "All clients are in one process, on %s with %s.\n", r.Platform, counted(r.Processors, "core", "cores"))
	if r.Plan.Hold > 0 || r.Plan.Think > 0 {
		fmt.Fprintf(b, "A client holds a lock for %v, and thinks for %v before it asks.\n", r.Plan.Hold, r.Plan.Think)
	}
	if r.Plan.Rounds > 1 {
		fmt.Fprintf(b, "Each figure is the median of the rounds, with the least and the most;\na round is %v, after a warm-up of %v.\n\n", r.Plan.Duration, r.Plan.WarmUp)
	} else {
		fmt.Fprintf(b, "One round of %v, after a warm-up of %v.\n\n", r.Plan.Duration, r.Plan.WarmUp)
	}
}

// row is a line of the table.
type row struct {
	label  string
	figure Figure
}

// rows are the table's. Those of unlock are few: it waits for nobody.
func rows() []row {
	all := []row{{"grants per second", Grants}, {"hand-offs per second", HandOffs}}
	label := "lock to grant, µs: "
	for _, p := range percentiles {
		all = append(all, row{label + p.name, waitPercentile(p.key)})
		label = ""
	}
	return append(all,
		row{"longest", WaitMax},
		row{"unlock, µs: p50", unlockPercentile("p50")},
		row{"p99", unlockPercentile("p99")},
		row{"messages per grant", Messages},
		row{"processor µs per grant: nodes", Processor},
		row{"clients", OwnProcessor},
		row{"fairness (Jain's index)", Fairness},
		row{"grants of the least served", LeastServed},
		row{"of the most served", MostServed},
	)
}

// writeTable writes a column for each workload.
func (r *Report) writeTable(b *strings.Builder) {
	lines := make([][]string, len(rows())+2)
	add := func(line int, cell string) { lines[line] = append(lines[line], cell) }
	add(0, "")
	add(1, "rounds")
	for i, row := range rows() {
		add(i+2, row.label)
	}
	for _, result := range r.Results {
		add(0, string(result.Workload))
		add(1, fmt.Sprint(len(result.Rounds)))
		for i, row := range rows() {
			add(i+2, result.Spread(row.figure).String())
		}
	}
	widths := make([]int, len(r.Results)+1)
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		for i, cell := range line {
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + cell)
		}
		b.WriteString("\n")
	}
}

// writeNotes tells what has to be known of the figures.
func (r *Report) writeNotes(b *strings.Builder) {
	fmt.Fprintf(b, "\nEach of %s was judged: nobody else was inside, and the fence was the highest so far.\n", counted(int(r.Judged()), "grant", "grants"))
	for _, what := range r.notKnown() {
		fmt.Fprintf(b, "Not known: %s.\n", render.Plain(what))
	}
	for _, result := range r.Results {
		var lost, others, judged float64
		for _, round := range result.Rounds {
			lost += float64(round.Lost)
			judged += float64(round.Judged)
			if round.Others > 0 { // not NaN
				others += round.Others
			}
		}
		if lost > 0 {
			fmt.Fprintf(b, "CAUTION: %s: %s lost while held: a client or a node stood still, or was cut off.\n", result.Workload, counted(int(lost), "lock was", "locks were"))
		}
		// A wait that ends with its round may be granted in that moment.
		if others > judged/100+float64(result.Clients*len(result.Rounds)) {
			fmt.Fprintf(b, "CAUTION: %s: others were granted %s by these nodes meanwhile, which are in what a grant costs.\n", result.Workload, counted(int(others), "lock", "locks"))
		}
	}
	if r.Incomplete != "" {
		fmt.Fprintf(b, "INCOMPLETE: %s.\n", render.Plain(r.Incomplete))
	}
}

// counted writes a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(float64(n)) + " " + many
}

// String writes a figure and its spread, if there is one.
func (s Spread) String() string {
	if s.Rounds == 0 {
		return "–"
	}
	write := precise
	if isWhole(s.Median) && isWhole(s.Least) && isWhole(s.Most) {
		write = whole
	}
	median, spread := write(s.Median), write(s.Least)+".."+write(s.Most)
	if spread == median+".."+median {
		return median
	}
	return median + " (" + spread + ")"
}

func isWhole(x float64) bool { return x == math.Trunc(x) }

// precise writes a number with three significant digits, more only before the point, and
// fewer below 0.1.
func precise(x float64) string {
	switch {
	case x == 0 || x >= 100:
		return whole(x)
	case x < 0.001:
		return "<0.001"
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

// whole writes a number without decimals, with commas between thousands.
func whole(x float64) string {
	digits := fmt.Sprintf("%.0f", x)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
