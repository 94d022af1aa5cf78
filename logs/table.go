package logs

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// printer writes text and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *printer) Write(text []byte) (int, error) {
	if p.err == nil {
		_, p.err = p.w.Write(text)
	}
	return len(text), nil
}

// figures writes the table of the members, and the messages.
func (p *printer) figures(f *Figures) {
	if len(f.Nodes) == 0 {
		return
	}
	p.printf("\n")
	table := tabwriter.NewWriter(p, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "node\tentries\trequests\trides\tgiven up\topen\tlost\tstarts\tcrashes\twait, median\twait, most\t\n")
	for _, n := range f.Nodes {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", n.Node, n.Entries, n.Requests, n.Rides, n.Withdrawn, n.Open, n.Lost, n.Starts, n.Crashes,
			seconds(n.WaitMedian), seconds(n.WaitMost))
	}
	_ = table.Flush() // p keeps the first error
	m := &f.Messages
	p.printf("\nmessages: %d REQUEST and %d TOKEN for %d entries", m.Request, m.Token, f.Entries)
	p.printf("; apart: %d repeats on new streams", m.Repeat)
	if m.Probe+m.Ballot+m.Answer+m.Abort > 0 {
		p.printf("; to find or make a token: %d probes, %d ballots, %d answers, %d aborts", m.Probe, m.Ballot, m.Answer, m.Abort)
	}
	if m.Recall+m.Done > 0 {
		p.printf("; to call in shares: %d RECALL and %d DONE", m.Recall, m.Done)
	}
	if m.Witness+m.Noted > 0 {
		p.printf("; to have notes remembered: %d WITNESS and %d answers", m.Witness, m.Noted)
	}
	if m.Change > 0 {
		p.printf("; to change the members: %d", m.Change)
	}
	p.printf("\n")
}

// seconds writes a duration as people read it.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Microsecond).String()
}
